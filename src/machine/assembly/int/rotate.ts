/** Rotates and double shifts. `how`: size (0..3) | 4 if to the right; counts are masked to 5 (6 for 64 bits) bits already. */
import { CF, getFlags, OF, setFlags } from '../flags';

function maskOf(size: u32): u64 {
  return 0xffffffffffffffff >> (64 - (<u64>8 << size));
}

/** Value rotated, zero-extended. */
export function rotate(value: u64, count: u32, how: u32): u64 {
  const size = how & 3;
  const bits: u32 = 8 << size;
  const mask = maskOf(size);
  const v = value & mask;
  let n = count & (bits - 1);
  if (n == 0) return v;
  if ((how & 4) != 0) n = bits - n;
  return ((v << n) | (v >> (bits - n))) & mask;
}

/** CF = the bit rotated last, OF as defined for a count of one. */
export function rotateFlags(ctx: usize, result: u64, count: u32, how: u32): void {
  if (count == 0) return;
  const bits: u64 = <u64>8 << (how & 3);
  const top = <u32>(result >> (bits - 1)) & 1;
  let carry: u32;
  let overflow: u32;
  if ((how & 4) != 0) {
    carry = top;
    overflow = top ^ (<u32>(result >> (bits - 2)) & 1);
  } else {
    carry = <u32>result & 1;
    overflow = top ^ carry;
  }
  setFlags(ctx, (getFlags(ctx) & ~(CF | OF)) | carry | (overflow << 11));
}

/** Number of places a rotate through carry moves: counts go round every size + 1. */
function places(count: u32, size: u32): u32 {
  return size == 0 ? count % 9 : size == 1 ? count % 17 : count;
}

/** Value rotated through CF, zero-extended. */
export function rotateCarry(ctx: usize, value: u64, count: u32, how: u32): u64 {
  const size = how & 3;
  const bits: u32 = 8 << size;
  const mask = maskOf(size);
  const v = value & mask;
  const carry = <u64>(getFlags(ctx) & CF);
  const n = places(count, size);
  if (n == 0) return v;
  if ((how & 4) == 0) {
    const wrapped = n == 1 ? 0 : v >> (bits + 1 - n);
    return ((n == 64 ? 0 : v << n) | (carry << (n - 1)) | wrapped) & mask;
  }
  const wrapped = n == 1 ? 0 : v << (bits + 1 - n);
  return ((v >> n) | (carry << (bits - n)) | wrapped) & mask;
}

/** Flags of rotateCarry of the same old value. */
export function rotateCarryFlags(ctx: usize, value: u64, count: u32, how: u32): void {
  if (count == 0) return;
  const size = how & 3;
  const bits: u32 = 8 << size;
  const flags = getFlags(ctx);
  const n = places(count, size);
  const result = rotateCarry(ctx, value, count, how);
  const top = <u32>(result >> (bits - 1)) & 1;
  let carry = flags & CF;
  if (n != 0) carry = <u32>((how & 4) == 0 ? value >> (bits - n) : value >> (n - 1)) & 1;
  const overflow = (how & 4) == 0 ? top ^ carry : top ^ (<u32>(result >> (bits - 2)) & 1);
  setFlags(ctx, (flags & ~(CF | OF)) | carry | (overflow << 11));
}

/** Destination shifted with bits from `source`. 16-bit counts above 16 are undefined; AMD's processors then rotate the source. */
export function shiftDouble(value: u64, source: u64, count: u32, how: u32): u64 {
  const size = how & 3;
  const bits: u32 = 8 << size;
  const mask = maskOf(size);
  const v = value & mask;
  const s = source & mask;
  if (count == 0) return v;
  if (count >= bits) {
    const n = count - bits;
    if (n == 0) return s;
    return ((how & 4) == 0 ? (s << n) | (s >> (bits - n)) : (s >> n) | (s << (bits - n))) & mask;
  }
  return ((how & 4) == 0 ? (v << count) | (s >> (bits - count)) : (v >> count) | (s << (bits - count))) & mask;
}
