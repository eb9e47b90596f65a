import type { FileStore } from '../../base/ports/file-store.ts';
import type { StreamServer } from '../../base/ports/stream-server.ts';
import type { Terminal } from '../../base/ports/terminal.ts';
import type { TranslationCache } from '../../base/ports/translation-cache.ts';
import type { WorkerHost } from '../../base/ports/worker-host.ts';
import type { HostFacts } from './commands/doctor.ts';

/** What the command line needs of its host; made in main.ts, the composition root. */
export interface CommandHost {
  readonly workers: WorkerHost;
  readonly files: FileStore;
  readonly terminal: Terminal;
  /** Where gdb connects; absent on hosts that nobody can connect to. */
  readonly streams?: StreamServer;
  /** Lines for people: stderr. */
  readonly message: (line: string) => void;
  /** Text that a program may read: stdout. */
  readonly print: (text: string) => void;
  /** Milliseconds of a monotonic clock. */
  readonly milliseconds: () => number;
  /** Wall clock, milliseconds since 1970. */
  readonly wall: () => number;
  /** 16 random bytes. */
  readonly uuid: () => Uint8Array;
  /** From now on, threads of the host that compile let others go first. */
  readonly compilersGiveWay: () => void;
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** Ctrl-C and the like where the terminal is not raw; the answer stops listening. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** What this host is like; which of the programs there are. */
  readonly facts: (programs: readonly string[]) => Promise<HostFacts>;
  /** Bytes of build/core.wasm. */
  readonly core: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Translations kept between runs, in the folder the operator names or the usual one; undefined: none are kept. */
  readonly translations: (folder: string | undefined) => TranslationCache | undefined;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array) => Uint8Array;
  /** Most memory this process had resident so far, in KiB. */
  readonly peakMemory: () => number;
  /** SHA-256 as hex. */
  readonly sha256: (pieces: Iterable<Uint8Array>) => string;
}
