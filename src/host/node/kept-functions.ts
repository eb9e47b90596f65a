/**
 * A program of ours with what V8 made of its functions in earlier runs. Node's compile cache holds what V8 makes of a module before it runs: its
 * outermost code. All that the program calls is then read and compiled again in each run, 40 ms of a boot in the pCPU's thread alone. Here the
 * same is kept after runs, with the functions that ran.
 *
 * Files lie in the folder of Node's cache and are as trusted as those; where Node keeps none, nothing is kept. V8 refuses what is from another
 * version, or for other flags; damaged data it would run into, so a file has them twice. (A checksum costs more: node:zlib takes 2 ms to load.)
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/**
 * A file: for whom (name of the script's file, which changes with its contents; padded with blanks), sorts of runs, bytes of V8's data; then those
 * data, twice.
 */
const NAME_BYTES = 56;
const SORTS_AT = NAME_BYTES;
const LENGTH_AT = SORTS_AT + 4;
const DATA_AT = LENGTH_AT + 4;

const KEEP = Symbol.for('zendo.keep functions');
type Keep = (sort: number) => void;

interface Kept {
  readonly sorts: number;
  readonly data?: Buffer;
}
const NOTHING: Kept = { sorts: 0 };

/** Bytes of the second copy that are compared at a time: the host need not find memory for all of it. */
const PIECE = 1 << 17;

function readFrom(file: number, name: string): Kept {
  const length = (fstatSync(file).size - DATA_AT) / 2;
  if (!Number.isInteger(length) || length < 0) return NOTHING;
  const first = Buffer.allocUnsafeSlow(DATA_AT + length);
  if (readSync(file, first) !== first.length || first.toString('latin1', 0, NAME_BYTES).trimEnd() !== name || first.readUInt32LE(LENGTH_AT) !== length)
    return NOTHING;
  const data = first.subarray(DATA_AT);
  const piece = Buffer.allocUnsafeSlow(PIECE);
  for (let at = 0; at < length; ) {
    const count = readSync(file, piece, 0, Math.min(PIECE, length - at), null);
    if (count === 0 || piece.compare(data, at, at + count, 0, count) !== 0) return NOTHING;
    at += count;
  }
  return { sorts: first.readUInt32LE(SORTS_AT), data };
}

function read(path: string, name: string): Kept {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return NOTHING;
  }
  try {
    return readFrom(file, name);
  } catch {
    return NOTHING;
  } finally {
    closeSync(file);
  }
}

function write(path: string, name: string, sorts: number, data: Buffer): void {
  const head = Buffer.alloc(DATA_AT, ' ');
  head.write(name, 'latin1');
  head.writeUInt32LE(sorts, SORTS_AT);
  head.writeUInt32LE(data.length, LENGTH_AT);
  const fresh = `${path}.new`;
  try {
    // one that a stopped thread left would be in everybody's way; one that another process writes now is gone for it too
    rmSync(fresh, { force: true });
    writeFileSync(fresh, Buffer.concat([head, data, data]), { flag: 'wx', mode: 0o600 });
    renameSync(fresh, path);
  } catch {
    // no room, no rights: the next run compiles again
  }
}

/** Where a program's functions are kept: by where it lies, so that the next build takes its place. */
function placeOf(folder: string, path: string): string {
  let hash = 0x811c9dc5;
  for (let k = 0; k < path.length; k++) hash = Math.imul(hash ^ path.charCodeAt(k), 0x01000193);
  return join(folder, `zendo-${(hash >>> 0).toString(16)}`);
}

/** Runs the program in `script`: the text of a function of its own URL, in ASCII. `program` is the module that does so, whose URL is the program's. */
export async function runKept(script: URL, program: string): Promise<void> {
  const path = fileURLToPath(script);
  const name = basename(path);
  const folder = getCompileCacheDir();
  const place = folder === undefined ? undefined : placeOf(folder, program);
  const kept = place === undefined ? NOTHING : read(place, name);
  const compiled = new Script(readFileSync(path, 'latin1'), { filename: script.href, ...(kept.data && { cachedData: kept.data }) });
  let sorts = compiled.cachedDataRejected === true ? 0 : kept.sorts;
  if (place !== undefined) {
    const keep: Keep = (sort) => {
      if ((sorts | sort) === sorts) return;
      sorts |= sort;
      write(place, name, sorts, compiled.createCachedData());
    };
    (globalThis as Record<symbol, unknown>)[KEEP] = keep;
  }
  await (compiled.runInThisContext() as (program: string) => Promise<void>)(program);
}

/**
 * A run comes to its end: what V8 made of the functions that it called is kept, if no run of this sort has done so. Only programs of the package keep
 * functions. V8's flags have to be those with which the program is loaded.
 * @param sort a bit, or several: what this run called that others may not
 */
export function keepFunctions(sort: number): void {
  ((globalThis as Record<symbol, unknown>)[KEEP] as Keep | undefined)?.(sort);
}
