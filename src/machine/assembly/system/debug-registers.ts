/** MOV to and from DR0..DR7. @see Intel SDM 3B 18.2; AMD APM 2 13.1 */
import { DR0, DR6, DR7, RIP } from '../../layout';
import { raise, raiseDbFault } from '../exceptions/raise';
import { flushAll } from '../memory/tlb';
import { updateMode } from '../mode';
import { requireCpl0 } from './control-registers';
import { cr4Has, get, get32, GP, nextRip, set, UD } from './slots';

const CR4_DE: u32 = 8;
const DR7_GD: u32 = 0x2000;
const DR6_BD: u64 = 0x2000;

/** 0..3, 6 or 7 after the alias rule; faults as both directions do. */
function checked(ctx: usize, number: u32): u32 {
  let real = number;
  if (number == 4 || number == 5) {
    if (cr4Has(ctx, CR4_DE)) raise(ctx, UD, false, 0);
    real = number + 2;
  }
  requireCpl0(ctx);
  if ((get32(ctx, DR7) & DR7_GD) != 0) {
    set(ctx, DR6, get(ctx, DR6) | DR6_BD);
    raiseDbFault(ctx);
  }
  return real;
}

export function readDebug(ctx: usize, number: u32): u64 {
  const real = checked(ctx, number);
  if (real == 6) return (get(ctx, DR6) & 0xe00f) | 0xffff0ff0;
  if (real == 7) return (get(ctx, DR7) & 0xffff2bff) | 0x400;
  return get(ctx, DR0 + real);
}

/** `size` 8 in 64-bit code, else 4. Sets RIP. */
export function writeDebug(ctx: usize, number: u32, full: u64, size: i32, next: i32): void {
  const real = checked(ctx, number);
  const value = size == 8 ? full : full & 0xffffffff;
  if (real >= 6 && value >> 32 != 0) raise(ctx, GP, true, 0);
  const rip = nextRip(ctx, next);
  if (real == 6) {
    set(ctx, DR6, (value & 0xe00f) | 0xffff0ff0);
  } else if (real == 7) {
    set(ctx, DR7, (value & 0xffff2bff) | 0x400);
  } else {
    set(ctx, DR0 + real, value);
  }
  // pages with a data breakpoint have no entry in the soft TLB, so the set of pages changes now
  if (real != 6) flushAll(ctx);
  updateMode(ctx);
  set(ctx, RIP, rip);
}
