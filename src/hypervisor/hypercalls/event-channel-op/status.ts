import { EACCES, EINVAL, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import {
  EVTCHNSTAT_closed,
  EVTCHNSTAT_interdomain,
  EVTCHNSTAT_ipi,
  EVTCHNSTAT_pirq,
  EVTCHNSTAT_unbound,
  EVTCHNSTAT_virq,
  evtchn_status,
} from '../../../spec/xen/event-channel.ts';
import { channel, ECS_FREE, ECS_INTERDOMAIN, ECS_IPI, ECS_PIRQ, ECS_RESERVED, ECS_UNBOUND, ECS_VIRQ } from '../../events/channels.ts';
import { fail, ok, subOperation } from '../call.ts';

const STATUS = new Map([
  [ECS_FREE, EVTCHNSTAT_closed],
  [ECS_RESERVED, EVTCHNSTAT_closed],
  [ECS_UNBOUND, EVTCHNSTAT_unbound],
  [ECS_INTERDOMAIN, EVTCHNSTAT_interdomain],
  [ECS_PIRQ, EVTCHNSTAT_pirq],
  [ECS_VIRQ, EVTCHNSTAT_virq],
  [ECS_IPI, EVTCHNSTAT_ipi],
]);

/**
 * EVTCHNOP_status: what a port is connected to.
 * @xen event_channel_op 5 status #Y
 * Fails: ESRCH no such domain; EINVAL no such port; EPERM caller may not ask about it.
 */
export const status = subOperation(
  evtchn_status,
  ({ hv, caller }, arg) => {
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return fail(ESRCH);
    const ch = channel(hv, of, arg.port);
    if (ch === undefined && arg.port !== 0) return fail(EINVAL);
    if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
    // (port 0 is kept back in every domain)
    if (ch === undefined) return ok({ status: EVTCHNSTAT_closed, vcpu: 0 });
    const kind = STATUS.get(ch.state);
    if (kind === undefined) return fail(EACCES);
    const base = { status: kind, vcpu: ch.notifyVcpu };
    if (ch.state === ECS_UNBOUND) return ok({ ...base, u: { unbound: { dom: ch.remoteDomid } } });
    if (ch.state === ECS_INTERDOMAIN) return ok({ ...base, u: { interdomain: { dom: ch.remoteDomid, port: ch.remotePort } } });
    if (ch.state === ECS_VIRQ) return ok({ ...base, u: { virq: ch.remoteDomid } });
    return ok(base);
  },
  'writes',
);
