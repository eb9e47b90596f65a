/**
 * Where vector registers are while a region runs. Each has two halves of 128 bits that count, and each half a local.
 *
 * - In a loop whose blocks use vectors (the outermost one) the halves that it uses live in their locals: loaded on the edges that lead
 *   into it; those that it changes are written back on the edges and ways out of it.
 * - Elsewhere the context is always current; a local holds a copy from its first use in a block on.
 * - Vector temporaries are in locals only, until a helper needs them.
 *
 * A helper finds in the context what it reads (`toContext`), and what it wrote is read again (`fromContext`).
 */
import { VEC, VEC_STRIDE } from '../../../machine/layout.ts';
import { CLOBBERS } from '../../ir/op-bits.ts';
import { type Code, STATE, V128, V128_LOAD, V128_STORE } from './code.ts';
import type { Flow } from './flow.ts';
import type { Loop } from './loops.ts';
import type { RegionBlock } from './region-block.ts';
import { type Half, isTemporary, vectorOperands } from './vector-operands.ts';

const CTX = 0;
const VECTORS = 40;

/** A loop whose vectors live in locals. */
export interface VectorLoop {
  readonly header: number;
  readonly used: ReadonlySet<Half>;
  /** Those of them that the context does not have at its end. */
  readonly changed: ReadonlySet<Half>;
  /** Depths of the labels that write back and leave the region. */
  out: number;
  bail: number;
}

/** Offset in a context of half `upper` of a vector. */
export const vectorAt = (vector: number, upper = 0): number => VEC + vector * VEC_STRIDE + upper * 16;
const offsetOf = (half: Half): number => vectorAt(half >> 1, half & 1);

function vectorsOf(loop: Loop, blocks: readonly RegionBlock[]): VectorLoop {
  const used = new Set<Half>();
  const changed = new Set<Half>();
  let all = false;
  for (const n of loop.nodes) {
    const block = blocks[n];
    if (block === undefined) continue;
    for (let k = 1; k < block.count; k++) {
      const { reads, writes, zeroes } = vectorOperands(block, k);
      for (const half of reads) if (!isTemporary(half)) used.add(half);
      for (const half of writes) {
        if (isTemporary(half)) continue;
        used.add(half);
        changed.add(half);
      }
      all ||= zeroes || ((block.bits[k] as number) & CLOBBERS) !== 0;
    }
  }
  return { header: loop.header, used, changed: all ? used : changed, out: 0, bail: 0 };
}

/** The loop of each node that is in one with vectors; `loops`: inner ones first. */
export function vectorLoops(blocks: readonly RegionBlock[], flow: Flow, loops: readonly Loop[]): Map<number, VectorLoop> {
  const result = new Map<number, VectorLoop>();
  for (const loop of [...loops].reverse()) {
    // whose edges go by number
    if (loop.nodes.has(flow.dispatcher)) continue;
    const vectors = vectorsOf(loop, blocks);
    if (vectors.used.size > 0) for (const n of loop.nodes) if (!result.has(n)) result.set(n, vectors);
  }
  return result;
}

export class VectorLocals {
  /** The loop of the block being emitted. */
  private loop: VectorLoop | undefined;
  private readonly code: Code;
  private readonly newLocal: (type: number) => number;
  private readonly locals = new Int32Array(2 * VECTORS).fill(-1);
  /** Halves whose locals hold them, here. */
  private valid = new Set<Half>();

  constructor(code: Code, newLocal: (type: number) => number) {
    this.code = code;
    this.newLocal = newLocal;
  }

  /** At the start of a block: in a loop whose vectors live in locals, or not. */
  enter(loop: VectorLoop | undefined): void {
    this.loop = loop;
    this.valid = new Set(loop?.used);
  }

  private localOf(half: Half): number {
    let local = this.locals[half] as number;
    if (local === -1) {
      local = this.newLocal(V128);
      this.locals[half] = local;
    }
    return local;
  }

  private isResident(half: Half): boolean {
    return this.loop?.used.has(half) ?? false;
  }

  private load(half: Half): void {
    this.code.get(CTX);
    this.code.accessV(V128_LOAD, STATE, offsetOf(half));
    this.code.set(this.localOf(half));
  }

  private store(half: Half): void {
    this.code.get(CTX);
    this.code.get(this.localOf(half));
    this.code.accessV(V128_STORE, STATE, offsetOf(half));
  }

  /** The context does not have what the local holds. */
  private isAhead(half: Half): boolean {
    return this.valid.has(half) && (isTemporary(half) || (this.loop?.changed.has(half) ?? false));
  }

  /** Local that holds half `upper` of a vector, loaded if it did not: before an IF, not in one of its arms, unless it was asked for before. */
  get(vector: number, upper = 0): number {
    const half = 2 * vector + upper;
    if (!this.valid.has(half)) {
      this.load(half);
      this.valid.add(half);
    }
    return this.localOf(half);
  }

  /** Local that a half is to be written to; `wrote` comes next. */
  target(vector: number, upper = 0): number {
    return this.localOf(2 * vector + upper);
  }

  /** The half's local has its new value. */
  wrote(vector: number, upper = 0): void {
    const half = 2 * vector + upper;
    this.valid.add(half);
    if (!isTemporary(half) && !this.isResident(half)) this.store(half);
  }

  /** Pops the new value of a half. */
  set(vector: number, upper = 0): void {
    this.code.set(this.target(vector, upper));
    this.wrote(vector, upper);
  }

  /** Zero to half `upper` of registers 0 to `count` - 1. */
  zero(count: number, upper: number, pushZero: () => void): void {
    for (let vector = 0; vector < count; vector++) {
      const half = 2 * vector + upper;
      if (this.isResident(half)) {
        pushZero();
        this.code.set(this.localOf(half));
      } else {
        this.valid.delete(half);
        this.code.get(CTX);
        pushZero();
        this.code.accessV(V128_STORE, STATE, offsetOf(half));
      }
    }
  }

  /** Writes halves to the context where the core is to read them. */
  toContext(halves: readonly Half[]): void {
    for (const half of halves) if (this.isAhead(half)) this.store(half);
  }

  /** The core wrote halves to the context. */
  fromContext(halves: readonly Half[]): void {
    for (const half of halves) {
      if (this.isResident(half)) this.load(half);
      else this.valid.delete(half);
    }
  }

  /** Before a helper of which nothing is known. */
  allToContext(): void {
    this.toContext([...this.valid]);
  }

  /** After one. */
  allFromContext(): void {
    this.enter(this.loop);
    if (this.loop !== undefined) this.loadAll(this.loop);
  }

  /** On the way into a loop. */
  loadAll(loop: VectorLoop): void {
    for (const half of loop.used) this.load(half);
  }

  /** On the way out of one. */
  storeChanged(loop: VectorLoop): void {
    for (const half of loop.changed) this.store(half);
  }
}
