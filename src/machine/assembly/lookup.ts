/**
 * Between two blocks: pending events, then the translation of the code at RIP.
 *
 * find() is the short way for branches within a running stretch (one probe of the soft TLB, one of the hash), findFar() for those that lead to
 * another page, and mostly to where they led before, onward() behind helpers; lookup() is the full way, taken on entry of run(), where an event, a
 * trap or a single instruction waits, and wherever find() misses. All answer with the address of a block's first micro-op; 0 when run() has to
 * return EXIT_REASON.
 */
import {
  ASID, BLK_BYTES, BLK_FLAGS, BLK_HEADER, BLK_INSNS, BLK_MODE, BLK_NEXT, BLK_PHYS, BLK_PHYS2, BLKF_DEAD, BUDGET, CPU_FLAGS, CPU_WHOLE_BLOCKS, CUR_BLOCK, CUR_UOP, DEBUG_PENDING, DR0, DR6, DR7,
  EFLAGS_SYS, EXC, EXC_ERROR, EXC_EXTERNAL, EXC_PENDING, EXC_TRAP, EXIT_B, EXIT_BUDGET, EXIT_IO_STRING, EXIT_MMIO, EXIT_PENDING, EXIT_REASON,
  EXIT_WINDOW, LAST_EVENT, LINK_GUESS, MODE, MODE_CODE64, MODE_FLAT, MODE_SIZE_MASK, MODE_STEP, NMI_BLOCKED, ONE_INSN, RETIRED_BASE, RIP, SEG_BASE, SEG_LIMIT, SHADOW, SHADOW_SS, SLOW_NEXT,
  STEP_PENDING, TLB, TLB_ADDEND, TLB_ENTRIES, TLB_EXEC, WALK_GPA, WANT_WINDOW, WINDOW_INTERRUPT, WINDOW_NMI,
} from "../layout";
import { hashHead } from "./blocks";
import { translate } from "./env";
import { extendBudget } from "./host-budget";
import { DB, raiseGp } from "./exceptions/raise";
import { deliver } from "./exceptions/deliver";
import { currentView, prepareFault, R_FAILED, R_MMIO, resolve } from "./memory/access";
import { ANSWERED, mmioFetch, noteAnswer } from "./memory/mmio";
import { Spaces } from "./memory/asid";
import { takeStored } from "./stored";
import { EXEC } from "./memory/walk";
import { raisePrepared } from "./exceptions/raise";
import { Ctx } from "./state";

/** No second page. */
const NONE: u32 = 0xffffffff;

/** Longest instruction, in bytes. */
const MAX_INSN = 15;

/** Header words BLK_PHYS and BLK_MODE as one. */
function placeOf(phys: u32, mode: u32): u64 {
  return <u64>phys | (<u64>mode << 32);
}

/** Short way: the block at RIP, or what lookup() says. Jumps only; `link` as there. */
export function find(ctx: usize, link: usize): usize {
  if (Ctx.get32(ctx, SLOW_NEXT) == 0) {
    const mode = Ctx.get32(ctx, MODE);
    const rip = Ctx.get(ctx, RIP);
    const entry = <usize>Ctx.get32(ctx, TLB) + ((<usize>(rip >> 12) & (TLB_ENTRIES - 1)) << 5);
    if (load<u64>(entry, TLB_EXEC) == ((rip & ~(<u64>0xfff)) | Ctx.get(ctx, ASID)) && mode & MODE_FLAT) {
      const phys = <u32>rip + load<u32>(entry, TLB_ADDEND);
      const key = placeOf(phys, mode);
      for (let block = <usize>load<u32>(hashHead(phys, mode)); block != 0; block = <usize>load<u32>(block, BLK_NEXT)) {
        if (load<u64>(block, BLK_PHYS) != key) continue;
        if (load<u32>(block, BLK_PHYS2) != NONE) break;
        if (link != 0) linkTo(ctx, link, block);
        return block + BLK_HEADER;
      }
    }
  }
  return lookup(ctx, link);
}

/**
 * As find(), for a branch that left its page: `link` is the address of a word with a guess (LINK_GUESS), which saves the probe of the hash where the block
 * it led to last is the one at RIP.
 */
export function findFar(ctx: usize, link: usize): usize {
  if (Ctx.get32(ctx, SLOW_NEXT) != 0) return lookup(ctx, 0);
  const guess = load<u32>(link);
  if (guess != 0) {
    const block = <usize>(guess & ~LINK_GUESS) - BLK_HEADER;
    const rip = Ctx.get(ctx, RIP);
    const entry = <usize>Ctx.get32(ctx, TLB) + ((<usize>(rip >> 12) & (TLB_ENTRIES - 1)) << 5);
    // not one condition: it would be computed without branches, each part of it waiting for the one before
    if (load<u64>(entry, TLB_EXEC) == ((rip & ~(<u64>0xfff)) | Ctx.get(ctx, ASID))) {
      if (load<u64>(block, BLK_PHYS) == placeOf(<u32>rip + load<u32>(entry, TLB_ADDEND), Ctx.get32(ctx, MODE))) {
        if (!(load<u32>(block, BLK_FLAGS) & BLKF_DEAD)) return block + BLK_HEADER;
      }
    }
  }
  const next = find(ctx, 0);
  if (isOrdinary(ctx, next)) store<u32>(link, <u32>next | LINK_GUESS);
  return next;
}

/** The block at `next` (0: there is none) may be kept as the one that lies at RIP: not what runs only once or ends behind a page, and not where RIP is no linear address. */
export function isOrdinary(ctx: usize, next: usize): bool {
  return next != 0 && Ctx.get32(ctx, SLOW_NEXT) == 0 && load<u32>(next - BLK_HEADER, BLK_PHYS2) == NONE && (load<u32>(next - BLK_HEADER, BLK_MODE) & MODE_FLAT) != 0;
}

/** Fills in a link word of the block just left, when both blocks lie in one frame. */
function linkTo(ctx: usize, link: usize, block: usize): void {
  const from = <usize>Ctx.get32(ctx, CUR_BLOCK);
  if ((load<u32>(from, BLK_PHYS) ^ load<u32>(block, BLK_PHYS)) >> 12 == 0) store<u32>(link, <u32>block + BLK_HEADER);
}

/**
 * An event that follows another without an instruction between them counts as one: a handler that cannot be fetched would else be called for ever,
 * and no budget end that.
 */
function countEvent(ctx: usize): void {
  let retired = Ctx.get(ctx, RETIRED_BASE) - Ctx.get(ctx, BUDGET);
  if (retired == Ctx.get(ctx, LAST_EVENT)) {
    Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) - 1);
    retired++;
  }
  Ctx.set(ctx, LAST_EVENT, retired);
}

/** What has to happen before the next instruction; false = run() returns EXIT_REASON. */
function events(ctx: usize): bool {
  if (Ctx.get(ctx, EXIT_PENDING) != 0) {
    Ctx.set(ctx, EXIT_PENDING, 0);
    return false;
  }
  for (;;) {
    const event = Ctx.get32(ctx, EXC);
    const pending = (event & EXC_PENDING) != 0;
    if (pending && !(event & EXC_EXTERNAL)) {
      // the instruction did not end: no trap for it
      Ctx.set(ctx, STEP_PENDING, 0);
      Ctx.set(ctx, DEBUG_PENDING, 0);
    }
    const traps = (Ctx.get(ctx, DEBUG_PENDING) & 15) | (Ctx.get(ctx, STEP_PENDING) << 14);
    if (traps != 0 && !(Ctx.get32(ctx, SHADOW) & SHADOW_SS)) {
      // comes before an external interrupt
      Ctx.set(ctx, DR6, (Ctx.get(ctx, DR6) & ~(<u64>15)) | traps | 0xffff0ff0);
      Ctx.set(ctx, STEP_PENDING, 0);
      Ctx.set(ctx, DEBUG_PENDING, 0);
      if (pending) deliver(ctx, DB, EXC_TRAP, 0, Ctx.get(ctx, RIP));
      else Ctx.set(ctx, EXC, DB | EXC_TRAP | EXC_PENDING);
    } else if (pending) {
      deliver(ctx, event & 0xff, event & 0xf00, Ctx.get32(ctx, EXC_ERROR), Ctx.get(ctx, RIP));
      Ctx.set(ctx, EXC, 0);
      countEvent(ctx);
    } else break;
  }
  const window = Ctx.get32(ctx, WANT_WINDOW);
  if (
    window != 0 && Ctx.get(ctx, SHADOW) == 0 &&
    ((window & WINDOW_INTERRUPT && Ctx.get32(ctx, EFLAGS_SYS) & 0x200) || (window & WINDOW_NMI && Ctx.get(ctx, NMI_BLOCKED) == 0))
  ) {
    Ctx.set(ctx, EXIT_REASON, EXIT_WINDOW);
    return false;
  }
  if (<i64>Ctx.get(ctx, BUDGET) <= 0 && !extendBudget(ctx)) {
    Ctx.set(ctx, EXIT_REASON, EXIT_BUDGET);
    return false;
  }
  if (Ctx.get(ctx, SHADOW) != 0) {
    Ctx.set(ctx, SHADOW, 0);
    if (Ctx.get(ctx, WANT_WINDOW) != 0) Ctx.set(ctx, ONE_INSN, 1);
  }
  return true;
}

/** Instruction breakpoints. */
function breakpoints(ctx: usize, linear: u64): void {
  const flags = Ctx.get(ctx, EFLAGS_SYS);
  const dr7 = Ctx.get32(ctx, DR7);
  if (dr7 & 0xff && !(flags & 0x10000)) {
    let hits: u64 = 0;
    for (let i: u32 = 0; i < 4; i++) {
      if (dr7 >> (i << 1) & 3 && (dr7 >> (16 + (i << 2)) & 15) == 0 && Ctx.get(ctx, DR0 + i) == linear) hits |= 1 << i;
    }
    if (hits) {
      Ctx.set(ctx, DR6, (Ctx.get(ctx, DR6) & ~(<u64>15)) | hits | 0xffff0ff0);
      Ctx.set(ctx, EXC, DB | EXC_PENDING);
      raisePrepared();
    }
  }
}

/** Frames offset of the instruction at linear address `linear`; throws. */
function fetchOffset(ctx: usize, linear: u64): u32 {
  const result = resolve(ctx, linear, EXEC, currentView(ctx));
  if (result & R_FAILED) {
    prepareFault(ctx, linear, result);
    raisePrepared();
  }
  if (result & R_MMIO) mmioFetch(ctx, Ctx.get(ctx, WALK_GPA));
  return <u32>result;
}

/** Frames offset of the page behind `linear`'s, NONE when it cannot be executed. Throws nothing. */
function secondPage(ctx: usize, linear: u64, wide: bool): u32 {
  const next = (linear | 0xfff) + 1;
  const result = resolve(ctx, wide ? next : next & 0xffffffff, EXEC, currentView(ctx));
  return result & (R_FAILED | R_MMIO) ? NONE : <u32>result;
}

/**
 * Full way. `link` != 0: address of the link word of the branch just taken, to be filled in when the target may be linked
 * (same page as the branch, flat segments, both blocks ordinary).
 */
export function lookup(ctx: usize, link: usize): usize {
  Ctx.set(ctx, CUR_UOP, 0);
  if (Ctx.get(ctx, SLOW_NEXT) != 0) link = 0;
  if (
    (Ctx.get(ctx, EXIT_PENDING) | Ctx.get(ctx, EXC) | Ctx.get(ctx, STEP_PENDING) | Ctx.get(ctx, DEBUG_PENDING) | Ctx.get(ctx, WANT_WINDOW) | Ctx.get(ctx, SHADOW)) != 0 ||
    <i64>Ctx.get(ctx, BUDGET) <= 0
  ) {
    if (!events(ctx)) return 0;
    link = 0;
  }
  const mode = Ctx.get32(ctx, MODE);
  const wide = (mode & MODE_SIZE_MASK) == MODE_CODE64;
  const rip = Ctx.get(ctx, RIP);
  const flat = mode & MODE_FLAT;
  const linear = wide ? rip : flat ? rip & 0xffffffff : (rip + Ctx.get(ctx, SEG_BASE + 1)) & 0xffffffff;
  if (!wide && rip > <u64>Ctx.get32(ctx, SEG_LIMIT + 1)) raiseGp(ctx, 0);
  const step = mode & MODE_STEP;
  if (step) breakpoints(ctx, linear);
  const flags = Ctx.get(ctx, EFLAGS_SYS);
  const entry = <usize>Ctx.get32(ctx, TLB) + ((<usize>(linear >> 12) & (TLB_ENTRIES - 1)) << 5);
  const known = load<u64>(entry, TLB_EXEC) == ((linear & ~(<u64>0xfff)) | Ctx.get(ctx, ASID));
  const phys = known ? <u32>linear + load<u32>(entry, TLB_ADDEND) : fetchOffset(ctx, linear);
  if (flags & 0x10000) Ctx.set(ctx, EFLAGS_SYS, flags & ~(<u64>0x10000));
  let phys2: u32 = NONE;
  const nearEnd = (phys & 0xfff) > 4096 - MAX_INSN;
  if (nearEnd) phys2 = secondPage(ctx, linear, wide);
  if (Ctx.get(ctx, ONE_INSN) == 0) {
    let block = <usize>load<u32>(hashHead(phys, mode));
    while (block != 0) {
      if (load<u32>(block, BLK_PHYS) == phys && load<u32>(block, BLK_MODE) == mode) {
        const own2 = load<u32>(block, BLK_PHYS2);
        if ((own2 == NONE || own2 == phys2) && (wide || fits(ctx, rip, block))) {
          Ctx.set(ctx, SLOW_NEXT, step ? 1 : 0);
          if (link != 0 && flat && !step && own2 == NONE) linkTo(ctx, link, block);
          if (step) Ctx.set(ctx, STEP_PENDING, flags >> 8 & 1);
          return block + BLK_HEADER;
        }
      }
      block = <usize>load<u32>(block, BLK_NEXT);
    }
  }
  let block: usize = Ctx.get(ctx, ONE_INSN) == 0 ? takeStored(ctx, phys, phys2, mode) : 0;
  if (block == 0) block = translate(ctx, phys, phys2, mode);
  if (block == 0) secondFault(ctx, linear, wide);
  if (!wide && !fits(ctx, rip, block)) {
    // the code segment ends inside the block: instruction by instruction up to there
    if (load<u16>(block, BLK_INSNS) > 1) {
      Ctx.set(ctx, ONE_INSN, 1);
      block = translate(ctx, phys, phys2, mode);
      if (block == 0) secondFault(ctx, linear, wide);
    }
    if (!fits(ctx, rip, block)) {
      Ctx.set(ctx, ONE_INSN, 0);
      raiseGp(ctx, 0);
    }
  }
  if (step) Ctx.set(ctx, STEP_PENDING, flags >> 8 & 1);
  Ctx.set(ctx, SLOW_NEXT, step || Ctx.get(ctx, ONE_INSN) != 0 ? 1 : 0);
  Ctx.set(ctx, ONE_INSN, 0);
  return block + BLK_HEADER;
}

/** The whole block lies within the code segment's limit. */
function fits(ctx: usize, rip: u64, block: usize): bool {
  return rip + <u64>load<u16>(block, BLK_BYTES) - 1 <= <u64>Ctx.get32(ctx, SEG_LIMIT + 1);
}

/** The instruction at `linear` reaches into a page that cannot be executed: its fault. */
function secondFault(ctx: usize, linear: u64, wide: bool): void {
  Ctx.set(ctx, ONE_INSN, 0);
  const next = (linear | 0xfff) + 1;
  // the segment's end comes first
  if (!wide && Ctx.get(ctx, RIP) + (next - linear) > <u64>Ctx.get32(ctx, SEG_LIMIT + 1)) raiseGp(ctx, 0);
  fetchOffset(ctx, wide ? next : next & 0xffffffff);
}

/**
 * The budget ends inside the block that would be entered: a block of as many instructions as are left, not kept. The block it
 * is part of is in the lists, so its frame's code bits guard it against stores to itself. With CPU_WHOLE_BLOCKS the budget is made to reach instead.
 */
export function lookupOne(ctx: usize): usize {
  const left = <i64>Ctx.get(ctx, BUDGET);
  const whole = Ctx.get32(ctx, CPU_FLAGS) & CPU_WHOLE_BLOCKS;
  if (left > 0 && !whole) Ctx.set(ctx, ONE_INSN, left);
  const at = lookup(ctx, 0);
  if (whole && at != 0) {
    const more = <i64>load<u16>(at - BLK_HEADER, BLK_INSNS) - <i64>Ctx.get(ctx, BUDGET);
    if (more > 0) {
      Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) + more);
      Ctx.set(ctx, RETIRED_BASE, Ctx.get(ctx, RETIRED_BASE) + more);
    }
  }
  return at;
}

/** Behind an operation that may have changed anything: the short way, unless something has to happen before the next block. */
export function onward(ctx: usize): usize {
  const waits =
    Ctx.get(ctx, EXIT_PENDING) | Ctx.get(ctx, EXC) | Ctx.get(ctx, STEP_PENDING) | Ctx.get(ctx, DEBUG_PENDING) | Ctx.get(ctx, WANT_WINDOW) | Ctx.get(ctx, SHADOW) |
    Ctx.get(ctx, SLOW_NEXT) | Ctx.get(ctx, ONE_INSN) | (Ctx.get(ctx, EFLAGS_SYS) & 0x10000) | (Ctx.get(ctx, MODE) & MODE_STEP);
  if (waits != 0) return lookup(ctx, 0);
  Ctx.set(ctx, CUR_UOP, 0);
  return find(ctx, 0);
}

/** On entry of run(). */
export function start(ctx: usize): usize {
  Spaces.claim(ctx);
  const reason = Ctx.get32(ctx, EXIT_REASON);
  if ((reason == EXIT_MMIO || reason == EXIT_IO_STRING) && Ctx.get32(ctx, EXIT_B) & ANSWERED && Ctx.get(ctx, EXIT_PENDING) == 0) {
    noteAnswer(ctx);
    Ctx.set(ctx, ONE_INSN, 1);
  }
  Ctx.set(ctx, EXIT_B, Ctx.get(ctx, EXIT_B) & ~(<u64>ANSWERED));
  return lookup(ctx, 0);
}
