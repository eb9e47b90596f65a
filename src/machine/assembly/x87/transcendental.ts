/** FSIN .. FYL2XP1. */
import { stackFault } from './stack';

export function transcendental(ctx: usize, which: i32): void {
  stackFault(ctx, 0);
}
