/**
 * Compiled regions (the wasm target) as the core sees them. A region is a function (ctx, block) -> what to do next, in the
 * core's table; it stands for a block and those that the block reaches within its page, and may be entered at some of them, which have numbers.
 * Such a block's first micro-op is OP_REGION, and header word BLK_REGION holds the function's index + 1 and the number.
 *
 * A region that cannot go on leaves with everything in the context exact: registers, RIP, BUDGET. It never throws except
 * through a helper, which finds the same in the context as when the interpreter calls it. What the non-throwing accesses here
 * refuse (faults, devices, translated code) the interpreter does anew, instruction and all.
 */
import {
  BLK_COUNT, BLK_FRAME2_NEXT, BLK_FRAME_NEXT, BLK_HEADER, BLK_INSNS, BLK_PHYS, BLK_REGION, BUDGET, CUR_BLOCK, DR7, EXC, FRAME_BLOCKS,
  MXCSR, PCPU, PCPU_SCRATCH, REGION_BAIL, REGION_BUDGET, REGION_NODE_SHIFT, REGION_RETIRED, REGION_RETRY, REGION_UNDER_WAY, RIP, UOP_SIZE, WAY_BLOCK, WAY_CACHE, WAY_REGION, WAY_STRIDE, WAYS,
} from "../layout";
import { OP_DEAD, OP_ENTER, OP_REGION } from "../ops";
import { holdsCode } from "./blocks";
import { condOf, flagsOf } from "./flags";
import { copy_from_state, copy_to_state, ld16u, ld32u, ld64, ld8u, st16, st32, st64, st8 } from "./frames";
import { find, isOrdinary, lookup, lookupOne, onward } from "./lookup";
import { currentView, prepareFault, R_FAILED, R_FAULT, R_MMIO, resolve } from "./memory/access";
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
  keepWay(ctx, pc - BLK_HEADER, region);
  enterRegion(ctx);
  const next = call_indirect<i32>((region & ((1 << REGION_NODE_SHIFT) - 1)) - 1, ctx, region >> REGION_NODE_SHIFT);
  leaveRegion(ctx);
  if (next > NEXT_LOOKUP && load<u16>(next) != OP_DEAD) return next;
  if (next == NEXT_LOOKUP) return onward(ctx);
  if (next == NEXT_PLAIN) return interpretOne(ctx);
  const at = find(ctx, 0);
  // the next region that comes here has not to look it up
  if (isOrdinary(ctx, at)) keepWay(ctx, at - BLK_HEADER, load<u32>(at - BLK_HEADER, BLK_REGION));
  return at;
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

/** Regions find the way to the block at RIP by one look: the hash has others first, or was not looked at, or it has no region. */
function keepWay(ctx: usize, block: usize, region: u32): void {
  const rip = <u32>Ctx.get(ctx, RIP);
  const way = <usize>WAY_CACHE + (<usize>((rip ^ (rip >> 12)) & (WAYS - 1)) * WAY_STRIDE);
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

/**
 * Offset in `frames` of [va, va + size), or -1 when the interpreter has to do the access. If `whole`, a page fault is made ready: the region bails
 * before the instruction, as a throw would unwind to it, and the handler runs next.
 */
function plainOffset(ctx: usize, va: u64, size: u32, access: u32, whole: bool): i64 {
  const view = currentView(ctx);
  // alignment is the interpreter's to check
  if (view == VIEW_ALIGN) return -1;
  const at = resolve(ctx, va, access, view);
  if (at & (R_FAILED | R_MMIO)) {
    if (whole && at & R_FAULT) prepareFault(ctx, va, at);
    return -1;
  }
  if (access == WRITE) {
    const first = <u32>at & 0xfff;
    if (holdsCode(<u32>at >> 12, first, first + size - 1)) return -1;
  }
  return <i64>at;
}

function refuse(ctx: usize): void {
  Ctx.set(ctx, REGION_BAIL, 1);
}

/** Slow path of a region's loads of 1, 2, 4 or 8 bytes; `access` as for slowRead(). REGION_BAIL is set when nothing was read. */
export function tryRead(ctx: usize, address: u64, size: u32, access: u32): u64 {
  const va = Ctx.is64(ctx) ? address : address & 0xffffffff;
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (!(Ctx.get32(ctx, DR7) & 0xff)) {
    if (size <= first) {
      const at = plainOffset(ctx, va, size, access, true);
      if (at >= 0) {
        const offset = <u32>at;
        return size == 8 ? ld64(offset) : size == 4 ? <u64>ld32u(offset) : size == 2 ? <u64>ld16u(offset) : <u64>ld8u(offset);
      }
    } else if (Ctx.is64(ctx) || va + size <= 0x100000000) {
      const at1 = plainOffset(ctx, va, first, access, false);
      const at2 = at1 < 0 ? -1 : plainOffset(ctx, va + first, size - first, access, false);
      if (at2 >= 0) {
        let value: u64 = 0;
        for (let i: u32 = 0; i < size; i++) {
          value |= <u64>ld8u(i < first ? <u32>at1 + i : <u32>at2 + (i - first)) << (<u64>i << 3);
        }
        return value;
      }
    }
  }
  refuse(ctx);
  return 0;
}

/** Slow path of a region's stores. REGION_BAIL is set when nothing was written. */
export function tryWrite(ctx: usize, address: u64, size: u32, value: u64): void {
  const va = Ctx.is64(ctx) ? address : address & 0xffffffff;
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (!(Ctx.get32(ctx, DR7) & 0xff)) {
    if (size <= first) {
      const at = plainOffset(ctx, va, size, WRITE, true);
      if (at >= 0) {
        const offset = <u32>at;
        if (size == 8) st64(offset, value);
        else if (size == 4) st32(offset, <u32>value);
        else if (size == 2) st16(offset, <u32>value);
        else st8(offset, <u32>value);
        return;
      }
    } else if (Ctx.is64(ctx) || va + size <= 0x100000000) {
      const at1 = plainOffset(ctx, va, first, WRITE, false);
      const at2 = at1 < 0 ? -1 : plainOffset(ctx, va + first, size - first, WRITE, false);
      if (at2 >= 0) {
        for (let i: u32 = 0; i < size; i++) {
          st8(i < first ? <u32>at1 + i : <u32>at2 + (i - first), <u32>(value >> (<u64>i << 3)));
        }
        return;
      }
    }
  }
  refuse(ctx);
}

/** As `tryRead`, of 16 or 32 bytes into the vector at `to` (address in `state`). */
export function tryReadVector(ctx: usize, address: u64, to: usize, size: u32): void {
  const va = Ctx.is64(ctx) ? address : address & 0xffffffff;
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (!(Ctx.get32(ctx, DR7) & 0xff) && (size <= first || Ctx.is64(ctx) || va + size <= 0x100000000)) {
    const at1 = plainOffset(ctx, va, min<u32>(size, first), READ, size <= first);
    const at2 = at1 < 0 ? -1 : size <= first ? at1 + first : plainOffset(ctx, va + first, size - first, READ, false);
    if (at2 >= 0) {
      copy_to_state(<u32>to, <u32>at1, min<u32>(size, first));
      if (size > first) copy_to_state(<u32>to + first, <u32>at2, size - first);
      return;
    }
  }
  refuse(ctx);
}

/** The store of the vector at `from`. */
export function tryWriteVector(ctx: usize, address: u64, from: usize, size: u32): void {
  const va = Ctx.is64(ctx) ? address : address & 0xffffffff;
  const first: u32 = 4096 - (<u32>va & 0xfff);
  if (!(Ctx.get32(ctx, DR7) & 0xff) && (size <= first || Ctx.is64(ctx) || va + size <= 0x100000000)) {
    const at1 = plainOffset(ctx, va, min<u32>(size, first), WRITE, size <= first);
    const at2 = at1 < 0 ? -1 : size <= first ? at1 + first : plainOffset(ctx, va + first, size - first, WRITE, false);
    if (at2 >= 0) {
      copy_from_state(<u32>at1, <u32>from, min<u32>(size, first));
      if (size > first) copy_from_state(<u32>at2, <u32>from + first, size - first);
      return;
    }
  }
  refuse(ctx);
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
  else refuse(ctx);
}
