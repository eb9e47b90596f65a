import { EINVAL, ENOMEM, ENOSPC } from '../../spec/xen/errno.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { type Channel, channelMade, ECS_FREE, portLimit } from './channels.ts';
import { isLinked } from './fifo.ts';

/** The lowest port that is free, and on no queue of the guest's any more. Else an errno: EINVAL the domain is dying; ENOMEM; ENOSPC. */
export function firstFreePort(hv: Hypervisor, of: Domain): Channel | number {
  if (of.s.is_dying !== 0) return EINVAL;
  const limit = portLimit(of);
  for (let port = 1; port < limit; port++) {
    const found = channelMade(hv, of, port);
    if (found === undefined) return ENOMEM;
    if (found.state === ECS_FREE && !isLinked(hv, of, port)) return found;
  }
  return ENOSPC;
}
