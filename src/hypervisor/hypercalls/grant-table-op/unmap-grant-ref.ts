import { gnttab_unmap_grant_ref } from '../../../spec/xen/grant-table.ts';
import { unmapGrant } from '../../grants/map.ts';
import { listOperation } from './elements.ts';

/**
 * GNTTABOP_unmap_grant_ref: take mappings away.
 * @xen grant_table_op 1 unmap_grant_ref #Y
 * @see xen/include/public/grant_table.h, struct gnttab_unmap_grant_ref; statuses in the order of unmapGrant
 */
export const unmapGrantRef = listOperation(gnttab_unmap_grant_ref, ['status'], ({ hv, caller }, arg) => ({
  status: unmapGrant(hv, caller, arg.handle, arg.host_addr),
}));
