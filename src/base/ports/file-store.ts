/** What is known about a stored file. */
export interface FileInfo {
  /** Bytes. */
  readonly size: number;
  readonly kind: 'file' | 'directory' | 'other';
}

/**
 * Files of the host by path (kernels, initrds, snapshots, caches). Paths are the host's own and are not interpreted.
 * Failures are `FileStoreError`; what they mean for the operator is for the caller to say.
 */
export interface FileStore {
  /** Undefined when there is nothing at `path`. */
  info(path: string): Promise<FileInfo | undefined>;
  /** The whole file. */
  read(path: string): Promise<Uint8Array>;
  /** Create or replace; a reader sees the old file or the whole new one, never a part. Parent directories are made. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Make an empty file, or empty the one that is there, for its owner alone; it is written piece by piece. Parent directories must exist. */
  create(path: string): Promise<FileWriter>;
  /** As `create`, but going on at the end of a file that is there. Parent directories are made. */
  append(path: string): Promise<FileWriter>;
  /** Make a directory and those above it; nothing happens when it is there. */
  makeDirectory(path: string): Promise<void>;
  /** Give a file another name, in place of any that has it. */
  rename(from: string, to: string): Promise<void>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Remove a file; nothing happens when there is none. */
  remove(path: string): Promise<void>;
}

/** A file that is being written. */
export interface FileWriter {
  /** Bytes that it has. */
  readonly size: number;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Why a file operation failed; the host's own error is its `cause`. */
export class FileStoreError extends Error {
  override readonly name = 'FileStoreError';
  readonly reason: FileStoreReason;
  readonly path: string;
  constructor(reason: FileStoreReason, path: string, options?: ErrorOptions) {
    super(`${path}: ${reason}`, options);
    this.reason = reason;
    this.path = path;
  }
}
export type FileStoreReason = 'not found' | 'permission denied' | 'is a directory' | 'no space' | 'host error';
