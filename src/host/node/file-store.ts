import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type FileStore, FileStoreError, type FileStoreReason } from '../../base/ports/file-store.ts';

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
  read: (path) => guarded(path, () => readFile(path)),
  write: (path, bytes) =>
    guarded(path, async () => {
      await mkdir(dirname(path), { recursive: true });
      const temporary = `${path}.${randomUUID()}.new`;
      try {
        await writeFile(temporary, bytes);
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    }),
  list: (path) => guarded(path, async () => (await readdir(path)).sort()),
  remove: (path) => guarded(path, () => rm(path, { force: true })),
};
