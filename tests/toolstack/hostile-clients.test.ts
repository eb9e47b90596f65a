import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { places } from '../../src/apps/daemon/places.ts';
import { XS_DIRECTORY, XS_READ } from '../../src/spec/xen/io/xs-wire.ts';
import { crashGuest } from '../../src/toolstack/guests/crash.ts';
import { nulTerminated } from '../../src/xenstore/wire/latin1.ts';
import { encodeMessage } from '../../src/xenstore/wire/message.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
const sockets: Socket[] = [];
after(async () => {
  for (const socket of sockets) socket.destroy();
  await stack.close();
});

const { socket: rpc, store, log } = places(stack.directory);

async function open(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.on('close', resolve));

/** Whether the bytes were taken, at the latest a second later. */
const written = (socket: Socket, bytes: Uint8Array): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 1000);
    socket.write(bytes, () => {
      clearTimeout(timer);
      resolve(true);
    });
  });

/** MiB that a process has in memory. */
const resident = (pid: number): number => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;

test('clients that are silent, stop in the middle, send without end, or do not read: xl still answers, and memory stays', async (t) => {
  const client = await stack.client();
  assert.match(stack.xl('list'), /Domain-0/);
  const { pid, counters } = await client.call('status', {});
  const before = resident(pid);

  const silent = await Promise.all(Array.from({ length: 500 }, () => open(rpc)));
  const half = await open(rpc);
  half.write('{"jsonrpc":"2.0","id":1,"meth');
  // who says that nothing more will come has gone, for the daemon
  const closing = await open(rpc);
  closing.end('{"jsonrpc":"2.0","id":1,"method":"wait","params":{"domid":0}}\n');
  await closed(closing.resume());

  const endless = await open(rpc);
  const ended = closed(endless);
  for (let i = 0; i < 3; i++) endless.write('['.repeat(1 << 20));
  endless.resume();
  await ended;

  // requests without end, and nobody reads the answers
  const deaf = await Promise.all([open(rpc), open(store)]);
  const list = encodeMessage({ type: XS_DIRECTORY, requestId: 1, transactionId: 0, payload: nulTerminated('/local', 'x'.repeat(4000)) });
  const requests = [
    Buffer.from('{"jsonrpc":"2.0","id":1,"method":"hypervisorLog","params":{}}\n'.repeat(2000)),
    Buffer.concat(Array.from({ length: 256 }, () => list)),
  ] as const;
  for (const [i, socket] of deaf.entries()) {
    socket.pause();
    // until nothing more is taken for a while
    let n = 0;
    while (n < 256 && !socket.destroyed && (await written(socket, requests[i] as Buffer))) n++;
    assert.ok(n < 256, 'who does not read is not listened to for ever');
  }
  assert.match(stack.xl('list'), /Domain-0/);
  // xenstored serves the others meanwhile
  const other = await open(store);
  other.write(encodeMessage({ type: XS_READ, requestId: 1, transactionId: 0, payload: nulTerminated('/local/domain/0/name') }));
  assert.match(String((await once(other, 'data'))[0]), /Domain-0/);
  const grown = resident(pid) - before;
  t.diagnostic(`the daemon has ${grown.toFixed(0)} MiB more`);
  assert.ok(grown < 100, `the daemon has ${grown.toFixed(0)} MiB more`);
  for (const socket of [...silent, half, ...deaf, other]) socket.destroy();
  await until(async () => (await client.call('status', {})).counters.openFiles <= counters.openFiles, 'the daemon lets go of those who are gone');
  client.close();
});

test("a guest that writes to the hypervisor's console for ever fills neither the log nor the memory", async (t) => {
  // mov $'x', %al; out %al, $0xe9; jmp -4
  const kernel = stack.file('flood', crashGuest({ code: [0xb0, 0x78, 0xe6, 0xe9, 0xeb, 0xfc] }));
  const config = stack.file('flood.cfg', `name = "flood"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n`);
  const client = await stack.client();
  const { pid } = await client.call('status', {});
  const before = resident(pid);
  assert.match(stack.xl('create', config), /= 0$/);
  await until(() => statSync(log).size > 100_000, 'the log grows');
  for (let i = 0; i < 5; i++) assert.match(stack.xl('list'), /flood/);
  assert.match(stack.xl('destroy', 'flood'), /= 0$/);
  const grown = resident(pid) - before;
  t.diagnostic(`the daemon has ${grown.toFixed(0)} MiB more`);
  assert.ok(grown < 150, `the daemon has ${grown.toFixed(0)} MiB more`);
  assert.ok(statSync(log).size <= 4 << 20);
  client.close();
});

test('another user reaches neither socket', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can be somebody else');
  for (const path of [rpc, store]) {
    const { stdout } = spawnSync(
      'setpriv',
      [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        process.execPath,
        '-e',
        `require('net').connect(${JSON.stringify(path)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('connected'))`,
      ],
      { encoding: 'utf8', timeout: 120_000 },
    );
    assert.equal(stdout, 'EACCES\n');
  }
});
