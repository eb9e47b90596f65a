/** The daemon's process: owns a machine and listens on the sockets of its directory until it is told to end. */
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { ByteStream } from '../../base/ports/local-socket.ts';
import { nodeFileStore } from '../../host/node/file-store.ts';
import { keepFunctions } from '../../host/node/kept-functions.ts';
import { listenAtPath, unixSockets } from '../../host/node/local-socket.ts';
import { LogFile } from '../../host/node/log-file.ts';
import { makeRunDirectory, runDirectoryPath, stateDirectoryPath, takeLock } from '../../host/node/run-directory.ts';
import { surviveFullOutput } from '../../host/node/standard-output.ts';
import { chosenFolder, NodeTranslationCache } from '../../host/node/translation-cache.ts';
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { cacheFolder } from '../../host/node/xdg.ts';
import { engineParts } from '../zendo/engine-parts.ts';
import { FRAMES_MAX } from '../zendo/fresh-machine.ts';
import { Daemon } from './daemon.ts';
import { keptPlaces, places } from './places.ts';

const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
/** Bytes of the log; as much again is kept of the one before. Stops: a guest that writes for ever filling the disk. */
const LOG_LIMIT = 4 << 20;
/** How often a lock is looked at, in ms. */
const LOOK_MS = 20;

const directory = runDirectoryPath();
makeRunDirectory(directory);
const files = places(directory);
surviveFullOutput('zendo daemon');
process.on('exit', () => keepFunctions(1));
// stderr is the log, unless somebody started us by hand
const output = new LogFile(files.log, 2, LOG_LIMIT);
const log = (line: string): void => output.write(`${new Date().toISOString()} ${line}`);
const state = stateDirectoryPath();
makeRunDirectory(state);
while (!takeLock(files.lock)) {
  // Another one runs, or is about to end.
  if ((await unixSockets.connect(files.socket)) !== undefined) {
    log('another daemon runs already');
    process.exit(0);
  }
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
// Whoever left these behind was killed.
for (const path of [files.socket, files.store, files.privcmd]) rmSync(path, { force: true });
for (const name of readdirSync(directory)) if (/^console-\d+\.sock$|^domains\.json\..*\.new$/.test(name)) rmSync(join(directory, name), { force: true });

const openFiles = (): number => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return -1;
  }
};

/** MiB, from ZENDO_MEMORY; else half of the host's. */
const wanted = Number(process.env['ZENDO_MEMORY'] ?? Number.NaN);
const frames = Math.min(FRAMES_MAX, Math.floor((Number.isInteger(wanted) && wanted > 0 ? wanted * 1048576 : totalmem() / 2) / 4096));

const listening: (() => void)[] = [];
const stopListening = (): void => {
  for (const close of listening.splice(0)) close();
};
/** The socket opens in the next moment, before anybody can know its path from xenstore. */
function listenConsole(domid: number, onConnection: (stream: ByteStream) => void): { path: string; close: () => void } {
  const path = files.console(domid);
  const opened = unixSockets.listen(path, onConnection).catch((error: unknown) => {
    log(`the console's socket ${path} cannot be made: ${String(error)}`);
    return () => {};
  });
  return { path, close: () => void opened.then((close) => close()) };
}
const translationFolder = chosenFolder(undefined, join(cacheFolder(), 'translations'));
const daemon = await Daemon.start(
  {
    workers: nodeWorkerHost,
    files: nodeFileStore,
    core: async () => new Uint8Array(await readFile(new URL('../../../build/core.wasm', import.meta.url))),
    translations: translationFolder === undefined ? undefined : new NodeTranslationCache({ folder: translationFolder, engine: engineParts }),
    wall: () => Date.now(),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    uuid: () => randomUUID(),
    pid: process.pid,
    openFiles,
    log,
  },
  { frames, records: files.records, kept: keptPlaces(state), version, onStopping: stopListening, listenConsole, listenChannel: listenAtPath },
);
listening.push(await unixSockets.listen(files.store, (stream) => daemon.serveStore(stream)));
listening.push(await unixSockets.listen(files.privcmd, (stream) => daemon.servePrivcmd(stream)));
listening.push(await unixSockets.listen(files.socket, (stream) => daemon.serve(stream)));
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(signal, () => {
    log(stopping ? `${signal} again: waiting no longer` : `${signal}: shutting down`);
    if (stopping) daemon.hurry();
    else void daemon.stop();
    stopping = true;
  });
}
log(`zendo ${version}: a machine of ${Math.floor(frames / 256)} MiB, listening at ${files.socket}`);
void daemon.autostart();
try {
  await daemon.ended;
  log('stopped');
} catch (error) {
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
stopListening();
rmSync(files.lock, { force: true });
process.exit();
