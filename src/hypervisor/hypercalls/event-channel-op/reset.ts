import { EVTCHNOP_reset_cont } from '../../../spec/xen/after-4.17.ts';
import { EAGAIN, EBUSY, EINVAL, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { evtchn_reset } from '../../../spec/xen/event-channel.ts';
import { closeSome } from '../../events/close.ts';
import { leaveFifo } from '../../events/fifo-set-up.ts';
import { elementsLeft, fail, ok, type SubOperation, subOperation, weigh } from '../call.ts';

/** The first port that a reset closes. */
const FIRST = 1;

const resetOrGoOn = (resuming: boolean): SubOperation => {
  const closing = subOperation(evtchn_reset, (call, arg) => {
    const { hv, caller } = call;
    const of = hv.resolve(arg.dom, caller);
    if (of === undefined) return fail(ESRCH);
    if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
    if (of !== caller && of.s.pause_count === 0) return fail(EINVAL);
    if (resuming === (of.s.next_evtchn === 0)) return fail(EBUSY);
    if (!resuming) of.s.next_evtchn = FIRST;
    const most = elementsLeft(call);
    if (!closeSome(hv, of, most)) {
      weigh(call, most);
      call.restart = [BigInt(EVTCHNOP_reset_cont)];
      return ok();
    }
    if (of.s.active_evtchns !== 0) return fail(EAGAIN);
    leaveFifo(hv, of);
    return ok();
  });
  return closing;
};

/**
 * EVTCHNOP_reset: close every channel of a domain and return it to the 2-level ABI.
 * @xen event_channel_op 10 reset #Y
 * Fails: ESRCH no such domain; EPERM caller may not act for it; EINVAL another domain that is not paused; EBUSY it is
 * being reset already; EAGAIN channels were opened meanwhile.
 */
export const reset = resetOrGoOn(false);

/**
 * EVTCHNOP_reset_cont: go on with a reset that stopped in the middle.
 * @xen event_channel_op 14 reset_cont #Y
 * Fails: as reset; EBUSY no reset is under way.
 */
export const resetCont = resetOrGoOn(true);
