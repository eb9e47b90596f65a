import { EINVAL, ENOENT } from '../../../spec/xen/errno.ts';
import { evtchn_bind_vcpu } from '../../../spec/xen/event-channel.ts';
import { VIRQ_DEBUG, VIRQ_TIMER, VIRQ_XENOPROF, VIRQ_XENPMU } from '../../../spec/xen/xen.ts';
import { channel, ECS_INTERDOMAIN, ECS_PIRQ, ECS_UNBOUND, ECS_VIRQ } from '../../events/channels.ts';
import { fail, ok, subOperation } from '../call.ts';

const PER_VCPU = new Set([VIRQ_TIMER, VIRQ_DEBUG, VIRQ_XENOPROF, VIRQ_XENPMU]);

/**
 * EVTCHNOP_bind_vcpu: choose the vCPU that a port notifies.
 * @xen event_channel_op 8 bind_vcpu #Y
 * Fails: ENOENT no such vCPU; EINVAL no such port, or one bound to its vCPU by kind.
 */
export const bindVcpu = subOperation(evtchn_bind_vcpu, ({ hv, caller }, arg) => {
  if (hv.vcpu(caller, arg.vcpu) === undefined) return fail(ENOENT);
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined) return fail(EINVAL);
  const movable = ch.state === ECS_UNBOUND || ch.state === ECS_INTERDOMAIN || ch.state === ECS_PIRQ || (ch.state === ECS_VIRQ && !PER_VCPU.has(ch.remoteDomid));
  if (!movable) return fail(EINVAL);
  ch.notifyVcpu = arg.vcpu;
  return ok();
});
