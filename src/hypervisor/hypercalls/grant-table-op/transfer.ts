import { GNTST_bad_page, GNTST_general_error, gnttab_transfer } from '../../../spec/xen/grant-table.ts';
import { grantedFrame } from '../../grants/granted-frame.ts';
import { listOperation } from './elements.ts';

/**
 * GNTTABOP_transfer: give pages away for good. Xen does not take pages from translated domains.
 * @xen grant_table_op 4 transfer #N[only PV domains can]
 * Fails: bad_page no RAM of the caller's at the gfn; general_error always else.
 */
export const transfer = listOperation(gnttab_transfer, ['status'], ({ hv, caller }, arg) => ({
  status: grantedFrame(hv, caller, arg.mfn) === undefined ? GNTST_bad_page : GNTST_general_error,
}));
