/**
 * Accesses to guest-physical addresses that are not RAM.
 *
 * Each one leaves run() with EXIT_MMIO (EXIT_A = gpa, EXIT_B = size | 0x100 for writes | 0x200 for an instruction fetch,
 * EXIT_C = value written). RIP is at the instruction. The hypervisor performs the access, puts a read's value into EXIT_C,
 * sets EXIT_B |= 0x1000 *for reads and writes alike* and calls run() again, without injecting anything in between.
 * run() then notes the answer in a small log and executes the one instruction again; accesses that are in the log are not
 * repeated, so an instruction may make several. The log belongs to one dynamic instruction: it is keyed by the count of
 * retired instructions and dropped when an event is delivered.
 */
import {
  EXIT_A, EXIT_B, EXIT_C, EXIT_MMIO, MMIO_COUNT, MMIO_KEY, MMIO_LOG, MMIO_LOG_ENTRIES, MMIO_NEXT,
} from "../../layout";
import { raiseExit } from "../exceptions/raise";
import { Ctx, retiredNow } from "../state";

const IS_WRITE = 0x100;
export const ANSWERED = 0x1000;

/** Address of the log entry that answers this access, or 0. */
export function replay(ctx: usize, gpa: u64, kind: u64): usize {
  const next = Ctx.get32(ctx, MMIO_NEXT);
  if (next >= Ctx.get32(ctx, MMIO_COUNT) || Ctx.get(ctx, MMIO_KEY) != retiredNow(ctx)) return 0;
  const entry = ctx + MMIO_LOG + <usize>next * 24;
  if (load<u64>(entry) != gpa || load<u64>(entry, 8) != kind) {
    // not the instruction that was answered: its registers were changed from outside
    Ctx.set(ctx, MMIO_COUNT, next);
    return 0;
  }
  Ctx.set(ctx, MMIO_NEXT, next + 1);
  return entry;
}

export function mmioRead(ctx: usize, gpa: u64, size: u32): u64 {
  const entry = replay(ctx, gpa, size);
  if (entry != 0) return load<u64>(entry, 16);
  Ctx.set(ctx, EXIT_A, gpa);
  Ctx.set(ctx, EXIT_B, size);
  Ctx.set(ctx, EXIT_C, 0);
  raiseExit(ctx, EXIT_MMIO);
  return 0;
}

export function mmioWrite(ctx: usize, gpa: u64, size: u32, value: u64): void {
  if (replay(ctx, gpa, size | IS_WRITE) != 0) return;
  Ctx.set(ctx, EXIT_A, gpa);
  Ctx.set(ctx, EXIT_B, size | IS_WRITE);
  Ctx.set(ctx, EXIT_C, size == 8 ? value : value & ((<u64>1 << (<u64>size << 3)) - 1));
  raiseExit(ctx, EXIT_MMIO);
}

/** Instruction fetch from something that is not RAM. */
export function mmioFetch(ctx: usize, gpa: u64): void {
  Ctx.set(ctx, EXIT_A, gpa);
  Ctx.set(ctx, EXIT_B, 0x200);
  Ctx.set(ctx, EXIT_C, 0);
  raiseExit(ctx, EXIT_MMIO);
}

/** Takes the hypervisor's answer into the log. Called by run() when it is entered with an answered EXIT_MMIO. */
export function noteAnswer(ctx: usize): void {
  const key = retiredNow(ctx);
  if (Ctx.get(ctx, MMIO_KEY) != key) {
    Ctx.set(ctx, MMIO_KEY, key);
    Ctx.set(ctx, MMIO_COUNT, 0);
  }
  Ctx.set(ctx, MMIO_NEXT, 0);
  const count = Ctx.get32(ctx, MMIO_COUNT);
  if (count >= <u32>MMIO_LOG_ENTRIES) return;
  const entry = ctx + MMIO_LOG + <usize>count * 24;
  store<u64>(entry, Ctx.get(ctx, EXIT_A));
  store<u64>(entry, Ctx.get(ctx, EXIT_B) & ~(<u64>ANSWERED), 8);
  store<u64>(entry, Ctx.get(ctx, EXIT_C), 16);
  Ctx.set(ctx, MMIO_COUNT, count + 1);
}

/** Forgets the log: the instruction it belonged to was given up for an event. */
export function dropLog(ctx: usize): void {
  Ctx.set(ctx, MMIO_COUNT, 0);
}
