/** After a throw: RIP, BUDGET and the pending exception as if the instruction had not begun. */
import {
  BLK_INSNS, BUDGET, CUR_BLOCK, CUR_UOP, MODE_CODE64, MODE_SIZE_MASK, RIP, STEP_PENDING, UOP_IDX, UOP_IPOS, BLK_MODE,
} from "../../layout";
import { leaveRegion } from "../regions";
import { Ctx } from "../state";

/** RIP cut to the code size of `mode`. */
export function wrapRip(rip: u64, mode: u32): u64 {
  const size = mode & MODE_SIZE_MASK;
  return size == MODE_CODE64 ? rip : size == 0 ? rip & 0xffff : rip & 0xffffffff;
}

/** Called by the host after it caught the fault object. */
export function unwind(ctx: usize): void {
  const uop = <usize>Ctx.get32(ctx, CUR_UOP);
  if (uop == 0) {
    leaveRegion(ctx);
    return;
  }
  Ctx.set(ctx, CUR_UOP, 0);
  const block = <usize>Ctx.get32(ctx, CUR_BLOCK);
  const rip = Ctx.get(ctx, RIP) + <u64>load<u8>(uop, UOP_IPOS);
  Ctx.set(ctx, RIP, wrapRip(rip, load<u32>(block, BLK_MODE)));
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) + <u64>load<u16>(block, BLK_INSNS) - <u64>load<u8>(uop, UOP_IDX));
  Ctx.set(ctx, STEP_PENDING, 0);
  leaveRegion(ctx);
}
