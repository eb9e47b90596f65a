import { EEXIST, EINVAL, ENOENT } from '../../../spec/xen/errno.ts';
import { evtchn_bind_virq } from '../../../spec/xen/event-channel.ts';
import { NR_VIRQS, VIRQ_DEBUG, VIRQ_TIMER, VIRQ_XENOPROF, VIRQ_XENPMU } from '../../../spec/xen/xen.ts';
import { vcpu as vcpuStruct } from '../../domain.ts';
import { ECS_VIRQ } from '../../events/channels.ts';
import { firstFreePort, SEARCH_COST } from '../../events/free-port.ts';
import { fail, ok, subOperation, weigh } from '../call.ts';

/** Virtual interrupts that each vCPU has its own of. */
const PER_VCPU = new Set([VIRQ_TIMER, VIRQ_DEBUG, VIRQ_XENOPROF, VIRQ_XENPMU]);

/**
 * EVTCHNOP_bind_virq: a port for a virtual interrupt.
 * @xen event_channel_op 1 bind_virq #Y
 * Fails: EINVAL no such virq, or a global one on a vCPU other than 0; ENOENT no such vCPU; EEXIST already bound; ENOSPC, ENOMEM no free port.
 */
export const bindVirq = subOperation(
  evtchn_bind_virq,
  (call, arg) => {
    const { hv, caller } = call;
    weigh(call, SEARCH_COST);
    if (arg.virq >= NR_VIRQS) return fail(EINVAL);
    if (!PER_VCPU.has(arg.virq) && arg.vcpu !== 0) return fail(EINVAL);
    const v = hv.vcpu(caller, arg.vcpu);
    if (v === undefined) return fail(ENOENT);
    const portAt = v.address + vcpuStruct.offsets.virq_ports + arg.virq * 4;
    if (hv.memories.stateView.getUint32(portAt, true) !== 0) return fail(EEXIST);
    const ch = firstFreePort(hv, caller);
    if (typeof ch === 'number') return fail(ch);
    ch.reset();
    ch.state = ECS_VIRQ;
    ch.notifyVcpu = v.id;
    ch.remoteDomid = arg.virq;
    caller.s.active_evtchns += 1;
    hv.memories.stateView.setUint32(portAt, ch.port, true);
    return ok({ port: ch.port });
  },
  'writes',
);
