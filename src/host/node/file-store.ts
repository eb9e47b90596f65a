import { statSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FileStore, FileStoreError, type FileStoreReason, type FileWriter } from '../../base/ports/file-store.ts';
import { nodeCrypto } from './crypto.ts';
import { bytesOfFile, bytesOfFileNow } from './read-whole-file.ts';

const REASONS: Readonly<Record<string, FileStoreReason>> = {
  ENOENT: 'not found',
  ENOTDIR: 'not found',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'is a directory',
  ENOSPC: 'no space',
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new FileStoreError(REASONS[codeOf(error)] ?? 'host error', path, { cause: error });
  }
}

async function openWriter(path: string, flags: 'w' | 'a'): Promise<FileWriter> {
  const file = await open(path, flags, 0o600);
  let { size } = await file.stat();
  return {
    get size() {
      return size;
    },
    write: (bytes) =>
      guarded(path, async () => {
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await file.write(bytes, done);
          done += bytesWritten;
          size += bytesWritten;
        }
      }),
    close: () => guarded(path, () => file.close()),
  };
}

/** Files of the machine that Node runs on. */
export const nodeFileStore: FileStore = {
  info: async (path) => {
    try {
      const found = await stat(path);
      return { size: found.size, kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other' };
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw new FileStoreError(REASONS[codeOf(error)] ?? 'host error', path, { cause: error });
    }
  },
  read: (path) => guarded(path, () => bytesOfFile(path)),
  write: (path, bytes) =>
    guarded(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${nodeCrypto().randomUUID()}.new`;
      try {
        await writeFile(temporary, bytes);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    }),
  create: (path) => guarded(path, () => openWriter(path, 'w')),
  append: (path) =>
    guarded(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      return await openWriter(path, 'a');
    }),
  makeDirectory: (path) => guarded(path, async () => void (await mkdir(path, { recursive: true, mode: 0o700 }))),
  rename: (from, to) => guarded(from, () => rename(from, to)),
  list: (path) => guarded(path, async () => (await readdir(path)).sort()),
  remove: (path) => guarded(path, () => rm(path, { force: true })),
};

/**
 * The same for a process that has nothing else to do while it reads: files are read while it waits, which is sooner done than Node's promises for files
 * are loaded. Pipes and devices, which may have nothing yet, are waited for as before.
 */
export const waitingFileStore: FileStore = {
  ...nodeFileStore,
  read: (path) =>
    guarded(path, async () => {
      const found = statSync(path);
      return found.isFile() && found.size > 0 ? bytesOfFileNow(path) : bytesOfFile(path);
    }),
};
