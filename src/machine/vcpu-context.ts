import { CC_A, CC_B, CC_OP, EFLAGS_SYS, VCPU_BASE, VCPU_STRIDE } from './layout.ts';
import type { Memories } from './memories.ts';

/** Address in `state` of vCPU context `index` (0..VCPU_MAX-1). */
export const contextAddress = (index: number): number => VCPU_BASE + index * VCPU_STRIDE;

/**
 * One vCPU's context as 64-bit slots (layout.ts names them). Values are bigints; `low` and `setLow` are the cheap
 * way to the low half of a slot, an unsigned 32-bit number.
 */
export class VcpuContext {
  readonly address: number;
  private readonly quads: BigUint64Array;
  private readonly words: Int32Array;
  private readonly base: number;

  constructor(memories: Memories, address: number) {
    this.address = address;
    this.quads = memories.stateQuads;
    this.words = memories.stateWords;
    this.base = address / 8;
  }

  get(slot: number): bigint {
    return this.quads[this.base + slot] as bigint;
  }

  set(slot: number, value: bigint): void {
    this.quads[this.base + slot] = value;
  }

  /** Low 32 bits, unsigned. */
  low(slot: number): number {
    return (this.words[(this.base + slot) * 2] as number) >>> 0;
  }

  /** Set the slot to an unsigned 32-bit number (upper half 0). */
  setLow(slot: number, value: number): void {
    this.words[(this.base + slot) * 2] = value;
    this.words[(this.base + slot) * 2 + 1] = 0;
  }

  /** The slot as a number: exact up to 2^53. */
  number(slot: number): number {
    return ((this.words[(this.base + slot) * 2 + 1] as number) >>> 0) * 0x1_0000_0000 + this.low(slot);
  }

  /** The slot as a signed number: exact for magnitudes up to 2^53. */
  signed(slot: number): number {
    return (this.words[(this.base + slot) * 2 + 1] as number) * 0x1_0000_0000 + this.low(slot);
  }

  /** Set from a number (integer, may be negative, magnitude up to 2^53). */
  setNumber(slot: number, value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.words[(this.base + slot) * 2] = value - high * 0x1_0000_0000;
    this.words[(this.base + slot) * 2 + 1] = high;
  }

  /** Add an integer (magnitude up to 2^53) to the slot, modulo 2^64. */
  add(slot: number, value: number): void {
    const at = (this.base + slot) * 2;
    const sum = ((this.words[at] as number) >>> 0) + value;
    // (an element takes its value modulo 2^32)
    this.words[at] = sum;
    this.words[at + 1] = (this.words[at + 1] as number) + Math.floor(sum / 0x1_0000_0000);
  }

  /** Clear every slot. */
  clear(): void {
    this.quads.fill(0n, this.base, this.base + VCPU_STRIDE / 8);
  }

  /** Load all arithmetic and system flags from an RFLAGS image (no side effects on the mode word). */
  setFlags(rflags: number): void {
    this.setLow(CC_OP, 0);
    this.setLow(CC_A, rflags & 0x8d5);
    this.setLow(CC_B, 0);
    this.setLow(EFLAGS_SYS, rflags & ~0x8d5 & ~2);
  }
}
