import { EINVAL, ENOSYS, EOPNOTSUPP } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/hvm/hvm-op.ts';
import { __HYPERVISOR_hvm_op } from '../../spec/xen/xen.ts';
import type { Call, SubOperation } from './call.ts';
import { flushTlbs } from './hvm-op/flush-tlbs.ts';
import { getMemType } from './hvm-op/get-mem-type.ts';
import { getParam } from './hvm-op/get-param.ts';
import { getTime } from './hvm-op/get-time.ts';
import { pagetableDying } from './hvm-op/pagetable-dying.ts';
import { setEvtchnUpcallVector } from './hvm-op/set-evtchn-upcall-vector.ts';
import { setParam } from './hvm-op/set-param.ts';
import { xentrace } from './hvm-op/xentrace.ts';
import { permitted } from './rights.ts';

/** By number. */
export const HVM_OPERATIONS: ReadonlyMap<number, SubOperation> = new Map([
  [nr.HVMOP_set_param, setParam],
  [nr.HVMOP_get_param, getParam],
  [nr.HVMOP_flush_tlbs, flushTlbs],
  [nr.HVMOP_pagetable_dying, pagetableDying],
  [nr.HVMOP_get_time, getTime],
  [nr.HVMOP_xentrace, xentrace],
  [nr.HVMOP_get_mem_type, getMemType],
  [nr.HVMOP_set_evtchn_upcall_vector, setEvtchnUpcallVector],
  // No monitor listens: as on Xen without one.
  [nr.HVMOP_guest_request_vm_event, (_call, argument) => (argument === 0n ? 0 : -EINVAL)],
  [nr.HVMOP_altp2m, () => -EOPNOTSUPP],
]);

/**
 * hvm_op(op, arg).
 * @xen hvm_op 24 guest_request_vm_event #P[nobody listens]
 * @xen hvm_op 25 altp2m #N[alternate p2m views]
 */
export function hvmOp(call: Call, op: number, argument: bigint): number {
  const operation = permitted(call, __HYPERVISOR_hvm_op, op, HVM_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
