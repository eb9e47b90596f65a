import type { Random } from './random.ts';

/** Numbers at which programs go wrong. */
const EDGES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0xfffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

type Change = (bytes: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array;

const CHANGES: readonly Change[] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.once(2) ? random.word() : random.pick(EDGES);
    return bytes;
  },
  function setNumber(bytes, random) {
    const size = random.pick([2, 4, 8]);
    if (bytes.length < size) return bytes;
    const at = random.once(2) ? random.below(bytes.length - size + 1) : Math.floor(random.below(bytes.length - size + 1) / 4) * 4;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const value = random.once(3) ? random.below(bytes.length * 2) : random.pick(EDGES);
    const little = !random.once(4);
    if (size === 2) view.setUint16(at, value, little);
    else if (size === 4) view.setUint32(at, value, little);
    else view.setBigUint64(at, random.once(2) ? BigInt(value) : BigInt(value) << 32n, little);
    return bytes;
  },
  function addToNumber(bytes, random) {
    if (bytes.length < 4) return bytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const at = random.below(bytes.length - 3);
    view.setUint32(at, view.getUint32(at, true) + random.below(33) - 16, true);
    return bytes;
  },
  function cutOff(bytes, random) {
    return bytes.slice(0, random.below(bytes.length + 1));
  },
  function takeOut(bytes, random) {
    const from = random.below(bytes.length);
    const length = 1 + random.below(Math.min(64, bytes.length - from));
    return joined(bytes.subarray(0, from), bytes.subarray(from + length));
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    const more = random.once(2) ? random.bytes(1 + random.below(16)) : new Uint8Array(1 + random.below(64)).fill(random.word());
    return joined(bytes.subarray(0, at), more, bytes.subarray(at));
  },
  function repeat(bytes, random) {
    const from = random.below(bytes.length);
    const length = 1 + random.below(Math.min(256, bytes.length - from));
    const piece = bytes.subarray(from, from + length);
    return joined(bytes.subarray(0, from), ...Array.from({ length: 1 + random.below(8) }, () => piece), bytes.subarray(from));
  },
  function overwrite(bytes, random) {
    const from = random.below(bytes.length);
    const to = random.below(bytes.length);
    bytes.copyWithin(to, from, from + 1 + random.below(128));
    return bytes;
  },
  function splice(bytes, random, corpus) {
    const other = random.pick(corpus);
    return joined(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)));
  },
];

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A valid input with some changes, `limit` bytes at most; now and then unchanged, or nothing but noise. */
export function mutate(random: Random, corpus: readonly Uint8Array[], limit: number): Uint8Array {
  if (random.once(64)) return random.bytes(random.below(Math.min(limit, 256)));
  let bytes: Uint8Array = random.pick(corpus).slice();
  if (random.once(256)) return bytes;
  for (let left = 1 + random.below(random.once(4) ? 16 : 4); left > 0; left--) {
    if (bytes.length === 0) break;
    bytes = random.pick(CHANGES)(bytes, random, corpus).slice(0, limit);
  }
  return bytes;
}

const encoder = new TextEncoder();
const latin1 = new TextDecoder('latin1');

/** As `mutate` for text; `words` are thrown in. */
export function mutateText(random: Random, corpus: readonly string[], words: readonly string[], limit: number): string {
  let text = random.pick(corpus);
  for (let left = random.below(4); left > 0; left--) {
    const at = random.below(text.length + 1);
    text = text.slice(0, at) + random.pick(words) + text.slice(at + (random.once(2) ? random.below(12) : 0));
  }
  if (random.once(2)) return text.slice(0, limit);
  return latin1.decode(
    mutate(
      random,
      [text, ...corpus].map((each) => encoder.encode(each)),
      limit,
    ),
  );
}
