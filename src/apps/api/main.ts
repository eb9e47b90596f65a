/**
 * The package's TypeScript API: machines and domains in this process. This file chooses Node as the host and says what
 * `import ... from 'zendo'` gives; all of it is described in docs/api.md.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { chosenFolder, NodeTranslationCache } from '../../host/node/translation-cache.ts';
import { nodeWorkerHost } from '../../host/node/worker-host.ts';
import { cacheFolder } from '../../host/node/xdg.ts';
import { engineParts } from '../zendo/engine-parts.ts';
import type { ApiHost } from './api-host.ts';
import { Machine as MachineOfHost, type MachineOptions, type ResumeOptions } from './machine.ts';

export type { FilePath } from './api-host.ts';
export type { Domain, DomainState } from './domain.ts';
export type { DomainConsole } from './domain-console.ts';
export type { Crash, CrashedVcpu, DomainEnd, EndReason } from './domain-end.ts';
export type { Address, DomainMemory } from './domain-memory.ts';
export type { DomainOptions } from './domain-options.ts';
export {
  ConfigurationError,
  DomainEndedError,
  DomainGoneError,
  GuestMemoryError,
  MachineClosedError,
  TimeoutError,
  XenstoreRequestError,
  ZendoError,
} from './errors.ts';
export type { MachineMemory, MachineOptions, ResumeOptions } from './machine.ts';
export type { MachineXenstore, XenstoreTransaction } from './machine-xenstore.ts';
export type { Registers, WritableRegisters } from './registers.ts';
export type { WaitOptions } from './wait.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

const host: ApiHost = {
  workers: nodeWorkerHost,
  readFile: (path) => readFile(path),
  core: async () => new Uint8Array(await readFile(new URL('../../../build/core.wasm', import.meta.url))),
  wall: () => Date.now(),
  translations: (folder) => {
    const chosen = chosenFolder(folder, join(cacheFolder(), 'translations'));
    return chosen === undefined ? undefined : new NodeTranslationCache({ folder: chosen, engine: engineParts });
  },
  compress: (bytes) => zstdCompressSync(bytes),
  decompress: (bytes) => zstdDecompressSync(bytes),
  uuid: () => new Uint8Array(randomBytes(16)),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
  // Messages that were sent wait in the event loop: after a whole turn of it they were delivered.
  messagesDelivered: async () => {
    await nextTurn();
    await nextTurn();
  },
};

/** A machine with its domains. */
export type Machine = MachineOfHost;
export const Machine = {
  /** Make a machine. Throws ConfigurationError. */
  create: (options: MachineOptions = {}): Promise<Machine> => MachineOfHost.start(host, options),
  /** Go on with what `machine.snapshot()` gave, here or in another process. Throws ConfigurationError for bytes that are none. */
  resume: (snapshot: Uint8Array, options: ResumeOptions = {}): Promise<Machine> => MachineOfHost.resume(host, snapshot, options),
};
