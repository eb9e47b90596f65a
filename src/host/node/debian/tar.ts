/** Finding files in a tar archive, also one that is only partly there yet. @see POSIX pax "ustar Interchange Format"; GNU tar manual */
import { OperatorError } from '../../../base/operator-error.ts';

/** A file in a tar archive. */
export interface TarEntry {
  /** Without leading "./" or "/". */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  readonly mode: number;
  /** Where a link points to. */
  readonly target: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;
/** Longest extended header (a path, or pax records) that is read, in bytes. */
const LONGEST_EXTENSION = 1 << 20;
const kinds: Readonly<Record<string, TarEntry['kind']>> = { '0': 'file', '7': 'file', '\0': 'file', '5': 'directory', '2': 'symlink', '1': 'hardlink' };
const decoder = new TextDecoder();

const damaged = (details: string): OperatorError =>
  new OperatorError('the tar archive is damaged', { details, hint: 'Remove the package from the cache, so that it is fetched again.' });

/**
 * Reads a tar archive from the front as it grows: call `next` with ever longer prefixes of the same archive.
 */
export class TarReader {
  private at = 0;
  private ended = false;
  private longPath: string | undefined;
  private longTarget: string | undefined;

  /** The next entry that lies wholly inside `bytes`, or undefined when there is none (yet). Throws operator errors only. */
  next(bytes: Uint8Array): TarEntry | undefined {
    while (!this.ended && this.at + BLOCK <= bytes.length) {
      const header = bytes.subarray(this.at, this.at + BLOCK);
      if (header.every((b) => b === 0)) {
        this.ended = true;
        return undefined;
      }
      checkSum(header, this.at);
      const size = number(header, 124, 12);
      const dataAt = this.at + BLOCK;
      const type = String.fromCharCode(header[156]!);
      const isExtension = type === 'L' || type === 'K' || type === 'x' || type === 'g';
      if (isExtension && size > LONGEST_EXTENSION) throw damaged(`An extended header at byte ${this.at} claims ${size} bytes.`);
      if (dataAt + size > bytes.length) return undefined;
      const data = bytes.subarray(dataAt, dataAt + size);
      this.at = dataAt + Math.ceil(size / BLOCK) * BLOCK;
      if (isExtension) {
        this.extend(type, data);
        continue;
      }
      const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
      const name = this.longPath ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`);
      const target = this.longTarget ?? text(header, 157, 100);
      this.longPath = undefined;
      this.longTarget = undefined;
      return { path: name.replace(/^(\.?\/)+/, '').replace(/\/+$/, ''), kind: kinds[type] ?? 'other', mode: number(header, 100, 8) & 0o7777, target, data };
    }
    return undefined;
  }

  private extend(type: string, data: Uint8Array): void {
    if (type === 'L') this.longPath = text(data, 0, data.length);
    else if (type === 'K') this.longTarget = text(data, 0, data.length);
    else if (type === 'x') {
      const records = paxRecords(data);
      this.longPath = records.get('path') ?? this.longPath;
      this.longTarget = records.get('linkpath') ?? this.longTarget;
    }
  }
}

function text(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

/** A number: octal digits, or big endian with the top bit set. */
function number(header: Uint8Array, from: number, length: number): number {
  if (header[from]! >= 0x80) {
    let value = header[from]! & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + header[from + i]!;
    if (value > Number.MAX_SAFE_INTEGER) throw damaged('A file in it claims 2^53 bytes or more.');
    return value;
  }
  const digits = text(header, from, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw damaged(`A header holds ${JSON.stringify(digits)} where a number should be.`);
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

function checkSum(header: Uint8Array, at: number): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : header[i]!;
  if (sum !== number(header, 148, 8)) throw damaged(`The checksum of the header at byte ${at} is wrong.`);
}

/** Records "LENGTH KEY=VALUE\n". */
function paxRecords(data: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(decoder.decode(data.subarray(at, space)));
    if (!Number.isInteger(length) || length <= space - at + 1 || at + length > data.length) break;
    const record = decoder.decode(data.subarray(space + 1, at + length - 1));
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
