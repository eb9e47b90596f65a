/**
 * MOV to and from control registers, LMSW, CLTS, SMSW, INVLPG, INVPCID, XGETBV. Soft-TLB flushes that follow from changed
 * paging bits are updateMode()'s. @see Intel SDM 2B MOV (control registers), 3A 2.5; AMD APM 2 3.1
 */
import { CR0, CR2, CR3, CR4, CR4_VALID, CR8, EFER, EXIT_A, PHYS_BITS, RAX, RCX, RDX, RIP, SEG_ATTR, TR_ATTR, XCR0 } from '../../layout';
import { raise } from '../exceptions/raise';
import { ld64 } from '../frames';
import { read64 } from '../memory/access';
import { frameOffset, isRam, p2mEntry } from '../memory/p2m';
import { changePcid, flushAll, flushNonGlobal, flushPage, flushPcid } from '../memory/tlb';
import { updateMode } from '../mode';
import { ATTR_LONG } from './descriptor';
import { cpl, cr4Has, CS, get, get32, GP, is64, isCanonical, isIntel, isLong, nextRip, set, UD } from './slots';

const PE: u64 = 1;
const TS: u64 = 8;
const ET: u64 = 0x10;
const NW: u64 = 0x20000000;
const CD: u64 = 0x40000000;
const PG: u64 = 0x80000000;
/** Bits of CR0 that exist: PE MP EM TS ET NE WP AM NW CD PG. */
const CR0_BITS: u64 = 0xe005003f;

const CR4_PAE: u32 = 0x20;
const CR4_PCIDE: u32 = 0x20000;
const CR4_OSXSAVE: u32 = 0x40000;
const CR4_UMIP: u32 = 0x800;
/** TSD DE PSE PAE MCE PGE PCE OSFXSR OSXMMEXCPT UMIP FSGSBASE PCIDE OSXSAVE SMEP SMAP: what the core implements. */
const CR4_ALL: u64 = 0x370ffc;

const EFER_LME: u64 = 0x100;
const EFER_LMA: u64 = 0x400;

export function requireCpl0(ctx: usize): void {
  if (cpl(ctx) != 0) raise(ctx, GP, true, 0);
}

/** SGDT, SIDT, SLDT, STR, SMSW outside level 0 with CR4.UMIP: #GP(0). */
export function checkUmip(ctx: usize): void {
  if (cpl(ctx) != 0 && cr4Has(ctx, CR4_UMIP)) raise(ctx, GP, true, 0);
}

export function readControl(ctx: usize, number: u32): u64 {
  requireCpl0(ctx);
  switch (number) {
    case 0: return get(ctx, CR0);
    case 2: return get(ctx, CR2);
    case 3: return get(ctx, CR3);
    case 4: return get(ctx, CR4);
    case 8: return get(ctx, CR8);
    default:
      raise(ctx, UD, false, 0);
      return 0;
  }
}

/** MOV CRn; `size` 8 in 64-bit code, else 4. Sets RIP, except for CR8 (which leaves run()). */
export function writeControl(ctx: usize, number: u32, full: u64, size: i32, next: i32): void {
  requireCpl0(ctx);
  const value = size == 8 ? full : full & 0xffffffff;
  const rip = nextRip(ctx, next);
  switch (number) {
    case 0: writeCr0(ctx, value); break;
    case 2: set(ctx, CR2, value); break;
    case 3: writeCr3(ctx, value); break;
    case 4: writeCr4(ctx, value); break;
    case 8:
      if (value > 15) raise(ctx, GP, true, 0);
      set(ctx, CR8, value);
      set(ctx, EXIT_A, value);
      return;
    default: raise(ctx, UD, false, 0);
  }
  set(ctx, RIP, rip);
}

function writeCr0(ctx: usize, value: u64): void {
  const old = get(ctx, CR0);
  if (value >> 32 != 0 || ((value & PG) != 0 && (value & PE) == 0) || ((value & NW) != 0 && (value & CD) == 0)) raise(ctx, GP, true, 0);
  const efer = get(ctx, EFER);
  let newEfer = efer;
  if (((value ^ old) & PG) != 0) {
    if ((value & PG) != 0) {
      if ((efer & EFER_LME) != 0) {
        if (!cr4Has(ctx, CR4_PAE) || (get32(ctx, SEG_ATTR + CS) & ATTR_LONG) != 0) raise(ctx, GP, true, 0);
        if (isIntel(ctx) && (get32(ctx, TR_ATTR) & 0x1d) == 1) raise(ctx, GP, true, 0);
        newEfer |= EFER_LMA;
      } else if (cr4Has(ctx, CR4_PAE)) {
        checkPdptes(ctx, get(ctx, CR3));
      }
    } else {
      if (is64(ctx) || cr4Has(ctx, CR4_PCIDE)) raise(ctx, GP, true, 0);
      newEfer &= ~EFER_LMA;
    }
  }
  set(ctx, CR0, (value & CR0_BITS) | ET);
  set(ctx, EFER, newEfer);
  updateMode(ctx);
}

function writeCr3(ctx: usize, value: u64): void {
  const pcid = cr4Has(ctx, CR4_PCIDE);
  const address = pcid ? value & 0x7fffffffffffffff : value;
  if (address >> PHYS_BITS != 0) raise(ctx, GP, true, 0);
  if (!isLong(ctx) && cr4Has(ctx, CR4_PAE) && (get(ctx, CR0) & PG) != 0) checkPdptes(ctx, value);
  set(ctx, CR3, address);
  if (pcid) changePcid(ctx, value >> 63 != 0);
  else flushNonGlobal(ctx);
}

function writeCr4(ctx: usize, value: u64): void {
  const old = get(ctx, CR4);
  const model = get(ctx, CR4_VALID);
  const valid = model == 0 ? CR4_ALL : model & CR4_ALL;
  if ((value & ~valid) != 0) raise(ctx, GP, true, 0);
  if (isLong(ctx) && (value & CR4_PAE) == 0) raise(ctx, GP, true, 0);
  if ((value & CR4_PCIDE) != 0 && (old & CR4_PCIDE) == 0 && (!isLong(ctx) || (get(ctx, CR3) & 0xfff) != 0)) raise(ctx, GP, true, 0);
  const changed = value ^ old;
  if ((changed & 0x1000b0) != 0 && (value & CR4_PAE) != 0 && !isLong(ctx) && (get(ctx, CR0) & PG) != 0) checkPdptes(ctx, get(ctx, CR3));
  set(ctx, CR4, value);
  updateMode(ctx);
  if ((changed & CR4_PCIDE) != 0) flushAll(ctx);
}

/** PAE paging outside long mode: #GP(0) if a present PDPTE has reserved bits. @see Intel SDM 3A 4.4.1 */
function checkPdptes(ctx: usize, cr3: u64): void {
  for (let i: u64 = 0; i < 4; i++) {
    const gpa = (cr3 & 0xffffffe0) + (i << 3);
    const p2m = p2mEntry(ctx, gpa);
    // what is not RAM reads as all ones
    const entry: u64 = isRam(p2m) ? ld64(frameOffset(p2m, gpa)) : u64.MAX_VALUE;
    if ((entry & 1) != 0 && ((entry & 0x1e6) != 0 || entry >> PHYS_BITS != 0)) raise(ctx, GP, true, 0);
  }
}

export function loadMachineStatus(ctx: usize, value: u32, next: i32): void {
  requireCpl0(ctx);
  const old = get(ctx, CR0);
  const rip = nextRip(ctx, next);
  // PE can be set but not cleared
  writeCr0(ctx, (old & ~<u64>0xe) | (<u64>value & 0xf) | (old & PE));
  set(ctx, RIP, rip);
}

export function clearTaskSwitched(ctx: usize, next: i32): void {
  requireCpl0(ctx);
  const rip = nextRip(ctx, next);
  set(ctx, CR0, get(ctx, CR0) & ~TS);
  updateMode(ctx);
  set(ctx, RIP, rip);
}

export function invalidatePage(ctx: usize, va: u64): void {
  requireCpl0(ctx);
  if (isCanonical(va)) flushPage(ctx, va);
}

/** INVPCID: types 0 address, 1 context, 2 all with global, 3 all without. */
export function invalidatePcid(ctx: usize, type: u64, va: u64): void {
  requireCpl0(ctx);
  const low = read64(ctx, va);
  const address = read64(ctx, va + 8);
  const pcid = <u32>low & 0xfff;
  if (type > 3 || low >> 12 != 0 || (type < 2 && pcid != 0 && !cr4Has(ctx, CR4_PCIDE)) || (type == 0 && !isCanonical(address))) raise(ctx, GP, true, 0);
  if (type == 0) flushPage(ctx, address);
  else if (type == 1 && cr4Has(ctx, CR4_PCIDE)) flushPcid(ctx, pcid);
  else if (type == 2) flushAll(ctx);
  else flushNonGlobal(ctx);
}

export function readExtendedControl(ctx: usize): void {
  if (!cr4Has(ctx, CR4_OSXSAVE)) raise(ctx, UD, false, 0);
  if (get32(ctx, RCX) != 0) raise(ctx, GP, true, 0);
  const value = get(ctx, XCR0);
  set(ctx, RAX, value & 0xffffffff);
  set(ctx, RDX, value >> 32);
}

export function checkSetExtendedControl(ctx: usize): void {
  if (!cr4Has(ctx, CR4_OSXSAVE)) raise(ctx, UD, false, 0);
  requireCpl0(ctx);
}
