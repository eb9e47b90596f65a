/**
 * Segment descriptors: where they lie, what their bits say.
 * "Attributes" are the form of SEG_ATTR: type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11, unusable 16.
 * @see Intel SDM 3A 3.4.5; AMD APM 2 4.7
 */
import { GDTR_BASE, GDTR_LIMIT, LDTR_ATTR, LDTR_BASE, LDTR_LIMIT, LDTR_SEL } from '../../layout';
import { raise } from '../exceptions/raise';
import { readSys64, readSys8, writeSys8 } from '../memory/access';
import { get, get32 } from './slots';

export const ATTR_UNUSABLE: u32 = 0x10000;
export const ATTR_S: u32 = 0x10;
export const ATTR_PRESENT: u32 = 0x80;
export const ATTR_LONG: u32 = 0x200;
export const ATTR_BIG: u32 = 0x400;
export const ATTR_GRANULAR: u32 = 0x800;

/** Linear address of the descriptor of `selector`, or u64.MAX_VALUE when it lies outside its table (`bytes` of it). */
export function descriptorAddress(ctx: usize, selector: u32, bytes: u32): u64 {
  const offset = selector & 0xfff8;
  if ((selector & 4) != 0) {
    if ((get32(ctx, LDTR_ATTR) & ATTR_UNUSABLE) != 0 || (get32(ctx, LDTR_SEL) & 0xfffc) == 0) return u64.MAX_VALUE;
    if (<u64>offset + <u64>bytes - 1 > <u64>get32(ctx, LDTR_LIMIT)) return u64.MAX_VALUE;
    return get(ctx, LDTR_BASE) + <u64>offset;
  }
  if (<u64>offset + <u64>bytes - 1 > <u64>get32(ctx, GDTR_LIMIT)) return u64.MAX_VALUE;
  return get(ctx, GDTR_BASE) + <u64>offset;
}

/** The eight bytes of a descriptor; raises `vector`(selector) when it lies outside its table. */
export function fetchDescriptor(ctx: usize, selector: u32, vector: i32): u64 {
  const address = descriptorAddress(ctx, selector, 8);
  if (address == u64.MAX_VALUE) {
    raise(ctx, vector, true, selector & 0xfffc);
    return 0;
  }
  return readSys64(ctx, address);
}

/** The upper eight bytes of a long-mode system descriptor; raises `vector`(selector) when they lie outside the table. */
export function fetchUpper(ctx: usize, selector: u32, vector: i32): u64 {
  const address = descriptorAddress(ctx, selector, 16);
  if (address == u64.MAX_VALUE) {
    raise(ctx, vector, true, selector & 0xfffc);
    return 0;
  }
  return readSys64(ctx, address + 8);
}

/** Sets the accessed bit in memory if it is not set (faults before anything else changes). */
export function touchDescriptor(ctx: usize, selector: u32, descriptor: u64): void {
  if ((descriptor & (<u64>1 << 40)) != 0) return;
  const address = descriptorAddress(ctx, selector, 8) + 5;
  writeSys8(ctx, address, readSys8(ctx, address) | 1);
}

/** Sets or clears the busy bit (bit 1 of the type) of a TSS descriptor. */
export function setBusy(ctx: usize, selector: u32, busy: bool): void {
  const address = descriptorAddress(ctx, selector, 8) + 5;
  const type = readSys8(ctx, address);
  writeSys8(ctx, address, busy ? type | 2 : type & ~2);
}

export function baseOf(descriptor: u64): u64 {
  return ((descriptor >> 16) & 0xffffff) | ((descriptor >> 32) & 0xff000000);
}

/** Limit in bytes (highest valid offset). */
export function limitOf(descriptor: u64): u32 {
  const limit = <u32>(descriptor & 0xffff) | (<u32>(descriptor >> 32) & 0xf0000);
  return (descriptor & (<u64>1 << 55)) != 0 ? (limit << 12) | 0xfff : limit;
}

export function attrOf(descriptor: u64): u32 {
  const high = <u32>(descriptor >> 40);
  return (high & 0xff) | ((high >> 4) & 0xf00);
}

export function dplOf(attr: u32): u32 {
  return (attr >> 5) & 3;
}

export function isPresent(attr: u32): bool {
  return (attr & ATTR_PRESENT) != 0;
}

/** Type and S of a system segment: S = 0. */
export function isSystem(attr: u32): bool {
  return (attr & ATTR_S) == 0;
}

export function isCode(attr: u32): bool {
  return (attr & 0x18) == 0x18;
}

export function isConforming(attr: u32): bool {
  return (attr & 0x1c) == 0x1c;
}

export function isWritableData(attr: u32): bool {
  return (attr & 0x1a) == 0x12;
}

/** Data, or code that may be read. */
export function isReadable(attr: u32): bool {
  return (attr & ATTR_S) != 0 && (attr & 0xa) != 8;
}
