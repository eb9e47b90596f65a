/** The mode word and the address-space number: derived from control registers, segments, flags and privilege level. */
import {
  ASID, ASID_PARANOID, CPL, CPU_FLAGS, CPU_PARANOID, CR0, CR4, DR7, EFER, EFLAGS_SYS, MODE, MODE_AVX, MODE_CODE16, MODE_CODE32, MODE_CODE64, MODE_FLAT,
  MODE_FPU_TRAP, MODE_MIDDLE, MODE_PROTECTED, MODE_SSE, MODE_STACK32, MODE_STEP, MODE_USER, MODE_VM86, PAGING_KEY, PCPU, SEG_ATTR, SEG_BASE, SEG_LIMIT, TLB, TLB_SIZE, XCR0,
} from "../layout";
import { asidBase, Spaces, tlbOf } from "./memory/asid";
import { flushAll } from "./memory/tlb";
import { supervisorView } from "./memory/access";
import { VIEW_ALIGN, VIEW_USER } from "./memory/walk";
import { Ctx } from "./state";

/** Base 0, limit 4 GiB, usable; writable expand-up data, or readable code. */
function isFlat(ctx: usize, segment: usize): bool {
  const attr = Ctx.get32(ctx, <usize>SEG_ATTR + segment);
  if (Ctx.get(ctx, <usize>SEG_BASE + segment) != 0 || Ctx.get32(ctx, <usize>SEG_LIMIT + segment) != 0xffffffff) return false;
  if ((attr & 0x10090) != 0x90) return false;
  return segment == 1 ? (attr & 0xa) == 0xa : (attr & 0xe) == 2;
}

/**
 * Recomputes MODE and ASID. To be called after any change of CR0, CR4, EFER, XCR0, DR7, RFLAGS.TF/VM/AC, CPL, CS, SS, DS or ES.
 * Flushes this vCPU's TLB entries when a control bit that they depend on has changed (so callers need not).
 */
export function updateMode(ctx: usize): void {
  const cr0 = Ctx.get32(ctx, CR0);
  const cr4 = Ctx.get32(ctx, CR4);
  const efer = Ctx.get32(ctx, EFER);
  const flags = Ctx.get32(ctx, EFLAGS_SYS);
  const cs = Ctx.get32(ctx, SEG_ATTR + 1);
  const level = Ctx.get32(ctx, CPL);
  const user = level == 3;
  let mode: u32;
  if (efer & 0x400 && cs & 0x200) mode = MODE_CODE64 | MODE_FLAT;
  else {
    mode = cs & 0x400 ? MODE_CODE32 : MODE_CODE16;
    if (isFlat(ctx, 0) && isFlat(ctx, 1) && isFlat(ctx, 2) && isFlat(ctx, 3)) mode |= MODE_FLAT;
    if (Ctx.get32(ctx, SEG_ATTR + 2) & 0x400) mode |= MODE_STACK32;
  }
  if (user) mode |= MODE_USER;
  else if (level != 0) mode |= MODE_MIDDLE;
  if (cr0 & 1) mode |= MODE_PROTECTED;
  if (flags & 0x20000) mode |= MODE_VM86;
  if (cr0 & 0xc) mode |= MODE_FPU_TRAP;
  if (cr4 & 0x200) mode |= MODE_SSE;
  if (flags & 0x100 || Ctx.get32(ctx, DR7) & 0xff) mode |= MODE_STEP;
  if (cr4 & 0x40000 && (Ctx.get32(ctx, XCR0) & 6) == 6) mode |= MODE_AVX;
  Ctx.set(ctx, MODE, mode);
  const poison: u64 = Ctx.get32(ctx, CPU_FLAGS) & CPU_PARANOID ? ASID_PARANOID : 0;
  const view: u32 = user ? ((cr0 & flags & 0x40000) != 0 ? VIEW_ALIGN : VIEW_USER) : supervisorView(ctx);
  Spaces.claim(ctx);
  Ctx.set(ctx, ASID, asidBase(ctx, view) | poison | view);
  Ctx.set(ctx, TLB, Ctx.get32(ctx, PCPU) + tlbOf(ctx, view) * TLB_SIZE);
  // PG, WP; PSE, PAE, PGE, SMEP, SMAP; LMA, NXE; armed breakpoints
  const key = (cr0 & 0x80010000) | (cr4 & 0x3000b0) | (efer & 0xc00) | (Ctx.get32(ctx, DR7) & 0xff ? 1 : 0) | 2;
  if (Ctx.get32(ctx, PAGING_KEY) != key || key & 1) {
    Ctx.set(ctx, PAGING_KEY, key);
    flushAll(ctx);
  }
}
