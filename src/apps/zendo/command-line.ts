/** The `zendo` command line: the composition root that chooses Node as the host. What only some commands need is loaded by them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeCrypto, randomName } from '../../host/node/crypto.ts';
import { waitingFileStore } from '../../host/node/file-store.ts';
import { keepFunctions } from '../../host/node/kept-functions.ts';
import { bytesOfFileNow } from '../../host/node/read-whole-file.ts';
import { makeRunDirectory, runDirectoryPath, stateDirectoryPath } from '../../host/node/run-directory.ts';
import { surviveFullOutput } from '../../host/node/standard-output.ts';
import { processTerminal } from '../../host/node/terminal.ts';
import { lowerHostCompilers } from '../../host/node/thread-priority.ts';
import { chosenFolder, NodeTranslationCache } from '../../host/node/translation-cache.ts';
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { cacheFolder } from '../../host/node/xdg.ts';
import { decompress } from '../../toolstack/loader/decompress/decompress.ts';
import type { DaemonFinder } from '../daemon/connect.ts';
import { places } from '../daemon/places.ts';
import type { DebianFiles } from './commands/start.ts';
import { debianProgress } from './debian-progress.ts';
import { engineParts } from './engine-parts.ts';
import { CommandEnded, EXIT_OPERATOR_ERROR } from './exit-status.ts';
import type { CommandHost } from './host.ts';
import { reportError } from './operator-report.ts';
import { runsMachine } from './prepare-machine.ts';
import { makeProgram } from './program.ts';

const message = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

surviveFullOutput('zendo');

const host: CommandHost = {
  workers: nodeWorkerHost,
  files: waitingFileStore,
  terminal: processTerminal(),
  streams: { listen: async (...where) => (await import('../../host/node/stream-server.ts')).nodeStreamServer.listen(...where) },
  message,
  print: (text) => void process.stdout.write(text),
  milliseconds: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  wall: () => Date.now(),
  uuid: () => randomName(16),
  compilersGiveWay: lowerHostCompilers,
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  onInterrupt: (listener) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, listener);
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, listener);
    };
  },
  facts: async (programs) => {
    const { hostFacts } = await import('../../host/node/host-facts.ts');
    return await hostFacts({ run: runDirectoryPath(), state: stateDirectoryPath(), cache: cacheFolder() }, programs);
  },
  core: async () => bytesOfFileNow(fileURLToPath(new URL('../../../build/core.wasm', import.meta.url))),
  translations: (wanted) => {
    const folder = chosenFolder(wanted, join(cacheFolder(), 'translations'));
    return folder === undefined ? undefined : new NodeTranslationCache({ folder, engine: engineParts });
  },
  compress: (bytes) => process.getBuiltinModule('node:zlib').zstdCompressSync(bytes),
  decompress: (bytes) => process.getBuiltinModule('node:zlib').zstdDecompressSync(bytes),
  peakMemory: () => process.resourceUsage().maxRSS,
  sha256: (pieces) => {
    const hash = nodeCrypto().createHash('sha256');
    for (const piece of pieces) hash.update(piece);
    return hash.digest('hex');
  },
};

const directory = runDirectoryPath();
const daemon = async (): Promise<DaemonFinder> => {
  const { unixSockets } = await import('../../host/node/local-socket.ts');
  const { startDetached } = await import('../../host/node/detached-process.ts');
  return {
    sockets: unixSockets,
    directory,
    launch: () => {
      makeRunDirectory(directory);
      return startDetached(new URL('../daemon/main.ts', import.meta.url), [], places(directory).log);
    },
    after: (milliseconds, callback) => void setTimeout(callback, milliseconds),
  };
};

const debian = async (): Promise<DebianFiles> => {
  const { DebianCache } = await import('../../host/node/debian/debian-cache.ts');
  const cache = new DebianCache({ decompress, onProgress: debianProgress(message, process.stderr.isTTY) });
  return {
    kernel: async () => {
      const file = await cache.kernel('linux-image-cloud-amd64');
      return { name: `${file.package} ${file.version}`, data: file.data };
    },
    busybox: async () => (await cache.busybox()).data,
  };
};

/** What runs may have called (keepFunctions). */
const RAN = 1;
const RAN_MACHINE = 2;
process.on('exit', () => keepFunctions(runsMachine(process.argv) ? RAN_MACHINE : RAN));

try {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };
  const { program, status } = makeProgram(host, debian, version, daemon);
  await program.parseAsync();
  process.exitCode = status();
} catch (error) {
  if (error instanceof CommandEnded) process.exitCode = error.status;
  else {
    reportError(error, message);
    process.exitCode = EXIT_OPERATOR_ERROR;
  }
}
// Output that a pipe has not taken yet is written before the process ends by itself; threads and stdin must not keep it.
process.stdin.destroy();
