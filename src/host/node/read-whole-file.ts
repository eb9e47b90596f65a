import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';

/** Why reading failed, in the words of a C library. */
const FAILURES: Readonly<Record<string, string>> = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', ENOTDIR: 'Not a directory' };

/** A file's bytes, in memory of their own. Read in one piece where its size is known: Node's readFile asks for half a MiB at a time. */
export async function bytesOfFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path);
  try {
    const found = await file.stat();
    // pipes and devices do not say how much they have
    if (!found.isFile() || found.size === 0) return new Uint8Array(await file.readFile());
    const bytes = new Uint8Array(found.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

/** As `bytesOfFile`, of a regular file, while the caller waits. */
export function bytesOfFileNow(path: string): Uint8Array<ArrayBuffer> {
  const file = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** A file, or why it cannot be read in the words of a C library. */
export async function readWholeFile(path: string): Promise<{ readonly bytes: Uint8Array } | { readonly failure: string; readonly directory: boolean }> {
  try {
    return { bytes: await bytesOfFile(path) };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    return { failure: FAILURES[code] ?? message, directory: code === 'EISDIR' };
  }
}
