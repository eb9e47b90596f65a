/** IN where no device answers: all ones, without leaving run(). Kernels read such ports 100,000 times while they look for a timer. */
import { BUDGET, CPU_FLAGS, CPU_OPEN_BUS, EXIT_A, EXIT_B, EXIT_IO, EXIT_LEN, EXIT_REASON, MODE, PORT_READS, RAX, RIP } from '../../layout';
import { wrapRip } from '../exceptions/unwind';
import { Ctx } from '../state';

/** Completes the instruction that has just left if it is such an IN. */
export function answeredPort(ctx: usize): bool {
  if (Ctx.get32(ctx, EXIT_REASON) != EXIT_IO || (Ctx.get32(ctx, CPU_FLAGS) & CPU_OPEN_BUS) == 0) return false;
  const size = Ctx.get32(ctx, EXIT_B);
  // OUT
  if (size > 4) return false;
  const count = <usize>PORT_READS + (<usize>(Ctx.get32(ctx, EXIT_A) & 0xffff) << 2);
  store<u32>(count, load<u32>(count) + 1);
  const ones: u64 = size == 1 ? 0xff : size == 2 ? 0xffff : 0xffffffff;
  Ctx.set(ctx, RAX, size == 4 ? ones : Ctx.get(ctx, RAX) | ones);
  Ctx.set(ctx, RIP, wrapRip(Ctx.get(ctx, RIP) + Ctx.get(ctx, EXIT_LEN), Ctx.get32(ctx, MODE)));
  Ctx.set(ctx, BUDGET, Ctx.get(ctx, BUDGET) - 1);
  return true;
}
