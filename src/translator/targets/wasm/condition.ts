/** Conditions and the carry out of the lazy flags: one compare where the operation that set them is known, else the core's function. */

import { HI_SET_CARRY } from '../../../machine/helpers/int.ts';
import { CC_A, CC_ADC1, CC_ADD, CC_B, CC_DEC, CC_EFLAGS, CC_INC, CC_LOGIC, CC_MUL, CC_OP, CC_SBB1, CC_SHL, CC_SHR, CC_SUB } from '../../../machine/layout.ts';
import { OP_CCNZ, OP_HINT } from '../../../machine/ops.ts';
import * as W from './code.ts';
import { F_LAZY_CARRY, F_LAZY_COND } from './imports.ts';
import { type RegionEmitter, UNKNOWN } from './region-emitter.ts';

/** Instructions of compares by condition number, i64 and i32; 0: not a single compare. */
const compare64 = [0, 0, W.I64_LT_U, W.I64_GE_U, W.I64_EQ, W.I64_NE, W.I64_LE_U, W.I64_GT_U, 0, 0, 0, 0, W.I64_LT_S, W.I64_GE_S, W.I64_LE_S, W.I64_GT_S];
const compare32 = [0, 0, W.I32_LT_U, W.I32_GE_U, W.I32_EQ, W.I32_NE, W.I32_LE_U, W.I32_GT_U, 0, 0, 0, 0, W.I32_LT_S, W.I32_GE_S, W.I32_LE_S, W.I32_GT_S];

const BELOW = 2;
const EQUAL = 4;
const BELOW_OR_EQUAL = 6;
const SIGN = 8;
const LESS = 12;
const LESS_OR_EQUAL = 14;
/** Bits of EFLAGS that the conditions of even number ask for; 0: not one of them alone. */
const flagBits = [0x800, 1, 0x40, 0x41, 0x80, 4, 0, 0];

/** Pushes `slot` so that a compare at `size` is one of 32 or 64 bits. */
const pushAligned = (e: RegionEmitter, slot: number, size: number): void => {
  e.read(slot);
  if (size === 3) return;
  e.code.byte(W.I32_WRAP);
  if (size < 2) {
    e.code.i32(size === 0 ? 24 : 16);
    e.code.byte(W.I32_SHL);
  }
};

const pushZero = (e: RegionEmitter, size: number): void => {
  if (size === 3) e.code.i64(0);
  else e.code.i32(0);
};

/** Compares what is on the stack by condition number `cc` (one that is a single compare). */
const compare = (e: RegionEmitter, cc: number, size: number): void => e.code.byte((size === 3 ? compare64 : compare32)[cc] as number);

/** Pushes (i32) condition `cc` of the compare of slots a and b at `size` (0..3). */
export function pushCondSub(e: RegionEmitter, a: number, b: number, cc: number, size: number): void {
  const { code } = e;
  if (compare64[cc] !== 0) {
    pushAligned(e, a, size);
    pushAligned(e, b, size);
    compare(e, cc, size);
  } else if ((cc & ~1) === SIGN) {
    pushAligned(e, a, size);
    pushAligned(e, b, size);
    code.byte(size === 3 ? W.I64_SUB : W.I32_SUB);
    pushZero(e, size);
    compare(e, LESS + (cc & 1), size);
  } else {
    code.i32(CC_SUB + size);
    e.read(a);
    e.read(b);
    code.i32(cc);
    code.call(F_LAZY_COND);
  }
}

/** Pushes CC_OP, CC_A, CC_B for the core. */
export const pushLazy = (e: RegionEmitter): void => {
  e.settle();
  if (e.kind === UNKNOWN) {
    e.read(CC_OP);
    e.code.byte(W.I32_WRAP);
  } else e.code.i32(e.kind);
  e.read(CC_A);
  e.read(CC_B);
};

/** Pushes the result of the operation whose flags are known to be of `kind`, aligned. */
const pushResult = (e: RegionEmitter, kind: number): void => {
  const size = kind & 3;
  const family = kind & ~3;
  pushAligned(e, family === CC_SHL || family === CC_SHR ? CC_B : CC_A, size);
  if (family !== CC_ADD) return;
  pushAligned(e, CC_B, size);
  e.code.byte(size === 3 ? W.I64_ADD : W.I32_ADD);
};

const pushBit = (e: RegionEmitter, slot: number): void => {
  e.read(slot);
  e.code.byte(W.I32_WRAP);
  e.code.i32(1);
  e.code.byte(W.I32_AND);
};

/** Pushes (i32) CF of flags of a known kind other than CC_SUB. */
const pushKnownCarry = (e: RegionEmitter, kind: number): void => {
  const size = kind & 3;
  switch (kind & ~3) {
    case CC_EFLAGS:
    case CC_SHR:
      return pushBit(e, CC_A);
    case CC_INC:
    case CC_DEC:
      return pushBit(e, CC_B);
    case CC_LOGIC:
      return e.code.i32(0);
    case CC_ADD:
      // the sum is below the first operand
      pushResult(e, kind);
      pushAligned(e, CC_A, size);
      return compare(e, BELOW, size);
    case CC_SHL:
      pushAligned(e, CC_A, size);
      pushZero(e, size);
      return compare(e, LESS, size);
    default:
      e.read(CC_B);
      e.code.i64(0);
      e.code.byte(W.I64_NE);
  }
};

const direct: ReadonlySet<number> = new Set([CC_EFLAGS, CC_ADD, CC_LOGIC, CC_INC, CC_DEC, CC_SHL, CC_SHR, CC_MUL]);

/** Pushes (i32) condition `cc` of flags of a known kind; false: it is none of the simple ones. */
const pushKnown = (e: RegionEmitter, kind: number, cc: number): boolean => {
  const { code } = e;
  const size = kind & 3;
  const family = kind & ~3;
  if (!direct.has(family)) return false;
  const negated = (cc & 1) !== 0;
  if (family === CC_EFLAGS) {
    const bits = flagBits[cc >> 1] as number;
    if (bits === 0) return false;
    e.read(CC_A);
    code.byte(W.I32_WRAP);
    code.i32(bits);
    code.byte(W.I32_AND);
    if (negated) code.byte(W.I32_EQZ);
    else {
      code.i32(0);
      code.byte(W.I32_NE);
    }
    return true;
  }
  switch (cc & ~1) {
    case BELOW:
      pushKnownCarry(e, kind);
      if (negated) code.byte(W.I32_EQZ);
      return true;
    case EQUAL:
      pushResult(e, kind);
      pushZero(e, size);
      compare(e, cc, size);
      return true;
    case BELOW_OR_EQUAL:
      pushKnownCarry(e, kind);
      pushResult(e, kind);
      pushZero(e, size);
      compare(e, EQUAL, size);
      code.byte(W.I32_OR);
      if (negated) code.byte(W.I32_EQZ);
      return true;
    case SIGN:
      pushResult(e, kind);
      pushZero(e, size);
      compare(e, LESS + (cc & 1), size);
      return true;
    case LESS:
    case LESS_OR_EQUAL:
      // no overflow: the sign of the result decides
      if (family !== CC_LOGIC) return false;
      pushResult(e, kind);
      pushZero(e, size);
      compare(e, cc, size);
      return true;
    default:
      return false;
  }
};

/** Pushes (i32) condition `cc` of the lazy flags. */
export function pushCond(e: RegionEmitter, cc: number): void {
  if ((cc & ~1) === BELOW && pushDeferredCarry(e)) {
    if ((cc & 1) !== 0) e.code.byte(W.I32_EQZ);
    return;
  }
  e.settle();
  if (e.kind !== UNKNOWN) {
    if ((e.kind & ~3) === CC_SUB) return pushCondSub(e, CC_A, CC_B, cc, e.kind & 3);
    if (pushKnown(e, e.kind, cc)) return;
  }
  pushLazy(e);
  e.code.i32(cc);
  e.code.call(F_LAZY_COND);
}

/**
 * Pushes (i32) CF where the flags' last change is put off and CF is plain to see nevertheless: after BT, and after ADC and SBB, whose
 * carry is that of one of two sums or differences.
 */
function pushDeferredCarry(e: RegionEmitter): boolean {
  const { code } = e;
  const last = e.deferred.at(-1);
  if (last === undefined) return false;
  const { block, k, sources } = last;
  if (block.op[k] === OP_HINT && ((block.immLo[k] as number) & 0xffff) === HI_SET_CARRY) {
    const bit = sources.get(block.a[k] as number);
    if (bit === undefined) return false;
    // it may itself be put off
    if (e.deferred.some(({ target }) => target === bit)) return false;
    code.get(bit);
    code.i64(0);
    code.byte(W.I64_NE);
    return true;
  }
  const kind = block.c[k] as number;
  const size = kind & 3;
  const plus = (kind & ~3) === CC_ADC1;
  if (block.op[k] !== OP_CCNZ || e.deferred.length !== 1 || !(plus || (kind & ~3) === CC_SBB1) || e.kind !== (plus ? CC_ADD : CC_SUB) + size) return false;
  const carry = sources.get(block.d[k] as number);
  if (carry === undefined) return false;
  const wide = size === 3;
  const combine = (): void => {
    pushAligned(e, CC_A, size);
    pushAligned(e, CC_B, size);
    code.byte(plus ? (wide ? W.I64_ADD : W.I32_ADD) : wide ? W.I64_SUB : W.I32_SUB);
  };
  if (size < 2) return false;
  const pushCarryIn = (): void => {
    code.get(carry);
    if (!wide) code.byte(W.I32_WRAP);
  };
  if (plus) {
    // a + b wraps, or adding the carry to it does
    combine();
    pushAligned(e, CC_A, size);
    compare(e, BELOW, size);
    combine();
    pushCarryIn();
    code.byte(wide ? W.I64_ADD : W.I32_ADD);
    pushCarryIn();
  } else {
    pushAligned(e, CC_A, size);
    pushAligned(e, CC_B, size);
    compare(e, BELOW, size);
    combine();
    pushCarryIn();
  }
  compare(e, BELOW, size);
  code.byte(W.I32_OR);
  return true;
}

/** Pushes (i32) CF. */
export function pushCarry(e: RegionEmitter): void {
  if (pushDeferredCarry(e)) return;
  e.settle();
  if (e.kind !== UNKNOWN) {
    if ((e.kind & ~3) === CC_SUB) return pushCondSub(e, CC_A, CC_B, BELOW, e.kind & 3);
    if (direct.has(e.kind & ~3)) return pushKnownCarry(e, e.kind);
  }
  pushLazy(e);
  e.code.call(F_LAZY_CARRY);
}
