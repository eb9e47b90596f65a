import { EINVAL } from '../../../spec/xen/errno.ts';
import { evtchn_send } from '../../../spec/xen/event-channel.ts';
import { channel, ECS_INTERDOMAIN, ECS_IPI, ECS_UNBOUND } from '../../events/channels.ts';
import { setPending } from '../../events/deliver.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_send: notify the other end. Sending on an unbound port is silently dropped.
 * @xen event_channel_op 4 send #Y
 * Fails: EINVAL no such port, or one that is no interdomain or IPI channel.
 */
export const send = subOperation(evtchn_send, ({ hv, caller }, arg) => {
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined) return fail(EINVAL);
  if (ch.state === ECS_INTERDOMAIN) {
    const remote = hv.domain(ch.remoteDomid);
    const theirs = remote === undefined ? undefined : channel(hv, remote, ch.remotePort);
    if (remote !== undefined && theirs !== undefined) setPending(hv, remote, theirs);
    return ok();
  }
  if (ch.state === ECS_IPI) {
    setPending(hv, caller, ch);
    return ok();
  }
  return ch.state === ECS_UNBOUND ? ok() : fail(EINVAL);
});
