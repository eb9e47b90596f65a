import { NEVER } from '../../domain.ts';
import type { SubOperation } from '../call.ts';

/**
 * SCHEDOP_yield: let others run. Domain 0's programs, if they have something to do: whoever yields may wait for them (a full console ring).
 * @xen sched_op 0 yield #P[round robin does so by itself]
 */
export const yieldCpu: SubOperation = ({ hv }) => {
  if (!hv.virtualTime && hv.header.dom0_due !== NEVER) hv.header.dom0_due = hv.now();
  return 0;
};
