import type { TranslationCache } from '../../base/ports/translation-cache.ts';
import type { WorkerHost } from '../../base/ports/worker-host.ts';

/** A file as a program names it: a path relative to the current directory, or a file: URL. */
export type FilePath = string | URL;

/** @internal What the API needs of its host; made in main.ts. */
export interface ApiHost {
  readonly workers: WorkerHost;
  readonly readFile: (path: FilePath) => Promise<Uint8Array>;
  /** Bytes of build/core.wasm. */
  readonly core: () => Promise<Uint8Array<ArrayBuffer>>;
  /** Wall clock, milliseconds since 1970. */
  readonly wall: () => number;
  /** 16 random bytes. */
  readonly uuid: () => Uint8Array;
  /** Translations kept between runs, in the folder a program names, or the usual one; undefined: none are kept. */
  readonly translations: (folder: string | undefined) => TranslationCache | undefined;
  readonly compress: (bytes: Uint8Array) => Uint8Array;
  readonly decompress: (bytes: Uint8Array) => Uint8Array;
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** Settles when all messages that threads have sent so far were delivered. */
  readonly messagesDelivered: () => Promise<void>;
}
