import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Store } from './store.ts';
import { PlayedDomains } from './test-store.ts';

// Debian's own clients (package xenstore-utils) on a Unix socket before the store
const [probe] = ['xenstore-ls'] as const;
const missing = spawnSync(probe, ['-h']).error !== undefined;
const skip = missing && process.env.CI !== 'true' ? 'xenstore-utils is not installed' : false;

let directory: string;
let server: Server;
let store: Store;
const sockets = new Set<Socket>();

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'zendo-xenstore-'));
  let woken = false;
  store = new Store({
    domains: new PlayedDomains(1),
    wake: () => {
      if (woken) return;
      woken = true;
      setImmediate(() => {
        woken = false;
        while (store.run());
      });
    },
  });
  server = createServer((socket) => {
    sockets.add(socket);
    const end = store.open({ send: (bytes) => socket.write(bytes), close: () => socket.destroy() });
    socket.on('data', (bytes: Uint8Array) => end.receive(bytes));
    socket.on('drain', () => end.drained());
    socket.on('error', () => end.close());
    socket.on('close', () => {
      sockets.delete(socket);
      end.close();
    });
  });
  return new Promise<void>((done) => server.listen(join(directory, 'socket'), done));
});

after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
  rmSync(directory, { recursive: true });
});

/** Run a client; what it printed, in the form of a transcript: output, `! ` errors, `= status`. */
function run(command: string, ...args: string[]): Promise<string> {
  return new Promise((done) => {
    const env = { ...process.env, XENSTORED_PATH: join(directory, 'socket') };
    execFile(command, args, { env, timeout: 120_000 }, (error, stdout, stderr) => {
      const errors = stderr.split('\n').filter((line) => line !== '');
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      done([...stdout.split('\n').filter((line) => line !== ''), ...errors.map((line) => `! ${line}`), `= ${status}`].join('\n'));
    });
  });
}

const TRANSCRIPT: [command: string[], output: string][] = [
  [['xenstore-ls', '-f', '-p'], '/tool = ""   (n0)\n/tool/xenstored = ""   (n0)\n= 0'],
  [['xenstore-list', '/'], 'tool\n= 0'],
  [['xenstore-ls', '/nosuch'], '! xenstore-ls: xs_directory (/nosuch): No such file or directory\n= 1'],
  [['xenstore-read', '/nosuch'], "! xenstore-read: couldn't read path /nosuch\n= 1"],
  [['xenstore-read', '/bad//path'], "! xenstore-read: couldn't read path /bad//path\n= 1"],
  [['xenstore-read', 'nosuchrel'], "! xenstore-read: couldn't read path nosuchrel\n= 1"],
  [['xenstore-write', '/test/a', '1'], '= 0'],
  [['xenstore-write', '/test/b', 'hello', '/test/c', 'two words'], '= 0'],
  [['xenstore-read', '/test/b', '/test/c'], 'hello\ntwo words\n= 0'],
  [['xenstore-write', '/bad path', '1'], '! xenstore-write: could not write path /bad path\n= 1'],
  [['xenstore-chmod', '/test/a', 'b0'], '= 0'],
  [['xenstore-ls', '-f', '-p', '/test'], '/test/a = "1"   (b0)\n/test/b = "hello"   (n0)\n/test/c = "two words"   (n0)\n= 0'],
  [['xenstore-chmod', '-r', '/test', 'n0', 'r1'], '= 0'],
  [['xenstore-ls', '-f', '-p', '/test'], '/test/a = "1"   (n0,r1)\n/test/b = "hello"   (n0,r1)\n/test/c = "two words"   (n0,r1)\n= 0'],
  [['xenstore-chmod', '-u', '/test', 'n0', 'b1'], '= 0'],
  [['xenstore-chmod', '/nosuch', 'n0'], "! xenstore-chmod: Error occurred setting permissions on '/nosuch': No such file or directory\n= 1"],
  [['xenstore-chmod', '/test'], "! xenstore-chmod: Error occurred setting permissions on '/test': Invalid argument\n= 1"],
  [['xenstore-exists', '/test/a'], '= 0'],
  [['xenstore-exists', '/test', '/nosuch'], '= 1'],
  [['xenstore-rm', '/test/a'], '= 0'],
  [['xenstore-rm', '/test/a'], '= 0'],
  [['xenstore-rm', '-t', '/test/b'], '= 0'],
  [['xenstore-exists', '/test/b'], '= 1'],
  [['xenstore-rm', '/test'], '= 0'],
  [['xenstore-rm', '/nosuch'], '= 0'],
  [['xenstore-watch', '-n', '1', '/w1'], '/w1\n= 0'],
  [['xenstore-watch', '-n', '1', '@introduceDomain'], '@introduceDomain\n= 0'],
  [['xenstore-watch', '-n', '1', 'rel'], 'rel\n= 0'],
];

test('the genuine clients say what they say on the genuine xenstored', { skip }, async () => {
  for (const [[command = '', ...args], output] of TRANSCRIPT) assert.equal(await run(command, ...args), output, [command, ...args].join(' '));
});

test('a genuine client sees a write of another', { skip }, async () => {
  const client = store.connect();
  const watches = async (count: number): Promise<void> => {
    for (let tries = 0; !new RegExp(`watches +: +${count}\\n`).test(client.control('quota', '0')); tries++) {
      if (tries > 12_000) assert.fail(`${count} watches`);
      await setTimeout(5);
    }
  };
  // those of the clients before are there until the store hears that they are gone
  await watches(0);
  const watching = run('xenstore-watch', '-n', '2', '/w2');
  await watches(1);
  client.write('/w2/a', '1');
  assert.equal(await watching, '/w2\n/w2/a\n= 0');
});

test('bytes of a value come through', { skip }, async () => {
  store.connect().write('/t3', Uint8Array.of(0x61, 1, 0x62, 9, 0x63, 0x64));
  assert.equal(await run('xenstore-read', '/t3'), 'a\\001b\\tcd\n= 0');
});

test('a directory too long for one answer is listed', { skip }, async () => {
  const client = store.connect();
  const names = Array.from({ length: 1000 }, (_, i) => `name-${i}`);
  client.transaction((nodes) => {
    for (const name of names) nodes.mkdir(`/long/${name}`);
  });
  assert.equal(await run('xenstore-list', '/long'), [...names, '= 0'].join('\n'));
});

test('a client that talks nonsense is cut off, others are not', async () => {
  const socket = connect(join(directory, 'socket'));
  const closed = new Promise<void>((done) => socket.on('close', () => done()));
  socket.on('error', () => {});
  socket.write(Uint8Array.from({ length: 64 }, () => 0xff));
  await closed;
  assert.equal(store.connect().read('/tool'), '');
});
