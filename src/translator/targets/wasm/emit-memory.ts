/** Guest memory: the soft-TLB probe inline; everything else is the interpreter's. IR to Wasm. */
import { SEG_ATTR, SEG_BASE, SEG_LIMIT, TLB_ADDEND, TLB_ENTRIES, TLB_READ, TLB_WRITE } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import type { AccessGroup } from './access-groups.ts';
import * as W from './code.ts';
import { addImmediate, type Emit, pushIndexed } from './emit-alu.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { I64X2_EXTRACT, LOAD32_ZERO, LOAD64_ZERO, simdLane } from './simd.ts';

const CTX = 0;
/** Bits of segment attributes. @see machine/layout.ts, SEG_ATTR */
const WRITABLE = 2;
const DOWN = 4;
const CODE = 8;
/** Code or data. */
const STORAGE = 16;
const UNUSABLE = 0x10000;

/** Address of operation k into the local `va`. */
const address: Emit = (e, k) => {
  e.read(e.block.a[k] as number);
  addImmediate(e, k);
  e.code.set(e.va);
};
const indexed: Emit = (e, k) => {
  pushIndexed(e, k);
  e.code.set(e.va);
};

/** Pushes (i32) whether the soft TLB lets `size` bytes at the address in local `va` through; leaves the entry in `entry`. */
function pushHit(e: RegionEmitter, tag: number, size: number, va: number = e.va): void {
  const { code } = e;
  code.get(va);
  code.byte(W.I32_WRAP);
  code.i32(7);
  code.byte(W.I32_SHR_U);
  code.i32((TLB_ENTRIES - 1) << 5);
  code.byte(W.I32_AND);
  code.get(e.tlb);
  code.byte(W.I32_ADD);
  code.tee(e.entry);
  code.access(W.I64_LOAD, W.STATE, tag);
  code.get(va);
  if (size > 1) {
    code.i64(size - 1);
    code.byte(W.I64_ADD);
  }
  code.i64(-4096);
  code.byte(W.I64_AND);
  code.get(e.asid);
  code.byte(W.I64_OR);
  code.byte(W.I64_EQ);
}

/** Pushes (i32) the offset in `frames` of `va` after a hit. */
function pushFound(e: RegionEmitter): void {
  const { code } = e;
  code.get(e.va);
  code.byte(W.I32_WRAP);
  code.get(e.entry);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.byte(W.I32_ADD);
}

/** The same of a page whose addend is in a local. */
function pushKnown(e: RegionEmitter, addend: number): void {
  const { code } = e;
  code.get(e.va);
  code.byte(W.I32_WRAP);
  code.get(addend);
  code.byte(W.I32_ADD);
}

/** The first access of a group asks about the range of all: whether it lies in one page that lets them through, and that page's addend. */
function askForGroup(e: RegionEmitter, group: AccessGroup): void {
  const { code } = e;
  const { hit, addend } = e.groupLocals(group);
  const from = e.scratchLocal('range', W.I64);
  code.get(e.va);
  if (group.start !== 0) {
    code.i64(group.start);
    code.byte(W.I64_ADD);
  }
  code.set(from);
  pushHit(e, group.writes ? TLB_WRITE : TLB_READ, group.size, from);
  code.set(hit);
  code.get(e.entry);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.set(addend);
}

/**
 * Pushes (i32) the offset in `frames` of the access at `va`, after a look in the soft TLB; where that refuses it the region is left before the
 * instruction. A call of the core instead, behind which all goes on, made V8 keep every register across it: the kernel's regions took a third longer to
 * compile, and 0.03 % of a boot's instructions are interpreted for want of it. A member of a group first looks what the group knows. A site that walks
 * keeps its last page and addend in locals and asks these first.
 */
function pushOffset(e: RegionEmitter, k: number, writes: boolean, size: number): void {
  const { code } = e;
  const tag = writes ? TLB_WRITE : TLB_READ;
  const group = e.groups.get(k);
  if (group !== undefined) {
    if (group.first === k) askForGroup(e, group);
    const { hit, addend } = e.groupLocals(group);
    code.get(hit);
    e.openHinted(true, W.I32);
    pushKnown(e, addend);
    code.byte(W.ELSE);
  }
  if (group !== undefined || !e.walks.has(k)) {
    pushHit(e, tag, size);
    e.openHinted(true, W.I32);
    pushFound(e);
    code.byte(W.ELSE);
    e.bail(k, { writes, size });
    e.close();
    if (group !== undefined) e.close();
    return;
  }
  const page = e.pageLocal();
  const addend = e.local(W.I32);
  // an access in that page, of up to a quadword if aligned: the local is no page's address while there is none
  code.get(e.va);
  code.i64(size > 8 ? -4096 : -4096 | (size - 1));
  code.byte(W.I64_AND);
  code.get(page);
  code.byte(W.I64_NE);
  if (size > 8) {
    code.get(e.va);
    code.byte(W.I32_WRAP);
    code.i32(4095);
    code.byte(W.I32_AND);
    code.i32(4096 - size);
    code.byte(W.I32_GT_U);
    code.byte(W.I32_OR);
  }
  e.openHinted(false);
  pushHit(e, tag, size);
  code.byte(W.I32_EQZ);
  e.openHinted(false);
  e.bail(k, { writes, size });
  e.close();
  code.get(e.va);
  code.i64(-4096);
  code.byte(W.I64_AND);
  code.set(page);
  code.get(e.entry);
  code.access(W.I32_LOAD, W.STATE, TLB_ADDEND);
  code.set(addend);
  e.close();
  pushKnown(e, addend);
}

/** A load; `writes`: the instruction will store there. */
const load =
  (form: Emit, size: number, instruction: number, writes = false): Emit =>
  (e, k) => {
    form(e, k);
    const d = e.block.d[k] as number;
    e.begin(d);
    pushOffset(e, k, writes, size);
    e.code.access(instruction, W.FRAMES, 0);
    e.finish(d);
  };

const store =
  (form: Emit, size: number, instruction: number): Emit =>
  (e, k) => {
    form(e, k);
    pushOffset(e, k, true, size);
    e.read(e.block.d[k] as number);
    e.code.access(instruction, W.FRAMES, 0);
  };

/** A load of `size` bytes to the lower half of a vector, by a vector instruction that zeroes the rest of it. */
const loadVector =
  (size: number, instruction: number): Emit =>
  (e, k) => {
    address(e, k);
    pushOffset(e, k, false, size);
    e.code.accessV(instruction, W.FRAMES, 0);
    e.vectors.set(e.block.d[k] as number);
  };

const load256: Emit = (e, k) => {
  const { code, vectors } = e;
  const d = e.block.d[k] as number;
  const at = e.scratchLocal('at', W.I32);
  address(e, k);
  pushOffset(e, k, false, 32);
  code.tee(at);
  code.accessV(W.V128_LOAD, W.FRAMES, 0);
  vectors.set(d, 0);
  code.get(at);
  code.accessV(W.V128_LOAD, W.FRAMES, 16);
  vectors.set(d, 1);
};

/** A store of the low `size` bytes of a vector; `instruction` of a quadword, or of 16 bytes. */
const storeVector =
  (size: number, instruction: number): Emit =>
  (e, k) => {
    const { code, vectors } = e;
    const d = e.block.d[k] as number;
    address(e, k);
    const value = vectors.get(d);
    pushOffset(e, k, true, size);
    if (size < 32) {
      code.get(value);
      if (size < 16) {
        simdLane(e, I64X2_EXTRACT, 0);
        code.access(instruction, W.FRAMES, 0);
      } else code.accessV(instruction, W.FRAMES, 0);
      return;
    }
    const at = e.scratchLocal('at', W.I32);
    code.tee(at);
    code.get(value);
    code.accessV(instruction, W.FRAMES, 0);
    code.get(at);
    code.get(vectors.get(d, 1));
    code.accessV(instruction, W.FRAMES, 16);
  };

/** #GP(0) for unaligned operands: the interpreter raises it. */
const align: Emit = (e, k) => {
  const { code } = e;
  e.read(e.block.a[k] as number);
  addImmediate(e, k);
  code.i64((e.block.c[k] as number) - 1);
  code.byte(W.I64_AND);
  code.i64(0);
  code.byte(W.I64_NE);
  e.openHinted(false);
  e.bail(k);
  e.close();
};

/** Outside 64-bit code: an offset in a segment. Data that may be written, up to a limit, here; all else is the interpreter's. */
const segmentLinear: Emit = (e, k) => {
  const { code, block } = e;
  const offset = block.a[k] as number;
  const segment = block.c[k] as number;
  const size = (block.immLo[k] as number) & 0xff;
  code.get(CTX);
  code.access(W.I32_LOAD, W.STATE, (SEG_ATTR + segment) * 8);
  code.i32(UNUSABLE | STORAGE | CODE | DOWN | WRITABLE);
  code.byte(W.I32_AND);
  code.i32(STORAGE | WRITABLE);
  code.byte(W.I32_NE);
  e.read(offset);
  if (size > 1) {
    code.i64(size - 1);
    code.byte(W.I64_ADD);
  }
  code.get(CTX);
  code.access(W.I64_LOAD32_U, W.STATE, (SEG_LIMIT + segment) * 8);
  code.byte(W.I64_GT_U);
  code.byte(W.I32_OR);
  e.openHinted(false);
  e.bail(k);
  e.close();
  const d = block.d[k] as number;
  e.begin(d);
  e.read(offset);
  code.get(CTX);
  code.access(W.I64_LOAD, W.STATE, (SEG_BASE + segment) * 8);
  code.byte(W.I64_ADD);
  code.i64(-1, 0);
  code.byte(W.I64_AND);
  e.finish(d);
};

export const emitMemory: Readonly<Record<number, Emit>> = {
  [O.OP_LD8]: load(address, 1, W.I64_LOAD8_U),
  [O.OP_LD16]: load(address, 2, W.I64_LOAD16_U),
  [O.OP_LD32]: load(address, 4, W.I64_LOAD32_U),
  [O.OP_LD64]: load(address, 8, W.I64_LOAD),
  [O.OP_LDS8]: load(address, 1, W.I64_LOAD8_S),
  [O.OP_LDS16]: load(address, 2, W.I64_LOAD16_S),
  [O.OP_LDS32]: load(address, 4, W.I64_LOAD32_S),
  [O.OP_ST8]: store(address, 1, W.I64_STORE8),
  [O.OP_ST16]: store(address, 2, W.I64_STORE16),
  [O.OP_ST32]: store(address, 4, W.I64_STORE32),
  [O.OP_ST64]: store(address, 8, W.I64_STORE),
  [O.OP_LDM8]: load(address, 1, W.I64_LOAD8_U, true),
  [O.OP_LDM16]: load(address, 2, W.I64_LOAD16_U, true),
  [O.OP_LDM32]: load(address, 4, W.I64_LOAD32_U, true),
  [O.OP_LDM64]: load(address, 8, W.I64_LOAD, true),
  [O.OP_LDX8]: load(indexed, 1, W.I64_LOAD8_U),
  [O.OP_LDX16]: load(indexed, 2, W.I64_LOAD16_U),
  [O.OP_LDX32]: load(indexed, 4, W.I64_LOAD32_U),
  [O.OP_LDX64]: load(indexed, 8, W.I64_LOAD),
  [O.OP_LDXS8]: load(indexed, 1, W.I64_LOAD8_S),
  [O.OP_LDXS16]: load(indexed, 2, W.I64_LOAD16_S),
  [O.OP_LDXS32]: load(indexed, 4, W.I64_LOAD32_S),
  [O.OP_STX8]: store(indexed, 1, W.I64_STORE8),
  [O.OP_STX16]: store(indexed, 2, W.I64_STORE16),
  [O.OP_STX32]: store(indexed, 4, W.I64_STORE32),
  [O.OP_STX64]: store(indexed, 8, W.I64_STORE),
  [O.OP_LDMX8]: load(indexed, 1, W.I64_LOAD8_U, true),
  [O.OP_LDMX16]: load(indexed, 2, W.I64_LOAD16_U, true),
  [O.OP_LDMX32]: load(indexed, 4, W.I64_LOAD32_U, true),
  [O.OP_LDMX64]: load(indexed, 8, W.I64_LOAD, true),
  [O.OP_VLD32]: loadVector(4, LOAD32_ZERO),
  [O.OP_VLD64]: loadVector(8, LOAD64_ZERO),
  [O.OP_VLD128]: loadVector(16, W.V128_LOAD),
  [O.OP_VLD256]: load256,
  [O.OP_VST32]: storeVector(4, W.I64_STORE32),
  [O.OP_VST64]: storeVector(8, W.I64_STORE),
  [O.OP_VST128]: storeVector(16, W.V128_STORE),
  [O.OP_VST256]: storeVector(32, W.V128_STORE),
  [O.OP_ALIGN]: align,
  [O.OP_SEGLIN]: segmentLinear,
};
