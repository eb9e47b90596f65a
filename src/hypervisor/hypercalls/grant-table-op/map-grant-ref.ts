import { gnttab_map_grant_ref } from '../../../spec/xen/grant-table.ts';
import { mapGrant } from '../../grants/map.ts';
import { listOperation } from './elements.ts';

/**
 * GNTTABOP_map_grant_ref: map pages that other domains granted, at guest-physical addresses.
 * @xen grant_table_op 0 map_grant_ref #P[GNTMAP_host_map of translated domains]
 * @see xen/include/public/grant_table.h, struct gnttab_map_grant_ref; statuses in the order of mapGrant
 */
export const mapGrantRef = listOperation(gnttab_map_grant_ref, ['status', 'handle', 'dev_bus_addr'], ({ hv, caller }, arg) => {
  const { status, handle, mfn } = mapGrant(hv, caller, arg);
  return mfn === undefined || handle === undefined ? { status } : { status, handle, dev_bus_addr: BigInt(mfn) * 4096n };
});
