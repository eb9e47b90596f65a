import { EINVAL } from '../../../spec/xen/errno.ts';
import { evtchn_unmask } from '../../../spec/xen/event-channel.ts';
import { channel } from '../../events/channels.ts';
import { unmask as unmaskEvent } from '../../events/deliver.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_unmask: clear the mask of a port and deliver what waited.
 * @xen event_channel_op 9 unmask #Y
 * Fails: EINVAL no such port.
 */
export const unmask = subOperation(evtchn_unmask, ({ hv, caller }, arg) => {
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined) return fail(EINVAL);
  unmaskEvent(hv, caller, ch);
  return ok();
});
