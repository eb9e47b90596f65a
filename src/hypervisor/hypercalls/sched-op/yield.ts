import type { SubOperation } from '../call.ts';

/**
 * SCHEDOP_yield: let others run.
 * @xen sched_op 0 yield #P[round robin does so by itself]
 */
export const yieldCpu: SubOperation = () => 0;
