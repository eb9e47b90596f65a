import { EINVAL, EPERM } from '../../../spec/xen/errno.ts';
import { sched_pin_override } from '../../../spec/xen/sched.ts';
import { fail, ok, type SubOperation, subOperation } from '../call.ts';

const pin = subOperation(sched_pin_override, (_call, arg) => (arg.pcpu > 0 ? fail(EINVAL) : ok()));

/**
 * SCHEDOP_pin_override: run domain 0's vCPU on one pCPU for a while. There is one.
 * @xen sched_op 7 pin_override #P[one pCPU]
 * Fails: EPERM not domain 0; EFAULT; EINVAL no such pCPU.
 */
export const pinOverride: SubOperation = (call, argument) => (call.hv.isPrivileged(call.caller) ? pin(call, argument) : -EPERM);
