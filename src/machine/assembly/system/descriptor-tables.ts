/** GDTR, IDTR, LDTR and TR. @see Intel SDM 2A LGDT, LLDT, 2B LTR, SGDT; AMD APM 3 */
import { LDTR_ATTR, LDTR_BASE, LDTR_LIMIT, LDTR_SEL, TR_ATTR, TR_BASE, TR_LIMIT, TR_SEL } from '../../layout';
import { raise } from '../exceptions/raise';
import { probeWrite, read16, read32, read64, write16, write32, write64 } from '../memory/access';
import { checkUmip, requireCpl0 } from './control-registers';
import { ATTR_UNUSABLE, attrOf, baseOf, fetchDescriptor, fetchUpper, isPresent, limitOf, setBusy } from './descriptor';
import { get, GP, is64, isCanonical, isLong, NP, set } from './slots';

/** SGDT, SIDT: limit and base to memory; `size` 8 in 64-bit code, else 4. */
export function storeTable(ctx: usize, baseSlot: i32, limitSlot: i32, va: u64, size: i32): void {
  checkUmip(ctx);
  probeWrite(ctx, va, 2 + size);
  write16(ctx, va, get(ctx, limitSlot));
  if (size == 8) write64(ctx, va + 2, get(ctx, baseSlot));
  else write32(ctx, va + 2, get(ctx, baseSlot));
}

/** LGDT, LIDT: limit and base from memory; `size` 8 in 64-bit code, 4, or 2 for a base of 24 bits. */
export function loadTable(ctx: usize, baseSlot: i32, limitSlot: i32, va: u64, size: i32): void {
  requireCpl0(ctx);
  const limit = read16(ctx, va);
  let base: u64;
  if (is64(ctx)) {
    base = read64(ctx, va + 2);
    if (!isCanonical(base)) raise(ctx, GP, true, 0);
  } else {
    base = read32(ctx, va + 2);
    if (size == 2) base &= 0xffffff;
  }
  set(ctx, baseSlot, base);
  set(ctx, limitSlot, limit);
}

/** Base of a system descriptor, 64 bits of it in long mode. */
function systemBase(ctx: usize, selector: u32, descriptor: u64): u64 {
  if (!isLong(ctx)) return baseOf(descriptor);
  const upper = fetchUpper(ctx, selector, GP);
  const base = baseOf(descriptor) | (upper << 32);
  if ((upper & 0x1f0000000000) != 0 || !isCanonical(base)) raise(ctx, GP, true, selector & 0xfffc);
  return base;
}

export function loadLdt(ctx: usize, selector: u32): void {
  requireCpl0(ctx);
  const error = selector & 0xfffc;
  if (error == 0) {
    set(ctx, LDTR_SEL, selector);
    set(ctx, LDTR_ATTR, ATTR_UNUSABLE);
    return;
  }
  if ((selector & 4) != 0) raise(ctx, GP, true, error);
  const descriptor = fetchDescriptor(ctx, selector, GP);
  const attr = attrOf(descriptor);
  if ((attr & 0x1f) != 2) raise(ctx, GP, true, error);
  const base = systemBase(ctx, selector, descriptor);
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  set(ctx, LDTR_SEL, selector);
  set(ctx, LDTR_BASE, base);
  set(ctx, LDTR_LIMIT, limitOf(descriptor));
  set(ctx, LDTR_ATTR, attr);
}

export function loadTask(ctx: usize, selector: u32): void {
  requireCpl0(ctx);
  const error = selector & 0xfffc;
  if (error == 0 || (selector & 4) != 0) raise(ctx, GP, true, error);
  const descriptor = fetchDescriptor(ctx, selector, GP);
  const attr = attrOf(descriptor);
  if ((attr & 0x1f) != 9 && ((attr & 0x1f) != 1 || isLong(ctx))) raise(ctx, GP, true, error);
  const base = systemBase(ctx, selector, descriptor);
  if (!isPresent(attr)) raise(ctx, NP, true, error);
  setBusy(ctx, selector, true);
  set(ctx, TR_SEL, selector);
  set(ctx, TR_BASE, base);
  set(ctx, TR_LIMIT, limitOf(descriptor));
  set(ctx, TR_ATTR, attr | 2);
}
