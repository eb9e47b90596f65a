import { EINVAL, ERESTART } from '../../../spec/xen/errno.ts';
import { VIRQ_DOM_EXC } from '../../../spec/xen/xen.ts';
import { sendGlobalVirq } from '../../events/deliver.ts';
import type { Domain } from '../../hypervisor.ts';
import { relinquish } from '../../lifecycle/destroy.ts';
import { elementsLeft, fail, ok, weigh } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * Take everything from a domain and forget it once nobody holds anything of it.
 * @xen domctl 2 destroydomain #Y
 * Fails: EINVAL domain 0 or the caller; ERESTART (never seen by the caller) work is left.
 */
export const destroyDomain: Domctl<Record<never, never>> = {
  argument: undefined,
  needsDomain: true,
  run(call, of) {
    const { hv, caller } = call;
    const d = of as Domain;
    if (d === caller || d.id === 0) return fail(EINVAL);
    const most = elementsLeft(call);
    if (!relinquish(hv, d, most)) {
      weigh(call, most);
      return fail(ERESTART);
    }
    const dom0 = hv.domain(0);
    if (dom0 !== undefined) sendGlobalVirq(hv, dom0, VIRQ_DOM_EXC);
    return ok();
  },
};
