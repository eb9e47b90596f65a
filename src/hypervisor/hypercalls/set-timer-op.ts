import { NEVER } from '../domain.ts';
import type { Call } from './call.ts';

/** Timeouts further away than 2^50 ns (13 days), or in the upper half of the signed range, were not meant: Xen fires after 100 ms. */
const FAR_NS = 1n << 50n;
const SOON_NS = 100_000_000n;

/**
 * VIRQ_TIMER at an absolute system time in ns; 0 disarms. The form before vcpu_op's single-shot timer.
 * @xen set_timer_op #Y
 */
export function setTimerOp({ hv, vcpu }: Call, timeout: bigint): number {
  const at = BigInt.asIntN(64, timeout);
  const now = hv.now();
  vcpu.s.singleshot_deadline = at === 0n ? NEVER : at < 0n || at - now >= FAR_NS ? now + SOON_NS : at;
  return 0;
}
