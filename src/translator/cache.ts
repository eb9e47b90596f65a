/**
 * Where translations live: the arena in `state`, filled from the bottom, emptied as a whole. Hash, frame lists and code
 * bits are kept by the core, which is told of each new block.
 */
import {
  ARENA_BLOCKS,
  BLK_BYTES,
  BLK_COUNT,
  BLK_FLAGS,
  BLK_FRAME_NEXT,
  BLK_FRAME2_NEXT,
  BLK_HEADER,
  BLK_MODE,
  BLK_NEXT,
  BLK_PHYS,
  BLK_PHYS2,
  BLK_REGION,
  BLK_UOPS,
  BLOCK_HASH,
  BLOCK_HASH_ENTRIES,
  CODE_ARENA,
  CODE_ARENA_END,
  FRAME_BLOCKS,
  FRAME_CODE_BITS,
  PCPU_BASE,
  PCPU_MAX,
  PCPU_STRIDE,
  PROMOTED_LENGTH,
  RETURN_SITES,
  RETURN_SITES_STRIDE,
  TAKE_COUNT,
  UOP_SIZE,
  WAY_CACHE,
  WAY_STRIDE,
  WAYS,
} from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import { pack, packedSize } from './targets/bytecode/pack.ts';
import type { BlockTranslator } from './translate-block.ts';

/** Each host thread's place for blocks that are run once and entered in no list. 32 KiB of operations and a header fit. */
const ONCE_SIZE = 0x10000;
/** First bytes of the arena: u32 next free address, u32 blocks, u32 whether they may have regions. */
const FREE = CODE_ARENA;
const BLOCKS = ARENA_BLOCKS;
/** u32 1 = blocks may have regions. */
const REGIONS = CODE_ARENA + 8;
const ONCE = CODE_ARENA + 0x10000;
const ARENA = ONCE + PCPU_MAX * ONCE_SIZE;

/** Executions of a block of size `size` (BLK_BYTES and BLK_INSNS) that count as much as `executions` of a short one. */
export function executionsOf(executions: number, size: number): number {
  const length = size >>> 16;
  return length > PROMOTED_LENGTH && executions > 0 ? Math.max(Math.floor((executions * PROMOTED_LENGTH) / length), 1) : executions;
}

export class BlockCache {
  private readonly words: Int32Array;
  private end: number;
  /** Executions before a new block is offered for promotion to a region; 0 = 2^32. */
  threshold: () => number = () => 0;
  /** It is the same for all of them. */
  evenThreshold = true;
  /** Blocks that are offered at their next execution instead (the engine's watch); by the offset of their first byte in `frames`. */
  watched: ((phys: number) => boolean) | undefined;

  /** `limit`: bytes of the arena that may be used. */
  constructor(memories: Memories, limit: number = CODE_ARENA_END - ARENA) {
    this.words = memories.stateWords;
    this.end = Math.min(ARENA + limit, CODE_ARENA_END);
    if (this.words[FREE >>> 2] === 0) this.words[FREE >>> 2] = ARENA;
    // what was stored belonged to an engine that is gone
    this.words[TAKE_COUNT >>> 2] = 0;
  }

  /** Blocks may have regions, which belong to the engine that made them. */
  get hadRegions(): boolean {
    return this.words[REGIONS >>> 2] !== 0;
  }

  set hadRegions(value: boolean) {
    this.words[REGIONS >>> 2] = value ? 1 : 0;
  }

  /** Bytes in use. */
  get used(): number {
    return (this.words[FREE >>> 2] as number) - ARENA;
  }

  /** Blocks since the last reset. */
  get blocks(): number {
    return this.words[BLOCKS >>> 2] as number;
  }

  /** Stores the block that `translator` holds; returns its address, 0 if the arena is full. The core has not been told of it yet. */
  store(translator: BlockTranslator, phys: number, phys2: number, mode: number): number {
    const { words } = this;
    const at = words[FREE >>> 2] as number;
    if (at + BLK_HEADER + packedSize(translator.builder) > this.end) return 0;
    words[FREE >>> 2] = this.write(translator, at, phys, phys2, mode);
    words[BLOCKS >>> 2] = (words[BLOCKS >>> 2] as number) + 1;
    return at;
  }

  /** Micro-ops of a block. */
  uops(block: number): number {
    return this.words[(block + BLK_UOPS) >>> 2] as number;
  }

  /** Where `reserve` would begin; 0 if there are blocks already. */
  get reservable(): number {
    return this.used === 0 ? ARENA : 0;
  }

  /** Keeps places of `size` bytes for blocks that may come later. The first one's address, 0 if there is no room. Before there are other blocks. */
  reserve(size: number): number {
    const first = this.reservable;
    if (first === 0 || first + size > this.end) return 0;
    this.words[FREE >>> 2] = first + size;
    return first;
  }

  /** Gives them back. */
  unreserve(): void {
    this.words[FREE >>> 2] = ARENA;
  }

  /** Takes `size` bytes from the arena's end, for good. Their address, 0 if there is no room. */
  keep(size: number): number {
    const at = Math.floor((this.end - size) / 16) * 16;
    if (at < (this.words[FREE >>> 2] as number)) return 0;
    this.end = at;
    return at;
  }

  /** Blocks have come to places kept for them. */
  came(blocks: number): void {
    this.words[BLOCKS >>> 2] = (this.words[BLOCKS >>> 2] as number) + blocks;
  }

  /** Stores a block that is packed already; `phys2`: the page behind, if it reaches there, else -1; `size`: BLK_BYTES. 0 if the arena is full. */
  storePacked(code: Int32Array, size: number, phys: number, phys2: number, mode: number): number {
    const { words } = this;
    const at = words[FREE >>> 2] as number;
    const after = at + BLK_HEADER + code.byteLength;
    if (after > this.end) return 0;
    words[FREE >>> 2] = after;
    words.set(code, (at + BLK_HEADER) >>> 2);
    this.writeHeader(at, phys, phys2, mode, size, after);
    words[BLOCKS >>> 2] = (words[BLOCKS >>> 2] as number) + 1;
    return at;
  }

  /** Stores it at the place for blocks that are run once, of the pCPU area at `pcpu`. */
  storeOnce(translator: BlockTranslator, phys: number, phys2: number, mode: number, pcpu: number): number {
    const at = ONCE + (Math.trunc((pcpu - PCPU_BASE) / PCPU_STRIDE) & (PCPU_MAX - 1)) * ONCE_SIZE;
    this.write(translator, at, phys, phys2, mode);
    this.words[(at + BLK_COUNT) >>> 2] = this.watched?.(phys) === true ? 1 : 0;
    return at;
  }

  /** Forgets all translations. No block may be running: call it between two runs. */
  reset(): void {
    const { words } = this;
    words.fill(0, BLOCK_HASH >>> 2, (BLOCK_HASH >>> 2) + BLOCK_HASH_ENTRIES);
    words.fill(0, WAY_CACHE >>> 2, (WAY_CACHE + WAYS * WAY_STRIDE) >>> 2);
    words.fill(0, RETURN_SITES >>> 2, (RETURN_SITES + PCPU_MAX * RETURN_SITES_STRIDE) >>> 2);
    this.resetFrames();
    words[FREE >>> 2] = ARENA;
    words[BLOCKS >>> 2] = 0;
  }

  /** Walks the arena block by block, so that the time goes with what is there. */
  private resetFrames(): void {
    const { words } = this;
    const end = words[FREE >>> 2] as number;
    for (let at = ARENA; at < end; at += BLK_HEADER + (words[(at + BLK_UOPS) >>> 2] as number) * UOP_SIZE) {
      this.resetFrame((words[(at + BLK_PHYS) >>> 2] as number) >>> 12);
      const phys2 = words[(at + BLK_PHYS2) >>> 2] as number;
      if (phys2 !== -1) this.resetFrame(phys2 >>> 12);
    }
  }

  private resetFrame(mfn: number): void {
    const { words } = this;
    words[(FRAME_BLOCKS >>> 2) + mfn] = 0;
    words[(FRAME_CODE_BITS >>> 2) + mfn * 2] = 0;
    words[(FRAME_CODE_BITS >>> 2) + mfn * 2 + 1] = 0;
  }

  private write(translator: BlockTranslator, at: number, phys: number, phys2: number, mode: number): number {
    const { words } = this;
    const after = pack(translator.builder, words, at + BLK_HEADER);
    this.writeHeader(at, phys, translator.crosses ? phys2 : -1, mode, translator.bytes | (translator.instructions << 16), after);
    return after;
  }

  private writeHeader(at: number, phys: number, phys2: number, mode: number, size: number, after: number): void {
    const { words } = this;
    const w = at >>> 2;
    words[w + (BLK_PHYS >> 2)] = phys;
    words[w + (BLK_MODE >> 2)] = mode;
    words[w + (BLK_NEXT >> 2)] = 0;
    words[w + (BLK_FRAME_NEXT >> 2)] = 0;
    words[w + (BLK_BYTES >> 2)] = size;
    words[w + (BLK_PHYS2 >> 2)] = phys2;
    words[w + (BLK_COUNT >> 2)] = this.watched?.(phys) === true ? 1 : executionsOf(this.threshold(), size);
    words[w + (BLK_FLAGS >> 2)] = 0;
    words[w + (BLK_REGION >> 2)] = 0;
    words[w + (BLK_UOPS >> 2)] = (after - at - BLK_HEADER) / UOP_SIZE;
    words[w + (BLK_FRAME2_NEXT >> 2)] = 0;
  }
}
