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
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Remove a file; nothing happens when there is none. */
  remove(path: string): Promise<void>;
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
