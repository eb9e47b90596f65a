/** Segmented addresses of blocks without MODE_FLAT. @see Intel SDM 3A 5.3 */
import { CR0, EFLAGS_SYS, SEG_ATTR, SEG_BASE, SEG_LIMIT } from "../../layout";
import { GP, raise, SS } from "../exceptions/raise";
import { Ctx } from "../state";

/**
 * Linear address of `offset` in segment `segment` (ES CS SS DS FS GS) for an access of (how & 0xff) bytes, a write if
 * how & 0x100. #GP(0), or #SS(0) for SS, when the segment is unusable, of the wrong kind, or too short.
 */
export function segmentLinear(ctx: usize, offset: u32, segment: u32, how: u32): u64 {
  const attr = Ctx.get32(ctx, SEG_ATTR + segment);
  const limit = Ctx.get32(ctx, SEG_LIMIT + segment);
  const size = how & 0xff;
  const last = <u64>offset + (size == 0 ? 0 : <u64>size - 1);
  let ok: bool;
  if (attr & 0x10000) ok = false;
  else if ((attr & 0xc) == 4) {
    // expand-down data: valid above the limit
    ok = offset > limit && last <= (attr & 0x400 ? <u64>0xffffffff : <u64>0xffff);
  } else ok = last <= <u64>limit;
  // real-address and virtual-8086 mode check the limit only
  if (ok && Ctx.get32(ctx, CR0) & 1 && !(Ctx.get32(ctx, EFLAGS_SYS) & 0x20000)) {
    ok = how & 0x100 ? (attr & 0xa) == 2 : !(attr & 8) || (attr & 2) != 0;
  }
  if (!ok) raise(ctx, segment == 2 ? SS : GP, true, 0);
  return (Ctx.get(ctx, SEG_BASE + segment) + <u64>offset) & 0xffffffff;
}
