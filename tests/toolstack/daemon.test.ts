import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { places } from '../../src/apps/daemon/places.ts';
import { encodeMessage } from '../../src/apps/daemon/rpc/json-lines.ts';
import { CANCELLED } from '../../src/apps/daemon/rpc/rpc-error.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
stack.file('echo', helloGuest({ echo: true }));
const kernel = join(stack.folder, 'echo');
const config = (name: string, more = ''): string => stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n${more}`);
const connected = async (): Promise<Socket> => {
  const socket = connect(places(stack.directory).socket);
  await once(socket, 'connect');
  return socket;
};
const names = async (): Promise<string[]> => {
  const client = await stack.client();
  const all = await client.call('list', {});
  client.close();
  return all.slice(1).map(({ name }) => name);
};

test('configurations in the directory auto are started with the daemon, in order; what is wrong with one harms no other', async () => {
  const auto = join(stack.directory, 'auto');
  mkdirSync(auto, { recursive: true });
  writeFileSync(join(auto, 'echo'), helloGuest({ echo: true }));
  writeFileSync(join(auto, '10-first.cfg'), 'name = "first"\ntype = "pvh"\nkernel = "echo"\nmemory = 8\non_poweroff = "restart"');
  writeFileSync(join(auto, '20-broken.cfg'), 'name = ');
  writeFileSync(join(auto, '30-missing.cfg'), 'name = "missing"\ntype = "pvh"\nkernel = "/no/such/kernel"\n');
  writeFileSync(join(auto, '40-second.cfg'), `name = "second"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n`);
  writeFileSync(join(auto, 'notes.txt'), 'nothing to start');
  await until(async () => (await names()).length === 2, 'two domains');
  assert.deepEqual(await names(), ['first', 'second']);
  assert.match(stack.log(), /20-broken\.cfg: the domain is not started\n.*20-broken\.cfg:1: config parsing error/);
  assert.match(stack.log(), /30-missing\.cfg: the domain is not started\n.*failed to open file '\/no\/such\/kernel'/);
  // they are looked after
  const client = await stack.client();
  const { domid = -1 } = (await client.call('list', {})).find(({ name }) => name === 'first') ?? {};
  await client.call('consoleInput', { domid, base64: btoa('\x04') });
  await until(async () => ![undefined, domid].includes((await client.call('list', {})).find(({ name }) => name === 'first')?.domid), 'on_poweroff = "restart"');
  client.close();
});

test('killed, the daemon comes back with them, and without the others', async () => {
  assert.match(await stack.quickXl('create', '-q', config('third')), /^= 0$/);
  assert.deepEqual(await names(), ['second', 'first', 'third']);
  await stack.kill();
  await until(async () => (await names()).length === 2, 'the domains that are started by themselves');
  assert.deepEqual(await names(), ['first', 'second']);
  assert.match(stack.log(), /Domain \d+ \("third", [-0-9a-f]{36}\) was lost/);
});

test('the console of a domain is in a file', async () => {
  const client = await stack.client();
  for (const name of ['first', 'second']) {
    const path = join(stack.directory, `console/guest-${name}.log`);
    const { domid = -1 } = (await client.call('list', {})).find((domain) => domain.name === name) ?? {};
    // (what is typed waits in the ring until the guest is so far)
    await client.call('consoleInput', { domid, base64: btoa('!') });
    await until(() => /It gives back what you type.*!$/s.test(readFileSync(path, 'latin1')), 'its greeting, and its echo');
  }
  client.close();
});

test('xl -v create tells each step', async () => {
  const told = await stack.quickXl('-v', 'create', '-p', config('told', 'maxmem = 100'));
  assert.match(
    told,
    /domainbuilder: detail: kernel: \d+ KiB of .*echo\n[\s\S]*detail: domain \d+ created\n[\s\S]*detail: memory: 64 of 100 MiB\n[\s\S]*detail: images: \d+ KiB/,
  );
  assert.doesNotMatch(await stack.quickXl('create', '-p', config('quiet', 'maxmem = 100')), /detail/);
});

test('a create that is cancelled, by its client or by its death, leaves nothing', async () => {
  const before = await names();
  const client = await stack.client();
  const { free_pages } = (await client.call('hostInfo', {})).physinfo;
  const { pid } = await client.call('status', {});
  const mebibytes = 130;
  const params = (name: string) =>
    ({
      config: {
        c_info: { type: 'pvh', name, uuid: '00000000-0000-4000-8000-0000000000aa' },
        b_info: { max_memkb: mebibytes * 1024, target_memkb: mebibytes * 1024, sched_params: {}, kernel, arch_arm: {}, arch_x86: {} },
      },
      monitor: false,
    }) as const;
  const create = { jsonrpc: '2.0', id: 1, method: 'create' };
  // both messages arrive as one piece, so the second is heard before the first is carried out
  const cancelling = await connected();
  const cancel = { jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } };
  cancelling.write(Buffer.concat([encodeMessage({ ...create, params: params('cancelled') }), encodeMessage(cancel)]));
  let answers = '';
  cancelling.on('data', (bytes: Buffer) => {
    answers += bytes.toString();
  });
  await until(() => answers.endsWith('}}\n'), 'an answer');
  cancelling.destroy();
  assert.equal(JSON.parse(answers.trimEnd().split('\n').at(-1) ?? '').error.code, CANCELLED);
  // a client that is dead before the daemon reads what it asked for
  const dying = await connected();
  process.kill(pid, 'SIGSTOP');
  await new Promise<void>((sent) => dying.end(encodeMessage({ ...create, params: params('orphan') }), sent));
  dying.destroy();
  process.kill(pid, 'SIGCONT');
  // whoever asks later is answered later
  const { domid } = await client.call('create', params('later'));
  assert.deepEqual(await names(), [...before, 'later']);
  await client.call('destroy', { domid });
  await until(async () => (await client.call('hostInfo', {})).physinfo.free_pages === free_pages, 'all frames are free again');
  assert.deepEqual(await names(), before);
  client.close();
});

test('of two creates under one name, one is refused', async () => {
  const client = await stack.client();
  const config = {
    c_info: { type: 'pvh', name: 'same', uuid: '00000000-0000-4000-8000-0000000000ab' },
    b_info: { max_memkb: 130 * 1024, target_memkb: 130 * 1024, sched_params: {}, kernel, arch_arm: {}, arch_x86: {} },
  } as const;
  const both = await Promise.allSettled([1, 2].map(() => client.call('create', { config, monitor: false })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  client.close();
});

test('images that are no files are refused, and nobody waits for them', async () => {
  const fifo = join(stack.folder, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const folder = stack.folder;
  for (const [path, why] of [
    [fifo, `failed to seek on file '${fifo}': Illegal seek`],
    ['/dev/zero', "failed to seek on file '/dev/zero': Illegal seek"],
    [folder, `failed to read file '${folder}': Is a directory`],
    [`${kernel}/x`, `failed to open file '${kernel}/x': No such file or directory`],
  ] as const) {
    const told = await stack.quickXl('create', '-q', config('odd', `ramdisk = "${path}"`));
    assert.equal(
      told.replaceAll(/^! Parsing.*\n/gm, ''),
      `! xc: error: panic: ${why}: Internal error\n! libxl: error: xc_dom_ramdisk_file failed: ${why.split("': ")[1]}\n! libxl: error: cannot (re-)build domain: -3\n= 3`,
    );
  }
});

test('SIGTERM waits for guests that do not answer; the second one waits no longer', async () => {
  const client = await stack.client();
  const { pid } = await client.call('status', {});
  process.kill(pid, 'SIGTERM');
  await until(() => /SIGTERM: shutting down/.test(stack.log()), 'it begins');
  await new Promise((done) => setTimeout(done, 300));
  assert.doesNotMatch(stack.log(), / stopped\n$/);
  process.kill(pid, 'SIGTERM');
  await client.gone();
  await until(() => / stopped\n$/.test(stack.log()), 'it has ended');
  assert.match(stack.log(), /SIGTERM again: waiting no longer\n[\s\S]*Domain \d+ does not shut down: destroyed/);
});
