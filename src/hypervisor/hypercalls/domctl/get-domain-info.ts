import { xen_domctl_getdomaininfo } from '../../../spec/xen/domctl.ts';
import { ESRCH } from '../../../spec/xen/errno.ts';
import { domainInfo } from '../../lifecycle/domain-info.ts';
import { fail } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * The domain asked for, or the next one after it.
 * @xen domctl 5 getdomaininfo #Y
 * Fails: ESRCH no such domain and none after it.
 */
export const getDomainInfo: Domctl<(typeof xen_domctl_getdomaininfo)['fields']> = {
  argument: xen_domctl_getdomaininfo,
  needsDomain: false,
  run({ hv }, _of, _arg, id) {
    for (const d of hv.domains()) if (d.id >= id) return { domain: d.id, out: domainInfo(hv, d) };
    return fail(ESRCH);
  },
};
