/** Second stage: guest-physical address to frame. */
import { P2M_MFN_MASK, P2M_ROOT, P2M_ROOT_ENTRIES, P2M_TRAP, P2M_VALID } from "../../layout";
import { Ctx } from "../state";

/** The p2m entry of guest-physical address `gpa`; 0 when there is none. */
export function p2mEntry(ctx: usize, gpa: u64): u32 {
  const gfn = gpa >> 12;
  if (gfn >= <u64>P2M_ROOT_ENTRIES << 10) return 0;
  const root = <usize>Ctx.get32(ctx, P2M_ROOT);
  if (root == 0) return 0;
  const leaf = load<u32>(root + ((<usize>gfn >> 10) << 2));
  if (leaf == 0) return 0;
  return load<u32>(<usize>leaf + ((<usize>gfn & 1023) << 2));
}

/** True when the entry's page may be read directly. */
export function isRam(entry: u32): bool {
  return (entry & (P2M_VALID | P2M_TRAP)) == P2M_VALID;
}

/** frames offset of `gpa` in the page of a RAM entry. */
export function frameOffset(entry: u32, gpa: u64): u32 {
  return ((entry & P2M_MFN_MASK) << 12) | (<u32>gpa & 0xfff);
}
