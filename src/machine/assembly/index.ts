/**
 * The core's exports. Every function takes the address of a vCPU context in `state` first.
 *
 *   run(ctx): i32                       executes until an exit; EXIT_* (contract below)
 *   unwind(ctx)                         after the host caught the fault object thrown by env.throw_fault
 *   getRflags(ctx): i64, setRflags(ctx, i64)   all of RFLAGS; the setter needs updateMode() after it
 *   updateMode(ctx)                     after any change of control registers, segments, CPL, RFLAGS.TF/VM/AC, DR7
 *   injectInterrupt(ctx, vector)        an external interrupt, delivered first thing by the next run() (IF is the caller's concern)
 *   injectNmi(ctx)
 *   injectException(ctx, vector, hasError, error)   a fault of the instruction at RIP
 *   flushAll, flushNonGlobal, flushPage(ctx, va), flushFrame(ctx, mfn), flushPcpu   soft TLB (memory/tlb.ts)
 *   protectFrame(ctx, mfn)              drop fast writes of a frame on this pCPU
 *   insertBlock(ctx, block), dropFrame(ctx, mfn), dropRange(ctx, mfn, first, last)  translated blocks (blocks.ts)
 *   indexStored, findStored, matchesStored, placeStored, placeStoredPage  translations of earlier runs (stored.ts)
 *   translateVa(ctx, va, access): i64   frames offset or -1 with EXC, EXC_ERROR, CR2 prepared (access 0 read, 1 write, 2 execute)
 *   clearFault(ctx)                     forgets a prepared exception
 *   walkVa(ctx, va, access, view): i32  page walk alone: -1 and slots WALK_GPA, WALK_RIGHTS, or the error code
 *   retiredNow(ctx): i64
 *
 * run(): `for (;;) { try { return core.run(ctx) } catch (e) { if (e !== FAULT) throw e; core.unwind(ctx) } }`.
 * EXIT_MMIO is answered by EXIT_C (reads) and EXIT_B |= 0x1000 (reads and writes), then run() again; see memory/mmio.ts.
 */
import { DELIVERING, EXC, EXC_ERROR, EXC_ERROR_CODE, EXC_EXTERNAL, EXC_PENDING } from "../layout";
import { walk } from "./memory/walk";
import { Ctx } from "./state";

export { run } from "./interpreter";
export { unwind } from "./exceptions/unwind";
export { getRflags, setRflags } from "./flags";
export { updateMode } from "./mode";
export { flushAll, flushFrame, flushNonGlobal, flushPage, flushPcpu, protectFrame } from "./memory/tlb";
export { dropFrame, dropRange, insertBlock } from "./blocks";
export { findStored, indexStored, matchesStored, placeStored, placeStoredPage } from "./stored";
export { translateVa } from "./memory/access";
export { retiredNow } from "./state";

/** External interrupt; run() delivers it before the next instruction. */
export function injectInterrupt(ctx: usize, vector: u32): void {
  Ctx.set(ctx, EXC, (vector & 0xff) | EXC_EXTERNAL | EXC_PENDING);
}

export function injectNmi(ctx: usize): void {
  Ctx.set(ctx, EXC, 2 | EXC_EXTERNAL | EXC_PENDING);
}

export function injectException(ctx: usize, vector: u32, hasError: u32, error: u32): void {
  Ctx.set(ctx, EXC, (vector & 0xff) | EXC_PENDING | (hasError ? EXC_ERROR_CODE : 0));
  Ctx.set(ctx, EXC_ERROR, error);
}

export function clearFault(ctx: usize): void {
  Ctx.set(ctx, EXC, 0);
  Ctx.set(ctx, DELIVERING, 0);
}

export function walkVa(ctx: usize, va: u64, access: u32, view: u32): i32 {
  return walk(ctx, va, access, view);
}

// Exported only so that the optimiser does not fold them into the run loop, whose registers they would cost. Not for hosts.
export { dispatchInt } from "./int/dispatch";
export { dispatchString } from "./strings/dispatch";
export { dispatchSystem } from "./system/dispatch";
export { dispatchVec } from "./vec/dispatch";
export { dispatchX87 } from "./x87/dispatch";
export { dropRegions, installRegion, lazyCarry, lazyCond, lazyFlags, runRegion, tryVector } from "./regions";
export { jumpCut, leave } from "./interpreter";
export { find, findFar, lookup, lookupOne, onward, start } from "./lookup";
export { segmentLinear } from "./memory/segment";
export { slowRead, slowWrite } from "./memory/access";
export { missed } from "./memory/missed";
export { armedTimer } from "./system/own-timer";

