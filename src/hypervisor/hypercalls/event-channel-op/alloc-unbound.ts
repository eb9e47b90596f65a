import { EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { evtchn_alloc_unbound } from '../../../spec/xen/event-channel.ts';
import { DOMID_SELF } from '../../../spec/xen/xen.ts';
import { ECS_UNBOUND } from '../../events/channels.ts';
import { firstFreePort, SEARCH_COST } from '../../events/free-port.ts';
import { fail, ok, subOperation, weigh } from '../call.ts';

/**
 * EVTCHNOP_alloc_unbound: give `dom` a fresh port that `remote_dom` may bind.
 * @xen event_channel_op 6 alloc_unbound #Y
 * @see xen/include/public/event_channel.h, struct evtchn_alloc_unbound
 * Fails: ESRCH no such `dom`; EPERM caller may not act for it (Xen looks for a port first); EINVAL `dom` is dying; ENOSPC, ENOMEM no free port.
 */
export const allocUnbound = subOperation(
  evtchn_alloc_unbound,
  (call, arg) => {
    const { hv, caller } = call;
    weigh(call, SEARCH_COST);
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return fail(ESRCH);
    if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
    const ch = firstFreePort(hv, of);
    if (typeof ch === 'number') return fail(ch);
    const remote = arg.remote_dom === DOMID_SELF ? caller.id : arg.remote_dom;
    ch.reset();
    ch.state = ECS_UNBOUND;
    ch.remoteDomid = remote;
    of.s.active_evtchns += 1;
    return ok({ port: ch.port });
  },
  'writes',
);
