/**
 * A small emitter of ACPI machine language: just the terms that describe processors.
 * Each function returns the bytes of one term. @see ACPI 5.0, section 20.2
 */

type Aml = readonly number[];

/** A name: one to four characters a segment, padded with '_'; a leading '\' makes it absolute. Single segments only. */
export function nameString(name: string): Aml {
  const absolute = name.startsWith('\\');
  const segment = (absolute ? name.slice(1) : name).padEnd(4, '_');
  return [...(absolute ? [0x5c] : []), ...Array.from(segment, (c) => c.charCodeAt(0))];
}

/** PkgLength: counts itself; one byte below 64, else up to four with the low nibble first. */
function withLength(body: Aml): Aml {
  if (body.length + 1 < 0x40) return [body.length + 1, ...body];
  for (const extra of [1, 2, 3]) {
    const total = body.length + 1 + extra;
    if (total < 1 << (4 + 8 * extra)) return [(extra << 6) | (total & 15), ...Array.from({ length: extra }, (_, i) => (total >> (4 + 8 * i)) & 0xff), ...body];
  }
  throw new RangeError('AML package too long');
}

const u32le = (n: number): Aml => [n & 0xff, (n >> 8) & 0xff, (n >> 16) & 0xff, (n >>> 24) & 0xff];

/** An integer constant, 0..2^32-1. */
export function integer(n: number): Aml {
  if (n === 0) return [0x00];
  if (n === 1) return [0x01];
  if (n < 0x100) return [0x0a, n];
  if (n < 0x10000) return [0x0b, n & 0xff, n >> 8];
  return [0x0c, ...u32le(n)];
}

export const text = (s: string): Aml => [0x0d, ...Array.from(s, (c) => c.charCodeAt(0)), 0];
export const buffer = (bytes: Aml): Aml => [0x11, ...withLength([...integer(bytes.length), ...bytes])];
/** Name(name, value) */
export const define = (name: string, value: Aml): Aml => [0x08, ...nameString(name), ...value];
/** Scope(name) { terms } */
export const scope = (name: string, terms: readonly Aml[]): Aml => [0x10, ...withLength([...nameString(name), ...terms.flat()])];
/** Processor(name, id, 0, 0) { terms }: without a register block, nothing would answer there. */
export const processor = (name: string, id: number, terms: readonly Aml[]): Aml => [
  0x5b,
  0x83,
  ...withLength([...nameString(name), id, ...u32le(0), 0, ...terms.flat()]),
];
