import { XENMEM_decrease_reservation, XENMEM_increase_reservation, XENMEM_populate_physmap, xen_memory_reservation } from '../../../spec/xen/memory.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import { decreaseReservation as decrease, populate } from '../../memory/reservation.ts';
import { mustPause, readLong, readStruct, weigh } from '../call.ts';
import { actFor } from '../target.ts';
import { EXTENTS_MAX, goOn, type MemoryOperation } from './operation.ts';

/** Largest extent: 2^9 pages, 2 MiB. */
export const EXTENT_ORDER_MAX = 9;

/** A change of a domain's memory, extent by extent. Whatever goes wrong, the answer is how many extents are done. */
function extents(op: number, change: (hv: Hypervisor, of: Domain, gfn: number, order: number) => boolean): MemoryOperation {
  return (call, argument, done) => {
    const arg = readStruct(call, xen_memory_reservation, argument);
    if (arg === undefined) return done;
    if (!(arg.nr_extents <= EXTENTS_MAX) || done >= arg.nr_extents) return done;
    const of = actFor(call, arg.domid);
    if (typeof of === 'number' || arg.extent_order > EXTENT_ORDER_MAX) return done;
    for (let i = done; i < arg.nr_extents; i++) {
      const gfn = readLong(call, arg.extent_start, i);
      if (gfn === undefined || !change(call.hv, of, Number(gfn), arg.extent_order)) return i;
      weigh(call, 2 ** arg.extent_order - 1);
      if (mustPause(call) && i + 1 < arg.nr_extents) return goOn(call, op, i + 1, argument);
    }
    return arg.nr_extents;
  };
}

/**
 * XENMEM_populate_physmap: fill extents with fresh pages.
 * @xen memory_op 6 populate_physmap #P[gfns must be empty; no populate-on-demand]
 */
export const populatePhysmap = extents(XENMEM_populate_physmap, populate);

/**
 * XENMEM_increase_reservation: pages that stand at no gfn. A translated domain could not reach them: none is given.
 * @xen memory_op 0 increase_reservation #P[gives no pages]
 */
export const increaseReservation = extents(XENMEM_increase_reservation, () => false);

/**
 * XENMEM_decrease_reservation: give extents of RAM back.
 * @xen memory_op 1 decrease_reservation #Y
 */
export const decreaseReservation = extents(XENMEM_decrease_reservation, decrease);
