/** Lazy flags and conditions: IR to Wasm. */
import { CC_A, CC_ADD, CC_B, CC_DEC, CC_EFLAGS, CC_INC, CC_LOGIC, CC_OP, CC_SUB } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import * as W from './code.ts';
import type { Emit } from './emit-alu.ts';
import { F_LAZY_CARRY, F_LAZY_COND, F_LAZY_FLAGS } from './imports.ts';
import { type RegionEmitter, UNKNOWN } from './region-emitter.ts';

const OSZAPC = 0x8d5;

const setKind = (e: RegionEmitter, kind: number): void => {
  e.begin(CC_OP);
  e.code.i64(kind);
  e.finish(CC_OP);
  e.kind = kind;
};

const setOperand = (e: RegionEmitter, to: number, push: () => void): void => {
  e.begin(to);
  push();
  e.finish(to);
};

/** Instructions of compares by condition number, i64 and i32; 0: not a single compare. */
const compare64 = [0, 0, W.I64_LT_U, W.I64_GE_U, W.I64_EQ, W.I64_NE, W.I64_LE_U, W.I64_GT_U, 0, 0, 0, 0, W.I64_LT_S, W.I64_GE_S, W.I64_LE_S, W.I64_GT_S];
const compare32 = [0, 0, W.I32_LT_U, W.I32_GE_U, W.I32_EQ, W.I32_NE, W.I32_LE_U, W.I32_GT_U, 0, 0, 0, 0, W.I32_LT_S, W.I32_GE_S, W.I32_LE_S, W.I32_GT_S];

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

/** Pushes (i32) condition `cc` of the compare of slots a and b at `size` (0..3). */
export function pushCondSub(e: RegionEmitter, a: number, b: number, cc: number, size: number): void {
  const { code } = e;
  const wide = size === 3;
  const single = (wide ? compare64 : compare32)[cc] as number;
  if (single !== 0) {
    pushAligned(e, a, size);
    pushAligned(e, b, size);
    code.byte(single);
  } else if (cc === 8 || cc === 9) {
    pushAligned(e, a, size);
    pushAligned(e, b, size);
    code.byte(wide ? W.I64_SUB : W.I32_SUB);
    if (wide) code.i64(0);
    else code.i32(0);
    code.byte(wide ? (cc === 8 ? W.I64_LT_S : W.I64_GE_S) : cc === 8 ? W.I32_LT_S : W.I32_GE_S);
  } else {
    code.i32(CC_SUB + size);
    e.read(a);
    e.read(b);
    code.i32(cc);
    code.call(F_LAZY_COND);
  }
}

const pushLazy = (e: RegionEmitter): void => {
  if (e.kind === UNKNOWN) {
    e.read(CC_OP);
    e.code.byte(W.I32_WRAP);
  } else e.code.i32(e.kind);
  e.read(CC_A);
  e.read(CC_B);
};

/** Pushes (i32) condition `cc` of the lazy flags. */
export function pushCond(e: RegionEmitter, cc: number): void {
  if (e.kind !== UNKNOWN && (e.kind & ~3) === CC_SUB) return pushCondSub(e, CC_A, CC_B, cc, e.kind & 3);
  pushLazy(e);
  e.code.i32(cc);
  e.code.call(F_LAZY_COND);
}

/** Pushes (i64) CF. */
function pushCarry(e: RegionEmitter): void {
  const { code, kind } = e;
  const bit = (slot: number): void => {
    e.read(slot);
    code.i64(1);
    code.byte(W.I64_AND);
  };
  if (kind !== UNKNOWN) {
    const size = kind & 3;
    switch (kind & ~3) {
      case CC_EFLAGS:
        return bit(CC_A);
      case CC_INC:
      case CC_DEC:
        return bit(CC_B);
      case CC_LOGIC:
        return code.i64(0);
      case CC_SUB:
        pushCondSub(e, CC_A, CC_B, 2, size);
        return code.byte(W.I64_EXTEND_I32_U);
      case CC_ADD:
        if (size < 2) break;
        // the sum is below the first operand
        pushAligned(e, CC_A, size);
        pushAligned(e, CC_B, size);
        code.byte(size === 3 ? W.I64_ADD : W.I32_ADD);
        pushAligned(e, CC_A, size);
        code.byte(size === 3 ? W.I64_LT_U : W.I32_LT_U);
        return code.byte(W.I64_EXTEND_I32_U);
      default:
    }
  }
  pushLazy(e);
  code.call(F_LAZY_CARRY);
  code.byte(W.I64_EXTEND_I32_U);
}

export const emitFlags: Readonly<Record<number, Emit>> = {
  [O.OP_CC]: (e, k) => {
    const { a, b, c } = e.block;
    setOperand(e, CC_A, () => e.read(a[k] as number));
    setOperand(e, CC_B, () => e.read(b[k] as number));
    setKind(e, c[k] as number);
  },
  [O.OP_CCI]: (e, k) => {
    const { a, c, immLo, immHi } = e.block;
    setOperand(e, CC_A, () => e.read(a[k] as number));
    setOperand(e, CC_B, () => e.code.i64(immLo[k] as number, immHi[k] as number));
    setKind(e, c[k] as number);
  },
  [O.OP_CCNZ]: (e, k) => {
    const { a, b, c, d } = e.block;
    const choose = (slot: number, push: () => void): void => {
      setOperand(e, slot, () => {
        push();
        e.read(slot);
        e.read(d[k] as number);
        e.code.i64(0);
        e.code.byte(W.I64_NE);
        e.code.byte(W.SELECT);
      });
    };
    choose(CC_A, () => e.read(a[k] as number));
    choose(CC_B, () => e.read(b[k] as number));
    choose(CC_OP, () => e.code.i64(c[k] as number));
    if (e.kind !== c[k]) e.kind = UNKNOWN;
  },
  [O.OP_GETFLAGS]: (e, k) => {
    const d = e.block.d[k] as number;
    e.begin(d);
    pushLazy(e);
    e.code.call(F_LAZY_FLAGS);
    e.code.byte(W.I64_EXTEND_I32_U);
    e.finish(d);
  },
  [O.OP_SETFLAGS]: (e, k) => {
    setOperand(e, CC_A, () => {
      e.read(e.block.a[k] as number);
      e.code.i64(OSZAPC);
      e.code.byte(W.I64_AND);
    });
    setKind(e, CC_EFLAGS);
  },
  [O.OP_COND]: (e, k) => {
    const d = e.block.d[k] as number;
    e.begin(d);
    pushCond(e, e.block.c[k] as number);
    e.code.byte(W.I64_EXTEND_I32_U);
    e.finish(d);
  },
  [O.OP_CONDSUB]: (e, k) => {
    const { a, b, c, d, immLo } = e.block;
    e.begin(d[k] as number);
    pushCondSub(e, a[k] as number, b[k] as number, c[k] as number, immLo[k] as number);
    e.code.byte(W.I64_EXTEND_I32_U);
    e.finish(d[k] as number);
  },
  [O.OP_CARRY]: (e, k) => {
    const d = e.block.d[k] as number;
    e.begin(d);
    pushCarry(e);
    e.finish(d);
  },
};
