import { xen_domctl_getdomaininfo } from '../../../spec/xen/domctl.ts';
import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_getdomaininfolist } from '../../../spec/xen/sysctl.ts';
import { domainInfo } from '../../lifecycle/domain-info.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * Up to max_domains domains from first_domain on, dying ones too.
 * @xen sysctl 6 getdomaininfolist #Y
 * Fails: EFAULT.
 */
export const getDomainInfoList = sysctlOperation(xen_sysctl_getdomaininfolist, ({ hv, memory }, arg) => {
  let count = 0;
  for (const d of hv.domains()) {
    if (d.id < arg.first_domain) continue;
    if (count === arg.max_domains) break;
    const bytes = new Uint8Array(xen_domctl_getdomaininfo.size);
    xen_domctl_getdomaininfo.write(new DataView(bytes.buffer), 0, domainInfo(hv, d));
    if (!memory.write(arg.buffer + BigInt(count * bytes.length), bytes)) return fail(EFAULT);
    count++;
  }
  return ok({ num_domains: count });
});
