/** The MSRs that live in the vCPU context; all others are the hypervisor's (EXIT_MSR). @see AMD APM 2 appendix A */
import {
  CR0, CSTAR, EFER, EFER_VALID, EXIT_A, EXIT_LEN, EXIT_MSR, KERNEL_GS_BASE, LSTAR, RAX, RCX, RDX, RIP, SEG_BASE, SFMASK, STAR, SYSENTER_CS,
  SYSENTER_EIP, SYSENTER_ESP, TSC_AUX,
} from '../../layout';
import { raise, raiseExit } from '../exceptions/raise';
import { updateMode } from '../mode';
import { requireCpl0 } from './control-registers';
import { timeStamp } from './counters';
import { FS, get, get32, GP, GS, isCanonical, nextRip, set } from './slots';

const MSR_TSC: u32 = 0x10;
const MSR_EFER: u32 = 0xc0000080;
const EFER_LME: u64 = 0x100;
const EFER_LMA: u64 = 0x400;
/** SCE LME LMA NXE: what the core implements. */
const EFER_ALL: u64 = 0xd01;

/** Slot that holds the MSR, -1 for one that is not the core's. */
function slotOf(msr: u32): i32 {
  switch (msr) {
    case 0x174: return SYSENTER_CS;
    case 0x175: return SYSENTER_ESP;
    case 0x176: return SYSENTER_EIP;
    case MSR_EFER: return EFER;
    case 0xc0000081: return STAR;
    case 0xc0000082: return LSTAR;
    case 0xc0000083: return CSTAR;
    case 0xc0000084: return SFMASK;
    case 0xc0000100: return SEG_BASE + FS;
    case 0xc0000101: return SEG_BASE + GS;
    case 0xc0000102: return KERNEL_GS_BASE;
    case 0xc0000103: return TSC_AUX;
    default: return -1;
  }
}

function leave(ctx: usize, write: bool, length: i32): void {
  set(ctx, EXIT_A, write ? 1 : 0);
  set(ctx, EXIT_LEN, <u64>length);
  raiseExit(ctx, EXIT_MSR);
}

export function readMsr(ctx: usize, length: i32): void {
  requireCpl0(ctx);
  const msr = get32(ctx, RCX);
  const slot = slotOf(msr);
  if (slot < 0 && msr != MSR_TSC) {
    leave(ctx, false, length);
    return;
  }
  const value = msr == MSR_TSC ? timeStamp(ctx) : get(ctx, slot);
  set(ctx, RAX, value & 0xffffffff);
  set(ctx, RDX, value >> 32);
}

/** Sets RIP. */
export function writeMsr(ctx: usize, next: i32, length: i32): void {
  requireCpl0(ctx);
  const msr = get32(ctx, RCX);
  const slot = slotOf(msr);
  if (slot < 0) {
    leave(ctx, true, length);
    return;
  }
  const value = <u64>get32(ctx, RAX) | (get(ctx, RDX) << 32);
  const rip = nextRip(ctx, next);
  if (slot == EFER) {
    writeEfer(ctx, value);
  } else {
    if (slot == TSC_AUX || slot == SFMASK) {
      if (value >> 32 != 0) raise(ctx, GP, true, 0);
    } else if (slot != STAR && slot != SYSENTER_CS && !isCanonical(value)) {
      raise(ctx, GP, true, 0);
    }
    set(ctx, slot, value);
  }
  set(ctx, RIP, rip);
}

/** #GP(0) for bits the model lacks and for changing LME under paging; LMA is the processor's own. */
export function writeEfer(ctx: usize, value: u64): void {
  const old = get(ctx, EFER);
  const model = get(ctx, EFER_VALID);
  const valid = model == 0 ? EFER_ALL : (model & EFER_ALL) | EFER_LMA;
  if ((value & ~valid) != 0) raise(ctx, GP, true, 0);
  if (((value ^ old) & EFER_LME) != 0 && (get32(ctx, CR0) & 0x80000000) != 0) raise(ctx, GP, true, 0);
  set(ctx, EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
  updateMode(ctx);
}
