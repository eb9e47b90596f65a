/** x87 loads, stores, exchanges and constants. */
import { convert, fromBcd, fromInteger, toBcd, toInteger } from '../softfloat/convert';
import { Env, F32, F64, F80, FE_INEXACT, FE_INVALID, FE_OVERFLOW, FE_UNDERFLOW, ROUND_DOWN, ROUND_UP, ROUND_ZERO, Slot } from '../softfloat/environment';
import { unpack32, unpack64 } from '../softfloat/unpack';
import { probeWrite, read16, read32, read64, write16, write32, write64 } from '../memory/access';
import { begin, C1, checkPending, Fpu, INDEFINITE_SE, INDEFINITE_SIG, note, settle, stackFault } from './stack';
import * as N from '../../helpers/x87';

/** True if ST(7) is free to become the new ST(0); else the stack fault is noted (and its masked result pushed). */
function canPush(ctx: usize): bool {
  if (Fpu.isEmpty(ctx, 7)) return true;
  if (stackFault(ctx, C1)) Fpu.push(ctx, INDEFINITE_SE, INDEFINITE_SIG);
  return false;
}

/** FLD, FILD, FBLD of memory. */
export function loadMemory(ctx: usize, address: u64, type: i32, c: i32, extra: u32): void {
  checkPending(ctx);
  let bits: u64;
  let high: u64 = 0;
  switch (type) {
    case N.X_TYPE_F32:
    case N.X_TYPE_I32: {
      bits = read32(ctx, address);
      break;
    }
    case N.X_TYPE_I16: {
      bits = read16(ctx, address);
      break;
    }
    case N.X_TYPE_F80:
    case N.X_TYPE_BCD: {
      bits = read64(ctx, address);
      high = read16(ctx, address + 8);
      break;
    }
    default: bits = read64(ctx, address);
  }
  note(ctx, c, extra);
  if (!canPush(ctx)) return;
  begin(ctx);
  let se: u32;
  switch (type) {
    case N.X_TYPE_F32: {
      unpack32(ctx, Slot.a(ctx), u32(bits));
      se = u32(convert(ctx, F80, 1));
      break;
    }
    case N.X_TYPE_F64: {
      unpack64(ctx, Slot.a(ctx), bits);
      se = u32(convert(ctx, F80, 1));
      break;
    }
    case N.X_TYPE_F80: {
      se = u32(high);
      Env.setSig(ctx, bits);
      break;
    }
    case N.X_TYPE_BCD: {
      se = u32(fromInteger(ctx, F80, i64(fromBcd(bits, high)))) | (u32(high) & 0x8000);
      break;
    }
    default: {
      const value = type == N.X_TYPE_I16 ? i64(i16(bits)) : type == N.X_TYPE_I32 ? i64(i32(bits)) : i64(bits);
      se = u32(fromInteger(ctx, F80, value));
    }
  }
  // an unmasked denormal operand does not keep the number from being loaded
  settle(ctx);
  if ((Env.flags(ctx) & ~Env.masks(ctx) & FE_INVALID) == 0) Fpu.push(ctx, se, Env.sig(ctx));
}

/** FLD ST(i). */
export function loadStack(ctx: usize, i: i32): void {
  if (Fpu.isEmpty(ctx, i)) {
    if (stackFault(ctx, 0)) Fpu.push(ctx, INDEFINITE_SE, INDEFINITE_SIG);
    return;
  }
  const se = Fpu.se(ctx, i);
  const sig = Fpu.sig(ctx, i);
  Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
  if (canPush(ctx)) Fpu.push(ctx, se, sig);
}

/** FLD1 .. FLDZ; the irrational ones are rounded by RC (all but pi and log2(10) are above their 64 bits when rounded to nearest). */
export function constant(ctx: usize, which: i32): void {
  Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
  if (!canPush(ctx)) return;
  const rounding = (Fpu.control(ctx) >> 10) & 3;
  const down = rounding == ROUND_DOWN || rounding == ROUND_ZERO;
  switch (which) {
    case 0: return Fpu.push(ctx, 0x3fff, 0x8000000000000000);
    case 1: return Fpu.push(ctx, 0x4000, 0xd49a784bcd1b8afe + u64(rounding == ROUND_UP));
    case 2: return Fpu.push(ctx, 0x3fff, 0xb8aa3b295c17f0bc - u64(down));
    case 3: return Fpu.push(ctx, 0x4000, 0xc90fdaa22168c235 - u64(down));
    case 4: return Fpu.push(ctx, 0x3ffd, 0x9a209a84fbcff799 - u64(down));
    case 5: return Fpu.push(ctx, 0x3ffe, 0xb17217f7d1cf79ac - u64(down));
    default: return Fpu.push(ctx, 0, 0);
  }
}

/** FST, FSTP, FIST, FISTP, FISTTP, FBSTP to memory; how: bit 0 pop, bit 1 truncate. */
export function storeMemory(ctx: usize, address: u64, type: i32, how: i32, c: i32, extra: u32): void {
  checkPending(ctx);
  // an unmasked exception keeps the number from being stored, but not the store from faulting
  probeWrite(ctx, address, type == N.X_TYPE_I16 ? 2 : type == N.X_TYPE_F32 || type == N.X_TYPE_I32 ? 4 : type == N.X_TYPE_F80 || type == N.X_TYPE_BCD ? 10 : 8);
  const empty = Fpu.isEmpty(ctx, 0);
  let bits: u64;
  let high: u64 = 0;
  let complete = true;
  begin(ctx);
  if (empty) {
    complete = (Fpu.control(ctx) & FE_INVALID) != 0;
    switch (type) {
      case N.X_TYPE_F32: {
        bits = 0xffc00000;
        break;
      }
      case N.X_TYPE_F64: {
        bits = 0xfff8000000000000;
        break;
      }
      case N.X_TYPE_I16: {
        bits = 0x8000;
        break;
      }
      case N.X_TYPE_I32: {
        bits = 0x80000000;
        break;
      }
      case N.X_TYPE_I64: {
        bits = 0x8000000000000000;
        break;
      }
      default: {
        bits = INDEFINITE_SIG;
        high = INDEFINITE_SE;
      }
    }
  } else {
    Fpu.unpackA(ctx, 0);
    Env.setMode(ctx, 0);
    const rounding = how & 2 ? ROUND_ZERO : Env.rounding(ctx);
    switch (type) {
      case N.X_TYPE_F32: {
        bits = convert(ctx, F32, 0);
        break;
      }
      case N.X_TYPE_F64: {
        bits = convert(ctx, F64, 0);
        break;
      }
      case N.X_TYPE_F80: {
        bits = Fpu.sig(ctx, 0);
        high = Fpu.se(ctx, 0);
        break;
      }
      case N.X_TYPE_BCD: {
        bits = toBcd(ctx, rounding);
        high = Env.low(ctx);
        break;
      }
      default: bits = u64(toInteger(ctx, type == N.X_TYPE_I16 ? 16 : type == N.X_TYPE_I32 ? 32 : 64, rounding));
    }
    complete = (Env.flags(ctx) & ~Env.masks(ctx) & (FE_INVALID | FE_OVERFLOW | FE_UNDERFLOW)) == 0;
    // nothing is stored, so nothing is inexact
    if (!complete) Env.setFlags(ctx, Env.flags(ctx) & ~FE_INEXACT);
  }
  if (complete) {
    switch (type) {
      case N.X_TYPE_F32:
      case N.X_TYPE_I32: {
        write32(ctx, address, bits);
        break;
      }
      case N.X_TYPE_I16: {
        write16(ctx, address, bits);
        break;
      }
      case N.X_TYPE_F80:
      case N.X_TYPE_BCD: {
        write64(ctx, address, bits);
        write16(ctx, address + 8, high);
        break;
      }
      default: write64(ctx, address, bits);
    }
  }
  note(ctx, c, extra);
  if (empty) stackFault(ctx, 0);
  else settle(ctx);
  if (complete && how & 1) Fpu.pop(ctx);
}

/** FST, FSTP to ST(i); how: bit 0 pop, bit 1 without a check for an empty ST(0), which is only popped (FSTPNCE). */
export function storeStack(ctx: usize, i: i32, how: i32): void {
  if (how & 2 && Fpu.isEmpty(ctx, 0)) {
    Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
  } else if (Fpu.isEmpty(ctx, 0)) {
    if (!stackFault(ctx, 0)) return;
    Fpu.write(ctx, i, INDEFINITE_SE, INDEFINITE_SIG);
  } else {
    Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
    Fpu.write(ctx, i, Fpu.se(ctx, 0), Fpu.sig(ctx, 0));
  }
  if (how & 1) Fpu.pop(ctx);
}

/** FXCH: an empty register counts as the indefinite. */
export function exchange(ctx: usize, i: i32): void {
  Fpu.setStatus(ctx, Fpu.status(ctx) & ~C1);
  const empty0 = Fpu.isEmpty(ctx, 0);
  const emptyI = Fpu.isEmpty(ctx, i);
  if ((empty0 || emptyI) && !stackFault(ctx, 0)) return;
  const se = empty0 ? INDEFINITE_SE : Fpu.se(ctx, 0);
  const sig = empty0 ? INDEFINITE_SIG : Fpu.sig(ctx, 0);
  if (emptyI) Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
  else Fpu.write(ctx, 0, Fpu.se(ctx, i), Fpu.sig(ctx, i));
  Fpu.write(ctx, i, se, sig);
}

/** FCMOVcc. */
export function conditionalMove(ctx: usize, i: i32, condition: bool): void {
  if (Fpu.isEmpty(ctx, 0) || Fpu.isEmpty(ctx, i)) {
    if (stackFault(ctx, 0)) Fpu.write(ctx, 0, INDEFINITE_SE, INDEFINITE_SIG);
    return;
  }
  if (condition) Fpu.write(ctx, 0, Fpu.se(ctx, i), Fpu.sig(ctx, i));
}
