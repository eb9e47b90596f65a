/** A hypercall that arms the vCPU's own timer: a kernel makes one after each tick, and all that comes of it is when the budget ends. */
import {
  BUDGET, CPL, CPU_FLAGS, CPU_INTEL, EXIT_A, EXIT_HYPERCALL, EXIT_LEN, EXIT_REASON, HOST_DEADLINE, HOST_PART, RAX, RDI, RDX, RIP, RSI, TIMER_AT, TIMER_BASE,
  TIMER_CALL, TIMER_COUNT, TIMER_OTHERS,
} from '../../layout';
import { host_tsc } from '../env';
import { ld64 } from '../frames';
import { currentView, R_FAILED, R_MMIO, resolve } from '../memory/access';
import { READ } from '../memory/walk';
import { Ctx } from '../state';

/** Bytes of the argument: the instant, flags (what they are about is what is left to the hypervisor), and room. */
const ARGUMENT: u64 = 16;

/** Completes the instruction that has just left if it is the call of TIMER_CALL, and its instant lies ahead, but not before the budget's part may end. */
export function armedTimer(ctx: usize): bool {
  const at = Ctx.get(ctx, TIMER_AT);
  const deadline = Ctx.get(ctx, HOST_DEADLINE);
  if (at == 0 || deadline == 0 || Ctx.get32(ctx, EXIT_REASON) != EXIT_HYPERCALL) return false;
  const call = (<u64>Ctx.get32(ctx, RDI) << 32) | <u64>Ctx.get32(ctx, RAX);
  if (call != Ctx.get(ctx, TIMER_CALL) || Ctx.get32(ctx, RSI) != <u32>(at >> 32) || Ctx.get32(ctx, CPL) != 0 || !Ctx.is64(ctx)) return false;
  if ((Ctx.get32(ctx, EXIT_A) == 0) != ((Ctx.get32(ctx, CPU_FLAGS) & CPU_INTEL) != 0)) return false;
  const argument = Ctx.get(ctx, RDX);
  if ((argument & 0xfff) > 0x1000 - ARGUMENT) return false;
  const found = resolve(ctx, argument, READ, currentView(ctx));
  if (found & (R_FAILED | R_MMIO)) return false;
  const instant = ld64(<u32>found);
  const base = Ctx.get(ctx, TIMER_BASE);
  const now = <u64>host_tsc();
  if (<i64>instant < 0 || <i64>instant <= <i64>(now - base)) return false;
  const wanted = min(Ctx.get(ctx, TIMER_OTHERS), instant + base);
  if (wanted < deadline && wanted < now + HOST_PART) return false;
  store<u64>(<usize>(at & 0xffffffff), instant);
  Ctx.set(ctx, HOST_DEADLINE, wanted);
  Ctx.set(ctx, TIMER_COUNT, Ctx.get(ctx, TIMER_COUNT) + 1);
  Ctx.set(ctx, RAX, 0);
  Ctx.set(ctx, RIP, Ctx.get(ctx, RIP) + Ctx.get(ctx, EXIT_LEN));
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) - 1);
  return true;
}
