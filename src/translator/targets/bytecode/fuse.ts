/**
 * Replaces frequent neighbours by one bytecode operation (OP_F_*), in place: the operation that is kept gets the fused number,
 * the others become NOP, which packing leaves out. Runs last: fused operations are no IR.
 */
import { CC_A, CC_B, CC_DEC, CC_INC, CC_LOGIC, CC_SUB, RIP, RSP, T0, TEMPS, ZERO } from '../../../machine/layout.ts';
import * as ops from '../../../machine/ops.ts';
import type { Builder } from '../../ir/builder.ts';

/** Fused forms of arithmetic that follows its own OP_CC (both read slots a and b), by operation number. */
const afterCc = new Uint8Array(256);
/** The same after OP_CCI. */
const afterCci = new Uint8Array(256);
/** Fused forms of logic followed by its OP_CCI of the result. */
const beforeCci = new Uint8Array(256);
for (const [op, fused] of [
  [ops.OP_ADD, ops.OP_F_ADD],
  [ops.OP_ADD32, ops.OP_F_ADD32],
  [ops.OP_SUB, ops.OP_F_SUB],
  [ops.OP_SUB32, ops.OP_F_SUB32],
] as const) {
  afterCc[op] = fused;
}
for (const [op, fused] of [
  [ops.OP_ADDI, ops.OP_F_ADDI],
  [ops.OP_ADDI32, ops.OP_F_ADDI32],
] as const) {
  afterCci[op] = fused;
}
for (const [op, fused] of [
  [ops.OP_AND, ops.OP_F_AND],
  [ops.OP_AND32, ops.OP_F_AND32],
  [ops.OP_ANDI, ops.OP_F_ANDI],
  [ops.OP_ANDI32, ops.OP_F_ANDI32],
  [ops.OP_OR, ops.OP_F_OR],
  [ops.OP_OR32, ops.OP_F_OR32],
  [ops.OP_XOR, ops.OP_F_XOR],
  [ops.OP_XOR32, ops.OP_F_XOR32],
  [ops.OP_MOVI, ops.OP_F_ZERO],
] as const) {
  beforeCci[op] = fused;
}

const isTemp = (slot: number): boolean => slot >= T0 && slot < T0 + TEMPS;

export function fuse(builder: Builder): void {
  const { op, d, a, b, c, immLo, immHi, idx, count } = builder;
  /** Operation k is RSP += constant, in the instruction of j. */
  const movesStack = (k: number, j: number): boolean => k < count && op[k] === ops.OP_ADDI && d[k] === RSP && a[k] === RSP && idx[k] === idx[j];

  for (let k = 0; k < count; k++) {
    const next = k + 1;
    if (next >= count) return;
    switch (op[k]) {
      case ops.OP_CC: {
        const kind = c[k] as number;
        const fused = afterCc[op[next] as number] as number;
        if (fused !== 0 && a[k] === a[next] && b[k] === b[next] && ((kind & ~3) === CC_SUB) === (op[next] === ops.OP_SUB || op[next] === ops.OP_SUB32)) {
          op[next] = fused;
          c[next] = kind;
          op[k] = ops.OP_NOP;
        } else if ((kind & ~3) === CC_SUB && op[next] === ops.OP_BRSUB && d[next] === CC_A && a[next] === CC_B) {
          op[next] = ops.OP_F_CMPBR;
          d[next] = b[next] as number;
          a[next] = a[k] as number;
          b[next] = b[k] as number;
          op[k] = ops.OP_NOP;
        }
        break;
      }
      case ops.OP_CCI: {
        const kind = c[k] as number;
        if (op[next] === ops.OP_BRSUB && d[next] === CC_A) {
          const compare = (kind & ~3) === CC_SUB && a[next] === CC_B;
          const test = (kind & ~3) === CC_LOGIC && a[next] === ZERO;
          if (!compare && !test) break;
          // the constant stays in the dropped operation, from where packing takes it to the link word
          op[next] = compare ? ops.OP_F_CMPIBR : ops.OP_F_TESTBR;
          d[next] = b[next] as number;
          a[next] = a[k] as number;
          op[k] = ops.OP_NOP;
          break;
        }
        const fused = afterCci[op[next] as number] as number;
        if (fused === 0 || a[k] !== a[next]) break;
        const lo = immLo[k] as number;
        const hi = immHi[k] as number;
        const subtract = (kind & ~3) === CC_SUB;
        // subtraction of a constant is an addition of its negative
        const wantLo = subtract ? -lo | 0 : lo;
        const wantHi = subtract ? (~hi + (lo === 0 ? 1 : 0)) | 0 : hi;
        if (immLo[next] !== wantLo || immHi[next] !== wantHi) break;
        op[next] = subtract ? (fused === ops.OP_F_ADDI ? ops.OP_F_SUBI : ops.OP_F_SUBI32) : fused;
        c[next] = kind;
        immLo[next] = lo;
        immHi[next] = hi;
        op[k] = ops.OP_NOP;
        break;
      }
      case ops.OP_AND:
      case ops.OP_AND32:
      case ops.OP_ANDI:
      case ops.OP_ANDI32:
      case ops.OP_OR:
      case ops.OP_OR32:
      case ops.OP_XOR:
      case ops.OP_XOR32:
        if (op[next] === ops.OP_CCI && a[next] === d[k] && ((c[next] as number) & ~3) === CC_LOGIC && !branches(builder, next + 1)) {
          op[k] = beforeCci[op[k] as number] as number;
          c[k] = c[next] as number;
          op[next] = ops.OP_NOP;
          k++;
        }
        break;
      case ops.OP_MOVI:
        if (immLo[k] !== 0 || immHi[k] !== 0 || op[next] !== ops.OP_CCI || a[next] !== ZERO || ((c[next] as number) & ~3) !== CC_LOGIC) break;
        op[k] = ops.OP_F_ZERO;
        c[k] = c[next] as number;
        op[next] = ops.OP_NOP;
        k++;
        break;
      case ops.OP_CARRY: {
        // INC and DEC: CARRY t; ADDI d, a, 1; CC inc d, t
        const last = k + 2;
        if (last >= count || op[last] !== ops.OP_CC || b[last] !== d[k] || a[last] !== d[next]) break;
        const kind = (c[last] as number) & ~3;
        if ((kind !== CC_INC && kind !== CC_DEC) || (op[next] !== ops.OP_ADDI && op[next] !== ops.OP_ADDI32)) break;
        op[next] = op[next] === ops.OP_ADDI ? ops.OP_F_STEP : ops.OP_F_STEP32;
        c[next] = c[last] as number;
        op[k] = ops.OP_NOP;
        op[last] = ops.OP_NOP;
        k = last;
        break;
      }
      case ops.OP_ST64: {
        if (a[k] !== RSP || immLo[k] !== -8 || !movesStack(next, k) || immLo[next] !== -8 || d[k] === RSP) break;
        const call = next + 1;
        if (call < count && op[call] === ops.OP_CALL && c[call] === 0 && k > 0 && isReturnAddress(builder, k - 1, d[k] as number, call)) {
          op[k - 1] = ops.OP_NOP;
          op[k] = ops.OP_NOP;
          op[next] = ops.OP_NOP;
          op[call] = ops.OP_F_CALL64;
          return;
        }
        op[k] = ops.OP_F_PUSH64;
        op[next] = ops.OP_NOP;
        k = next;
        break;
      }
      case ops.OP_LD64: {
        if (a[k] !== RSP || immLo[k] !== 0 || immHi[k] !== 0 || !movesStack(next, k) || d[k] === RSP) break;
        const ret = next + 1;
        if (ret < count && op[ret] === ops.OP_RET && a[ret] === d[k] && c[ret] === 0 && isTemp(d[k] as number)) {
          immLo[ret] = immLo[next] as number;
          immHi[ret] = immHi[next] as number;
          op[k] = ops.OP_NOP;
          op[next] = ops.OP_NOP;
          op[ret] = ops.OP_F_RET64;
          return;
        }
        if (immLo[next] !== 8) break;
        op[k] = ops.OP_F_POP64;
        op[next] = ops.OP_NOP;
        k = next;
        break;
      }
      default:
        break;
    }
  }
}

/** Operation k is a branch on a comparison (which then takes the flag operation before it). */
const branches = (builder: Builder, k: number): boolean =>
  k < builder.count && builder.op[k] === ops.OP_BRSUB && builder.d[k] === CC_A && builder.a[k] === ZERO;

/** Operation k puts the return address of the call at `call` into `slot`. */
const isReturnAddress = (builder: Builder, k: number, slot: number, call: number): boolean =>
  builder.op[k] === ops.OP_ADDI &&
  builder.d[k] === slot &&
  isTemp(slot) &&
  builder.a[k] === RIP &&
  builder.immLo[k] === builder.immHi[call] &&
  builder.idx[k] === builder.idx[call];
