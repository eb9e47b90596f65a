/** Who may use an I/O port: IOPL, else the bitmap in a 32- or 64-bit TSS. @see Intel SDM 1 19.5.2 */
import { TR_ATTR, TR_BASE, TR_LIMIT } from '../../layout';
import { raise } from '../exceptions/raise';
import { readSys16 } from '../memory/access';
import { ATTR_UNUSABLE } from './descriptor';
import { cpl, get, get32, GP, iopl, isProtected, isVm86 } from './slots';

/** #GP(0) unless `size` ports from `port` may be used. */
export function checkPort(ctx: usize, port: u32, size: u32): void {
  if (!isProtected(ctx) || (!isVm86(ctx) && cpl(ctx) <= iopl(ctx))) return;
  const attr = get32(ctx, TR_ATTR);
  const limit = get32(ctx, TR_LIMIT);
  // both 32- and 64-bit TSSs have type 9 or 11
  if ((attr & ATTR_UNUSABLE) == 0 && (attr & 0x9d) == 0x89 && limit >= 0x67) {
    const tss = get(ctx, TR_BASE);
    const at = <u32>readSys16(ctx, tss + 0x66) + (port >> 3);
    if (at + 1 <= limit) {
      const bits = <u32>readSys16(ctx, tss + <u64>at) >> (port & 7);
      if ((bits & ((1 << size) - 1)) == 0) return;
    }
  }
  raise(ctx, GP, true, 0);
}
