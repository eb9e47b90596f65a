import { EINVAL } from '../../../spec/xen/errno.ts';
import { xen_hvm_xentrace } from '../../../spec/xen/hvm/hvm-op.ts';
import { fail, ok, subOperation } from '../call.ts';

/** Event numbers have 12 bits; most bytes of a record. */
const EVENT_MAX = 0xfff;
const EXTRA_MAX = 28;

/**
 * HVMOP_xentrace: a record for the trace buffer, which is never on.
 * @xen hvm_op 11 xentrace #P[no trace buffers]
 * Fails: EFAULT; EINVAL event or length.
 */
export const xentrace = subOperation(xen_hvm_xentrace, (_call, arg) => (arg.extra_bytes > EXTRA_MAX || arg.event > EVENT_MAX ? fail(EINVAL) : ok()));
