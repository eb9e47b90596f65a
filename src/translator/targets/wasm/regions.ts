/** Which regions there are: promotes hot blocks, owns the region table's entries of this thread. */
import {
  BLK_BYTES, BLK_MODE, BLK_NEXT, BLK_PHYS, BLK_PHYS2, BLK_REGION, BLOCK_HASH, BLOCK_HASH_ENTRIES, HASH_MODE_SHIFT, HASH_PHYS_SHIFT, MODE_CODE64,
  MODE_SIZE_MASK, MODE_STEP,
} from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import type { BlockTranslator } from '../../translate-block.ts';
import { canEmit, compileRegion, returnDelta, successorDeltas } from './compile-region.ts';
import { coreFunctions } from './imports.ts';
import { assemble } from './module.ts';
import { RegionBlock } from './region-block.ts';

/** Blocks and operations that one region may hold: functions stay small enough for the host's optimising compiler. */
const MAX_BLOCKS = 48;
const MAX_OPERATIONS = 1200;
const PAGE = 4096;

/** What this needs of the core's exports. */
export interface RegionCore {
  installRegion(ctx: number, block: number, index: number): void;
  readonly table: WebAssembly.Table;
}

export interface RegionCounters {
  regions: number;
  /** Blocks in them, bytes of modules, promotions that gave no region. */
  blocks: number;
  bytes: number;
  refused: number;
}

export class Regions {
  readonly counters: RegionCounters = { regions: 0, blocks: 0, bytes: 0, refused: 0 };
  /** Looks at each module before it is compiled (tests). */
  check: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;

  private readonly memories: Memories;
  private readonly core: RegionCore;
  private readonly translator: BlockTranslator;
  private readonly imports: WebAssembly.Imports;
  private readonly free: number[] = [];
  /** Head of the region in each table entry. */
  private readonly heads = new Map<number, number>();

  constructor(memories: Memories, core: RegionCore, translator: BlockTranslator) {
    this.memories = memories;
    this.core = core;
    this.translator = translator;
    const functions = core as unknown as Record<string, WebAssembly.ExportValue>;
    const used: Record<string, WebAssembly.ImportValue> = { table: core.table };
    for (const { name } of coreFunctions) used[name] = functions[name] as WebAssembly.ImportValue;
    this.imports = { env: { state: memories.state, frames: memories.frames }, core: used };
  }

  /** Gives `block` a region if it can have one. */
  promote(ctx: number, block: number): boolean {
    const blocks = this.collect(block);
    const first = blocks[0];
    if (first === undefined) {
      this.counters.refused++;
      return false;
    }
    const index = this.entry();
    const bytes = assemble([compileRegion(blocks, index)]);
    this.check?.(bytes);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), this.imports);
    this.core.table.set(index, instance.exports['r0'] as () => number);
    this.heads.set(index, block);
    this.core.installRegion(ctx, block, index);
    this.counters.regions++;
    this.counters.blocks += blocks.length;
    this.counters.bytes += bytes.length;
    return true;
  }

  /** Forgets all regions; the blocks are gone already. */
  reset(): void {
    for (const index of this.heads.keys()) this.release(index);
  }

  private release(index: number): void {
    this.core.table.set(index, null);
    this.heads.delete(index);
    this.free.push(index);
  }

  private entry(): number {
    if (this.free.length === 0) this.sweep();
    return this.free.pop() ?? this.core.table.grow(1);
  }

  /** Takes back the entries of regions that were dropped. */
  private sweep(): void {
    const { stateWords } = this.memories;
    if (this.heads.size < 64 || Math.clz32(this.heads.size) === Math.clz32(this.heads.size - 1)) return;
    for (const [index, head] of this.heads) if (stateWords[(head + BLK_REGION) >>> 2] !== index + 1) this.release(index);
  }

  /** The block and those it reaches within its page, as IR; empty if it cannot have a region. */
  private collect(head: number): RegionBlock[] {
    const words = this.memories.stateWords;
    const mode = words[(head + BLK_MODE) >>> 2] as number;
    if ((mode & MODE_SIZE_MASK) !== MODE_CODE64 || (mode & MODE_STEP) !== 0) return [];
    const phys = words[(head + BLK_PHYS) >>> 2] as number;
    const inPage = phys & (PAGE - 1);
    const found: RegionBlock[] = [];
    const seen = new Set<number>([0]);
    const queue: number[] = [0];
    let operations = 0;
    while (queue.length > 0 && found.length < MAX_BLOCKS && operations < MAX_OPERATIONS) {
      const delta = queue.shift() as number;
      const address = delta === 0 ? head : this.find((phys + delta) | 0, mode);
      if (address === 0) continue;
      const block = this.retranslate(address, delta, mode);
      if (block === undefined) continue;
      operations += block.count;
      found.push(block);
      const reached = successorDeltas(block);
      const back = returnDelta(block);
      if (back !== undefined) reached.push(back);
      for (const further of reached) {
        const next = delta + further;
        if (seen.has(next) || inPage + next < 0 || inPage + next >= PAGE) continue;
        seen.add(next);
        queue.push(next);
      }
    }
    return found;
  }

  /** The known block at frames offset `phys`. */
  private find(phys: number, mode: number): number {
    const words = this.memories.stateWords;
    const hash = (phys ^ (phys >>> HASH_PHYS_SHIFT) ^ (mode << HASH_MODE_SHIFT)) & (BLOCK_HASH_ENTRIES - 1);
    let block = words[(BLOCK_HASH >>> 2) + hash] as number;
    while (block !== 0 && (words[(block + BLK_PHYS) >>> 2] !== phys || words[(block + BLK_MODE) >>> 2] !== mode)) block = words[(block + BLK_NEXT) >>> 2] as number;
    return block;
  }

  private retranslate(address: number, delta: number, mode: number): RegionBlock | undefined {
    const { translator, memories } = this;
    const words = memories.stateWords;
    const at = address >>> 2;
    if (words[at + (BLK_PHYS2 >> 2)] !== -1) return undefined;
    const size = words[at + (BLK_BYTES >> 2)] as number;
    const insns = size >>> 16;
    const { fuse } = translator;
    translator.fuse = false;
    const good = translator.translate(memories.frameBytes, (words[at + (BLK_PHYS >> 2)] as number) >>> 0, -1, mode, insns);
    translator.fuse = fuse;
    if (!good || translator.instructions !== insns || translator.bytes !== (size & 0xffff)) return undefined;
    const block = new RegionBlock(translator.builder, address, delta, insns, words);
    return canEmit(block) ? block : undefined;
  }
}
