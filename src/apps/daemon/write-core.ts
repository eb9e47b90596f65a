import { type FileStore, FileStoreError } from '../../base/ports/file-store.ts';
import { type CoreDumpHost, dumpCore } from '../../toolstack/core-dump/dump-core.ts';
import { aboutDomain, ERROR_FAIL, LibxlError } from '../../toolstack/libxl/libxl-error.ts';
import type { Xc } from '../../toolstack/xc/xc.ts';

/** Number and words of a C library for what went wrong with a file. */
const FAILURES: Readonly<Record<FileStoreError['reason'], readonly [errno: number, text: string]>> = {
  'not found': [2, 'No such file or directory'],
  'host error': [5, 'Input/output error'],
  'permission denied': [13, 'Permission denied'],
  'is a directory': [21, 'Is a directory'],
  'no space': [28, 'No space left on device'],
};

/**
 * Write a domain as a core file at `path`; no part of it is left when that fails. Throws LibxlError.
 */
export async function writeCore(files: FileStore, xc: Xc, domid: number, path: string, host: Omit<CoreDumpHost, 'write'>): Promise<void> {
  const explain = (error: unknown, what: (errno: number, text: string) => string): unknown => {
    if (!(error instanceof FileStoreError)) return error;
    const [errno, text] = FAILURES[error.reason];
    const lines = [`xc: error: ${what(errno, text)}: Internal error`, aboutDomain(domid, `Core dumping domain to ${path}: ${text}`)];
    return new LibxlError(ERROR_FAIL, lines, { cause: error });
  };
  const file = await files.create(path).catch((error) => {
    throw explain(error, (errno, text) => `Could not open corefile ${path} (${errno} = ${text})`);
  });
  try {
    await dumpCore(xc, domid, { ...host, write: (bytes) => file.write(bytes) });
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    await files.remove(path).catch(() => {});
    throw explain(error, (errno, text) => `Failed to write corefile ${path} (${errno} = ${text})`);
  }
}
