/**
 * Loads and stores of the run loop that miss the soft TLB: all of them here, so that no call stands in the loop's own cases, whose registers it would cost.
 */
import { CUR_UOP, RSP, UOP_A, UOP_B, UOP_C, UOP_D, UOP_IMM } from "../../layout";
import {
  OP_F_POP64, OP_F_PUSH64, OP_LD16, OP_LD32, OP_LD64, OP_LD8, OP_LDM16, OP_LDM32, OP_LDM64, OP_LDM8, OP_LDMX16, OP_LDMX32, OP_LDMX64, OP_LDMX8, OP_LDS16, OP_LDS32, OP_LDS8, OP_LDX16,
  OP_LDX32, OP_LDX64, OP_LDX8, OP_LDXS16, OP_LDXS32, OP_LDXS8, OP_ST16, OP_ST32, OP_ST64, OP_ST8, OP_STX16, OP_STX32, OP_STX64, OP_STX8,
} from "../../ops";
import { Ctx } from "../state";
import { slowRead, slowWrite } from "./access";
import { READ, WRITE } from "./walk";

/** Does the load or store, PUSH or POP at `pc`; throws as slowRead() and slowWrite() do. */
export function missed(ctx: usize, pc: usize): void {
  Ctx.set(ctx, CUR_UOP, <u64>pc);
  const op = <i32>load<u16>(pc);
  const d = <u32>load<u8>(pc, UOP_D);
  if (op == OP_F_PUSH64) {
    const sp = Ctx.get(ctx, RSP) - 8;
    slowWrite(ctx, sp, 8, Ctx.get(ctx, d));
    Ctx.set(ctx, RSP, sp);
    return;
  }
  if (op == OP_F_POP64) {
    const sp = Ctx.get(ctx, RSP);
    Ctx.set(ctx, d, slowRead(ctx, sp, 8, READ));
    Ctx.set(ctx, RSP, sp + 8);
    return;
  }
  let va = Ctx.get(ctx, load<u8>(pc, UOP_A)) + load<u64>(pc, UOP_IMM);
  if (op >= OP_LDX8 && op <= OP_LDMX64) va += Ctx.get(ctx, load<u8>(pc, UOP_B)) << <u64>load<u8>(pc, UOP_C);
  switch (op) {
    case OP_LD8:
    case OP_LDX8:
      Ctx.set(ctx, d, slowRead(ctx, va, 1, READ));
      return;
    case OP_LD16:
    case OP_LDX16:
      Ctx.set(ctx, d, slowRead(ctx, va, 2, READ));
      return;
    case OP_LD32:
    case OP_LDX32:
      Ctx.set(ctx, d, slowRead(ctx, va, 4, READ));
      return;
    case OP_LD64:
    case OP_LDX64:
      Ctx.set(ctx, d, slowRead(ctx, va, 8, READ));
      return;
    case OP_LDS8:
    case OP_LDXS8:
      Ctx.set(ctx, d, <u64>(<i64>(<i8>slowRead(ctx, va, 1, READ))));
      return;
    case OP_LDS16:
    case OP_LDXS16:
      Ctx.set(ctx, d, <u64>(<i64>(<i16>slowRead(ctx, va, 2, READ))));
      return;
    case OP_LDS32:
    case OP_LDXS32:
      Ctx.set(ctx, d, <u64>(<i64>(<i32>slowRead(ctx, va, 4, READ))));
      return;
    case OP_LDM8:
    case OP_LDMX8:
      Ctx.set(ctx, d, slowRead(ctx, va, 1, WRITE));
      return;
    case OP_LDM16:
    case OP_LDMX16:
      Ctx.set(ctx, d, slowRead(ctx, va, 2, WRITE));
      return;
    case OP_LDM32:
    case OP_LDMX32:
      Ctx.set(ctx, d, slowRead(ctx, va, 4, WRITE));
      return;
    case OP_LDM64:
    case OP_LDMX64:
      Ctx.set(ctx, d, slowRead(ctx, va, 8, WRITE));
      return;
    case OP_ST8:
    case OP_STX8:
      slowWrite(ctx, va, 1, Ctx.get(ctx, d));
      return;
    case OP_ST16:
    case OP_STX16:
      slowWrite(ctx, va, 2, Ctx.get(ctx, d));
      return;
    case OP_ST32:
    case OP_STX32:
      slowWrite(ctx, va, 4, Ctx.get(ctx, d));
      return;
    case OP_ST64:
    case OP_STX64:
      slowWrite(ctx, va, 8, Ctx.get(ctx, d));
      return;
    default:
      unreachable();
  }
}
