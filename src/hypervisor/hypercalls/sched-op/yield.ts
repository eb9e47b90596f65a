import { AT_ONCE, NEVER } from '../../domain.ts';
import { yieldSlice } from '../../scheduler.ts';
import type { SubOperation } from '../call.ts';

/**
 * SCHEDOP_yield: let others run. Domain 0's programs, if they have something to do: whoever yields may wait for them (a full console ring).
 * @xen sched_op 0 yield #Y
 */
export const yieldCpu: SubOperation = ({ hv, vcpu }) => {
  if (!hv.virtualTime && hv.header.dom0_due !== NEVER) hv.header.dom0_due = AT_ONCE;
  if (vcpu.domain.id !== 0) yieldSlice(hv, vcpu);
  return 0;
};
