import { EINVAL, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { evtchn_reset } from '../../../spec/xen/event-channel.ts';
import { closeAll } from '../../events/close.ts';
import { leaveFifo } from '../../events/fifo-set-up.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_reset: close every channel of a domain and return it to the 2-level ABI.
 * @xen event_channel_op 10 reset #Y
 * Fails: ESRCH no such domain; EPERM caller may not act for it; EINVAL another domain that is not paused.
 */
export const reset = subOperation(evtchn_reset, ({ hv, caller }, arg) => {
  const of = hv.resolve(arg.dom, caller);
  if (of === undefined) return fail(ESRCH);
  if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
  if (of !== caller && of.s.pause_count === 0) return fail(EINVAL);
  closeAll(hv, of);
  leaveFifo(hv, of);
  return ok();
});
