/** FXSAVE, FXRSTOR and the XSAVE family for x87, SSE and the upper halves of the AVX registers. @see Intel SDM vol. 1, 13 */
import {
  CPL, CR0, CTX_SCRATCH, FCW, FDP, FIP, FOP, FSW, FTW, MODE, MODE_CODE64, MODE_SIZE_MASK, MXCSR, RAX, RCX, RDX, VEC, VEC_STRIDE, X87, X87_STRIDE, XCR0,
} from '../../layout';
import { F_FXRSTOR, F_FXSAVE, F_XRSTORS, F_XSAVES } from '../../helpers/x87';
import { GP, NM, raise, raiseGp, raiseUd, SS } from '../exceptions/raise';
import { probeRead, probeWrite, read64, write16, write32, write64 } from '../memory/access';
import { segmentLinear } from '../memory/segment';
import { Ctx } from '../state';
import { MXCSR_MASK } from '../vec/mxcsr';
import { initialize, setControl } from './control';
import { Fpu } from './stack';

const CR0_EM: u32 = 4;
const CR0_TS: u32 = 8;
const CR4_OSXSAVE: u32 = 0x40000;
const PART_X87: u64 = 1;
const PART_SSE: u64 = 2;
const PART_AVX: u64 = 4;
/** XCOMP_BV bit of the compacted format. */
const COMPACT: u64 = 0x8000000000000000;
const HEADER: u64 = 512;
const AVX_OFFSET: u64 = 576;

function is64(ctx: usize): bool {
  return (Ctx.get32(ctx, MODE) & MODE_SIZE_MASK) == MODE_CODE64;
}

/** XMM registers that the mode can name. */
function registers(ctx: usize): u32 {
  return is64(ctx) ? 16 : 8;
}

// ---- the legacy area, in parts ---------------------------------------------------------------------------------------

/** An unmasked exception is pending: only then do AMD's processors save the pointers to the last instruction (XSAVEERPTR: else zeros). */
function hasPointers(ctx: usize): bool {
  return (Ctx.get32(ctx, FSW) & 0x80) != 0;
}

function writeX87(ctx: usize, address: u64, wide: bool): void {
  const pointers = hasPointers(ctx);
  const selectors = pointers ? Ctx.get(ctx, FOP) : 0;
  const ip = pointers ? Ctx.get(ctx, FIP) : 0;
  const dp = pointers ? Ctx.get(ctx, FDP) : 0;
  write16(ctx, address, Ctx.get32(ctx, FCW));
  write16(ctx, address + 2, Ctx.get32(ctx, FSW));
  write16(ctx, address + 4, Ctx.get32(ctx, FTW) & 0xff);
  write16(ctx, address + 6, selectors & 0x7ff);
  if (wide) {
    write64(ctx, address + 8, ip);
    write64(ctx, address + 16, dp);
  } else {
    write64(ctx, address + 8, (ip & 0xffffffff) | (((selectors >> 16) & 0xffff) << 32));
    write64(ctx, address + 16, (dp & 0xffffffff) | (((selectors >> 32) & 0xffff) << 32));
  }
  for (let i: u32 = 0; i < 8; i++) {
    write64(ctx, address + 32 + 16 * i, Fpu.sig(ctx, i));
    write64(ctx, address + 40 + 16 * i, Fpu.se(ctx, i));
  }
}

function writeMxcsr(ctx: usize, address: u64): void {
  write32(ctx, address + 24, Ctx.get32(ctx, MXCSR));
  write32(ctx, address + 28, MXCSR_MASK);
}

/** The 16 bytes at `part` of each vector register. */
function writeVectors(ctx: usize, address: u64, part: usize): void {
  const count = registers(ctx);
  for (let i: u32 = 0; i < count; i++) {
    const at = ctx + VEC + i * VEC_STRIDE + part;
    write64(ctx, address + 16 * i, load<u64>(at));
    write64(ctx, address + 16 * i + 8, load<u64>(at, 8));
  }
}

/** Loads the x87 from the copy of the image. */
function loadX87(ctx: usize, image: usize, wide: bool): void {
  Ctx.set(ctx, FSW, load<u16>(image, 2));
  Ctx.set(ctx, FTW, load<u8>(image, 4));
  const opcode = u64(load<u16>(image, 6) & 0x7ff);
  if (wide) {
    Ctx.set(ctx, FIP, load<u64>(image, 8));
    Ctx.set(ctx, FDP, load<u64>(image, 16));
    Ctx.set(ctx, FOP, opcode);
  } else {
    Ctx.set(ctx, FIP, load<u32>(image, 8));
    Ctx.set(ctx, FDP, load<u32>(image, 16));
    Ctx.set(ctx, FOP, opcode | (u64(load<u16>(image, 12)) << 16) | (u64(load<u16>(image, 20)) << 32));
  }
  setControl(ctx, load<u16>(image));
  for (let i: u32 = 0; i < 8; i++) {
    const at = Fpu.at(ctx, i);
    store<u64>(at, load<u64>(image + 32 + 16 * i));
    store<u64>(at, load<u16>(image + 40 + 16 * i), 8);
  }
}

function loadVectors(ctx: usize, image: usize, part: usize): void {
  const count = registers(ctx);
  for (let i: u32 = 0; i < count; i++) {
    const at = ctx + VEC + i * VEC_STRIDE + part;
    store<u64>(at, load<u64>(image + 16 * i));
    store<u64>(at, load<u64>(image + 16 * i, 8), 8);
  }
}

function clearVectors(ctx: usize, part: usize): void {
  const count = registers(ctx);
  for (let i: u32 = 0; i < count; i++) v128.store(ctx + VEC + i * VEC_STRIDE + part, i64x2.splat(0));
}

/** Copies guest memory to the context's scratch, faulting before anything is changed. */
function copyIn(ctx: usize, address: u64, size: u32): usize {
  const image = ctx + CTX_SCRATCH;
  probeRead(ctx, address, size);
  for (let i: u32 = 0; i < size; i += 8) store<u64>(image + i, read64(ctx, address + i));
  return image;
}

// ---- FXSAVE, FXRSTOR -----------------------------------------------------------------------------------------------------

function checkFx(ctx: usize, address: u64): void {
  if (Ctx.get32(ctx, CR0) & (CR0_EM | CR0_TS)) raise(ctx, NM, false, 0);
  if (address & 15) raiseGp(ctx, 0);
}

/** FXSAVE; `wide`: 64-bit instruction and data pointers. */
export function fxsave(ctx: usize, address: u64, wide: bool): void {
  checkFx(ctx, address);
  // all of the area, its end first, as AMD's processors do
  probeWrite(ctx, address + 511, 1);
  probeWrite(ctx, address, 512);
  writeX87(ctx, address, wide);
  writeMxcsr(ctx, address);
  writeVectors(ctx, address + 160, 0);
}

/** FXRSTOR. */
export function fxrstor(ctx: usize, address: u64, wide: bool): void {
  checkFx(ctx, address);
  probeRead(ctx, address + 511, 1);
  const image = copyIn(ctx, address, 512);
  const mxcsr = load<u32>(image, 24);
  if (mxcsr & ~MXCSR_MASK) raiseGp(ctx, 0);
  loadX87(ctx, image, wide);
  Ctx.set(ctx, MXCSR, mxcsr);
  loadVectors(ctx, image + 160, 0);
}

// ---- XSAVE ---------------------------------------------------------------------------------------------------------------

function checkX(ctx: usize, address: u64): void {
  checkOsxsave(ctx);
  if (Ctx.get32(ctx, CR0) & CR0_TS) raise(ctx, NM, false, 0);
  if (address & 63) raiseGp(ctx, 0);
}

/** The end of the area that helper `helper` reaches. */
function areaSize(ctx: usize, helper: i32): u32 {
  if (helper == F_FXSAVE || helper == F_FXRSTOR) return 512;
  return requested(ctx) & PART_AVX ? 832 : 576;
}

/** The area of `helper` at `offset` lies in `segment`: #GP(0) or #SS(0), after what else keeps the instruction from running. */
export function checkArea(ctx: usize, segment: u32, offset: u32, store: bool, helper: i32): void {
  if (helper != F_FXSAVE && helper != F_FXRSTOR) {
    checkOsxsave(ctx);
    if ((helper == F_XSAVES || helper == F_XRSTORS) && Ctx.get32(ctx, CPL) != 0) raiseGp(ctx, 0);
    if (Ctx.get32(ctx, CR0) & CR0_TS) raise(ctx, NM, false, 0);
  } else if (Ctx.get32(ctx, CR0) & (CR0_EM | CR0_TS)) raise(ctx, NM, false, 0);
  const how: u32 = store ? 0x101 : 1;
  const last = areaSize(ctx, helper) - 1;
  segmentLinear(ctx, offset, segment, how);
  // an area that goes round the end of the segment
  if (offset > 0xffffffff - last) raise(ctx, segment == 2 ? SS : GP, true, 0);
  segmentLinear(ctx, offset + last, segment, how);
}

/** #UD without CR4.OSXSAVE. */
export function checkOsxsave(ctx: usize): void {
  if (!Ctx.cr4Has(ctx, CR4_OSXSAVE)) raiseUd(ctx);
}

function requested(ctx: usize): u64 {
  return (u64(Ctx.get32(ctx, RAX)) | (u64(Ctx.get32(ctx, RDX)) << 32)) & Ctx.get(ctx, XCR0);
}

function anyVector(ctx: usize, part: usize): bool {
  for (let i: u32 = 0; i < 16; i++) if (v128.any_true(v128.load(ctx + VEC + i * VEC_STRIDE + part))) return true;
  return false;
}

/** XINUSE: the parts that are not in their initial state. */
export function inUse(ctx: usize): u64 {
  let used: u64 = 0;
  let x87 = Ctx.get32(ctx, FCW) != 0x37f || (Ctx.get32(ctx, FSW) | Ctx.get32(ctx, FTW)) != 0;
  if (hasPointers(ctx)) x87 = true;
  for (let i: u32 = 0; i < 8 && !x87; i++) {
    const at = ctx + X87 + i * X87_STRIDE;
    x87 = (load<u64>(at) | u64(load<u16>(at, 8))) != 0;
  }
  if (x87) used |= PART_X87;
  if (anyVector(ctx, 0)) used |= PART_SSE;
  if (anyVector(ctx, 16)) used |= PART_AVX;
  return used;
}

/** XSAVE and XSAVEOPT (the latter leaves out parts in their initial state). */
export function xsave(ctx: usize, address: u64, wide: bool, optimized: bool): void {
  checkX(ctx, address);
  const parts = requested(ctx);
  const used = inUse(ctx);
  const written = optimized ? parts & used : parts;
  probeWrite(ctx, address, parts & PART_AVX ? 832 : 576);
  const header = read64(ctx, address + HEADER);
  if (written & PART_X87) writeX87(ctx, address, wide);
  if (parts & (PART_SSE | PART_AVX)) writeMxcsr(ctx, address);
  if (written & PART_SSE) writeVectors(ctx, address + 160, 0);
  if (written & PART_AVX) writeVectors(ctx, address + AVX_OFFSET, 16);
  write64(ctx, address + HEADER, (header & ~parts) | (used & parts));
}

/** XSAVEC and XSAVES: compacted. With these three parts the compacted place of each is the standard one. */
export function xsavec(ctx: usize, address: u64, wide: bool, supervisor: bool): void {
  checkOsxsave(ctx);
  if (supervisor && Ctx.get32(ctx, CPL) != 0) raiseGp(ctx, 0);
  checkX(ctx, address);
  const parts = requested(ctx);
  let used = inUse(ctx);
  if (Ctx.get32(ctx, MXCSR) != 0x1f80) used |= PART_SSE;
  used &= parts;
  // what is not in use is not written, but must be there
  probeWrite(ctx, address, parts & PART_AVX ? 832 : 576);
  if (used & PART_X87) writeX87(ctx, address, wide);
  if (used & PART_SSE) {
    writeMxcsr(ctx, address);
    writeVectors(ctx, address + 160, 0);
  }
  if (used & PART_AVX) writeVectors(ctx, address + AVX_OFFSET, 16);
  write64(ctx, address + HEADER, used);
  write64(ctx, address + HEADER + 8, parts | COMPACT);
}

/** XRSTOR and XRSTORS (compacted images only). */
export function xrstor(ctx: usize, address: u64, wide: bool, supervisor: bool): void {
  checkOsxsave(ctx);
  if (supervisor && Ctx.get32(ctx, CPL) != 0) raiseGp(ctx, 0);
  checkX(ctx, address);
  const parts = requested(ctx);
  const image = copyIn(ctx, address, parts & PART_AVX ? 832 : 576);
  const have = load<u64>(image, 512);
  const layout = load<u64>(image, 520);
  const enabled = Ctx.get(ctx, XCR0);
  const compact = (layout & COMPACT) != 0;
  let reserved = load<u64>(image, 528);
  if (compact) {
    for (let i: usize = 536; i < 576; i += 8) reserved |= load<u64>(image + i);
    if ((layout & ~COMPACT & ~enabled) != 0 || (have & ~layout) != 0) raiseGp(ctx, 0);
  } else if (supervisor || layout != 0 || (have & ~enabled) != 0) raiseGp(ctx, 0);
  if (reserved != 0) raiseGp(ctx, 0);
  const loadsMxcsr = compact ? (parts & have & PART_SSE) != 0 : (parts & (PART_SSE | PART_AVX)) != 0;
  const mxcsr = load<u32>(image, 24);
  if (loadsMxcsr && mxcsr & ~MXCSR_MASK) raiseGp(ctx, 0);
  if (parts & PART_X87) {
    if (have & PART_X87) loadX87(ctx, image, wide);
    else {
      initialize(ctx);
      for (let i: u32 = 0; i < 8; i++) v128.store(ctx + X87 + i * X87_STRIDE, i64x2.splat(0));
    }
  }
  if (loadsMxcsr) Ctx.set(ctx, MXCSR, mxcsr);
  else if (compact && parts & PART_SSE) Ctx.set(ctx, MXCSR, 0x1f80);
  if (parts & PART_SSE) {
    if (have & PART_SSE) loadVectors(ctx, image + 160, 0);
    else clearVectors(ctx, 0);
  }
  if (parts & PART_AVX) {
    if (have & PART_AVX) loadVectors(ctx, image + 576, 16);
    else clearVectors(ctx, 16);
  }
}

/** XGETBV. */
export function xgetbv(ctx: usize): void {
  checkOsxsave(ctx);
  const index = Ctx.get32(ctx, RCX);
  if (index > 1) raiseGp(ctx, 0);
  const value = index == 0 ? Ctx.get(ctx, XCR0) : Ctx.get(ctx, XCR0) & inUse(ctx);
  Ctx.set(ctx, RAX, value & 0xffffffff);
  Ctx.set(ctx, RDX, value >> 32);
}
