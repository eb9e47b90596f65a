import { EINVAL } from '../../../spec/xen/errno.ts';
import { evtchn_close } from '../../../spec/xen/event-channel.ts';
import { channel, ECS_FREE, ECS_RESERVED } from '../../events/channels.ts';
import { closeChannel } from '../../events/close.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_close: free a port; the other end of an interdomain channel becomes unbound.
 * @xen event_channel_op 3 close #Y
 * Fails: EINVAL no such port, or one that Xen itself uses.
 */
export const close = subOperation(evtchn_close, ({ hv, caller }, arg) => {
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined || ch.state === ECS_FREE || ch.state === ECS_RESERVED) return fail(EINVAL);
  closeChannel(hv, caller, ch);
  return ok();
});
