import { EINVAL, ENOSYS } from '../../../spec/xen/errno.ts';
import { EVTCHN_FIFO_PRIORITY_MIN, evtchn_set_priority } from '../../../spec/xen/event-channel.ts';
import { channel } from '../../events/channels.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_set_priority: queue of a port under the FIFO ABI, 0 is the most urgent.
 * @xen event_channel_op 13 set_priority #Y
 * Fails: EINVAL no such port, or priority above 15; ENOSYS on the 2-level ABI.
 */
export const setPriority = subOperation(evtchn_set_priority, ({ hv, caller }, arg) => {
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined) return fail(EINVAL);
  if (caller.s.fifo === 0) return fail(ENOSYS);
  if (arg.priority > EVTCHN_FIFO_PRIORITY_MIN) return fail(EINVAL);
  ch.priority = arg.priority;
  return ok();
});
