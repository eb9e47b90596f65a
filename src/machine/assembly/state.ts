/**
 * Short ways to a vCPU context: slots are 8 bytes each (layout.ts), the context's address is the first argument everywhere.
 */
import {
  BUDGET, CR4, CUR_BLOCK, CUR_UOP, EFER, MODE, MODE_CODE64, MODE_SIZE_MASK, RETIRED_BASE, BLK_INSNS, UOP_IDX,
} from "../layout";

/** Slot access; all inlined to one load or store when the slot is a constant. */
@unmanaged
export class Ctx {
  @inline static get(ctx: usize, slot: usize): u64 {
    return load<u64>(ctx + (slot << 3));
  }
  @inline static set(ctx: usize, slot: usize, value: u64): void {
    store<u64>(ctx + (slot << 3), value);
  }
  /** Low half of a slot. */
  @inline static get32(ctx: usize, slot: usize): u32 {
    return load<u32>(ctx + (slot << 3));
  }
  /** Code is 64-bit. */
  @inline static is64(ctx: usize): bool {
    return (load<u32>(ctx + (MODE << 3)) & MODE_SIZE_MASK) == MODE_CODE64;
  }
  /** EFER.LMA: 64-bit or compatibility mode, 4-level paging. */
  @inline static isLong(ctx: usize): bool {
    return (load<u32>(ctx + (EFER << 3)) & 0x400) != 0;
  }
  @inline static cr4Has(ctx: usize, bit: u32): bool {
    return (load<u32>(ctx + (CR4 << 3)) & bit) != 0;
  }
  /** 48-bit canonical form. */
  @inline static isCanonical(va: u64): bool {
    return <u64>((<i64>va << 16) >> 16) == va;
  }
}

/** Instructions retired before the one now running (CUR_UOP set), or so far (CUR_UOP 0): exact at any helper call. */
export function retiredNow(ctx: usize): u64 {
  const retired = Ctx.get(ctx, RETIRED_BASE) - Ctx.get(ctx, BUDGET);
  const uop = <usize>Ctx.get32(ctx, CUR_UOP);
  if (uop == 0) return retired;
  const block = <usize>Ctx.get32(ctx, CUR_BLOCK);
  return retired - <u64>load<u16>(block, BLK_INSNS) + <u64>load<u8>(uop, UOP_IDX);
}
