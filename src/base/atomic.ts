/**
 * Atomic access to shared fields of 32 and 16 bits, by byte offset. A field that another thread, or a guest on
 * another pCPU, may write at the same time is never touched through a struct view, but through these.
 *
 * `words` must be a view on the whole memory (offset 0), so that `at` is the same byte offset as for struct views.
 * An unaligned `at` is our bug: the offset is cut to the element, so callers assert alignment where it comes from outside.
 */

/** Current value, unsigned. */
export function loadAtomic(words: Int32Array, at: number): number {
  return Atomics.load(words, at / 4) >>> 0;
}

export function storeAtomic(words: Int32Array, at: number, value: number): void {
  Atomics.store(words, at / 4, value | 0);
}

/** Set bits; the old value, unsigned. */
export function orAtomic(words: Int32Array, at: number, bits: number): number {
  return Atomics.or(words, at / 4, bits) >>> 0;
}

/** Keep only `mask`; the old value, unsigned. */
export function andAtomic(words: Int32Array, at: number, mask: number): number {
  return Atomics.and(words, at / 4, mask) >>> 0;
}

/** Add modulo 2^32; the old value, unsigned. */
export function addAtomic(words: Int32Array, at: number, delta: number): number {
  return Atomics.add(words, at / 4, delta) >>> 0;
}

/** Replace; the old value, unsigned. */
export function exchangeAtomic(words: Int32Array, at: number, value: number): number {
  return Atomics.exchange(words, at / 4, value) >>> 0;
}

/** Write `desired` if the field holds `expected`; the old value, unsigned: the exchange happened if it equals `expected`. */
export function cmpxchgAtomic(words: Int32Array, at: number, expected: number, desired: number): number {
  return Atomics.compareExchange(words, at / 4, expected | 0, desired | 0) >>> 0;
}

/** 16-bit fields (grant entry flags and status words). */
export function cmpxchgAtomic16(halves: Uint16Array, at: number, expected: number, desired: number): number {
  return Atomics.compareExchange(halves, at / 2, expected, desired);
}

/** The accessors above bound to one field of one struct at `at`: `atomic32(words, at + vcpu_info.offsets.x)`. */
export interface Atomic32 {
  load(): number;
  store(value: number): void;
  or(bits: number): number;
  and(mask: number): number;
  add(delta: number): number;
  exchange(value: number): number;
  cmpxchg(expected: number, desired: number): number;
}

/** One shared 32-bit field as an object, for code that is not hot. */
export function atomic32(words: Int32Array, at: number): Atomic32 {
  return {
    load: () => loadAtomic(words, at),
    store: (value) => storeAtomic(words, at, value),
    or: (bits) => orAtomic(words, at, bits),
    and: (mask) => andAtomic(words, at, mask),
    add: (delta) => addAtomic(words, at, delta),
    exchange: (value) => exchangeAtomic(words, at, value),
    cmpxchg: (expected, desired) => cmpxchgAtomic(words, at, expected, desired),
  };
}
