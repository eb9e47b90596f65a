/**
 * The instruction's memory operand: its address in the form the IR's memory operations take, and loads and stores there.
 *
 * An address is a + imm (plain operations) or a + (b << scale) + imm (X operations), a linear address. In flat code that is
 * mostly the instruction's own registers; elsewhere an offset is computed, checked and based by SEGLIN.
 */
import { RBP, RIP, RSP, SEG_BASE, ZERO } from '../../machine/layout.ts';
import {
  OP_ADD,
  OP_ALIGN,
  OP_LD8,
  OP_LD16,
  OP_LD32,
  OP_LD64,
  OP_LDM8,
  OP_LDM16,
  OP_LDM32,
  OP_LDM64,
  OP_LDMX8,
  OP_LDMX16,
  OP_LDMX32,
  OP_LDMX64,
  OP_LDS8,
  OP_LDS16,
  OP_LDS32,
  OP_LDX8,
  OP_LDX16,
  OP_LDX32,
  OP_LDX64,
  OP_LDXS8,
  OP_LDXS16,
  OP_LDXS32,
  OP_SEGLIN,
  OP_ST8,
  OP_ST16,
  OP_ST32,
  OP_ST64,
  OP_STX8,
  OP_STX16,
  OP_STX32,
  OP_STX64,
  OP_ZX16,
} from '../../machine/ops.ts';
import { BASE_NONE, BASE_RIP, type Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';

/** An address as the memory operations take it. */
export class Address {
  /** a + (b << scale) + imm instead of a + imm. */
  indexed = false;
  a = ZERO;
  b = ZERO;
  scale = 0;
  /** imm, low and high 32 bits. */
  lo = 0;
  hi = 0;

  set(a: number, lo = 0, hi: number = lo >> 31): void {
    this.indexed = false;
    this.a = a;
    this.b = ZERO;
    this.scale = 0;
    this.lo = lo;
    this.hi = hi;
  }

  setIndexed(a: number, b: number, scale: number, lo: number, hi: number = lo >> 31): void {
    this.indexed = true;
    this.a = a;
    this.b = b;
    this.scale = scale;
    this.lo = lo;
    this.hi = hi;
  }
}

/** Segment register numbers. */
export const SEG_ES = 0;
export const SEG_CS = 1;

export const SEG_SS = 2;
export const SEG_DS = 3;
export const SEG_FS = 4;

/** The address computed last by `address()`; valid until the next one. */
export const ea: Address = new Address();

/** Bits 32-63 of the sum of an int32 and a small number. */
const high = (sum: number): number => Math.floor(sum / 0x100000000);

/** Address in 64-bit code with 64-bit addresses. */
const address64 = (b: Builder, i: Insn, at: Address, bias: number): void => {
  const segment = i.memSeg >= SEG_FS ? SEG_BASE + i.memSeg : ZERO;
  const base = i.memBase;
  const index = i.memIndex;
  if (base === BASE_RIP) {
    const sum = i.disp + b.instructionPos + i.len + bias;
    if (segment === ZERO) at.set(RIP, sum | 0, high(sum));
    else at.setIndexed(segment, RIP, 0, sum | 0, high(sum));
    return;
  }
  const sum = (i.disp >>> 0) + bias;
  const lo = sum | 0;
  const hi = (i.dispHi + high(sum)) | 0;
  if (segment === ZERO) {
    if (base === BASE_NONE && index === BASE_NONE) at.set(ZERO, lo, hi);
    else if (index === BASE_NONE) at.set(base, lo, hi);
    else at.setIndexed(base === BASE_NONE ? ZERO : base, index, i.memScale, lo, hi);
    return;
  }
  if (base === BASE_NONE && index === BASE_NONE) at.set(segment, lo, hi);
  else if (index === BASE_NONE) at.setIndexed(segment, base, 0, lo, hi);
  else if (base === BASE_NONE) at.setIndexed(segment, index, i.memScale, lo, hi);
  else {
    const offset = b.temp();
    b.lea(offset, base, index, i.memScale, 0);
    at.setIndexed(segment, offset, 0, lo, hi);
  }
};

/**
 * Slot with the operand's offset in its segment, truncated to the address size (LEA's result, before segmentation).
 * `bias` is added to the displacement.
 */
export function offsetSlot(b: Builder, i: Insn, bias = 0): number {
  const t = b.temp();
  const index = i.memIndex === BASE_NONE ? ZERO : i.memIndex;
  if (i.addrsize === 8) {
    if (i.memBase === BASE_RIP) {
      const sum = i.disp + b.instructionPos + i.len + bias;
      b.lea(t, RIP, ZERO, 0, sum | 0, high(sum));
    } else {
      const sum = (i.disp >>> 0) + bias;
      b.lea(t, i.memBase === BASE_NONE ? ZERO : i.memBase, index, i.memScale, sum | 0, (i.dispHi + high(sum)) | 0);
    }
    return t;
  }
  if (i.memBase === BASE_RIP) b.lea32(t, RIP, ZERO, 0, (i.disp + b.instructionPos + i.len + bias) | 0);
  else if (i.memBase === BASE_NONE && index === ZERO) b.movi(t, i.addrsize === 2 ? (i.disp + bias) & 0xffff : (i.disp + bias) | 0, 0);
  else {
    b.lea32(t, i.memBase === BASE_NONE ? ZERO : i.memBase, index, i.memScale, (i.disp + bias) | 0);
    if (i.addrsize === 2) b.un(OP_ZX16, t, t);
  }
  return t;
}

/** In flat code: no segment arithmetic or check. A flat CS can be read, but writing through it is the segment's business. */
const flatAccess = (b: Builder, segment: number, write: boolean): boolean => b.flat && segment < SEG_FS && !(write && segment === SEG_CS);

/**
 * A prefix names SS for an address without rSP or rBP as base, or another segment for one with: outside 64-bit code the core tells #SS from #GP by the base
 * register (memory/access.ts), so that the segment has to be asked even where it is flat.
 */
export const namesOtherSegment = (i: Insn): boolean => (i.memSeg === SEG_SS) !== (i.memBase === RSP || i.memBase === RBP);

/** Turns an offset in `segment` into an address `at`, checked for an access of `size` bytes where the block is not flat, or if `ask`. */
export function segmentAddress(b: Builder, offset: number, segment: number, size: number, write: boolean, at: Address, ask = false): void {
  if (b.code64) {
    if (segment >= SEG_FS) at.setIndexed(SEG_BASE + segment, offset, 0, 0);
    else at.set(offset);
  } else if (!ask && flatAccess(b, segment, write)) at.set(offset);
  else {
    const linear = b.temp();
    b.emit(OP_SEGLIN, linear, offset, 0, segment, write ? size | 0x100 : size, 0);
    at.set(linear);
  }
}

/**
 * Before the address of an operand that must be aligned to `size` bytes: AMD's processors look at that (#GP) before they look at the limit, which
 * is another exception for SS alone.
 */
export function alignedBefore(b: Builder, i: Insn, size: number): void {
  if (b.code64 || i.memSeg !== SEG_SS || (b.flat && !namesOtherSegment(i))) return;
  const linear = b.temp();
  b.bin(OP_ADD, linear, offsetSlot(b, i), SEG_BASE + SEG_SS);
  b.emit(OP_ALIGN, 0, linear, 0, size, 0, 0);
}

/**
 * Computes the address of the memory operand into `ea`, for an access of `size` bytes. `bias` is added to the displacement
 * (POP [rSP + n], second halves of pairs).
 */
export function address(b: Builder, i: Insn, size: number, write: boolean, bias = 0): Address {
  if (i.addrsize === 8) address64(b, i, ea, bias);
  else if (i.memBase === BASE_NONE && i.memIndex === BASE_NONE && (b.code64 ? i.memSeg < SEG_FS : flatAccess(b, i.memSeg, write) && !namesOtherSegment(i))) {
    const offset = i.disp + bias;
    ea.set(ZERO, i.addrsize === 2 ? offset & 0xffff : offset | 0, 0);
  } else segmentAddress(b, offsetSlot(b, i, bias), i.memSeg, size, write, ea, namesOtherSegment(i));
  return ea;
}

/** Slot with the linear address of the memory operand, for helpers that access memory themselves. */
export function linearSlot(b: Builder, i: Insn, size: number, write: boolean, bias = 0): number {
  const at = address(b, i, size, write, bias);
  if (!at.indexed && at.lo === 0 && at.hi === 0) return at.a;
  const t = b.temp();
  b.lea(t, at.a, at.b, at.indexed ? at.scale : 0, at.lo, at.hi);
  return t;
}

// indexed by log2 of the size
const plainLoads = [OP_LD8, OP_LD16, OP_LD32, OP_LD64];
const indexedLoads = [OP_LDX8, OP_LDX16, OP_LDX32, OP_LDX64];
const signedLoads = [OP_LDS8, OP_LDS16, OP_LDS32, OP_LD64];
const signedIndexedLoads = [OP_LDXS8, OP_LDXS16, OP_LDXS32, OP_LDX64];
const plainModifyLoads = [OP_LDM8, OP_LDM16, OP_LDM32, OP_LDM64];
const indexedModifyLoads = [OP_LDMX8, OP_LDMX16, OP_LDMX32, OP_LDMX64];
const plainStores = [OP_ST8, OP_ST16, OP_ST32, OP_ST64];
const indexedStores = [OP_STX8, OP_STX16, OP_STX32, OP_STX64];

/** log2 of a size in bytes: 1, 2, 4, 8 -> 0..3 (the IR's size number). */
export const sizeNumber = (size: number): number => (size === 8 ? 3 : size >> 1);

const access = (b: Builder, plain: readonly number[], indexed: readonly number[], slot: number, at: Address, size: number): void => {
  const n = sizeNumber(size);
  if (at.indexed) b.emit(indexed[n] as number, slot, at.a, at.b, at.scale, at.lo, at.hi);
  else b.emit(plain[n] as number, slot, at.a, 0, 0, at.lo, at.hi);
};

/** Loads `size` bytes (1, 2, 4, 8), zero-extended, into `slot`. */
export const loadAt = (b: Builder, slot: number, at: Address, size: number): void => access(b, plainLoads, indexedLoads, slot, at, size);
/** Loads `size` bytes, sign-extended to 64 bits. */
export const loadSignedAt = (b: Builder, slot: number, at: Address, size: number): void => access(b, signedLoads, signedIndexedLoads, slot, at, size);
/** Loads `size` bytes, zero-extended, faulting as the store that follows would. */
export const loadForWriteAt = (b: Builder, slot: number, at: Address, size: number): void => access(b, plainModifyLoads, indexedModifyLoads, slot, at, size);
/** Stores the low `size` bytes of `slot`. */
export const storeAt = (b: Builder, slot: number, at: Address, size: number): void => access(b, plainStores, indexedStores, slot, at, size);
