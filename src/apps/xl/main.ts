/** The `xl` command line: the composition root that chooses Node as the host. */
import { randomUUID } from 'node:crypto';
import { hostname, machine, release, version } from 'node:os';
import { resolve } from 'node:path';
import { startDetached } from '../../host/node/detached-process.ts';
import { keepFunctions } from '../../host/node/kept-functions.ts';
import { unixSockets } from '../../host/node/local-socket.ts';
import { readWholeFile } from '../../host/node/read-whole-file.ts';
import { makeRunDirectory, runDirectoryPath } from '../../host/node/run-directory.ts';
import { surviveFullOutput } from '../../host/node/standard-output.ts';
import { processTerminal } from '../../host/node/terminal.ts';
import { type DaemonClient, findDaemon, needDaemon } from '../daemon/connect.ts';
import { places } from '../daemon/places.ts';
import { runXl } from './run-xl.ts';

const directory = runDirectoryPath();
let daemon: Promise<DaemonClient> | undefined;
let found: Promise<DaemonClient | undefined> | undefined;

async function connect(): Promise<DaemonClient> {
  makeRunDirectory(directory);
  return await needDaemon({
    sockets: unixSockets,
    directory,
    launch: () => startDetached(new URL('../daemon/main.ts', import.meta.url), [], places(directory).log),
    after: (milliseconds, callback) => void setTimeout(callback, milliseconds),
  });
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

surviveFullOutput('xl');
process.on('exit', () => keepFunctions(1));
process.exitCode = await runXl(
  {
    daemon: () => (daemon ??= connect()),
    runningDaemon: () => (found ??= findDaemon({ sockets: unixSockets, directory })),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    readFile: readWholeFile,
    resolve: (path) => resolve(path),
    uuid: () => randomUUID(),
    wall: () => Date.now(),
    clock: () => new Date().toTimeString().slice(0, 8),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    system: { host: hostname(), release: release(), version: version(), machine: machine() },
    terminal: processTerminal(),
    onInterrupt: (listener) => {
      for (const signal of SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of SIGNALS) process.off(signal, listener);
      };
    },
  },
  process.argv.slice(2),
);
for (const client of [daemon, found]) (await client?.catch(() => undefined))?.close();
// Output that a pipe has not taken yet is written before the process ends by itself; stdin must not keep it.
process.stdin.destroy();
