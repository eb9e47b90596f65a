import { EINVAL, ENOSYS } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/memory.ts';
import { __HYPERVISOR_memory_op } from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';
import { getPodTarget, getVnumaInfo, reservedDeviceMemoryMap, setPodTarget, sharedPages } from './memory-op/absent.ts';
import { acquireResource } from './memory-op/acquire-resource.ts';
import { addToPhysmap } from './memory-op/add-to-physmap.ts';
import { addToPhysmapBatch } from './memory-op/add-to-physmap-batch.ts';
import { claimPages } from './memory-op/claim-pages.ts';
import { exchange } from './memory-op/exchange.ts';
import { machineMemoryMap, memoryMap, setMemoryMap } from './memory-op/memory-map.ts';
import { type MemoryOperation, OP_BITS, whole } from './memory-op/operation.ts';
import { currentReservation, maximumGpfn, maximumRamPage, maximumReservation } from './memory-op/query.ts';
import { removeFromPhysmap } from './memory-op/remove-from-physmap.ts';
import { decreaseReservation, increaseReservation, populatePhysmap } from './memory-op/reservation.ts';
import { permitted } from './rights.ts';

/** By number. */
export const MEMORY_OPERATIONS: ReadonlyMap<number, MemoryOperation> = new Map([
  [nr.XENMEM_increase_reservation, increaseReservation],
  [nr.XENMEM_decrease_reservation, decreaseReservation],
  [nr.XENMEM_populate_physmap, populatePhysmap],
  [nr.XENMEM_maximum_ram_page, whole(maximumRamPage, EINVAL)],
  [nr.XENMEM_current_reservation, whole(currentReservation, EINVAL)],
  [nr.XENMEM_maximum_reservation, whole(maximumReservation, EINVAL)],
  [nr.XENMEM_maximum_gpfn, whole(maximumGpfn, EINVAL)],
  [nr.XENMEM_add_to_physmap, addToPhysmap],
  [nr.XENMEM_add_to_physmap_batch, addToPhysmapBatch],
  [nr.XENMEM_remove_from_physmap, whole(removeFromPhysmap, EINVAL)],
  [nr.XENMEM_memory_map, whole(memoryMap, ENOSYS)],
  [nr.XENMEM_set_memory_map, whole(setMemoryMap, ENOSYS)],
  [nr.XENMEM_machine_memory_map, whole(machineMemoryMap, ENOSYS)],
  [nr.XENMEM_claim_pages, whole(claimPages, EINVAL)],
  [nr.XENMEM_acquire_resource, acquireResource],
  [nr.XENMEM_exchange, whole(exchange, EINVAL)],
  [nr.XENMEM_get_pod_target, whole(getPodTarget, ENOSYS)],
  [nr.XENMEM_set_pod_target, whole(setPodTarget, ENOSYS)],
  [nr.XENMEM_get_sharing_freed_pages, whole(sharedPages, ENOSYS)],
  [nr.XENMEM_get_sharing_shared_pages, whole(sharedPages, ENOSYS)],
  [nr.XENMEM_reserved_device_memory_map, whole(reservedDeviceMemoryMap, EINVAL)],
  [nr.XENMEM_get_vnumainfo, whole(getVnumaInfo, EINVAL)],
]);

/** memory_op(cmd, arg): the operation in the low bits of `cmd`, what is done of its list above them. */
export function memoryOp(call: Call, cmd: number, argument: bigint): number {
  const operation = permitted(call, __HYPERVISOR_memory_op, cmd & ((1 << OP_BITS) - 1), MEMORY_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(call, argument, cmd >>> OP_BITS);
}
