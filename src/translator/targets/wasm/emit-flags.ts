/** Lazy flags: IR to Wasm. What reads them is in condition.ts. */
import { HI_ROTATE_FLAGS, HI_SET_CARRY, HI_SET_OVERFLOW, HI_SET_ZERO } from '../../../machine/helpers/int.ts';
import { CC_A, CC_B, CC_EFLAGS, CC_OP } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import * as W from './code.ts';
import { pushCarry, pushCond, pushCondSub, pushLazy } from './condition.ts';
import type { Emit } from './emit-alu.ts';
import { F_LAZY_FLAGS } from './imports.ts';
import { type RegionEmitter, UNKNOWN } from './region-emitter.ts';

const OSZAPC = 0x8d5;
const CF = 1;
const ZF = 0x40;
const OF = 0x800;

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

/** Pushes (i32) OSZAPC. */
const pushFlags = (e: RegionEmitter): void => {
  pushLazy(e);
  e.code.call(F_LAZY_FLAGS);
};

/** OSZAPC = the i32 that `push` leaves. */
const setFlags = (e: RegionEmitter, push: () => void): void => {
  setOperand(e, CC_A, () => {
    push();
    e.code.byte(W.I64_EXTEND_I32_U);
  });
  setKind(e, CC_EFLAGS);
};

/** One flag = (slot a is not 0), others stay. */
const setFlag =
  (flag: number): Emit =>
  (e, k) =>
    setFlags(e, () => {
      const { code, block } = e;
      pushFlags(e);
      code.i32(~flag);
      code.byte(W.I32_AND);
      code.i32(flag);
      code.i32(0);
      e.pushBoolean(block.a[k] as number);
      code.byte(W.SELECT);
      code.byte(W.I32_OR);
    });

/** Flags after a rotate with result a by the masked count b. */
const rotateFlags: Emit = (e, k) => {
  const { code, block } = e;
  const result = block.a[k] as number;
  const how = (block.immLo[k] as number) >>> 16;
  const bits = 8 << (how & 3);
  const bit = (at: number, to: number): void => {
    e.read(result);
    code.i64(at);
    code.byte(W.I64_SHR_U);
    code.byte(W.I32_WRAP);
    code.i32(1);
    code.byte(W.I32_AND);
    if (to !== 0) {
      code.i32(to);
      code.byte(W.I32_SHL);
    }
  };
  const right = (how & 4) !== 0;
  const old = e.scratchLocal('flags', W.I32);
  pushFlags(e);
  code.set(old);
  setFlags(e, () => {
    code.get(old);
    code.i32(~(CF | OF));
    code.byte(W.I32_AND);
    bit(right ? bits - 1 : 0, 0);
    code.byte(W.I32_OR);
    bit(bits - 1, 11);
    bit(right ? bits - 2 : 0, 11);
    code.byte(W.I32_XOR);
    code.byte(W.I32_OR);
    code.get(old);
    e.read(block.b[k] as number);
    code.i64(0);
    code.byte(W.I64_NE);
    code.byte(W.SELECT);
  });
};

/** Integer helpers that change nothing but the flags, by number. */
export const emitFlagHelper: Readonly<Record<number, Emit>> = {
  [HI_ROTATE_FLAGS]: rotateFlags,
  [HI_SET_CARRY]: setFlag(CF),
  [HI_SET_ZERO]: setFlag(ZF),
  [HI_SET_OVERFLOW]: setFlag(OF),
};

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
        e.pushBoolean(d[k] as number);
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
    pushFlags(e);
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
  [O.OP_COND]: (e, k) => e.setBoolean(e.block.d[k] as number, () => pushCond(e, e.block.c[k] as number)),
  [O.OP_CONDSUB]: (e, k) => {
    const { a, b, c, d, immLo } = e.block;
    e.setBoolean(d[k] as number, () => pushCondSub(e, a[k] as number, b[k] as number, c[k] as number, immLo[k] as number));
  },
  [O.OP_CARRY]: (e, k) => e.setBoolean(e.block.d[k] as number, () => pushCarry(e)),
};
