/**
 * Compiled regions (the wasm target) as the core sees them. A region is a function (ctx, block) -> what to do next, in the
 * core's table; it stands for a block and those that the block reaches within its page, and may be entered at some of them, which have numbers.
 * Such a block's first micro-op is OP_REGION, and header word BLK_REGION holds the function's index + 1 and the number.
 *
 * A region that cannot go on leaves with everything in the context exact: registers, RIP, BUDGET. It never throws except
 * through a helper, which finds the same in the context as when the interpreter calls it. An instruction whose access the soft TLB
 * does not let through (pages not there yet, faults, devices, translated code) the interpreter does.
 */
import {
  ASID, BLK_COUNT, BLK_FRAME2_NEXT, BLK_FRAME_NEXT, BLK_HEADER, BLK_INSNS, BLK_PHYS, BLK_REGION, BUDGET, CUR_BLOCK, DR7, EXC, FRAME_BLOCKS,
  MISSED, MISSED_ACCESS, MISSED_SIZE_SHIFT, MXCSR, PCPU, PCPU_SCRATCH, REGION_BAIL, REGION_BUDGET, REGION_MISSED, REGION_NODE_SHIFT, REGION_RETIRED, REGION_RETRY, REGION_UNDER_WAY, RIP, TLB_READ, TLB_WRITE, UOP_SIZE, WAY_BLOCK, WAY_CACHE, WAY_REGION, WAY_STRIDE, WAYS,
} from "../layout";
import { OP_ENTER, OP_REGION } from "../ops";
import { condOf, flagsOf } from "./flags";
import { find, isOrdinary, lookup, lookupOne, onward } from "./lookup";
import { currentView, prepareFault, R_FAILED, R_FAULT, R_MMIO, resolve } from "./memory/access";
import { Tlb } from "./memory/tlb";
import { READ, VIEW_ALIGN, WRITE } from "./memory/walk";
import { Ctx } from "./state";
import { dispatchVec } from "./vec/dispatch";

/** What a region answers: RIP is to be looked up; the block at RIP is to be interpreted even if it has a region; a helper changed RIP or mode. Else the address of the block's first micro-op. */
export const NEXT_FIND = 0;
export const NEXT_PLAIN = 1;
export const NEXT_LOOKUP = 2;

/** Notes the budget with which a region is entered. */
function enterRegion(ctx: usize): void {
  const scratch = <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
  store<u64>(scratch, Ctx.get(ctx, BUDGET), REGION_BUDGET);
  store<u64>(scratch, 1, REGION_UNDER_WAY);
}

/** Counts what the region under way, if there is one, has retired: it returned, or was left by a throw. */
export function leaveRegion(ctx: usize): void {
  const scratch = <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
  if (load<u64>(scratch, REGION_UNDER_WAY) == 0) return;
  store<u64>(scratch, 0, REGION_UNDER_WAY);
  store<u64>(scratch, load<u64>(scratch, REGION_RETIRED) + load<u64>(scratch, REGION_BUDGET) - Ctx.get(ctx, BUDGET), REGION_RETIRED);
}

/** Runs the region of the block whose first micro-op is at `pc`; answers the next micro-op, 0 = leave run(). */
export function runRegion(ctx: usize, pc: usize): usize {
  const region = load<u32>(pc - BLK_HEADER, BLK_REGION);
  enterRegion(ctx);
  const next = call_indirect<i32>((region & ((1 << REGION_NODE_SHIFT) - 1)) - 1, ctx, region >> REGION_NODE_SHIFT);
  leaveRegion(ctx);
  if (next > NEXT_LOOKUP && load<u16>(next) == OP_ENTER) return next;
  if (next == NEXT_LOOKUP) return onward(ctx);
  if (next == NEXT_PLAIN) return missed(ctx) ? find(ctx, 0) : interpretOne(ctx);
  // or the block on a way has been dropped since, or has a region now
  const at = find(ctx, 0);
  if (isOrdinary(ctx, at)) keepWay(ctx, at - BLK_HEADER, load<u32>(at - BLK_HEADER, BLK_REGION));
  return at;
}

/**
 * The page of an access that a region was left for into the soft TLB; a page fault is made ready and delivered next, without the throw that it would
 * cost the interpreter. True if a region would get through now: the instruction's own, if it has one, goes on, unless none of it was done since the last time
 * (its accesses may take the same entry from each other in turns). All else is the interpreter's.
 */
function missed(ctx: usize): bool {
  const access = Ctx.get32(ctx, MISSED_ACCESS);
  if (access == 0) return false;
  Ctx.set(ctx, MISSED_ACCESS, 0);
  const view = currentView(ctx);
  const va = Ctx.is64(ctx) ? Ctx.get(ctx, MISSED) : Ctx.get(ctx, MISSED) & 0xffffffff;
  // alignment and breakpoints come first, and the end of a segment where addresses wrap
  if (view == VIEW_ALIGN || Ctx.get32(ctx, DR7) & 0xff || (<u32>va & 0xfff) + (access >> MISSED_SIZE_SHIFT) > 4096) return false;
  const at = resolve(ctx, va, access & 1 ? WRITE : READ, view);
  if (at & R_FAULT) prepareFault(ctx, va, at);
  if (at & (R_FAILED | R_MMIO)) return false;
  const entry = Tlb.entry(ctx, va);
  const tag = (va & ~(<u64>0xfff)) | Ctx.get(ctx, ASID);
  if ((access & 1 ? load<u64>(entry, TLB_WRITE) : load<u64>(entry, TLB_READ)) != tag) return false;
  const scratch = <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
  if (load<u64>(scratch, REGION_MISSED) == Ctx.get(ctx, BUDGET)) return false;
  store<u64>(scratch, Ctx.get(ctx, BUDGET), REGION_MISSED);
  return true;
}

/** The block at RIP as bytecode, or the handler of the page fault that a region met there. */
function interpretOne(ctx: usize): usize {
  Ctx.set(ctx, REGION_BAIL, 0);
  if (Ctx.get(ctx, EXC) != 0) return lookup(ctx, 0);
  const at = find(ctx, 0);
  if (at == 0 || load<u16>(at) != OP_REGION) return at;
  const left = load<i64>(ctx, BUDGET << 3) - <i64>load<u16>(at - BLK_HEADER, BLK_INSNS);
  if (left < 0) return lookupOne(ctx);
  store<i64>(ctx, left, BUDGET << 3);
  store<u64>(ctx, <u64>(at - BLK_HEADER), CUR_BLOCK << 3);
  return at + UOP_SIZE;
}

/** Regions find the way to the block at RIP by one look next time: the hash has others first, or it has no region. */
function keepWay(ctx: usize, block: usize, region: u32): void {
  const rip = <u32>Ctx.get(ctx, RIP);
  const way = <usize>WAY_CACHE + <usize>((((rip ^ (rip >> 9)) >> 3) & (WAYS - 1)) * WAY_STRIDE);
  // BLK_PHYS and BLK_MODE
  store<u64>(way, load<u64>(block, BLK_PHYS));
  store<u32>(way, region, WAY_REGION);
  store<u32>(way, <u32>block + BLK_HEADER, WAY_BLOCK);
}

/** A block has lost its region, or has another one: regions find all ways anew. One that leads to a block which has none yet may stay. */
function forgetWays(): void {
  memory.fill(WAY_CACHE, 0, WAYS * WAY_STRIDE);
}

/** Gives `block` the region in table entry `index`, where it is number `node`. */
export function installRegion(ctx: usize, block: usize, index: u32, node: u32): void {
  if (load<u32>(block, BLK_REGION) != 0) forgetWays();
  store<u32>(block, (index + 1) | (node << REGION_NODE_SHIFT), BLK_REGION);
  store<u16>(block + BLK_HEADER, OP_REGION);
}

/** Takes their regions from the blocks of frame `mfn`, some of which may be gone: code there has changed. */
export function dropRegions(mfn: u32): void {
  let block = <usize>load<u32>(<usize>FRAME_BLOCKS + (<usize>mfn << 2));
  forgetWays();
  while (block != 0) {
    if (load<u32>(block, BLK_REGION) != 0) {
      store<u32>(block, 0, BLK_REGION);
      store<u16>(block + BLK_HEADER, OP_ENTER);
      store<u32>(block, REGION_RETRY, BLK_COUNT);
    }
    block = <usize>load<u32>(block + (load<u32>(block, BLK_PHYS) >> 12 == mfn ? BLK_FRAME_NEXT : BLK_FRAME2_NEXT));
  }
}

/** Lazy flags in registers: condition `cc`, carry, OSZAPC. */
export function lazyCond(op: u32, a: u64, b: u64, cc: u32): u32 {
  return condOf(flagsOf(op, a, b), cc);
}

export function lazyCarry(op: u32, a: u64, b: u64): u32 {
  return flagsOf(op, a, b) & 1;
}

export function lazyFlags(op: u32, a: u64, b: u64): u32 {
  return flagsOf(op, a, b);
}

/** Vector helper `n` of floating point when no exception is unmasked: such a helper cannot throw. REGION_BAIL is set when it was not called. */
export function tryVector(ctx: usize, n: i32, d: i32, a: i32, b: i32, c: i32, extra: i64): void {
  if ((Ctx.get32(ctx, MXCSR) & 0x1f80) == 0x1f80) dispatchVec(ctx, n, d, a, b, c, extra);
  else Ctx.set(ctx, REGION_BAIL, 1);
}
