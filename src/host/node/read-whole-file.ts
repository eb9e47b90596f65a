import { readFile } from 'node:fs/promises';

/** Why reading failed, in the words of a C library. */
const FAILURES: Readonly<Record<string, string>> = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', ENOTDIR: 'Not a directory' };

/** A file, or why it cannot be read in the words of a C library. */
export async function readWholeFile(path: string): Promise<{ readonly bytes: Uint8Array } | { readonly failure: string; readonly directory: boolean }> {
  try {
    return { bytes: await readFile(path) };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { failure: FAILURES[code] ?? message, directory: code === 'EISDIR' };
  }
}
