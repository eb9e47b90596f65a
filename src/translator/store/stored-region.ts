/** A compiled region apart from any place: its function with what must be filled in, and the blocks it stands for. */
import type { Relocation } from '../targets/wasm/code.ts';
import type { BlockRecord } from './stored-blocks.ts';

export interface StoredRegion {
  /** Its blocks, the head first: their records and their distances from the head. */
  readonly records: readonly BlockRecord[];
  readonly deltas: readonly number[];
  /** Blocks besides the head where it can be entered. */
  readonly entries: readonly number[];
  /** The function: locals and code. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly hints: readonly (readonly [number, boolean])[];
  /** Words of RELOCATION each: there are hundreds of thousands, and they are wanted once. */
  readonly relocations: Int32Array;
  /** Runs since it was of use. */
  readonly age: number;
}

/** Words of a packed relocation: place in the function's code, kind, block, addend. */
export const RELOCATION = 4;
const KINDS = ['address', 'offset', 'region'] as const;
/** Kind of one that stands for the region itself; the others stand for an address in a block. */
export const KIND_REGION = 2;

/** Relocations as a stored region has them. */
export function packRelocations(relocations: readonly Relocation[]): Int32Array {
  const words = new Int32Array(relocations.length * RELOCATION);
  for (const [k, relocation] of relocations.entries()) {
    const place = relocation.kind === 'region' ? [0, 0] : [relocation.block, relocation.addend];
    words.set([relocation.at, KINDS.indexOf(relocation.kind), ...place], k * RELOCATION);
  }
  return words;
}

/** Words of a region before its lists. */
const HEAD = 6;

const wordsOf = ({ records, entries, hints, relocations, body }: StoredRegion): number =>
  HEAD + records.length * 2 + entries.length + hints.length + relocations.length + ((body.length + 3) >> 2);

/** Regions as words for a file; `places` says where their blocks lie there. */
export function encodeRegions(regions: readonly StoredRegion[], places: ReadonlyMap<BlockRecord, BlockRecord>): Int32Array {
  const words = new Int32Array(regions.reduce((sum, region) => sum + wordsOf(region), 0));
  const bytes = new Uint8Array(words.buffer);
  let at = 0;
  for (const { records, deltas, entries, body, hints, relocations, age } of regions) {
    const put = (word: number): void => {
      words[at++] = word;
    };
    for (const count of [records.length, entries.length, hints.length, relocations.length / RELOCATION, body.length, age]) put(count);
    for (const [k, record] of records.entries()) {
      put(places.get(record) as number);
      put(deltas[k] as number);
    }
    for (const entry of entries) put(entry);
    for (const [place, likely] of hints) put(place * 2 + (likely ? 1 : 0));
    words.set(relocations, at);
    at += relocations.length;
    bytes.set(body, at * 4);
    at += (body.length + 3) >> 2;
  }
  return words;
}

/** What `encodeRegions` wrote. Throws RangeError if it is not that. */
export function decodeRegions(words: Int32Array): StoredRegion[] {
  const regions: StoredRegion[] = [];
  let at = 0;
  const word = (k: number): number => words[k] as number;
  while (at < words.length) {
    for (let k = at; k < at + HEAD; k++) if (!(word(k) >= 0 && word(k) <= words.length * 4)) throw new RangeError('a stored region is too long, or cut off');
    const [blocks, entryCount, hintCount] = [word(at), word(at + 1), word(at + 2)];
    const [relocationCount, size, age] = [word(at + 3), word(at + 4), word(at + 5)];
    const memberAt = at + HEAD;
    const entryAt = memberAt + blocks * 2;
    const hintAt = entryAt + entryCount;
    const relocationAt = hintAt + hintCount;
    const bodyAt = relocationAt + relocationCount * RELOCATION;
    at = bodyAt + ((size + 3) >> 2);
    if (at > words.length) throw new RangeError('the stored regions end early');
    const entries = [...words.subarray(entryAt, hintAt)];
    if (blocks === 0 || entries.some((node) => node < 0 || node >= blocks)) throw new RangeError('a stored region is entered where it has no block');
    const records: BlockRecord[] = [];
    const deltas: number[] = [];
    for (let k = memberAt; k < entryAt; k += 2) {
      records.push(word(k));
      deltas.push(word(k + 1));
    }
    const hints: [number, boolean][] = [];
    for (let k = hintAt; k < relocationAt; k++) hints.push([word(k) >> 1, (word(k) & 1) !== 0]);
    const relocations = words.subarray(relocationAt, bodyAt);
    for (let k = 1; k < relocations.length; k += RELOCATION)
      if (!((relocations[k] as number) >= 0 && (relocations[k] as number) <= KIND_REGION)) throw new RangeError('a stored region has a number of no kind');
    const start = words.byteOffset + bodyAt * 4;
    const body = new Uint8Array(words.buffer as ArrayBuffer, start, size);
    regions.push({ records, deltas, entries, body, hints, relocations, age });
  }
  return regions;
}
