/** LAR, LSL, VERR, VERW, ARPL: answers in ZF, no faults but those of reading the descriptor. @see Intel SDM 2A LAR */
import { read16, readSys64, write16 } from '../memory/access';
import { linear } from '../strings/element';
import { getFlags, setFlags } from '../flags';
import { attrOf, descriptorAddress, dplOf, isConforming, isReadable, isSystem, isWritableData, limitOf } from './descriptor';
import { cpl, get32, isLong, set, setRegister } from './slots';

const ZF: u32 = 0x40;

function setZero(ctx: usize, on: bool): void {
  const flags = getFlags(ctx);
  setFlags(ctx, on ? flags | ZF : flags & ~ZF);
}

/** System types LAR and LSL know, a bit each. LAR: TSS, LDT, call gates, task gate; LSL: those that have a limit. */
const LAR_TYPES: u32 = 0x1a3e;
const LAR_TYPES_LONG: u32 = 0x1a04;
const LSL_TYPES: u32 = 0x0a0e;
const LSL_TYPES_LONG: u32 = 0x0a04;

/** The descriptor if the current level may see it, else 0 (no visible descriptor is 0: type 0 is none of the types). */
function visible(ctx: usize, selector: u32, types: u32): u64 {
  if ((selector & 0xfffc) == 0) return 0;
  const address = descriptorAddress(ctx, selector, 8);
  if (address == u64.MAX_VALUE) return 0;
  const descriptor = readSys64(ctx, address);
  const attr = attrOf(descriptor);
  if (isSystem(attr) && (types >> (attr & 15) & 1) == 0) return 0;
  if (!isConforming(attr)) {
    const dpl = dplOf(attr);
    if (cpl(ctx) > dpl || (selector & 3) > dpl) return 0;
  }
  return descriptor;
}

export function loadAccessRights(ctx: usize, slot: i32, selector: u32, size: i32): void {
  const descriptor = visible(ctx, selector, isLong(ctx) ? LAR_TYPES_LONG : LAR_TYPES);
  if (descriptor != 0) setRegister(ctx, slot, size, (descriptor >> 32) & 0xffff00);
  setZero(ctx, descriptor != 0);
}

export function loadSegmentLimit(ctx: usize, slot: i32, selector: u32, size: i32): void {
  const descriptor = visible(ctx, selector, isLong(ctx) ? LSL_TYPES_LONG : LSL_TYPES);
  if (descriptor != 0) setRegister(ctx, slot, size, limitOf(descriptor));
  setZero(ctx, descriptor != 0);
}

export function verifyRead(ctx: usize, selector: u32): void {
  const descriptor = visible(ctx, selector, 0);
  setZero(ctx, descriptor != 0 && isReadable(attrOf(descriptor)));
}

export function verifyWrite(ctx: usize, selector: u32): void {
  const descriptor = visible(ctx, selector, 0);
  setZero(ctx, descriptor != 0 && isWritableData(attrOf(descriptor)));
}

export function adjustRpl(ctx: usize, slot: i32, source: i32): void {
  const selector = get32(ctx, slot);
  const level = get32(ctx, source) & 3;
  const lower = (selector & 3) < level;
  if (lower) set(ctx, slot, (selector & ~3) | level);
  setZero(ctx, lower);
}

/** The word at `offset` of `segment`: read first, and written only if it changes. */
export function adjustRplMemory(ctx: usize, segment: i32, offset: u64, source: i32): void {
  const selector = <u32>read16(ctx, linear(ctx, segment, offset, 2, false));
  const level = get32(ctx, source) & 3;
  const lower = (selector & 3) < level;
  if (lower) write16(ctx, linear(ctx, segment, offset, 2, true), (selector & ~3) | level);
  setZero(ctx, lower);
}
