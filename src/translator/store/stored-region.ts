/** A compiled region apart from any place: its function with what must be filled in, and the blocks it stands for. */
import { KIND_REGION, RELOCATION, WIDE } from '../targets/wasm/code.ts';

/** Everything in arrays that lie in the file: at the start nothing is made for each of many thousand numbers. */
export interface StoredRegion {
  /** Its blocks, the head first: their records, and their distances from the head in the guest's memory and in its addresses. */
  readonly records: Int32Array;
  readonly deltas: Int32Array;
  readonly distances: Int32Array;
  /** Blocks besides the head where it can be entered; the first `seen` of them were in a run, the others only seem likely. */
  readonly entries: Int32Array;
  readonly seen: number;
  /** The function: locals and code. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Branches of which it is known whether they are likely: twice the place, and one if they are. */
  readonly hints: Int32Array;
  /** Words of RELOCATION each. */
  readonly relocations: Int32Array;
  /** Runs since it was of use. */
  readonly age: number;
}

/** Hints as a stored region has them, and back. */
export const packHints = (hints: readonly (readonly [number, boolean])[]): Int32Array => Int32Array.from(hints, ([at, likely]) => at * 2 + (likely ? 1 : 0));
export const unpackHints = (hints: Int32Array): [number, boolean][] => Array.from(hints, (hint) => [hint >> 1, (hint & 1) !== 0]);

/** Words of a region before its lists. */
const HEAD = 8;

/** Regions as words for a file: `places` says which records their blocks are there, `starts` where in the file's module each function begins. */
export function encodeRegions(regions: readonly StoredRegion[], places: Int32Array, starts: readonly number[]): Int32Array {
  const parts: Int32Array[] = [];
  for (const [k, { records, deltas, distances, entries, body, seen, hints, relocations, age }] of regions.entries()) {
    const counts = [records.length, entries.length, hints.length, relocations.length / RELOCATION];
    parts.push(
      Int32Array.from([...counts, body.length, starts[k] as number, seen, age]),
      records.map((record) => places[record] as number),
      deltas,
      distances,
      entries,
      hints,
      relocations,
    );
  }
  const words = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    words.set(part, at);
    at += part.length;
  }
  return words;
}

/** What `encodeRegions` wrote, of `records` records; the functions are in `module`. Throws RangeError if it is not that. */
export function decodeRegions(words: Int32Array, records: number, module: Uint8Array<ArrayBuffer>): StoredRegion[] {
  const regions: StoredRegion[] = [];
  let at = 0;
  const word = (k: number): number => words[k] as number;
  while (at < words.length) {
    for (let k = at; k < at + HEAD; k++)
      if (!(word(k) >= 0 && word(k) <= words.length + module.length)) throw new RangeError('a stored region is too long, or cut off');
    const [blocks, size, start, seen, age] = [word(at), word(at + 4), word(at + 5), word(at + 6), word(at + 7)];
    const deltaAt = at + HEAD + blocks;
    const distanceAt = deltaAt + blocks;
    const entryAt = distanceAt + blocks;
    const hintAt = entryAt + word(at + 1);
    const relocationAt = hintAt + word(at + 2);
    const end = relocationAt + word(at + 3) * RELOCATION;
    if (end > words.length || start + size > module.length) throw new RangeError('the stored regions end early');
    const region: StoredRegion = {
      records: words.subarray(at + HEAD, deltaAt),
      deltas: words.subarray(deltaAt, distanceAt),
      distances: words.subarray(distanceAt, entryAt),
      entries: words.subarray(entryAt, hintAt),
      hints: words.subarray(hintAt, relocationAt),
      relocations: words.subarray(relocationAt, end),
      body: module.subarray(start, start + size),
      seen,
      age,
    };
    at = end;
    verify(region, records);
    regions.push(region);
  }
  return regions;
}

function verify({ records, entries, seen, relocations, body }: StoredRegion, count: number): void {
  const within = (numbers: Int32Array, limit: number): boolean => numbers.every((number) => number >= 0 && number < limit);
  if (!within(records, count)) throw new RangeError('a stored region is made of a block that is not there');
  if (records.length === 0 || seen > entries.length || !within(entries, records.length))
    throw new RangeError('a stored region is entered where it has no block');
  for (let k = 0; k < relocations.length; k += RELOCATION) {
    const [at, kind, block] = [relocations[k] as number, relocations[k + 1] as number, relocations[k + 2] as number];
    if (at < 0 || at > body.length - WIDE) throw new RangeError('a stored region names a place outside its code');
    if (kind < 0 || kind > KIND_REGION) throw new RangeError('a stored region has a number of no kind');
    if (kind !== KIND_REGION && !(block >= 0 && block < records.length)) throw new RangeError('a stored region names a block it does not have');
  }
}
