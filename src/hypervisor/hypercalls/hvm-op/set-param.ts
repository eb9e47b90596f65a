import { EEXIST, EINVAL, ENODEV, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { xen_hvm_param } from '../../../spec/xen/hvm/hvm-op.ts';
import * as P from '../../../spec/xen/hvm/params.ts';
import { SHUTDOWN_MAX } from '../../../spec/xen/sched.ts';
import { CALLBACK_NONE, CALLBACK_VECTOR, DOMF_hvm } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { latchSharedInfoSize } from '../../time/pvclock.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';
import { DEPRECATED, GUEST_WRITABLE, hvmParam, SET_ONCE, storeHvmParam } from './params.ts';

/** Highest HVMPTM_* (how missed timer ticks are given). */
const TIMER_MODE_MAX = 3n;
/** Size of a 32-bit TSS without I/O bitmap: the least that a virtual-8086 TSS can have. */
const TSS_SIZE = 104n;

function setCallback(of: Domain, value: bigint): void {
  const type = Number(value >> 56n);
  const vector = Number(value & 0xffn);
  const usable = type === P.HVM_PARAM_CALLBACK_TYPE_VECTOR && vector >= 16;
  of.s.callback_type = usable ? CALLBACK_VECTOR : CALLBACK_NONE;
  of.s.callback_vector = usable ? vector : 0;
}

/** Is the value one that the parameter takes? 0 or an errno. */
function check(index: number, value: bigint): number {
  switch (index) {
    case P.HVM_PARAM_TIMER_MODE:
      return value > TIMER_MODE_MAX ? EINVAL : 0;
    case P.HVM_PARAM_TRIPLE_FAULT_REASON:
      return value > BigInt(SHUTDOWN_MAX) ? EINVAL : 0;
    case P.HVM_PARAM_X87_FIP_WIDTH:
      return value === 0n || value === 4n || value === 8n ? 0 : EINVAL;
    case P.HVM_PARAM_VM86_TSS:
      return value >= 1n << 32n ? EINVAL : 0;
    case P.HVM_PARAM_VM86_TSS_SIZED:
      return value >> 32n < TSS_SIZE ? EINVAL : 0;
    case P.HVM_PARAM_ACPI_IOPORTS_LOCATION:
      return ENODEV; // no domain here has a power-management timer
    case P.HVM_PARAM_ACPI_S_STATE:
    case P.HVM_PARAM_ALTP2M:
      return value === 0n ? 0 : EINVAL;
    default:
      return 0;
  }
}

/**
 * HVMOP_set_param: a domain-wide setting.
 * @xen hvm_op 0 set_param #P[parameters of device models are kept, and mean nothing yet]
 * Fails: EFAULT; EINVAL index beyond the table; ESRCH; EINVAL domain not HVM; EPERM another domain's, by a caller that is
 * not privileged; EINVAL deprecated; EPERM not the domain's own to set; EEXIST set before; EINVAL, ENODEV not such a value.
 */
export const setParam = subOperation(xen_hvm_param, (call, arg) => {
  const { hv, caller } = call;
  if (arg.index >= P.HVM_NR_PARAMS) return fail(EINVAL);
  const of = hv.resolve(arg.domid, caller);
  if (of === undefined) return fail(ESRCH);
  if ((of.s.flags & DOMF_hvm) === 0) return fail(EINVAL);
  if (typeof actFor(call, arg.domid) === 'number') return fail(EPERM);
  if (DEPRECATED.has(arg.index)) return fail(EINVAL);
  if (of === caller && !GUEST_WRITABLE.has(arg.index)) return fail(EPERM);
  const before = hvmParam(hv, of, arg.index);
  if (SET_ONCE.has(arg.index) && before !== 0n && before !== arg.value) return fail(EEXIST);
  const errno = check(arg.index, arg.value);
  if (errno !== 0) return fail(errno);
  if (arg.index === P.HVM_PARAM_CALLBACK_IRQ) {
    setCallback(of, arg.value);
    if (of === caller) latchSharedInfoSize(hv, of, call.compat === true);
  }
  storeHvmParam(hv, of, arg.index, arg.value);
  return ok();
});
