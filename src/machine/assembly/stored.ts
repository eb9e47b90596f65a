/**
 * Translations of earlier runs: finding them by the guest's bytes, and making them blocks of its.
 *
 * They are numbered; those of one page come one behind the other. `base` is where the translator put what it knows of `count` of them (layout.ts, STORED_*),
 * `places` where their code lies in the arena, each behind room for its header.
 */
import {
  ARENA_BLOCKS, BLK_BYTES, BLK_COUNT, BLK_HEADER, BLK_MODE, BLK_PHYS, BLK_PHYS2, BLK_UOPS, BLOCK_HASH, BLOCK_HASH_ENTRIES, PROMOTED_LENGTH, STORED_BYTES, STORED_BYTES_AT, STORED_CHAIN, STORED_CODE_AT, STORED_CROSSING,
  STORED_FIRST, STORED_HASH, STORED_HASH_BITS, STORED_LAST_BYTE, STORED_LIST, STORED_MODE, STORED_PAGE, STORED_PLACE, STORED_REGIONS, STORED_SIZE, STORED_TOUCHED, STORED_UOPS,
  TAKE_BASE, TAKE_COUNT, TAKE_PLACES, TAKE_RUNS, TAKE_TAKEN, UOP_SIZE,
} from "../layout";
import { insertBlock } from "./blocks";
import { ld64, ld8u } from "./frames";

/** Bytes that the host maps at a time. */
const HOST_PAGE: usize = 4096;

/** No page. */
const NONE: u32 = 0xffffffff;

@unmanaged
class Stored {
  @inline static at(base: usize, count: u32, list: u32, record: u32): usize {
    return base + STORED_LIST + (<usize>(list * count + record) << 2);
  }
  @inline static get(base: usize, count: u32, list: u32, record: u32): u32 {
    return load<u32>(Stored.at(base, count, list, record));
  }
  @inline static head(base: usize, hash: u32): usize {
    return base + (<usize>(hash & ((1 << STORED_HASH_BITS) - 1)) << 2);
  }
}

/** Does the block end behind its page? It is one instruction then. */
@inline
function crosses(place: u32): bool {
  return (place & 4095) + (place >> 12 & 0xff) > 4096;
}

/** Guest bytes that say whether a block is there: its own, and near its page's end all that follow there, which may have shaped it. */
function lengthOf(place: u32): u32 {
  if (crosses(place)) return STORED_CROSSING;
  const length = place >> 12 & 0xff;
  return (place & 4095) + length > <u32>STORED_LAST_BYTE ? 4096 - (place & 4095) : length;
}

/**
 * Looks through the records, whose modes, places, sizes and hashes are there, and fills in the other lists, the hash table, and headers in front of the code.
 * `bytes`, `code`: bytes that there are of guest code and of translations with their headers. False: they do not fit together.
 */
export function indexStored(base: usize, count: u32, bytes: u32, code: u32, places: usize): bool {
  memory.fill(base, 0, STORED_LIST);
  // the table of blocks is read before it is written: the host would map each of its pages twice
  for (let at: usize = 0; at < <usize>BLOCK_HASH_ENTRIES * 4; at += HOST_PAGE) atomic.or<u32>(<usize>BLOCK_HASH + at, 0);
  let bytesEnd: u32 = 0;
  let codeEnd: u32 = 0;
  let first: u32 = 0;
  for (let record: u32 = 0; record < count; record++) {
    const place = Stored.get(base, count, STORED_PLACE, record);
    const size = Stored.get(base, count, STORED_SIZE, record);
    const uops = size & STORED_UOPS;
    const block = places + codeEnd;
    if (size & STORED_FIRST) first = record;
    store<u32>(Stored.at(base, count, STORED_PAGE, record), first);
    store<u32>(Stored.at(base, count, STORED_CODE_AT, record), codeEnd);
    store<u32>(Stored.at(base, count, STORED_BYTES_AT, record), bytesEnd);
    bytesEnd += lengthOf(place);
    codeEnd += BLK_HEADER + uops * UOP_SIZE;
    if (!(place & 0xff000) || uops == 0 || (crosses(place) && (place >> 12 & 0xff) > <u32>STORED_CROSSING) || bytesEnd > bytes || codeEnd > code) return false;
    memory.fill(block, 0, BLK_HEADER);
    store<u32>(block, 0xffffffff, BLK_PHYS2);
    store<u32>(block, uops, BLK_UOPS);
    const head = Stored.head(base, Stored.get(base, count, STORED_HASH, record));
    store<u32>(Stored.at(base, count, STORED_CHAIN, record), load<u32>(head));
    store<u32>(head, record + 1);
  }
  return codeEnd == code;
}

/** Hash of the first `prefix` guest bytes at `phys`, their offset in the page and the mode: as StoredBlocks.hashOf(). */
function hashAt(phys: u32, mode: u32, prefix: u32): u32 {
  let mixed = ((mode ^ ((phys & 4095) * 0x9e3779b1)) * 0x85ebca6b) ^ prefix;
  for (let k: u32 = 0; k < prefix; k++) mixed = (mixed ^ ld8u(phys + k)) * 0x01000193;
  return mixed ^ (mixed >> 15);
}

/** Are the guest bytes at `phys` those at `bytes`? */
function same(phys: u32, bytes: usize, length: u32): bool {
  let k: u32 = 0;
  for (; k + 8 <= length; k += 8) if (ld64(phys + k) != load<u64>(bytes + k)) return false;
  for (; k < length; k++) if (ld8u(phys + k) != load<u8>(bytes + k)) return false;
  return true;
}

/** Do the guest bytes at `phys` make this block? `phys2`: the page behind, NONE: it is not there. */
function matches(base: usize, count: u32, record: u32, phys: u32, phys2: u32): bool {
  const place = Stored.get(base, count, STORED_PLACE, record);
  if ((place & 4095) != (phys & 4095)) return false;
  const length = lengthOf(place);
  const bytes = Stored.at(base, count, STORED_BYTES, 0) + Stored.get(base, count, STORED_BYTES_AT, record);
  if (!crosses(place)) return same(phys, bytes, length);
  const room = 4096 - (phys & 4095);
  return phys2 != NONE && same(phys, bytes, room) && same(phys2, bytes + room, length - room);
}

/** matches() for hosts. */
export function matchesStored(base: usize, count: u32, record: u32, phys: u32, phys2: u32): bool {
  return matches(base, count, record, phys, phys2);
}

function findBy(base: usize, count: u32, phys: u32, phys2: u32, mode: u32, prefix: u32): i32 {
  const hash = hashAt(phys, mode, prefix);
  for (let chain = load<u32>(Stored.head(base, hash)); chain != 0; chain = Stored.get(base, count, STORED_CHAIN, chain - 1)) {
    const record = chain - 1;
    if (Stored.get(base, count, STORED_HASH, record) == hash && Stored.get(base, count, STORED_MODE, record) == mode && matches(base, count, record, phys, phys2)) return record;
  }
  return -1;
}

/** The record of the block at `phys` in `mode`, -1 if there is none. A record is found by as many of its first bytes as it has in its page: 12, 4 or 1. */
export function findStored(base: usize, count: u32, phys: u32, phys2: u32, mode: u32): i32 {
  const room = 4096 - (phys & 4095);
  let record = room < 12 ? -1 : findBy(base, count, phys, phys2, mode, 12);
  if (record < 0 && room >= 4) record = findBy(base, count, phys, phys2, mode, 4);
  return record < 0 ? findBy(base, count, phys, phys2, mode, 1) : record;
}

/** Makes the record, whose code lies in its place, the guest's block at `phys`. `runs`: executions before it is offered for promotion, of a short one. */
export function placeStored(ctx: usize, base: usize, count: u32, record: u32, places: usize, phys: u32, phys2: u32, runs: u32): void {
  const block = places + Stored.get(base, count, STORED_CODE_AT, record);
  const place = Stored.get(base, count, STORED_PLACE, record);
  const size = Stored.at(base, count, STORED_SIZE, record);
  store<u32>(size, load<u32>(size) | STORED_TOUCHED);
  store<u32>(block, phys, BLK_PHYS);
  if (crosses(place)) store<u32>(block, phys2, BLK_PHYS2);
  store<u32>(block, Stored.get(base, count, STORED_MODE, record), BLK_MODE);
  store<u32>(block, (place >> 12 & 0xff) | (place >> 20 << 16), BLK_BYTES);
  const length = place >> 20;
  store<u32>(block, length > <u32>PROMOTED_LENGTH && runs > 0 ? max<u32>(<u32>((<u64>runs * PROMOTED_LENGTH) / <u64>length), 1) : runs, BLK_COUNT);
  insertBlock(ctx, block);
}

/** placeStored() for all records of the page that begins with `first` whose bytes are in the guest's at `page`, and that have not come yet. How many. (Not for those that cross its end.) */
export function placeStoredPage(ctx: usize, base: usize, count: u32, first: u32, places: usize, page: u32, runs: u32): u32 {
  let placed: u32 = 0;
  for (let record = first; record < count && Stored.get(base, count, STORED_PAGE, record) == first; record++) {
    if (load<u32>(places + Stored.get(base, count, STORED_CODE_AT, record), BLK_BYTES) != 0) continue;
    const phys = page + (Stored.get(base, count, STORED_PLACE, record) & 4095);
    if (!matches(base, count, record, phys, NONE)) continue;
    placeStored(ctx, base, count, record, places, phys, NONE, runs);
    placed++;
  }
  return placed;
}

/**
 * The stored block for the guest's code at `phys`, made one of its, and with it the others of its page: its address. 0: there is none, or the host is to look, since regions of
 * the page come with it, or the block is in use elsewhere.
 */
export function takeStored(ctx: usize, phys: u32, phys2: u32, mode: u32): usize {
  const count = load<u32>(TAKE_COUNT);
  if (count == 0) return 0;
  const base = <usize>load<u32>(TAKE_BASE);
  const places = <usize>load<u32>(TAKE_PLACES);
  const runs = load<u32>(TAKE_RUNS);
  const record = findStored(base, count, phys, phys2, mode);
  if (record < 0) return 0;
  const block = places + Stored.get(base, count, STORED_CODE_AT, record);
  const first = Stored.get(base, count, STORED_PAGE, record);
  if (load<u32>(block, BLK_BYTES) != 0 || Stored.get(base, count, STORED_SIZE, first) & STORED_REGIONS) return 0;
  placeStored(ctx, base, count, record, places, phys, phys2, runs);
  const taken = 1 + placeStoredPage(ctx, base, count, first, places, phys & ~4095, runs);
  store<u32>(ARENA_BLOCKS, load<u32>(ARENA_BLOCKS) + taken);
  store<u32>(TAKE_TAKEN, load<u32>(TAKE_TAKEN) + taken);
  return block;
}
