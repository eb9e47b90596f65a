import { EINVAL, ENOENT } from '../../../spec/xen/errno.ts';
import { xen_hvm_evtchn_upcall_vector } from '../../../spec/xen/hvm/hvm-op.ts';
import { repeatEventUpcall } from '../../arch/x86/lapic.ts';
import { DOMF_hvm } from '../../domain.ts';
import { fail, ok, type SubOperation, subOperation } from '../call.ts';

/** Vectors below are the processor's exceptions. */
const FIRST_VECTOR = 16;

const set = subOperation(xen_hvm_evtchn_upcall_vector, ({ hv, caller }, arg) => {
  if (arg.vector < FIRST_VECTOR) return fail(EINVAL);
  const v = hv.vcpu(caller, arg.vcpu);
  if (v === undefined) return fail(ENOENT);
  v.s.evtchn_upcall_vector = arg.vector;
  // An upcall raised before there was a vector would never come otherwise: the pending flag is set once.
  repeatEventUpcall(hv, v);
  return ok();
});

/**
 * HVMOP_set_evtchn_upcall_vector: interrupt vector that tells one vCPU of events, through its local APIC.
 * @xen hvm_op 23 set_evtchn_upcall_vector #Y
 * Fails: EINVAL domain not HVM; EFAULT; EINVAL vector below 16; ENOENT no such vCPU.
 */
export const setEvtchnUpcallVector: SubOperation = (call, argument) => ((call.caller.s.flags & DOMF_hvm) === 0 ? -EINVAL : set(call, argument));
