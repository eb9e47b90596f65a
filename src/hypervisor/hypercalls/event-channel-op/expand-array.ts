import { evtchn_expand_array } from '../../../spec/xen/event-channel.ts';
import { expandArray as expand } from '../../events/fifo-set-up.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * EVTCHNOP_expand_array: add a page of FIFO event words.
 * @xen event_channel_op 12 expand_array #Y
 * Fails: EOPNOTSUPP not on the FIFO ABI; ENOSPC all pages are there; EINVAL no writable RAM at the gfn.
 */
export const expandArray = subOperation(evtchn_expand_array, ({ hv, caller }, arg) => {
  const errno = expand(hv, caller, arg.array_gfn);
  return errno !== 0 ? fail(errno) : ok();
});
