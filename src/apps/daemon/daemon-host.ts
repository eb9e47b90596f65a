import type { FileStore } from '../../base/ports/file-store.ts';
import type { TranslationCache } from '../../base/ports/translation-cache.ts';
import type { WorkerHost } from '../../base/ports/worker-host.ts';

/** What the daemon needs of its host; made in main.ts. */
export interface DaemonHost {
  readonly workers: WorkerHost;
  readonly files: FileStore;
  /** Bytes of build/core.wasm. */
  readonly core: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Translations kept between runs; undefined: none are kept. */
  readonly translations: TranslationCache | undefined;
  /** Wall clock, milliseconds since 1970. */
  readonly wall: () => number;
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** A random UUID as text. */
  readonly uuid: () => string;
  readonly pid: number;
  readonly openFiles: () => number;
  /** A line for the daemon's log. */
  readonly log: (line: string) => void;
}
