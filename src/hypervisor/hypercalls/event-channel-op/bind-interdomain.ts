import { EINVAL, ESRCH } from '../../../spec/xen/errno.ts';
import { evtchn_bind_interdomain } from '../../../spec/xen/event-channel.ts';
import { channel, ECS_INTERDOMAIN, ECS_UNBOUND } from '../../events/channels.ts';
import { setPending } from '../../events/deliver.ts';
import { firstFreePort, SEARCH_COST } from '../../events/free-port.ts';
import { fail, ok, subOperation, weigh } from '../call.ts';

/**
 * EVTCHNOP_bind_interdomain: connect a fresh local port to a remote domain's unbound port meant for the caller. The
 * local port is made pending at once: the remote end may have sent before.
 * @xen event_channel_op 0 bind_interdomain #Y
 * Fails: ESRCH no such domain; ENOSPC, ENOMEM no free port; EINVAL remote port not unbound for the caller.
 */
export const bindInterdomain = subOperation(
  evtchn_bind_interdomain,
  (call, arg) => {
    const { hv, caller } = call;
    weigh(call, SEARCH_COST);
    const remote = hv.resolve(arg.remote_dom, caller);
    if (remote === undefined) return fail(ESRCH);
    const ours = firstFreePort(hv, caller);
    if (typeof ours === 'number') return fail(ours);
    const theirs = channel(hv, remote, arg.remote_port);
    if (theirs === undefined || theirs.state !== ECS_UNBOUND || theirs.remoteDomid !== caller.id) return fail(EINVAL);
    ours.reset();
    ours.state = ECS_INTERDOMAIN;
    ours.remoteDomid = remote.id;
    ours.remotePort = theirs.port;
    theirs.state = ECS_INTERDOMAIN;
    theirs.remoteDomid = caller.id;
    theirs.remotePort = ours.port;
    caller.s.active_evtchns += 1;
    setPending(hv, caller, ours);
    return ok({ local_port: ours.port });
  },
  'writes',
);
