import * as L from '../../../machine/layout.ts';
import type { VcpuContext } from '../../../machine/vcpu-context.ts';

/**
 * RFLAGS of a stopped context as a number, from the lazy form (layout.ts, CC_*). The core has the fast version; this
 * one is for the toolstack, dumps and debuggers, and is what tests compare the core with.
 */
export function readFlags(c: VcpuContext): number {
  return (c.low(L.EFLAGS_SYS) | 2 | arithmetic(c.low(L.CC_OP), c.get(L.CC_A), c.get(L.CC_B))) >>> 0;
}

/** OSZAPC as EFLAGS bits of a lazy state. @see Intel SDM vol. 1, 3.4.3.1 */
export function arithmetic(op: number, rawA: bigint, rawB: bigint): number {
  if (op < L.CC_ADD) return Number(rawA) & 0x8d5;
  const size = 8 << (op & 3);
  const a = BigInt.asUintN(size, rawA);
  const b = BigInt.asUintN(size, rawB);
  const top = 1n << BigInt(size - 1);
  const wrap = (x: bigint): bigint => BigInt.asUintN(size, x);
  const kind = op & ~3;
  let r = a;
  let cf = false;
  let of = false;
  let af = false;
  if (kind === L.CC_ADD || kind === L.CC_ADC1) {
    const carry = kind === L.CC_ADC1 ? 1n : 0n;
    r = wrap(a + b + carry);
    cf = a + b + carry !== r;
    of = ((a ^ r) & (b ^ r) & top) !== 0n;
    af = ((a ^ b ^ r) & 16n) !== 0n;
  } else if (kind === L.CC_SUB || kind === L.CC_SBB1) {
    const borrow = kind === L.CC_SBB1 ? 1n : 0n;
    r = wrap(a - b - borrow);
    cf = a < b + borrow;
    of = ((a ^ b) & (a ^ r) & top) !== 0n;
    af = ((a ^ b ^ r) & 16n) !== 0n;
  } else if (kind === L.CC_INC) {
    cf = (rawB & 1n) !== 0n;
    of = r === top;
    af = (r & 15n) === 0n;
  } else if (kind === L.CC_DEC) {
    cf = (rawB & 1n) !== 0n;
    of = r === top - 1n;
    af = (r & 15n) === 15n;
  } else if (kind === L.CC_SHL) {
    r = b;
    cf = (a & top) !== 0n;
    of = cf !== ((r & top) !== 0n);
  } else if (kind === L.CC_SHR) {
    r = b;
    cf = (a & 1n) !== 0n;
    of = ((a ^ r) & top) !== 0n;
  } else if (kind === L.CC_MUL) {
    cf = rawB !== 0n;
    of = cf;
  }
  let parity = Number(r & 0xffn);
  parity ^= parity >>> 4;
  parity ^= parity >>> 2;
  parity ^= parity >>> 1;
  return (cf ? 1 : 0) | ((parity & 1) === 0 ? 4 : 0) | (af ? 0x10 : 0) | (r === 0n ? 0x40 : 0) | ((r & top) !== 0n ? 0x80 : 0) | (of ? 0x800 : 0);
}
