import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../base/testing/temporary-folder.ts';
import { unixSockets } from './local-socket.ts';

const path = join(temporaryFolder('socket'), 'socket');
/** Listens, says so, and never comes to take a connection. */
const DEAF = `
  require('node:net').createServer().listen(process.argv[1], () => {
    require('node:fs').writeSync(1, 'listening');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

/** Waits, without letting events in, until a process has ended and its files are closed: when the last of its threads is gone. */
function waitForEnd(pid: number): void {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const ended = (): boolean => /^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1')) && readdirSync(`/proc/${pid}/task`).length === 1;
  while (!ended()) Atomics.wait(word, 0, 0, 1);
}

test('a socket that is not there, or that nobody serves any more, or whose server dies with the connection waiting, is none', async (t) => {
  assert.equal(await unixSockets.connect(path), undefined);
  const server = spawn(process.execPath, ['-e', DEAF, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => server.kill('SIGKILL'));
  await once(server.stdout, 'data');
  // connected by the kernel, not yet known to us
  const waiting = unixSockets.connect(path);
  server.kill('SIGKILL');
  waitForEnd(server.pid as number);
  assert.equal(await waiting, undefined);
  assert.equal(await unixSockets.connect(path), undefined);
});
