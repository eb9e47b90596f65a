/**
 * Archives in cpio's "newc" format, which Linux unpacks into its first file system.
 * @see Linux, Documentation/driver-api/early-userspace/buffer-format.rst
 */
import { OperatorError } from '../../base/operator-error.ts';

/** File types in `mode`. @see stat(2), inode(7) */
export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;

/** A file in an archive. */
export interface CpioEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** File type and permissions. */
  readonly mode: number;
  /** The content; of a symbolic link its target. */
  readonly data: Uint8Array;
  /** Device numbers of a device node. */
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
}

const MAGIC = '070701';
const MAGIC_WITH_CHECKSUM = '070702';
const HEADER_SIZE = 110;
const TRAILER = 'TRAILER!!!';
/** Paths longer than this many bytes are refused, as Linux refuses them (PATH_MAX). */
const LONGEST_PATH = 4096;
/** The format has 32-bit sizes. */
const LARGEST_FILE = 0xffffffff;
const encoder = new TextEncoder();

const pad4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Write an archive. The same entries give the same bytes: no times, owner root, inode numbers in order. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const all = [...entries, { path: TRAILER, mode: 0, data: new Uint8Array(0) }].map((entry) => ({ entry, path: encoder.encode(entry.path) }));
  for (const { entry, path } of all) {
    if (path.length === 0 || path.length >= LONGEST_PATH || path.includes(0))
      throw new OperatorError(`the path ${JSON.stringify(entry.path)} cannot go into an initramfs`);
    if (entry.data.length > LARGEST_FILE) throw new OperatorError(`the file ${entry.path} is too large for an initramfs`);
  }
  const size = all.reduce((sum, { entry, path }) => sum + pad4(HEADER_SIZE + path.length + 1) + pad4(entry.data.length), 0);
  const out = new Uint8Array(size);
  let at = 0;
  all.forEach(({ entry, path }, index) => {
    const isTrailer = index === all.length - 1;
    const device = 'device' in entry ? entry.device : undefined;
    const links = (entry.mode & S_IFMT) === S_IFDIR ? 2 : 1;
    const fields = [isTrailer ? 0 : index + 1, entry.mode, 0, 0, links, 0, entry.data.length, 0, 0, device?.major ?? 0, device?.minor ?? 0, path.length + 1, 0];
    const header = MAGIC + fields.map((field) => (field >>> 0).toString(16).padStart(8, '0')).join('');
    out.set(encoder.encode(header), at);
    out.set(path, at + HEADER_SIZE);
    at += pad4(HEADER_SIZE + path.length + 1);
    out.set(entry.data, at);
    at += pad4(entry.data.length);
  });
  return out;
}

/** Read an archive up to its trailer. The entries' data are views of `bytes`. Throws operator errors only. */
export function readCpio(bytes: Uint8Array): CpioEntry[] {
  const damaged = (details: string): OperatorError => new OperatorError('the cpio archive is damaged', { details, hint: 'Build it again.' });
  const entries: CpioEntry[] = [];
  let at = 0;
  for (;;) {
    if (at + HEADER_SIZE > bytes.length) throw damaged(`It ends after ${bytes.length} bytes, without its trailer.`);
    const header = String.fromCharCode(...bytes.subarray(at, at + HEADER_SIZE));
    const magic = header.slice(0, 6);
    if ((magic !== MAGIC && magic !== MAGIC_WITH_CHECKSUM) || !/^[0-9a-fA-F]*$/.test(header)) throw damaged(`There is no file header at byte ${at}.`);
    const field = (index: number): number => Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
    const size = field(6);
    const nameSize = field(11);
    const nameAt = at + HEADER_SIZE;
    const dataAt = pad4(nameAt + nameSize);
    if (nameSize < 1 || nameSize > LONGEST_PATH || dataAt + size > bytes.length) throw damaged(`The file at byte ${at} reaches past the end of the archive.`);
    const path = new TextDecoder().decode(bytes.subarray(nameAt, nameAt + nameSize - 1));
    if (path === TRAILER) return entries;
    const mode = field(1);
    const type = mode & S_IFMT;
    const device = type === S_IFCHR || type === S_IFBLK ? { major: field(9), minor: field(10) } : undefined;
    entries.push({ path, mode, data: bytes.subarray(dataAt, dataAt + size), ...(device === undefined ? {} : { device }) });
    at = pad4(dataAt + size);
  }
}
