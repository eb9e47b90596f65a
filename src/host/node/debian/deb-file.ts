/** Debian binary packages (.deb), read without dpkg. @see deb(5), deb-control(5) */
import { OperatorError } from '../../../base/operator-error.ts';
import { readAr } from './ar.ts';
import { type TarEntry, TarReader } from './tar.ts';

/**
 * Decompresses gzip, xz, zstd ... data to at most `limit` bytes, whichever it is; throws operator errors.
 * `enough` may be called with the output so far and end the work early by returning true.
 */
export type Decompress = (bytes: Uint8Array, limit: number, options?: { readonly enough?: (outputSoFar: Uint8Array) => boolean }) => Uint8Array;

/** The files of a package may have this many bytes together. */
const LARGEST_CONTENT = 2 ** 31;
const LARGEST_CONTROL = 16 << 20;

/** An opened package: its control fields, and its files on demand. */
export class DebFile {
  /** Fields of the control file: Package, Version, Architecture, Depends, ... Continuation lines are joined by newlines. */
  readonly control: ReadonlyMap<string, string>;
  private readonly content: Uint8Array;
  private readonly isPlain: boolean;
  private readonly decompress: Decompress;

  /** Open a package. Throws operator errors only. */
  constructor(bytes: Uint8Array, decompress: Decompress) {
    this.decompress = decompress;
    const members = readAr(bytes);
    const version = members.get('debian-binary');
    if (version === undefined || !String.fromCharCode(...version.subarray(0, 2)).startsWith('2.')) {
      throw new OperatorError('the file is not a Debian package of format 2', { hint: 'Remove it from the cache, so that it is fetched again.' });
    }
    const control = memberStarting(members, 'control.tar');
    const content = memberStarting(members, 'data.tar');
    this.content = content.bytes;
    this.isPlain = content.name === 'data.tar';
    const tar = control.name === 'control.tar' ? control.bytes : decompress(control.bytes, LARGEST_CONTROL);
    const file = find(new TarReader(), tar, (path) => path === 'control');
    if (file === undefined)
      throw new OperatorError('the Debian package has no control file', { hint: 'Remove it from the cache, so that it is fetched again.' });
    this.control = parseControl(new TextDecoder().decode(file.data));
  }

  /** The first file whose path (without leading slash) is wanted; only as much of the package is unpacked as needed. */
  find(wanted: (path: string) => boolean): TarEntry | undefined {
    const reader = new TarReader();
    if (this.isPlain) return find(reader, this.content, wanted);
    let found: TarEntry | undefined;
    const all = this.decompress(this.content, LARGEST_CONTENT, {
      enough: (soFar) => {
        found ??= find(reader, soFar, wanted);
        return found !== undefined;
      },
    });
    found ??= find(reader, all, wanted);
    // A copy: the view would keep the whole unpacked archive alive.
    return found === undefined ? undefined : { ...found, data: found.data.slice() };
  }
}

function memberStarting(members: ReadonlyMap<string, Uint8Array>, start: string): { name: string; bytes: Uint8Array } {
  for (const [name, bytes] of members) if (name === start || name.startsWith(`${start}.`)) return { name, bytes };
  throw new OperatorError(`the Debian package has no member ${start}`, { hint: 'Remove it from the cache, so that it is fetched again.' });
}

function find(reader: TarReader, tar: Uint8Array, wanted: (path: string) => boolean): TarEntry | undefined {
  for (let entry = reader.next(tar); entry !== undefined; entry = reader.next(tar)) if (entry.kind === 'file' && wanted(entry.path)) return entry;
  return undefined;
}

/** Parse one stanza of control fields. */
export function parseControl(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of text.split('\n')) {
    const field = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line);
    if (field !== null) {
      last = field[1]!;
      fields.set(last, field[2]!);
    } else if (/^[ \t]/.test(line) && last !== '') fields.set(last, `${fields.get(last)}\n${line.slice(1)}`);
    else if (line === '' && fields.size > 0) break;
  }
  return fields;
}
