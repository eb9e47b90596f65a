import { xen_memory_domain } from '../../../spec/xen/memory.ts';
import type { Domain } from '../../hypervisor.ts';
import { ELEMENTS_AT_ONCE, fail, ok, type SubOperation, subOperation, weigh } from '../call.ts';
import { actFor } from '../target.ts';

/** A number about a domain. Fails: ESRCH, EPERM the domain. */
const query = (answer: (of: Domain) => number, cost = 1): SubOperation =>
  subOperation(xen_memory_domain, (call, arg) => {
    weigh(call, cost);
    const of = actFor(call, arg.domid);
    return typeof of === 'number' ? fail(of) : ok(undefined, answer(of));
  });

/** Pages that the domain has. @xen memory_op 3 current_reservation #Y */
export const currentReservation = query((of) => of.s.tot_pages);
/** Pages that it may have. @xen memory_op 4 maximum_reservation #Y */
export const maximumReservation = query((of) => of.s.max_pages);
/** Its highest gfn with a page. @xen memory_op 14 maximum_gpfn #Y */
export const maximumGpfn = query((of) => of.p2m.maximumGfn(), ELEMENTS_AT_ONCE); // looks through the whole table
/** One more than the machine's highest frame number. @xen memory_op 2 maximum_ram_page #Y */
export const maximumRamPage: SubOperation = ({ hv }) => hv.header.frame_last;
