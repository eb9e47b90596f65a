import { EPERM } from '../../../spec/xen/errno.ts';
import { EVTCHN_FIFO_LINK_BITS, evtchn_init_control } from '../../../spec/xen/event-channel.ts';
import { DOMF_hvm } from '../../domain.ts';
import { initControl as place } from '../../events/fifo-set-up.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_init_control: place the FIFO control block of a vCPU and switch the domain to the FIFO ABI.
 * @xen event_channel_op 11 init_control #Y
 * Fails: ENOENT no such vCPU; EINVAL offset not a multiple of 8 or beyond the page, already placed, or no writable RAM at the gfn; ENOMEM.
 */
export const initControl = subOperation(
  evtchn_init_control,
  ({ hv, caller }, arg) => {
    if ((caller.s.flags & DOMF_hvm) === 0) return fail(EPERM);
    const errno = place(hv, caller, arg.control_gfn, arg.offset, arg.vcpu);
    return errno !== 0 ? fail(errno) : ok({ link_bits: EVTCHN_FIFO_LINK_BITS });
  },
  'writes',
);
