import { gnttab_unmap_and_replace } from '../../../spec/xen/grant-table.ts';
import { unmapGrant } from '../../grants/map.ts';
import { listOperation } from './elements.ts';

/**
 * GNTTABOP_unmap_and_replace: take mappings away and put another page in their place, which a translated domain cannot.
 * @xen grant_table_op 7 unmap_and_replace #P[without a replacement: a PV domain's matter]
 * Fails: as unmap_grant_ref; general_error `new_addr` is not 0.
 */
export const unmapAndReplace = listOperation(gnttab_unmap_and_replace, ['status'], ({ hv, caller }, arg) => ({
  status: unmapGrant(hv, caller, arg.handle, arg.host_addr, arg.new_addr),
}));
