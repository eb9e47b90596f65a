/** INT n, INT3, INTO, INT1. @see Intel SDM 2A INT n */
import { EXC_SOFTWARE, EXC_TRAP, RIP } from '../../layout';
import { deliver } from '../exceptions/deliver';
import { getFlags } from '../flags';
import { checkVm86Iopl } from './flags-register';
import { DB, nextRip, OF, set } from './slots';

/** Kinds: 0 INT n, 1 INT3, 2 INTO, 3 INT1. Sets RIP. */
export function softwareInterrupt(ctx: usize, vector: u32, kind: u32, next: i32): void {
  const rip = nextRip(ctx, next);
  if (kind == 3) {
    deliver(ctx, DB, EXC_TRAP, 0, rip);
    return;
  }
  if (kind == 0) checkVm86Iopl(ctx);
  deliver(ctx, vector, EXC_SOFTWARE, 0, rip);
}

export function interruptOnOverflow(ctx: usize, next: i32): void {
  if ((getFlags(ctx) & 0x800) != 0) softwareInterrupt(ctx, OF, 2, next);
  else set(ctx, RIP, nextRip(ctx, next));
}
