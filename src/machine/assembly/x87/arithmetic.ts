/** x87 arithmetic and comparisons. */
import { add, div, mul, sqrtOf } from '../softfloat/arithmetic';
import { compare, EQUAL, fromInteger, GREATER, LESS, UNORDERED } from '../softfloat/convert';
import { Env, F80, F80PC, Slot } from '../softfloat/environment';
import { unpack32, unpack64, unpack80 } from '../softfloat/unpack';
import { read16, read32, read64 } from '../memory/access';
import { Ctx } from '../state';
import { begin, C0, C1, C2, C3, checkPending, Fpu, INDEFINITE_SE, INDEFINITE_SIG, note, settle, stackFault } from './stack';
import * as N from '../../helpers/x87';

const OP_ADD: i32 = 0;
const OP_MUL: i32 = 1;
const OP_COM: i32 = 2;
const OP_COMP: i32 = 3;
const OP_SUB: i32 = 4;
const OP_SUBR: i32 = 5;
const OP_DIV: i32 = 6;

/** A op B; the R forms were unpacked the other way round. */
function compute(ctx: usize, op: i32): u64 {
  switch (op) {
    case OP_ADD: return add(ctx, F80PC, 0);
    case OP_MUL: return mul(ctx, F80PC);
    case OP_SUB:
    case OP_SUBR: return add(ctx, F80PC, 1);
    default: return div(ctx, F80PC);
  }
}

function isReversed(op: i32): bool {
  return op > OP_COMP && (op & 1) != 0;
}

/** Unpacks an integer, exactly. */
function unpackInteger(ctx: usize, slot: Slot, value: i64): void {
  const se = u32(fromInteger(ctx, F80, value));
  unpack80(slot, se, Env.sig(ctx));
}

/** Unpacks a memory operand of X_TYPE_*. */
function unpackMemory(ctx: usize, slot: Slot, type: i32, bits: u64): void {
  switch (type) {
    case N.X_TYPE_F32: return unpack32(ctx, slot, u32(bits));
    case N.X_TYPE_F64: return unpack64(ctx, slot, bits);
    case N.X_TYPE_I16: return unpackInteger(ctx, slot, i64(i16(bits)));
    default: return unpackInteger(ctx, slot, i64(i32(bits)));
  }
}

/** ST(0) op memory, and FCOM, FCOMP of memory. */
export function arithmeticMemory(ctx: usize, op: i32, address: u64, type: i32, c: i32, extra: u32): void {
  checkPending(ctx);
  const bits = type == N.X_TYPE_F64 ? read64(ctx, address) : type == N.X_TYPE_I16 ? read16(ctx, address) : read32(ctx, address);
  note(ctx, c, extra);
  begin(ctx);
  if (op == OP_COM || op == OP_COMP) {
    if (Fpu.isEmpty(ctx, 0)) {
      compareEmpty(ctx, op - OP_COM);
      return;
    }
    Fpu.unpackA(ctx, 0);
    unpackMemory(ctx, Slot.b(ctx), type, bits);
    return finishCompare(ctx, compare(ctx, 1), op - OP_COM);
  }
  if (Fpu.isEmpty(ctx, 0)) {
    if (stackFault(ctx, 0)) Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    return;
  }
  if (isReversed(op)) {
    unpackMemory(ctx, Slot.a(ctx), type, bits);
    Fpu.unpackB(ctx, 0);
  } else {
    unpackMemory(ctx, Slot.b(ctx), type, bits);
    Fpu.unpackA(ctx, 0);
  }
  const se = u32(compute(ctx, op));
  if (settle(ctx)) Fpu.write(ctx, 0, se, Env.sig(ctx));
}

/** ST(to) = ST(to) op ST(from). */
export function arithmeticStack(ctx: usize, op: i32, to: i32, from: i32, pop: i32): void {
  if (Fpu.isEmpty(ctx, to) || Fpu.isEmpty(ctx, from)) {
    if (!stackFault(ctx, 0)) return;
    Fpu.write(ctx, to, INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    begin(ctx);
    if (isReversed(op)) {
      Fpu.unpackA(ctx, from);
      Fpu.unpackB(ctx, to);
    } else {
      Fpu.unpackA(ctx, to);
      Fpu.unpackB(ctx, from);
    }
    const se = u32(compute(ctx, op));
    if (!settle(ctx)) return;
    Fpu.write(ctx, to, se, Env.sig(ctx));
  }
  if (pop) Fpu.pop(ctx);
}

function popTimes(ctx: usize, pops: i32): void {
  for (let i = 0; i < pops; i++) Fpu.pop(ctx);
}

/** An empty operand of a comparison: unordered. */
function compareEmpty(ctx: usize, pops: i32): void {
  const masked = stackFault(ctx, 0);
  Fpu.conditions(ctx, C0 | C2 | C3);
  if (masked) popTimes(ctx, pops);
}

function finishCompare(ctx: usize, order: i32, pops: i32): void {
  const store = settle(ctx);
  Fpu.conditions(ctx, order == LESS ? C0 : order == EQUAL ? C3 : order == GREATER ? 0 : C0 | C2 | C3);
  if (store) popTimes(ctx, pops);
}

/** FCOM, FUCOM and their popping forms. */
export function compareStack(ctx: usize, quiet: i32, i: i32, pops: i32): void {
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, i)) return compareEmpty(ctx, pops);
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  Fpu.unpackB(ctx, i);
  finishCompare(ctx, compare(ctx, quiet ^ 1), pops);
}

/** FTST. */
export function test(ctx: usize): void {
  if (Fpu.isEmpty(ctx, 0)) return compareEmpty(ctx, 0);
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  unpack80(Slot.b(ctx), 0, 0);
  finishCompare(ctx, compare(ctx, 1), 0);
}

/** FCOMI, FUCOMI: slot d = flags. */
export function compareFlags(ctx: usize, d: i32, i: i32, quiet: i32, pops: i32): void {
  let order = UNORDERED;
  let complete: bool;
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, i)) {
    complete = stackFault(ctx, 0);
  } else {
    begin(ctx);
    Fpu.unpackA(ctx, 0);
    Fpu.unpackB(ctx, i);
    order = compare(ctx, quiet ^ 1);
    const c1 = Fpu.status(ctx) & C1;
    complete = settle(ctx);
    Fpu.setStatus(ctx, Fpu.status(ctx) | c1);
  }
  Ctx.set(ctx, d, order == LESS ? 1 : order == EQUAL ? 0x40 : order == GREATER ? 0 : 0x45);
  if (complete) popTimes(ctx, pops);
}

/** FSQRT. */
export function squareRoot(ctx: usize): void {
  begin(ctx);
  Fpu.unpackA(ctx, 0);
  const se = u32(sqrtOf(ctx, F80PC));
  if (settle(ctx)) Fpu.write(ctx, 0, se, Env.sig(ctx));
}
