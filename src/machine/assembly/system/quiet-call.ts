/** A hypercall that has nothing to do: a guest that writes to its console tells the other side of every few bytes, long before that one had time to look. */
import {
  BUDGET, CPL, EXIT_A, EXIT_HYPERCALL, EXIT_LEN, EXIT_REASON, QUIET_AT, QUIET_CALL, QUIET_COUNT, QUIET_WORD, RAX, RDI, RIP, RSI,
} from '../../layout';
import { atomic_add32, ld32u } from '../frames';
import { currentView, R_FAILED, R_MMIO, resolve } from '../memory/access';
import { READ } from '../memory/walk';
import { Ctx } from '../state';

/** Completes the instruction that has just left if it is the call of QUIET_CALL, and its bits stand. */
export function answeredCall(ctx: usize): bool {
  const quiet = Ctx.get(ctx, QUIET_AT);
  if (quiet >> 32 == 0 || Ctx.get32(ctx, EXIT_REASON) != EXIT_HYPERCALL) return false;
  const call = (<u64>Ctx.get32(ctx, RDI) << 32) | <u64>Ctx.get32(ctx, RAX);
  if (call != Ctx.get(ctx, QUIET_CALL) || Ctx.get32(ctx, CPL) != 0 || !Ctx.is64(ctx)) return false;
  const word = Ctx.get(ctx, QUIET_WORD);
  if (<u32>(word >> 32) != Ctx.get32(ctx, EXIT_A)) return false;
  const argument = Ctx.get(ctx, RSI);
  if ((argument & 0xfff) > 0xffc) return false;
  const at = resolve(ctx, argument, READ, currentView(ctx));
  if (at & (R_FAILED | R_MMIO) || ld32u(<u32>at) != <u32>word) return false;
  // (an atomic operation: what the guest wrote before is to be seen by who clears the bits)
  if ((atomic_add32(<u32>quiet, 0) & <u32>(quiet >> 32)) == 0) return false;
  Ctx.set(ctx, QUIET_COUNT, Ctx.get(ctx, QUIET_COUNT) + 1);
  Ctx.set(ctx, RAX, 0);
  Ctx.set(ctx, RIP, Ctx.get(ctx, RIP) + Ctx.get(ctx, EXIT_LEN));
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) - 1);
  return true;
}
