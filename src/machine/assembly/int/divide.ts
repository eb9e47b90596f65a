/** DIV and IDIV, up to 128 by 64 bits. */
import { RAX, RDX } from '../../layout';
import { DE, raise } from '../exceptions/raise';
import { Ctx } from '../state';

/** Quotient of high:low / divisor, where high < divisor. Schoolbook division by digits of 32 bits (Knuth, TAOCP 2, 4.3.1, algorithm D). */
function quotient128(high: u64, low: u64, divisor: u64): u64 {
  const shift = clz(divisor);
  const d = divisor << shift;
  const d1 = d >> 32;
  const d0 = d & 0xffffffff;
  const n32 = shift == 0 ? high : (high << shift) | (low >> (64 - shift));
  const n10 = low << shift;
  const n1 = n10 >> 32;
  const n0 = n10 & 0xffffffff;
  let q1 = n32 / d1;
  let rest = n32 - q1 * d1;
  while (q1 > 0xffffffff || q1 * d0 > ((rest << 32) | n1)) {
    q1--;
    rest += d1;
    if (rest > 0xffffffff) break;
  }
  const n21 = ((n32 << 32) | n1) - q1 * d;
  let q0 = n21 / d1;
  rest = n21 - q0 * d1;
  while (q0 > 0xffffffff || q0 * d0 > ((rest << 32) | n0)) {
    q0--;
    rest += d1;
    if (rest > 0xffffffff) break;
  }
  return (q1 << 32) + q0;
}

function divideError(ctx: usize): void {
  raise(ctx, DE, false, 0);
}

/** AL = quotient, AH = remainder; or rAX and rDX in the operand size. */
function storePair(ctx: usize, size: u32, quotient: u64, remainder: u64): void {
  if (size == 0) Ctx.set(ctx, RAX, (Ctx.get(ctx, RAX) & ~(<u64>0xffff)) | (quotient & 0xff) | ((remainder & 0xff) << 8));
  else if (size == 1) {
    Ctx.set(ctx, RAX, (Ctx.get(ctx, RAX) & ~(<u64>0xffff)) | (quotient & 0xffff));
    Ctx.set(ctx, RDX, (Ctx.get(ctx, RDX) & ~(<u64>0xffff)) | (remainder & 0xffff));
  } else {
    const mask: u64 = size == 2 ? 0xffffffff : 0xffffffffffffffff;
    Ctx.set(ctx, RAX, quotient & mask);
    Ctx.set(ctx, RDX, remainder & mask);
  }
}

/** Dividend of up to 64 bits: AX, DX:AX, EDX:EAX. */
function narrowDividend(ctx: usize, size: u32): u64 {
  const rax = Ctx.get(ctx, RAX);
  if (size == 0) return rax & 0xffff;
  if (size == 1) return (rax & 0xffff) | ((Ctx.get(ctx, RDX) & 0xffff) << 16);
  return (rax & 0xffffffff) | (Ctx.get(ctx, RDX) << 32);
}

/** DIV by the low bits of `operand`; size 0..3. */
export function divide(ctx: usize, operand: u64, size: u32): void {
  if (size == 3) {
    const high = Ctx.get(ctx, RDX);
    const low = Ctx.get(ctx, RAX);
    if (operand <= high) return divideError(ctx);
    const quotient = high == 0 ? low / operand : quotient128(high, low, operand);
    storePair(ctx, 3, quotient, low - quotient * operand);
    return;
  }
  const bits: u64 = <u64>8 << size;
  const divisor = operand & (((<u64>1) << bits) - 1);
  if (divisor == 0) return divideError(ctx);
  const dividend = narrowDividend(ctx, size);
  const quotient = dividend / divisor;
  if (quotient >> bits != 0) return divideError(ctx);
  storePair(ctx, size, quotient, dividend - quotient * divisor);
}

/** IDIV by the low bits of `operand`; size 0..3. The remainder has the dividend's sign. */
export function divideSigned(ctx: usize, operand: u64, size: u32): void {
  if (size == 3) {
    let high = Ctx.get(ctx, RDX);
    let low = Ctx.get(ctx, RAX);
    const negative = <i64>high < 0;
    if (negative) {
      low = 0 - low;
      high = ~high + (low == 0 ? 1 : 0);
    }
    const divisor = <i64>operand < 0 ? 0 - operand : operand;
    if (divisor <= high) return divideError(ctx);
    const quotient = high == 0 ? low / divisor : quotient128(high, low, divisor);
    const remainder = low - quotient * divisor;
    const minus = negative != <i64>operand < 0;
    if (quotient > (minus ? <u64>0x8000000000000000 : <u64>0x7fffffffffffffff)) return divideError(ctx);
    storePair(ctx, 3, minus ? 0 - quotient : quotient, negative ? 0 - remainder : remainder);
    return;
  }
  const shift: u64 = 64 - (<u64>8 << size);
  const divisor = <i64>(operand << shift) >> shift;
  if (divisor == 0) return divideError(ctx);
  const wide: u64 = size == 2 ? 0 : 64 - (<u64>16 << size);
  const dividend = <i64>(narrowDividend(ctx, size) << wide) >> wide;
  // the one overflow of a 64-bit division, which the processor below would trap on
  if (divisor == -1 && dividend == i64.MIN_VALUE) return divideError(ctx);
  const quotient = dividend / divisor;
  if ((quotient << shift) >> shift != quotient) return divideError(ctx);
  storePair(ctx, size, <u64>quotient, <u64>(dividend - quotient * divisor));
}
