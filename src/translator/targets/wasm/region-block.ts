/** A basic block's IR as the wasm target keeps it while a region is built: a copy, because the builder is reused for every block. */
import { HI_DIV, HI_IDIV } from '../../../machine/helpers/int.ts';
import { BLK_HEADER, BLK_UOPS, UOP_SIZE } from '../../../machine/layout.ts';
import { OP_HINT } from '../../../machine/ops.ts';
import type { Builder } from '../../ir/builder.ts';
import { bitsAt, END, opBits } from '../../ir/op-bits.ts';

export class RegionBlock {
  /** Address of the block's header in `state`. */
  readonly address: number;
  /** Offset in bytes from the region's first block, in the guest's address space. */
  readonly delta: number;
  /** In another page, where the region has to look before it goes there. */
  readonly foreign: boolean;
  /** 64-bit code. */
  readonly wide: boolean;
  readonly insns: number;
  readonly count: number;
  readonly op: Uint16Array;
  readonly d: Uint8Array;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly c: Uint8Array;
  readonly ipos: Uint8Array;
  readonly idx: Uint8Array;
  readonly immLo: Int32Array;
  readonly immHi: Int32Array;
  /** Attributes (ir/op-bits.ts) of each operation. */
  readonly bits: Uint32Array;
  /** Address of the first micro-op of each guest instruction. */
  readonly micro: Int32Array;
  private readonly words: Int32Array;
  private readonly end: number;

  constructor(builder: Builder, address: number, delta: number, insns: number, words: Int32Array, foreign = false) {
    const { count } = builder;
    this.address = address;
    this.delta = delta;
    this.foreign = foreign;
    this.wide = builder.code64;
    this.insns = insns;
    this.count = count;
    this.op = builder.op.slice(0, count);
    this.d = builder.d.slice(0, count);
    this.a = builder.a.slice(0, count);
    this.b = builder.b.slice(0, count);
    this.c = builder.c.slice(0, count);
    this.ipos = builder.ipos.slice(0, count);
    this.idx = builder.idx.slice(0, count);
    this.immLo = builder.immLo.slice(0, count);
    this.immHi = builder.immHi.slice(0, count);
    this.bits = Uint32Array.from({ length: count }, (_, k) => bitsAt(builder, k));
    this.words = words;
    this.end = address + BLK_HEADER + (words[(address + BLK_UOPS) >>> 2] as number) * UOP_SIZE;
    this.micro = new Int32Array(insns);
    this.findMicroOps();
  }

  /** The same block at another distance from the region's first. */
  at(delta: number): RegionBlock {
    return Object.assign(Object.create(RegionBlock.prototype) as RegionBlock, this, { delta });
  }

  /** Only the operations that may fault or call have to have one, and those are never fused away. */
  private findMicroOps(): void {
    const { words, micro } = this;
    for (let at = this.address + BLK_HEADER + UOP_SIZE; at < this.end; at += UOP_SIZE) {
      const idx = (words[(at + 4) >>> 2] as number) >>> 24;
      if (idx < micro.length && micro[idx] === 0) micro[idx] = at;
      if (((opBits[(words[at >>> 2] as number) & 0xff] as number) & END) !== 0) return;
    }
  }

  /** Address of the micro-op that operation k became: what CUR_UOP has to hold while k's helper runs. */
  microOp(k: number): number {
    const op = this.op[k] as number;
    const idx = this.idx[k] as number;
    const first = this.micro[idx] as number;
    for (let at = first; at !== 0 && at < this.end; at += UOP_SIZE) {
      const word = this.words[at >>> 2] as number;
      if ((this.words[(at + 4) >>> 2] as number) >>> 24 !== idx) break;
      if ((word & 0xffff) === op && this.words[(at + 8) >>> 2] === this.immLo[k]) return at;
      if (((opBits[word & 0xff] as number) & END) !== 0) break;
    }
    return first;
  }
}

/** Operation k is a division: it writes RAX and RDX, and does nothing else but fault. */
export const isDivision = ({ op, immLo }: RegionBlock, k: number): boolean => {
  const number = (immLo[k] as number) & 0xffff;
  return op[k] === OP_HINT && (number === HI_DIV || number === HI_IDIV);
};
