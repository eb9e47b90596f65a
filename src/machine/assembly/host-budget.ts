/** Budgets of host time: how many instructions that is, nobody knows before. */
import { BUDGET, HOST_BELL, HOST_DEADLINE, HOST_GRANT, HOST_GRANT_MAX, HOST_GRANT_MIN, HOST_PART, HOST_SINCE, RETIRED_BASE } from "../layout";
import { host_tsc } from "./env";
import { Ctx } from "./state";

/** The budget is used up: more of it, when its deadline has not come and nobody rings; false: run() returns. */
export function extendBudget(ctx: usize): bool {
  const deadline = Ctx.get(ctx, HOST_DEADLINE);
  if (deadline == 0) return false;
  const bell = Ctx.get(ctx, HOST_BELL);
  if (load<u32>(<usize>(bell & 0xffffffff)) != <u32>(bell >> 32)) return false;
  const now = <u64>host_tsc();
  const since = Ctx.get(ctx, HOST_SINCE);
  // (a clock that stands still would never end it)
  if (now <= since || now >= deadline) return false;
  const left = Ctx.get(ctx, BUDGET);
  const used = <f64>(<i64>(Ctx.get(ctx, HOST_GRANT) - left));
  const wanted = (used * <f64>min(deadline - now, HOST_PART)) / <f64>(now - since);
  const grant = <u64>max(<f64>HOST_GRANT_MIN, min(<f64>HOST_GRANT_MAX, wanted));
  Ctx.set(ctx, BUDGET, grant);
  Ctx.set(ctx, RETIRED_BASE, Ctx.get(ctx, RETIRED_BASE) + grant - left);
  Ctx.set(ctx, HOST_SINCE, now);
  Ctx.set(ctx, HOST_GRANT, grant);
  return true;
}
