/**
 * Translated blocks as the core sees them: the hash by (frames offset, mode), the list of each frame, the code bits that keep
 * stores to translated code off the fast path.
 */
import {
  BLK_BYTES, BLK_FLAGS, BLK_FRAME2_NEXT, BLK_FRAME_NEXT, BLK_HEADER, BLK_INSNS, BLK_MODE, BLK_NEXT, BLK_PHYS, BLK_PHYS2, BLK_REGION, BLKF_DEAD, BLOCK_HASH,
  BLOCK_HASH_ENTRIES, CODE_MAP, CODE_MAP_FRAME, CUR_BLOCK, CUR_UOP, FRAME_BLOCKS, FRAME_CODE_BITS, HASH_MODE_SHIFT, HASH_PHYS_SHIFT, BLK_LAST, LINK_GUESS, UOP_SIZE,
} from "../layout";
import { OP_DEAD, OP_EXIT, OP_F_RET64, OP_IND } from "../ops";
import { restartAlone } from "./exceptions/raise";
import { protectFrame } from "./memory/tlb";
import { quicken } from "./quicken";
import { dropRegions } from "./regions";
import { Ctx } from "./state";

/** More bytes than a block has. */
const BLOCK_REACH: u32 = 320;

/** Address of the hash chain's head. */
export function hashHead(phys: u32, mode: u32): usize {
  return <usize>BLOCK_HASH + (<usize>((phys ^ (phys >> HASH_PHYS_SHIFT) ^ (mode << HASH_MODE_SHIFT)) & (BLOCK_HASH_ENTRIES - 1)) << 2);
}

/** Bits of the 64-byte chunks that offsets first..last of a page lie in. */
export function chunkBits(first: u32, last: u32): u64 {
  const low = <u64>(first >> 6);
  const high = <u64>(last >> 6);
  return (0xffffffffffffffff >> (63 - (high - low))) << low;
}

/** Code bits of `block` in frame `mfn` (its first or second). */
function bitsIn(block: usize, mfn: u32): u64 {
  const phys = load<u32>(block, BLK_PHYS);
  const first = phys & 0xfff;
  const end = first + load<u16>(block, BLK_BYTES);
  if (phys >> 12 == mfn) {
    const own = chunkBits(first, (end > 4096 ? 4096 : end) - 1);
    // both parts may lie in the same frame
    return end > 4096 && load<u32>(block, BLK_PHYS2) >> 12 == mfn ? own | chunkBits(0, end - 4097) : own;
  }
  return end > 4096 ? chunkBits(0, end - 4097) : 0;
}

/** Bits first..last of a word, where they lie in word `word` of a map. */
function wordBits(word: u32, first: u32, last: u32): u64 {
  const low = first >> 6 == word ? first & 63 : 0;
  const high = last >> 6 == word ? last & 63 : 63;
  return (0xffffffffffffffff >> <u64>(63 - (high - low))) << <u64>low;
}

/** Notes the bytes of `block` in frame `mfn`, which the code map is of. */
function noteBytes(block: usize, mfn: u32): void {
  const phys = load<u32>(block, BLK_PHYS);
  const start = phys & 0xfff;
  const end = start + load<u16>(block, BLK_BYTES);
  if (phys >> 12 == mfn) notePart(start, (end > 4096 ? 4096 : end) - 1);
  if (end > 4096 && load<u32>(block, BLK_PHYS2) >> 12 == mfn) notePart(0, end - 4097);
}

function notePart(first: u32, last: u32): void {
  for (let word = first >> 6; word <= last >> 6; word++) {
    const at = <usize>CODE_MAP + (<usize>word << 3);
    store<u64>(at, load<u64>(at) | wordBits(word, first, last));
  }
}

/** May a byte of the page offsets first..last of frame `mfn` belong to a block? */
function holdsCode(mfn: u32, first: u32, last: u32): bool {
  const bits = load<u64>(<usize>FRAME_CODE_BITS + (<usize>mfn << 3));
  if (bits == 0 || (bits & chunkBits(first, last)) == 0) return false;
  if (load<u32>(CODE_MAP_FRAME) != mfn + 1) return true;
  for (let word = first >> 6; word <= last >> 6; word++) {
    if (load<u64>(<usize>CODE_MAP + (<usize>word << 3)) & wordBits(word, first, last)) return true;
  }
  return false;
}

/** Address of the field that chains `block` in the list of frame `mfn`. */
function chainField(block: usize, mfn: u32): usize {
  return block + (load<u32>(block, BLK_PHYS) >> 12 == mfn ? BLK_FRAME_NEXT : BLK_FRAME2_NEXT);
}

/** Enters a finished block into the hash and its frames' lists, and takes those frames' fast writes away. */
export function insertBlock(ctx: usize, block: usize): void {
  quicken(block);
  const phys = load<u32>(block, BLK_PHYS);
  const head = hashHead(phys, load<u32>(block, BLK_MODE));
  store<u32>(block, load<u32>(head), BLK_NEXT);
  store<u32>(head, <u32>block);
  const mfn = phys >> 12;
  enlist(ctx, block, mfn);
  const phys2 = load<u32>(block, BLK_PHYS2);
  if (phys2 != 0xffffffff && phys2 >> 12 != mfn) enlist(ctx, block, phys2 >> 12);
}

function enlist(ctx: usize, block: usize, mfn: u32): void {
  const first = <usize>FRAME_BLOCKS + (<usize>mfn << 2);
  store<u32>(chainField(block, mfn), load<u32>(first));
  store<u32>(first, <u32>block);
  const bits = <usize>FRAME_CODE_BITS + (<usize>mfn << 3);
  const old = load<u64>(bits);
  store<u64>(bits, old | bitsIn(block, mfn));
  if (load<u32>(CODE_MAP_FRAME) == mfn + 1) noteBytes(block, mfn);
  if (old == 0) protectFrame(ctx, mfn);
}

function unhash(block: usize): void {
  let at = hashHead(load<u32>(block, BLK_PHYS), load<u32>(block, BLK_MODE));
  for (;;) {
    const next = <usize>load<u32>(at);
    if (next == 0) return;
    if (next == block) {
      store<u32>(at, load<u32>(block, BLK_NEXT));
      return;
    }
    at = next + BLK_NEXT;
  }
}

function unlist(block: usize, mfn: u32): void {
  let at = <usize>FRAME_BLOCKS + (<usize>mfn << 2);
  for (;;) {
    const next = <usize>load<u32>(at);
    if (next == 0) return;
    if (next == block) {
      store<u32>(at, load<u32>(chainField(block, mfn)));
      return;
    }
    at = chainField(next, mfn);
  }
}

/** True when `block` covers any of the page offsets first..last of frame `mfn`. */
function overlaps(block: usize, mfn: u32, first: u32, last: u32): bool {
  const phys = load<u32>(block, BLK_PHYS);
  const start = phys & 0xfff;
  const end = start + load<u16>(block, BLK_BYTES);
  if (phys >> 12 == mfn && start <= last && first < end) return true;
  return end > 4096 && load<u32>(block, BLK_PHYS2) >> 12 == mfn && first < end - 4096;
}

function kill(block: usize): void {
  store<u32>(block, load<u32>(block, BLK_FLAGS) | BLKF_DEAD, BLK_FLAGS);
  store<u16>(block + BLK_HEADER, OP_DEAD);
  store<u32>(block, 0, BLK_REGION);
  unhash(block);
}

/**
 * Drops the blocks that cover any of the page offsets first..last of frame `mfn`, and notes where there is code still: who patches code goes on nearby, and misses
 * it more often than not.
 */
export function dropRange(ctx: usize, mfn: u32, first: u32, last: u32): void {
  let at = <usize>FRAME_BLOCKS + (<usize>mfn << 2);
  let dropped = false;
  let regions = false;
  // what is noted anew: where it is the last frame again, no more than the surroundings of what goes
  const again = load<u32>(CODE_MAP_FRAME) == mfn + 1;
  const from = again && first > BLOCK_REACH ? first - BLOCK_REACH : 0;
  const to = again && last + BLOCK_REACH < 4095 ? last + BLOCK_REACH : 4095;
  for (let word = from >> 6; word <= to >> 6; word++) {
    const bytes = <usize>CODE_MAP + (<usize>word << 3);
    store<u64>(bytes, load<u64>(bytes) & ~wordBits(word, from, to));
  }
  store<u32>(CODE_MAP_FRAME, mfn + 1);
  for (;;) {
    const block = <usize>load<u32>(at);
    if (block == 0) break;
    if (overlaps(block, mfn, first, last)) {
      store<u32>(at, load<u32>(chainField(block, mfn)));
      if (load<u32>(block, BLK_REGION) != 0) regions = true;
      kill(block);
      dropped = true;
      const phys2 = load<u32>(block, BLK_PHYS2);
      const mfn1 = load<u32>(block, BLK_PHYS) >> 12;
      // the other frame's code bits stay: too many of them only cost time
      if (mfn1 != mfn) unlist(block, mfn1);
      else if (phys2 != 0xffffffff && phys2 >> 12 != mfn) unlist(block, phys2 >> 12);
    } else {
      if (overlaps(block, mfn, from, to)) noteBytes(block, mfn);
      if (load<u32>(block, BLK_REGION) != 0) regions = true;
      at = chainField(block, mfn);
    }
  }
  let gone: u64 = 0;
  for (let word = from >> 6; word <= to >> 6; word++) {
    if (load<u64>(<usize>CODE_MAP + (<usize>word << 3)) == 0) gone |= <u64>1 << <u64>word;
  }
  const bits = <usize>FRAME_CODE_BITS + (<usize>mfn << 3);
  store<u64>(bits, load<u64>(bits) & ~gone);
  if (dropped && regions) dropRegions(mfn);
}

/** Clears the links of `block`'s last branch that lead to dropped blocks, once it has led to one (guesses are compared when they are used). */
export function unlink(block: usize): void {
  const last = <usize>load<u32>(block, BLK_LAST);
  const op = <i32>load<u16>(last);
  // ends without a link word
  if (op == OP_F_RET64 || op == OP_DEAD || (op >= OP_IND && op <= OP_EXIT)) return;
  for (let word = last + UOP_SIZE; word < last + UOP_SIZE + 8; word += 4) {
    const target = <usize>load<u32>(word);
    if (target != 0 && !(target & LINK_GUESS) && load<u32>(target - BLK_HEADER, BLK_FLAGS) & BLKF_DEAD) store<u32>(word, 0);
  }
}

/** Drops every block of frame `mfn` (the frame changes hands, or the hypervisor writes to it). */
export function dropFrame(ctx: usize, mfn: u32): void {
  if (load<u64>(<usize>FRAME_CODE_BITS + (<usize>mfn << 3)) == 0 && load<u32>(<usize>FRAME_BLOCKS + (<usize>mfn << 2)) == 0) return;
  dropRange(ctx, mfn, 0, 4095);
}

/**
 * A guest store to [offset, offset + size), inside one page, is about to happen: drops the code it overwrites. If the block
 * being executed is among it, the instruction starts again on its own (throws); nothing has been written then.
 */
export function codeWrite(ctx: usize, offset: u32, size: u32): void {
  const mfn = offset >> 12;
  const first = offset & 0xfff;
  const last = first + size - 1;
  if (!holdsCode(mfn, first, last)) return;
  let running = false;
  if (Ctx.get32(ctx, CUR_UOP) != 0) {
    const block = <usize>Ctx.get32(ctx, CUR_BLOCK);
    running = load<u16>(block, BLK_INSNS) > 1 && overlaps(block, mfn, first, last);
  }
  dropRange(ctx, mfn, first, last);
  if (running) restartAlone(ctx);
}
