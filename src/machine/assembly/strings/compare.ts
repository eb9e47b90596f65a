/**
 * CMPS and SCAS. A repeated one that faults or is interrupted leaves the flags as they were on Intel's processors (SDM 2B REP, "a fault
 * occurs during the execution of a CMPS or SCAS"), and those of the last comparison on AMD's. It goes on where it stopped.
 */
import { CC_A, CC_B, CC_OP, CC_SUB, CPU_FLAGS, CPU_INTEL, RAX, RCX, RDI, RSI } from '../../layout';
import { readSized } from '../memory/access';
import { Ctx } from '../state';
import { allowed, finish, linear, mustTrap, nothingToDo, part, retire, setPart, stride } from './element';

const ES = 0;

function setCompare(ctx: usize, log2: i32, a: u64, b: u64): void {
  Ctx.set(ctx, CC_OP, <u64>(CC_SUB + log2));
  Ctx.set(ctx, CC_A, a);
  Ctx.set(ctx, CC_B, b);
}

/** `scan`: SCAS, else CMPS. `repeat`: 0 none, 1 REPE, 2 REPNE. */
export function compareStrings(ctx: usize, scan: bool, log2: i32, repeat: i32, segment: i32, addressSize: i32, extra: i64): void {
  const size: u32 = 1 << log2;
  const mask: u64 = log2 == 3 ? u64.MAX_VALUE : (<u64>1 << (<u64>8 << log2)) - 1;
  const step = <u64>stride(ctx, log2);
  if (repeat != 0 && nothingToDo(ctx, addressSize, extra)) return;
  const amd = !(Ctx.get32(ctx, CPU_FLAGS) & CPU_INTEL);
  let done = false;
  for (;;) {
    if (repeat != 0 && allowed(ctx) == 0) break;
    const from = part(ctx, RSI, addressSize);
    const to = part(ctx, RDI, addressSize);
    const a = scan ? Ctx.get(ctx, RAX) & mask : readSized(ctx, linear(ctx, segment, from, size, false), size);
    const b = readSized(ctx, linear(ctx, ES, to, size, false), size);
    if (!scan) setPart(ctx, RSI, addressSize, from + step);
    setPart(ctx, RDI, addressSize, to + step);
    if (repeat == 0) {
      setCompare(ctx, log2, a, b);
      return;
    }
    retire(ctx, addressSize, 1);
    if (part(ctx, RCX, addressSize) == 0 || (a == b) != (repeat == 1)) {
      setCompare(ctx, log2, a, b);
      done = true;
      break;
    }
    if (amd) setCompare(ctx, log2, a, b);
    if (mustTrap(ctx)) break;
  }
  finish(ctx, done, extra);
}
