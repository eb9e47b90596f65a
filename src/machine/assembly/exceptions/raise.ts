/**
 * Exceptions and exits from the middle of an instruction. None of these returns: the host throws its fault object through
 * the whole wasm stack, then unwind() puts RIP and BUDGET back to the instruction, and the next run() delivers or exits.
 * Nothing architectural may have been changed by the instruction before.
 */
import {
  CR2, DELIVERING, EXC, EXC_ERROR, EXC_ERROR_CODE, EXC_EXTERNAL, EXC_PENDING, EXC_SOFTWARE, EXC_TRAP, EXIT_PENDING, EXIT_REASON,
  EXIT_TRIPLE, ONE_INSN,
} from "../../layout";
import { throw_fault } from "../env";
import { Ctx } from "../state";

export const DE: u32 = 0;
export const DB: u32 = 1;
export const BP: u32 = 3;
export const OF: u32 = 4;
export const BR: u32 = 5;
export const UD: u32 = 6;
export const NM: u32 = 7;
export const DF: u32 = 8;
export const TS: u32 = 10;
export const NP: u32 = 11;
export const SS: u32 = 12;
export const GP: u32 = 13;
export const PF: u32 = 14;
export const MF: u32 = 16;
export const AC: u32 = 17;
export const XM: u32 = 19;

const BENIGN = 0;
const CONTRIBUTORY = 1;
const PAGE_FAULT = 2;

function classOf(vector: u32): i32 {
  if (vector == PF) return PAGE_FAULT;
  if (vector == DE || (vector >= TS && vector <= GP)) return CONTRIBUTORY;
  return BENIGN;
}

/**
 * Makes `vector` the pending exception, or #DF when it comes on top of another one being delivered, or a triple fault.
 * @see Intel SDM 3A 6.15, table 6-5
 */
export function setPending(ctx: usize, vector: u32, hasError: bool, error: u32): void {
  const first = Ctx.get32(ctx, DELIVERING);
  Ctx.set(ctx, DELIVERING, 0);
  if (first & EXC_PENDING) {
    const firstVector = first & 0xff;
    const second = classOf(vector);
    if ((first & (EXC_SOFTWARE | EXC_EXTERNAL)) == 0) {
      if (firstVector == DF && second != BENIGN) {
        Ctx.set(ctx, EXC, 0);
        Ctx.set(ctx, EXIT_REASON, EXIT_TRIPLE);
        Ctx.set(ctx, EXIT_PENDING, 1);
        return;
      }
      const one = classOf(firstVector);
      if ((one == CONTRIBUTORY && second == CONTRIBUTORY) || (one == PAGE_FAULT && second != BENIGN)) {
        Ctx.set(ctx, EXC, DF | EXC_ERROR_CODE | EXC_PENDING);
        Ctx.set(ctx, EXC_ERROR, 0);
        return;
      }
    }
  }
  Ctx.set(ctx, EXC, vector | EXC_PENDING | (hasError ? EXC_ERROR_CODE : 0));
  Ctx.set(ctx, EXC_ERROR, error);
}

/** Raises exception `vector`; `error` counts when `hasError`. */
export function raise(ctx: usize, vector: u32, hasError: bool, error: u32): void {
  setPending(ctx, vector, hasError, error);
  throw_fault();
}

/** #GP(error). */
export function raiseGp(ctx: usize, error: u32): void {
  raise(ctx, GP, true, error);
}

/** #UD. */
export function raiseUd(ctx: usize): void {
  raise(ctx, UD, false, 0);
}

/** #PF: CR2 = va. */
export function raisePf(ctx: usize, va: u64, error: u32): void {
  Ctx.set(ctx, CR2, va);
  raise(ctx, PF, true, error);
}

/** #DB as a trap at an instruction boundary is delivered by the lookup; this is the fault form (DR6 set by the caller). */
export function raiseDbFault(ctx: usize): void {
  raise(ctx, DB, false, 0);
}

/** #DB of trap kind, RIP already behind the instruction (task switch and the like). */
export function raiseDbTrap(ctx: usize): void {
  setPending(ctx, DB, false, 0);
  Ctx.set(ctx, EXC, Ctx.get(ctx, EXC) | EXC_TRAP);
  throw_fault();
}

/** Leaves run() with `reason`, RIP at the instruction, which has not retired. EXIT_A.. and EXIT_LEN are the caller's. */
export function raiseExit(ctx: usize, reason: u32): void {
  Ctx.set(ctx, EXIT_REASON, reason);
  Ctx.set(ctx, EXIT_PENDING, 1);
  throw_fault();
}

/** Runs the instruction again from its start (its own code was written, or BUDGET ran out in a REP). */
export function restart(ctx: usize): void {
  throw_fault();
}

/** As restart(), alone in a block of one instruction. */
export function restartAlone(ctx: usize): void {
  Ctx.set(ctx, ONE_INSN, 1);
  throw_fault();
}

/** Throws what setPending() or prepareFault() has prepared. */
export function raisePrepared(): void {
  throw_fault();
}
