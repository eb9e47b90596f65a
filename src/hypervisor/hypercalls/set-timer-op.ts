import { NEVER } from '../domain.ts';
import type { Call } from './call.ts';

/**
 * VIRQ_TIMER at an absolute system time in ns; 0 disarms. The form before vcpu_op's single-shot timer.
 * @xen set_timer_op #Y
 */
export function setTimerOp({ vcpu }: Call, timeout: bigint): number {
  vcpu.s.singleshot_deadline = timeout === 0n ? NEVER : timeout;
  return 0;
}
