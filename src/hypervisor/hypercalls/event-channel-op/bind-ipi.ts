import { ENOENT } from '../../../spec/xen/errno.ts';
import { evtchn_bind_ipi } from '../../../spec/xen/event-channel.ts';
import { ECS_IPI } from '../../events/channels.ts';
import { firstFreePort, SEARCH_COST } from '../../events/free-port.ts';
import { fail, ok, subOperation, weigh } from '../call.ts';

/**
 * EVTCHNOP_bind_ipi: a port by which the domain's own vCPUs notify one of them.
 * @xen event_channel_op 7 bind_ipi #Y
 * Fails: ENOENT no such vCPU; ENOSPC, ENOMEM no free port.
 */
export const bindIpi = subOperation(
  evtchn_bind_ipi,
  (call, arg) => {
    const { hv, caller } = call;
    weigh(call, SEARCH_COST);
    if (hv.vcpu(caller, arg.vcpu) === undefined) return fail(ENOENT);
    const ch = firstFreePort(hv, caller);
    if (typeof ch === 'number') return fail(ch);
    ch.reset();
    ch.state = ECS_IPI;
    ch.notifyVcpu = arg.vcpu;
    caller.s.active_evtchns += 1;
    return ok({ port: ch.port });
  },
  'writes',
);
