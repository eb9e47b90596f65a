import { xen_domctl_paging_mempool } from '../../../spec/xen/domctl.ts';
import { EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import { DOMF_hvm } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** Pages of the pool of a domain whose toolstack said nothing. @see xen/arch/x86/mm/hap/hap.c, hap_enable */
const DEFAULT_PAGES = 256;
const PAGE = 4096;

/**
 * Bytes set aside for a domain's page tables.
 * @xen domctl 85 get_paging_mempool_size #P[what was set: p2m tables come from the hypervisor's heap]
 * Fails: EOPNOTSUPP not an HVM or PVH domain.
 */
export const getPagingMempoolSize: Domctl<(typeof xen_domctl_paging_mempool)['fields']> = {
  argument: xen_domctl_paging_mempool,
  needsDomain: true,
  run(_call, of) {
    const { s } = of as Domain;
    if ((s.flags & DOMF_hvm) === 0) return fail(EOPNOTSUPP);
    return ok({ size: (s.paging_pool_pages === 0 ? DEFAULT_PAGES : s.paging_pool_pages) * PAGE });
  },
};

/**
 * @xen domctl 86 set_paging_mempool_size #P[kept and told, nothing more]
 * Fails: EOPNOTSUPP not an HVM or PVH domain; EINVAL no whole pages, or more than 2^32 of them.
 */
export const setPagingMempoolSize: Domctl<(typeof xen_domctl_paging_mempool)['fields']> = {
  argument: xen_domctl_paging_mempool,
  needsDomain: true,
  run(_call, of, { size }) {
    const { s } = of as Domain;
    if ((s.flags & DOMF_hvm) === 0) return fail(EOPNOTSUPP);
    if (size % PAGE !== 0 || size / PAGE > 0xffffffff) return fail(EINVAL);
    s.paging_pool_pages = size / PAGE;
    return ok();
  },
};
