/**
 * The way from one region to the next, a module of its own: every region of every module leaves through the same function, which is optimised
 * code soon after the first of them.
 */
import {
  ASID,
  BLK_PHYS,
  BLK_REGION,
  BLOCK_HASH,
  BLOCK_HASH_ENTRIES,
  DEBUG_PENDING,
  EFLAGS_SYS,
  EXC,
  EXIT_PENDING,
  HASH_MODE_SHIFT,
  HASH_PHYS_SHIFT,
  MEMORY_PAGES,
  MODE,
  ONE_INSN,
  REGION_NODE_SHIFT,
  RIP,
  SHADOW,
  SLOW_NEXT,
  STEP_PENDING,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_EXEC,
  WANT_WINDOW,
  WAY_BLOCK,
  WAY_CACHE,
  WAY_REGION,
  WAY_STRIDE,
  WAYS,
} from '../../../machine/layout.ts';
import * as W from './code.ts';
import { FUNC, FUNCREF, SHARED, section } from './module.ts';

/** What the core is told when there is no region at RIP. @see machine/assembly/regions.ts */
const NEXT_FIND = 0;
const NEXT_LOOKUP = 2;
/** RFLAGS.RF, which the next instruction boundary clears. */
const RF = 0x10000;

/** Leaves the block around it if anything has to happen between two blocks: an event, its window, a trap, a single instruction. */
const unlessQuiet = (code: W.Code): void => {
  const ctx = 0;
  for (const [k, slot] of [EXIT_PENDING, EXC, STEP_PENDING, DEBUG_PENDING, WANT_WINDOW, SHADOW, SLOW_NEXT, ONE_INSN].entries()) {
    code.get(ctx);
    code.access(W.I64_LOAD, W.STATE, slot * 8);
    if (k > 0) code.byte(W.I64_OR);
  }
  code.get(ctx);
  code.access(W.I64_LOAD, W.STATE, EFLAGS_SYS * 8);
  code.i64(RF);
  code.byte(W.I64_AND);
  code.byte(W.I64_OR);
  code.i64(0);
  code.byte(W.I64_NE);
  code.byte(W.BR_IF);
  code.u32(0);
};

/**
 * (ctx) -> what to do next: goes on with the region of the block at RIP, found by one probe of the soft TLB and beside it one of the ways taken lately, or else of the
 * block hash; or answers the address of the block's first micro-op where a way says that it has none, or NEXT_FIND. `anew`: a helper may have changed anything; NEXT_LOOKUP if something is to happen before the next block.
 */
const chainBody = (anew: boolean): W.Code => {
  const code = new W.Code();
  const [ctx, entry, phys, block, way, rip, key] = [0, 1, 2, 3, 4, 5, 6];
  code.u32(2);
  code.u32(4);
  code.byte(W.I32);
  code.u32(2);
  code.byte(W.I64);
  code.byte(W.BLOCK);
  code.byte(W.VOID);
  if (anew) unlessQuiet(code);
  code.get(ctx);
  code.access(W.I64_LOAD, W.STATE, RIP * 8);
  code.tee(rip);
  code.byte(W.I32_WRAP);
  code.tee(entry);
  code.get(entry);
  code.i32(9);
  code.byte(W.I32_SHR_U);
  code.byte(W.I32_XOR);
  code.i32(Math.log2(WAY_STRIDE) - 3);
  code.byte(W.I32_SHL);
  code.i32((WAYS - 1) * WAY_STRIDE);
  code.byte(W.I32_AND);
  code.set(way);
  code.get(entry);
  code.i32(7);
  code.byte(W.I32_SHR_U);
  code.i32((TLB_ENTRIES - 1) << 5);
  code.byte(W.I32_AND);
  code.get(ctx);
  code.access(W.I32_LOAD, W.STATE, TLB * 8);
  code.byte(W.I32_ADD);
  code.tee(entry);
  code.access(W.I64_LOAD, W.STATE, TLB_EXEC);
  code.get(rip);
  code.i64(-4096);
  code.byte(W.I64_AND);
  code.get(ctx);
  code.access(W.I64_LOAD, W.STATE, ASID * 8);
  code.byte(W.I64_OR);
  code.byte(W.I64_NE);
  code.byte(W.BR_IF);
  code.u32(0);
  code.get(rip);
  code.byte(W.I32_WRAP);
  code.get(entry);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.byte(W.I32_ADD);
  code.tee(phys);
  code.byte(W.I64_EXTEND_I32_U);
  code.get(ctx);
  code.access(W.I64_LOAD, W.STATE, MODE * 8);
  code.i64(32);
  code.byte(W.I64_SHL);
  code.byte(W.I64_OR);
  code.set(key);
  code.byte(W.BLOCK);
  code.byte(W.VOID);
  code.get(way);
  code.access(W.I64_LOAD, W.STATE, WAY_CACHE);
  code.get(key);
  code.byte(W.I64_EQ);
  code.byte(W.BR_IF);
  code.u32(0);
  code.get(phys);
  code.get(phys);
  code.i32(HASH_PHYS_SHIFT);
  code.byte(W.I32_SHR_U);
  code.byte(W.I32_XOR);
  code.get(ctx);
  code.access(W.I32_LOAD, W.STATE, MODE * 8);
  code.i32(HASH_MODE_SHIFT);
  code.byte(W.I32_SHL);
  code.byte(W.I32_XOR);
  code.i32(BLOCK_HASH_ENTRIES - 1);
  code.byte(W.I32_AND);
  code.i32(2);
  code.byte(W.I32_SHL);
  code.access(W.I32_LOAD, W.STATE, BLOCK_HASH);
  code.tee(block);
  code.byte(W.I32_EQZ);
  code.byte(W.BR_IF);
  code.u32(1);
  // its BLK_PHYS and BLK_MODE
  code.get(block);
  code.access(W.I64_LOAD, W.STATE, BLK_PHYS);
  code.get(key);
  code.byte(W.I64_NE);
  code.byte(W.BR_IF);
  code.u32(1);
  code.get(block);
  code.access(W.I32_LOAD, W.STATE, BLK_REGION);
  code.tee(phys);
  code.byte(W.I32_EQZ);
  code.byte(W.BR_IF);
  code.u32(1);
  code.get(way);
  code.get(phys);
  code.access(W.I32_STORE, W.STATE, WAY_CACHE + WAY_REGION);
  code.get(way);
  code.get(key);
  code.access(W.I64_STORE, W.STATE, WAY_CACHE);
  code.byte(W.END);
  code.get(way);
  code.access(W.I32_LOAD, W.STATE, WAY_CACHE + WAY_REGION);
  code.tee(phys);
  code.byte(W.I32_EQZ);
  code.byte(W.IF);
  code.byte(W.VOID);
  code.get(way);
  code.access(W.I32_LOAD, W.STATE, WAY_CACHE + WAY_BLOCK);
  code.byte(W.RETURN);
  code.byte(W.END);
  code.get(ctx);
  code.get(phys);
  code.i32(REGION_NODE_SHIFT);
  code.byte(W.I32_SHR_U);
  code.get(phys);
  code.i32((1 << REGION_NODE_SHIFT) - 1);
  code.byte(W.I32_AND);
  code.i32(1);
  code.byte(W.I32_SUB);
  code.byte(W.RETURN_CALL_INDIRECT);
  code.u32(1);
  code.u32(0);
  code.byte(W.END);
  code.i32(anew ? NEXT_LOOKUP : NEXT_FIND);
  code.byte(W.END);
  return code;
};

/** The module; its exports `chain` and `chainAnew` are the functions. Imports `env.state` and `core.table`. */
export function chainModule(): Uint8Array<ArrayBuffer> {
  const out = new W.Code();
  for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) out.byte(byte);
  const types = new W.Code();
  for (const byte of [2, FUNC, 1, W.I32, 1, W.I32, FUNC, 2, W.I32, W.I32, 1, W.I32]) types.byte(byte);
  section(out, 1, types);
  const imports = new W.Code();
  imports.u32(2);
  imports.text('env');
  imports.text('state');
  imports.byte(2);
  imports.byte(SHARED);
  imports.u32(MEMORY_PAGES);
  imports.u32(MEMORY_PAGES);
  imports.text('core');
  imports.text('table');
  for (const byte of [1, FUNCREF, 0, 0]) imports.byte(byte);
  section(out, 2, imports);
  const functions = new W.Code();
  for (const byte of [2, 0, 0]) functions.byte(byte);
  section(out, 3, functions);
  const exports = new W.Code();
  exports.u32(2);
  for (const [k, name] of ['chain', 'chainAnew'].entries()) {
    exports.text(name);
    for (const byte of [0, k]) exports.byte(byte);
  }
  section(out, 7, exports);
  const code = new W.Code();
  code.u32(2);
  for (const anew of [false, true]) {
    const body = chainBody(anew);
    code.u32(body.length);
    code.raw(body);
  }
  section(out, 10, code);
  return out.done();
}
