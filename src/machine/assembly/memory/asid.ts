/**
 * Address-space numbers: what the tags of the soft TLB carry, so that forgetting an address space is taking another number.
 *
 * A vCPU has one number for its supervisor views, whatever CR3 holds, and one for the user views of each of the PCIDs it used last. They
 * come from a counter of the pCPU; when that is used up the soft TLB is emptied and a new generation begins. A vCPU with numbers of
 * another generation, or of another pCPU, takes new ones before it looks into the soft TLB.
 */
import {
  ASID, ASID_GENERATION, ASID_MOST, ASID_PARANOID, ASID_SUPERVISOR, ASID_USER, CR3, PCID_NEXT, PCID_SPACES, PCID_TABLE, PCPU, PCPU_SCRATCH, TLB, TLB_GENERATION,
  TLB_LARGE_1G, TLB_LARGE_2M, TLB_LIST_COUNT, TLB_TAKEN, TLB_COUNT, TLB_SIZE, TLB_USED, USER_ENTERED, USER_TLB,
} from "../../layout";
import { Ctx } from "../state";
import { VIEW_USER } from "./walk";

/** Scratch area of the pCPU. */
function scratchOf(ctx: usize): usize {
  return <usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH;
}

/** First tag of the address space that `view` sees; the view is added. */
export function asidBase(ctx: usize, view: u32): u64 {
  return Ctx.get(ctx, view & 1 ? ASID_USER : ASID_SUPERVISOR) << 2;
}

/** Empties the soft TLB of the pCPU whose scratch area is at `scratch`. */
function wipe(scratch: usize): void {
  const used = load<u32>(scratch, TLB_USED);
  for (let n: u32 = 0; n < <u32>TLB_COUNT; n++) {
    // tags that match nothing, and flags 0
    if (used >> n & 1) memory.fill(scratch - PCPU_SCRATCH + <usize>n * TLB_SIZE, 0, TLB_SIZE);
  }
  store<u32>(scratch, 0, TLB_USED);
  store<u32>(scratch, 0, TLB_LIST_COUNT);
  memory.fill(scratch + TLB_LARGE_2M, 0, 128);
  memory.fill(scratch + TLB_LARGE_1G, 0, 128);
}

/** Begins a generation: no vCPU's numbers count any more. */
function begin(ctx: usize, scratch: usize): void {
  // no two pCPUs have the same
  const old = load<u64>(scratch, TLB_GENERATION);
  store<u64>(scratch, old == 0 ? (<u64>Ctx.get32(ctx, PCPU) << 32) | 1 : old + 1, TLB_GENERATION);
}

/** Takes a number. If they are used up, all of this vCPU's are new after it. */
function take(ctx: usize): u64 {
  const scratch = scratchOf(ctx);
  let taken = load<u32>(scratch, TLB_TAKEN);
  if (taken >= <u32>ASID_MOST) {
    wipe(scratch);
    begin(ctx, scratch);
    Ctx.set(ctx, ASID_GENERATION, load<u64>(scratch, TLB_GENERATION));
    Ctx.set(ctx, ASID_SUPERVISOR, 1);
    Ctx.set(ctx, ASID_USER, 2);
    Ctx.set(ctx, USER_TLB, VIEW_USER);
    forgetPcids(ctx);
    taken = 2;
  }
  taken++;
  store<u32>(scratch, taken, TLB_TAKEN);
  return taken;
}

/** Number of the soft TLB of `view`. */
export function tlbOf(ctx: usize, view: u32): u32 {
  return view == VIEW_USER ? Ctx.get32(ctx, USER_TLB) : view;
}

/** The vCPU knows no PCID's number any more. */
function forgetPcids(ctx: usize): void {
  for (let i: usize = 0; i < <usize>PCID_SPACES; i++) Ctx.set(ctx, PCID_TABLE + i, 0);
}

/** Slots ASID and TLB for the numbers that count now. */
function apply(ctx: usize): void {
  const old = Ctx.get(ctx, ASID);
  const view = <u32>old & 3;
  Ctx.set(ctx, ASID, (old & (ASID_PARANOID | 3)) | asidBase(ctx, view));
  Ctx.set(ctx, TLB, Ctx.get32(ctx, PCPU) + tlbOf(ctx, view) * TLB_SIZE);
}

@unmanaged
export class Spaces {
  /** Before the vCPU looks into the soft TLB: sees that its numbers are of this pCPU and its generation. */
  @inline static claim(ctx: usize): void {
    const generation = Ctx.get(ctx, ASID_GENERATION);
    if (generation != load<u64>(<usize>Ctx.get32(ctx, PCPU) + PCPU_SCRATCH, TLB_GENERATION) || generation == 0) claimNew(ctx);
  }
}

/** Takes numbers of the generation that counts. */
function claimNew(ctx: usize): void {
  const scratch = scratchOf(ctx);
  if (load<u64>(scratch, TLB_GENERATION) == 0) begin(ctx, scratch);
  Ctx.set(ctx, ASID_GENERATION, load<u64>(scratch, TLB_GENERATION));
  newSpaces(ctx);
}

/** Forgets everything this vCPU has in the soft TLB. */
export function newSpaces(ctx: usize): void {
  Ctx.set(ctx, ASID_SUPERVISOR, take(ctx));
  Ctx.set(ctx, USER_ENTERED, 1);
  newUserSpaces(ctx);
}

/** Forgets the user views of all PCIDs. Where nothing was entered for them there is nothing to forget: a kernel at work in address spaces of its own takes no numbers. */
export function newUserSpaces(ctx: usize): void {
  if (Ctx.get(ctx, USER_ENTERED) == 0) return;
  Ctx.set(ctx, ASID_USER, take(ctx));
  Ctx.set(ctx, USER_ENTERED, 0);
  Ctx.set(ctx, USER_TLB, VIEW_USER);
  forgetPcids(ctx);
  apply(ctx);
}

/** Forgets everything of every vCPU of the pCPU. */
export function newGeneration(ctx: usize): void {
  begin(ctx, scratchOf(ctx));
  claimNew(ctx);
}

/** The user views are those of `pcid` from now on; what is known of them stays if `keep`. */
export function selectPcid(ctx: usize, pcid: u64, keep: bool): void {
  Ctx.set(ctx, USER_ENTERED, 1);
  let at = <usize>PCID_SPACES;
  for (let i: usize = 0; i < <usize>PCID_SPACES; i++) {
    const known = Ctx.get(ctx, PCID_TABLE + i);
    if (known != 0 && (known & 0xfff) == pcid) at = i;
  }
  if (at < <usize>PCID_SPACES && keep) Ctx.set(ctx, ASID_USER, Ctx.get(ctx, PCID_TABLE + at) >> 16);
  else {
    if (at == <usize>PCID_SPACES) {
      at = <usize>Ctx.get32(ctx, PCID_NEXT) & (PCID_SPACES - 1);
      Ctx.set(ctx, PCID_NEXT, at + 1);
    }
    const number = take(ctx);
    Ctx.set(ctx, PCID_TABLE + at, (number << 16) | pcid);
    Ctx.set(ctx, ASID_USER, number);
  }
  Ctx.set(ctx, USER_TLB, at & 3 ? (at & 3) + 3 : VIEW_USER);
  apply(ctx);
}

/** Forgets the user views of `pcid`. */
export function forgetPcid(ctx: usize, pcid: u64): void {
  if ((Ctx.get(ctx, CR3) & 0xfff) == pcid) {
    selectPcid(ctx, pcid, false);
    return;
  }
  for (let i: usize = 0; i < <usize>PCID_SPACES; i++) {
    const known = Ctx.get(ctx, PCID_TABLE + i);
    if (known != 0 && (known & 0xfff) == pcid) Ctx.set(ctx, PCID_TABLE + i, 0);
  }
}
