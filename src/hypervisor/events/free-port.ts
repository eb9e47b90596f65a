import { EINVAL, ENOMEM, ENOSPC } from '../../spec/xen/errno.ts';
import { EVTCHNS_PER_BUCKET } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { type Channel, channelMade, ECS_FREE, portLimit, STRIDE } from './channels.ts';
import { isLinked } from './fifo.ts';

/** What looking for a free port costs at worst, as elements of a list (hypercalls/call.ts, weigh). */
export const SEARCH_COST = 64;

/** The lowest port that is free, and on no queue of the guest's any more. Else an errno: EINVAL the domain is dying; ENOMEM; ENOSPC. */
export function firstFreePort(hv: Hypervisor, of: Domain): Channel | number {
  if (of.s.is_dying !== 0) return EINVAL;
  const limit = portLimit(of);
  if (of.s.active_evtchns >= limit - 1) return ENOSPC;
  const bytes = hv.memories.stateBytes;
  for (let first = 0; first < limit; first += EVTCHNS_PER_BUCKET) {
    const bucket = channelMade(hv, of, first === 0 ? 1 : first);
    if (bucket === undefined) return ENOMEM;
    const base = bucket.address - (bucket.port % EVTCHNS_PER_BUCKET) * STRIDE;
    const end = Math.min(EVTCHNS_PER_BUCKET, limit - first);
    for (let i = first === 0 ? 1 : 0; i < end; i++) {
      if (bytes[base + i * STRIDE] === ECS_FREE && !isLinked(hv, of, first + i)) return channelMade(hv, of, first + i) ?? ENOMEM;
    }
  }
  return ENOSPC;
}
