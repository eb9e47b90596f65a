/** Moves and integer arithmetic: IR to Wasm. */
import * as O from '../../../machine/ops.ts';
import * as W from './code.ts';
import type { RegionEmitter } from './region-emitter.ts';

/** Emits operation k of the emitter's block. */
export type Emit = (e: RegionEmitter, k: number) => void;

const D = (e: RegionEmitter, k: number): number => e.block.d[k] as number;
const A = (e: RegionEmitter, k: number): number => e.block.a[k] as number;
const B = (e: RegionEmitter, k: number): number => e.block.b[k] as number;
const C = (e: RegionEmitter, k: number): number => e.block.c[k] as number;

const immediate = (e: RegionEmitter, k: number): void => e.code.i64(e.block.immLo[k] as number, e.block.immHi[k] as number);

/** d = what `push` leaves. */
const set =
  (push: Emit): Emit =>
  (e, k) => {
    e.begin(D(e, k));
    push(e, k);
    e.finish(D(e, k));
  };

const wrapped = (e: RegionEmitter, slot: number): void => {
  e.read(slot);
  e.code.byte(W.I32_WRAP);
};

/** d = op(a), instructions of i64. */
const unary = (...instructions: number[]): Emit =>
  set((e, k) => {
    e.read(A(e, k));
    for (const one of instructions) e.code.byte(one);
  });

const binary = (op: number): Emit =>
  set((e, k) => {
    e.read(A(e, k));
    e.read(B(e, k));
    e.code.byte(op);
  });

const withImmediate = (op: number): Emit =>
  set((e, k) => {
    e.read(A(e, k));
    immediate(e, k);
    e.code.byte(op);
  });

const binary32 = (op: number): Emit =>
  set((e, k) => {
    wrapped(e, A(e, k));
    wrapped(e, B(e, k));
    e.code.byte(op);
    e.code.byte(W.I64_EXTEND_I32_U);
  });

const withImmediate32 = (op: number): Emit =>
  set((e, k) => {
    wrapped(e, A(e, k));
    e.code.i32(e.block.immLo[k] as number);
    e.code.byte(op);
    e.code.byte(W.I64_EXTEND_I32_U);
  });

const mask = (lo: number, hi = 0): Emit =>
  set((e, k) => {
    e.read(A(e, k));
    e.code.i64(lo, hi);
    e.code.byte(W.I64_AND);
  });

/** d = (d & ~0xff) | (a & 0xff). */
const insertByte: Emit = (e, k) => {
  const { code } = e;
  const d = D(e, k);
  const byte = e.lowByte(d);
  e.begin(d);
  e.pushLowByte(A(e, k));
  code.set(byte);
  e.read(d);
  code.i64(~0xff, -1);
  code.byte(W.I64_AND);
  code.get(byte);
  code.byte(W.I64_OR);
  e.finish(d);
  e.insertedByte(d);
};

/** d = (d & ~mask) | ((a << shift) & mask). */
const insert = (bits: number, shift: number): Emit =>
  set((e, k) => {
    e.read(D(e, k));
    e.code.i64(~bits, -1);
    e.code.byte(W.I64_AND);
    e.read(A(e, k));
    if (shift !== 0) {
      e.code.i64(shift);
      e.code.byte(W.I64_SHL);
    }
    e.code.i64(bits, 0);
    e.code.byte(W.I64_AND);
    e.code.byte(W.I64_OR);
  });

const setIf =
  (op: number): Emit =>
  (e, k) =>
    e.setBoolean(D(e, k), () => {
      e.read(A(e, k));
      e.read(B(e, k));
      e.code.byte(op);
    });

/** Pushes a + (b << c) + imm. */
export const pushIndexed: Emit = (e, k) => {
  e.read(A(e, k));
  e.read(B(e, k));
  if (C(e, k) !== 0) {
    e.code.i64(C(e, k));
    e.code.byte(W.I64_SHL);
  }
  e.code.byte(W.I64_ADD);
  addImmediate(e, k);
};

/** Adds imm to the i64 on the stack. */
export const addImmediate: Emit = (e, k) => {
  if (e.block.immLo[k] === 0 && e.block.immHi[k] === 0) return;
  immediate(e, k);
  e.code.byte(W.I64_ADD);
};

const zx32: Emit = set((e, k) => {
  wrapped(e, A(e, k));
  e.code.byte(W.I64_EXTEND_I32_U);
});

/** d = high half of a * b, from products of 32-bit halves. */
const multiplyHigh = (signed: boolean): Emit =>
  set((e, k) => {
    const { code } = e;
    const local = (name: string): number => e.scratchLocal(`product ${name}`, W.I64);
    const [x, y, low, middle] = [local('x'), local('y'), local('low'), local('middle')];
    const half = (of: number, high: boolean): void => {
      code.get(of);
      if (high) {
        code.i64(32);
        code.byte(W.I64_SHR_U);
      } else {
        code.i64(-1, 0);
        code.byte(W.I64_AND);
      }
    };
    const product = (highX: boolean, highY: boolean): void => {
      half(x, highX);
      half(y, highY);
      code.byte(W.I64_MUL);
    };
    e.read(A(e, k));
    code.set(x);
    e.read(B(e, k));
    code.set(y);
    product(false, false);
    code.set(low);
    // middle = xh * yl + (xl * yl >> 32), which does not overflow
    product(true, false);
    half(low, true);
    code.byte(W.I64_ADD);
    code.set(middle);
    product(true, true);
    half(middle, true);
    code.byte(W.I64_ADD);
    product(false, true);
    half(middle, false);
    code.byte(W.I64_ADD);
    code.i64(32);
    code.byte(W.I64_SHR_U);
    code.byte(W.I64_ADD);
    if (!signed) return;
    // less the other one for each that is negative
    for (const [sign, other] of [
      [x, y],
      [y, x],
    ] as const) {
      code.get(sign);
      code.i64(63);
      code.byte(W.I64_SHR_S);
      code.get(other);
      code.byte(W.I64_AND);
      code.byte(W.I64_SUB);
    }
  });

/** ((x & m) << s) | ((x >> s) & m) of the i64 in `value`. */
const swapStep = (e: RegionEmitter, lo: number, hi: number, by: number): void => {
  const { code } = e;
  code.get(e.value);
  code.i64(lo, hi);
  code.byte(W.I64_AND);
  code.i64(by);
  code.byte(W.I64_SHL);
  code.get(e.value);
  code.i64(by);
  code.byte(W.I64_SHR_U);
  code.i64(lo, hi);
  code.byte(W.I64_AND);
  code.byte(W.I64_OR);
};

const bswap = (size: 32 | 64): Emit =>
  set((e, k) => {
    const { code } = e;
    e.read(A(e, k));
    code.set(e.value);
    swapStep(e, 0x00ff00ff, 0x00ff00ff, 8);
    code.set(e.value);
    swapStep(e, 0x0000ffff, 0x0000ffff, 16);
    if (size === 64) {
      code.i64(32);
      code.byte(W.I64_ROTL);
    } else {
      code.i64(-1, 0);
      code.byte(W.I64_AND);
    }
  });

export const emitAlu: Readonly<Record<number, Emit>> = {
  [O.OP_NOP]: () => {},
  [O.OP_MOV]: unary(),
  [O.OP_MOVI]: set(immediate),
  [O.OP_ZX8]: set((e, k) => e.pushLowByte(A(e, k))),
  [O.OP_ZX8H]: set((e, k) => {
    e.read(A(e, k));
    e.code.i64(8);
    e.code.byte(W.I64_SHR_U);
    e.code.i64(0xff, 0);
    e.code.byte(W.I64_AND);
  }),
  [O.OP_ZX16]: mask(0xffff),
  [O.OP_ZX32]: zx32,
  [O.OP_SX8]: unary(W.I64_EXTEND8_S),
  [O.OP_SX16]: unary(W.I64_EXTEND16_S),
  [O.OP_SX32]: unary(W.I64_EXTEND32_S),
  [O.OP_INS8]: insertByte,
  [O.OP_INS8H]: insert(0xff00, 8),
  [O.OP_INS16]: insert(0xffff, 0),
  [O.OP_SEL]: set((e, k) => {
    e.read(A(e, k));
    e.read(B(e, k));
    e.pushBoolean(C(e, k));
    e.code.byte(W.SELECT);
  }),
  [O.OP_ADD]: binary(W.I64_ADD),
  [O.OP_SUB]: binary(W.I64_SUB),
  [O.OP_AND]: binary(W.I64_AND),
  [O.OP_OR]: binary(W.I64_OR),
  [O.OP_XOR]: binary(W.I64_XOR),
  [O.OP_SHL]: binary(W.I64_SHL),
  [O.OP_SHR]: binary(W.I64_SHR_U),
  [O.OP_SAR]: binary(W.I64_SHR_S),
  [O.OP_MUL]: binary(W.I64_MUL),
  [O.OP_MULHU]: multiplyHigh(false),
  [O.OP_MULHS]: multiplyHigh(true),
  [O.OP_ADDI]: withImmediate(W.I64_ADD),
  [O.OP_ANDI]: withImmediate(W.I64_AND),
  [O.OP_ORI]: withImmediate(W.I64_OR),
  [O.OP_XORI]: withImmediate(W.I64_XOR),
  [O.OP_SHLI]: withImmediate(W.I64_SHL),
  [O.OP_SHRI]: withImmediate(W.I64_SHR_U),
  [O.OP_SARI]: withImmediate(W.I64_SHR_S),
  [O.OP_NEG]: set((e, k) => {
    e.code.i64(0);
    e.read(A(e, k));
    e.code.byte(W.I64_SUB);
  }),
  [O.OP_NOT]: set((e, k) => {
    e.read(A(e, k));
    e.code.i64(-1);
    e.code.byte(W.I64_XOR);
  }),
  [O.OP_LEA]: set(pushIndexed),
  [O.OP_ADD32]: binary32(W.I32_ADD),
  [O.OP_SUB32]: binary32(W.I32_SUB),
  [O.OP_AND32]: binary32(W.I32_AND),
  [O.OP_OR32]: binary32(W.I32_OR),
  [O.OP_XOR32]: binary32(W.I32_XOR),
  [O.OP_SHL32]: binary32(W.I32_SHL),
  [O.OP_SHR32]: binary32(W.I32_SHR_U),
  [O.OP_SAR32]: binary32(W.I32_SHR_S),
  [O.OP_MUL32]: binary32(W.I32_MUL),
  [O.OP_ADDI32]: withImmediate32(W.I32_ADD),
  [O.OP_ANDI32]: withImmediate32(W.I32_AND),
  [O.OP_ORI32]: withImmediate32(W.I32_OR),
  [O.OP_XORI32]: withImmediate32(W.I32_XOR),
  [O.OP_SHLI32]: withImmediate32(W.I32_SHL),
  [O.OP_SHRI32]: withImmediate32(W.I32_SHR_U),
  [O.OP_SARI32]: withImmediate32(W.I32_SHR_S),
  [O.OP_NEG32]: set((e, k) => {
    e.code.i32(0);
    wrapped(e, A(e, k));
    e.code.byte(W.I32_SUB);
    e.code.byte(W.I64_EXTEND_I32_U);
  }),
  [O.OP_NOT32]: set((e, k) => {
    wrapped(e, A(e, k));
    e.code.i32(-1);
    e.code.byte(W.I32_XOR);
    e.code.byte(W.I64_EXTEND_I32_U);
  }),
  [O.OP_LEA32]: set((e, k) => {
    pushIndexed(e, k);
    e.code.byte(W.I32_WRAP);
    e.code.byte(W.I64_EXTEND_I32_U);
  }),
  [O.OP_ROL]: binary(W.I64_ROTL),
  [O.OP_ROR]: binary(W.I64_ROTR),
  [O.OP_ROL32]: binary32(W.I32_ROTL),
  [O.OP_ROR32]: binary32(W.I32_ROTR),
  [O.OP_ROLI]: withImmediate(W.I64_ROTL),
  [O.OP_RORI]: withImmediate(W.I64_ROTR),
  [O.OP_ROLI32]: withImmediate32(W.I32_ROTL),
  [O.OP_RORI32]: withImmediate32(W.I32_ROTR),
  [O.OP_BSWAP]: bswap(64),
  [O.OP_BSWAP32]: bswap(32),
  [O.OP_CTZ]: unary(W.I64_CTZ),
  [O.OP_CLZ]: unary(W.I64_CLZ),
  [O.OP_POPCNT]: unary(W.I64_POPCNT),
  [O.OP_SETEQ]: setIf(W.I64_EQ),
  [O.OP_SETNE]: setIf(W.I64_NE),
  [O.OP_SETLTU]: setIf(W.I64_LT_U),
  [O.OP_SETLTS]: setIf(W.I64_LT_S),
  [O.OP_SETLEU]: setIf(W.I64_LE_U),
  [O.OP_SETLES]: setIf(W.I64_LE_S),
};
