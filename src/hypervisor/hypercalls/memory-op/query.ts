import { xen_memory_domain } from '../../../spec/xen/memory.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok, type SubOperation, subOperation } from '../call.ts';
import { actFor } from '../target.ts';

/** A number about a domain. Fails: ESRCH, EPERM the domain. */
const query = (answer: (of: Domain) => number): SubOperation =>
  subOperation(xen_memory_domain, (call, arg) => {
    const of = actFor(call, arg.domid);
    return typeof of === 'number' ? fail(of) : ok(undefined, answer(of));
  });

/** Pages that the domain has. @xen memory_op 3 current_reservation #Y */
export const currentReservation = query((of) => of.s.tot_pages);
/** Pages that it may have. @xen memory_op 4 maximum_reservation #Y */
export const maximumReservation = query((of) => of.s.max_pages);
/** The highest gfn that ever had a page. @xen memory_op 14 maximum_gpfn #Y */
export const maximumGpfn = query((of) => of.s.max_mapped_gfn);
/** One more than the machine's highest frame number. @xen memory_op 2 maximum_ram_page #Y */
export const maximumRamPage: SubOperation = ({ hv }) => hv.header.frame_last;
