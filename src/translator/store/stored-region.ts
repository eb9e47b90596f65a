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
  readonly relocations: readonly Relocation[];
  /** Runs since it was of use. */
  readonly age: number;
}

const KINDS = ['address', 'offset', 'region'] as const;

/** Regions as words for a file; `places` says where their blocks lie there. */
export function encodeRegions(regions: readonly StoredRegion[], places: ReadonlyMap<BlockRecord, BlockRecord>): Int32Array {
  const words: number[] = [];
  for (const { records, deltas, entries, body, hints, relocations, age } of regions) {
    words.push(records.length, entries.length, hints.length, relocations.length, body.length, age);
    for (const [k, record] of records.entries()) words.push(places.get(record) as number, deltas[k] as number);
    words.push(...entries);
    for (const [at, likely] of hints) words.push(at * 2 + (likely ? 1 : 0));
    for (const relocation of relocations) {
      const [block, addend] = relocation.kind === 'region' ? [0, 0] : [relocation.block, relocation.addend];
      words.push(relocation.at, KINDS.indexOf(relocation.kind), block, addend);
    }
    const padded = new Uint8Array((body.length + 3) & -4);
    padded.set(body);
    for (const word of new Int32Array(padded.buffer)) words.push(word);
  }
  return Int32Array.from(words);
}

/** What `encodeRegions` wrote. Throws RangeError if it is not that. */
export function decodeRegions(words: Int32Array): StoredRegion[] {
  const regions: StoredRegion[] = [];
  let at = 0;
  const next = (): number => {
    if (at >= words.length) throw new RangeError('the stored regions end early');
    return words[at++] as number;
  };
  const list = <T>(count: number, one: () => T): T[] => {
    if (count < 0 || count > words.length) throw new RangeError('a stored region is too long');
    return Array.from({ length: count }, one);
  };
  while (at < words.length) {
    const [blocks, entryCount, hintCount, relocationCount, size, age] = [next(), next(), next(), next(), next(), next()];
    const members = list(blocks, () => [next(), next()] as const);
    const entries = list(entryCount, next);
    const hints = list(hintCount, next).map((word) => [word >> 1, (word & 1) !== 0] as const);
    const relocations = list(relocationCount, (): Relocation => {
      const [place, kind, block, addend] = [next(), KINDS[next()], next(), next()];
      return kind === 'address' || kind === 'offset' ? { at: place, kind, block, addend } : { at: place, kind: 'region' };
    });
    const body = new Uint8Array(Int32Array.from(list((size + 3) >> 2, next)).buffer, 0, size);
    regions.push({ records: members.map(([record]) => record), deltas: members.map(([, delta]) => delta), entries, body, hints, relocations, age });
  }
  return regions;
}
