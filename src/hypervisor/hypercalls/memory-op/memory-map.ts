import { EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM } from '../../../spec/xen/errno.ts';
import { xen_foreign_memory_map, xen_memory_map } from '../../../spec/xen/memory.ts';
import { DOMF_hvm } from '../../domain.ts';
import { E820_BYTES } from '../../lifecycle/reap.ts';
import { fail, ok, subOperation } from '../call.ts';
import { actFor } from '../target.ts';

/** Bytes of an E820 entry: base, size, type. */
const ENTRY = 20;
const ENTRIES_MAX = E820_BYTES / ENTRY;

/**
 * XENMEM_memory_map: the caller's E820 map as the toolstack gave it.
 * @xen memory_op 9 memory_map #Y
 * Fails: EFAULT; ENOSYS none was given.
 */
export const memoryMap = subOperation(
  xen_memory_map,
  ({ hv, caller, memory }, arg) => {
    if (caller.s.e820 === 0 || caller.s.e820_entries === 0) return fail(ENOSYS);
    const count = Math.min(arg.nr_entries, caller.s.e820_entries);
    const bytes = hv.memories.stateBytes.slice(caller.s.e820, caller.s.e820 + count * ENTRY);
    return memory.write(arg.buffer, bytes) ? ok({ nr_entries: count }) : fail(EFAULT);
  },
  'writes',
);

/**
 * XENMEM_set_memory_map: give a domain its E820 map.
 * @xen memory_op 13 set_memory_map #Y
 * Fails: EFAULT; EINVAL too many entries; ESRCH, EPERM the domain; EFAULT the list; ENOMEM.
 */
export const setMemoryMap = subOperation(xen_foreign_memory_map, (call, arg) => {
  const { hv, memory } = call;
  if (arg.map.nr_entries > ENTRIES_MAX) return fail(EINVAL);
  const of = actFor(call, arg.domid);
  if (typeof of === 'number') return fail(of);
  const bytes = memory.read(arg.map.buffer, arg.map.nr_entries * ENTRY);
  if (bytes === undefined) return fail(EFAULT);
  if (of.s.e820 === 0) of.s.e820 = hv.heap.allocate(E820_BYTES);
  if (of.s.e820 === 0) return fail(ENOMEM);
  hv.memories.stateBytes.set(bytes, of.s.e820);
  of.s.e820_entries = arg.map.nr_entries;
  return ok();
});

/**
 * XENMEM_machine_memory_map: the machine's own map, for domain 0.
 * @xen memory_op 10 machine_memory_map #Y
 * Fails: ENOSYS HVM and PVH domains; EPERM not privileged; EFAULT; EINVAL no room.
 */
export const machineMemoryMap = subOperation(
  xen_memory_map,
  ({ hv, caller, memory }, arg) => {
    if ((caller.s.flags & DOMF_hvm) !== 0) return fail(ENOSYS);
    if (!hv.isPrivileged(caller)) return fail(EPERM);
    if (arg.nr_entries < 1) return fail(EINVAL);
    const bytes = new Uint8Array(ENTRY);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(8, BigInt(hv.frames.total) * 4096n, true);
    view.setUint32(16, 1, true);
    return memory.write(arg.buffer, bytes) ? ok({ nr_entries: 1 }) : fail(EFAULT);
  },
  'writes',
);
