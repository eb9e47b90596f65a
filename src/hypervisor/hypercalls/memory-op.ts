import { EFAULT, EINVAL, ENOENT, ENOMEM, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import {
  XENMAPIDX_grant_table_status,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  XENMEM_add_to_physmap_batch,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_machine_memory_map,
  XENMEM_maximum_gpfn,
  XENMEM_maximum_ram_page,
  XENMEM_maximum_reservation,
  XENMEM_memory_map,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  XENMEM_set_memory_map,
  xen_add_to_physmap,
  xen_add_to_physmap_batch,
  xen_foreign_memory_map,
  xen_memory_domain,
  xen_memory_map,
  xen_memory_reservation,
  xen_remove_from_physmap,
} from '../../spec/xen/memory.ts';
import { grantTableFrame } from '../grants/table.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { decreaseReservation, populate } from '../memory/reservation.ts';
import { GFN_LIMIT, p2m_map_foreign, p2m_ram_rw, p2m_shared } from '../memory/p2m.ts';
import { type Call, fail, ok, type SubOperation, subOperation } from './call.ts';

/** Entries of an E820 map kept for a domain, and bytes of each. */
const E820_MAX = 128;
const E820_ENTRY = 20;
/** Most extents handled in one go before the call is restarted. */
const EXTENTS_AT_ONCE = 1024;
/** Largest extent: 2 MiB. */
const EXTENT_ORDER_MAX = 9;
/** The operation is in the low 6 bits of the command; the bits above say how many extents are done. */
const OP_BITS = 6;

/** Domain an operation is for: the caller itself, or any by a privileged caller. */
function target(hv: Hypervisor, caller: Domain, id: number): Domain | number {
  const of = hv.resolve(id, caller);
  if (of === undefined) return ESRCH;
  return of === caller || hv.isPrivileged(caller) ? of : EPERM;
}

/**
 * Put a page of a space at a gfn: 0 or an errno.
 * The page that stood there is taken out of the p2m; a page of the domain's own that thereby has no place is freed.
 */
function addPage(hv: Hypervisor, of: Domain, space: number, idx: number, gpfn: number, foreign?: Domain): number {
  if (!(gpfn < GFN_LIMIT)) return EINVAL;
  if (space === XENMAPSPACE_gmfn_foreign) {
    if (foreign === undefined) return EINVAL;
    const entry = foreign.p2m.lookup(idx);
    if (entry === undefined || entry.type === p2m_map_foreign) return EINVAL;
    removePage(hv, of, gpfn);
    hv.frames.get(entry.mfn);
    if (hv.setEntry(of, gpfn, entry.mfn, p2m_map_foreign, entry.writable)) return 0;
    hv.frames.put(entry.mfn);
    return ENOMEM;
  }
  if (space === XENMAPSPACE_gmfn) {
    const entry = of.p2m.lookup(idx);
    if (entry === undefined || entry.type !== p2m_ram_rw) return EINVAL;
    if (idx === gpfn) return 0;
    removePage(hv, of, gpfn);
    hv.setEntry(of, idx, undefined);
    hv.frames.setGfn(entry.mfn, gpfn);
    return hv.setEntry(of, gpfn, entry.mfn, p2m_ram_rw, true) ? 0 : ENOMEM;
  }
  let mfn = 0;
  if (space === XENMAPSPACE_shared_info) {
    if (idx !== 0) return EINVAL;
    mfn = of.s.shared_info;
  } else if (space === XENMAPSPACE_grant_table) {
    const status = idx >= XENMAPIDX_grant_table_status;
    mfn = grantTableFrame(hv, of, status ? idx - XENMAPIDX_grant_table_status : idx, status);
  } else {
    return ENOSYS;
  }
  if (mfn === 0) return EINVAL;
  // A Xen page has one place: taking a new one leaves the old.
  const before = hv.frames.gfn(mfn as never);
  if (before !== 0xffffffff && of.p2m.lookup(before)?.mfn === mfn) hv.setEntry(of, before, undefined);
  removePage(hv, of, gpfn);
  if (!hv.setEntry(of, gpfn, mfn as never, p2m_shared, true)) return ENOMEM;
  hv.frames.setGfn(mfn as never, gpfn);
  return 0;
}

/** Empty a gfn: RAM of the domain is freed, mappings are given back. False when nothing stood there. */
function removePage(hv: Hypervisor, of: Domain, gpfn: number): boolean {
  const entry = of.p2m.lookup(gpfn);
  if (entry === undefined) return false;
  hv.setEntry(of, gpfn, undefined);
  if (entry.type === p2m_ram_rw) {
    hv.frames.setGfn(entry.mfn, 0xffffffff);
    of.s.tot_pages -= 1;
    hv.cpu.frameWritten(entry.mfn);
    hv.frames.put(entry.mfn);
  } else if (entry.type === p2m_map_foreign) hv.frames.put(entry.mfn);
  else if (entry.type === p2m_shared) hv.frames.setGfn(entry.mfn, 0xffffffff);
  return true;
}

/**
 * @xen memory_op 7 add_to_physmap #Y
 * Fails: ESRCH, EPERM the domain; EINVAL no such page; ENOSYS a space that is not known; ENOMEM.
 */
const addToPhysmap = subOperation(xen_add_to_physmap, ({ hv, caller }, arg) => {
  const of = target(hv, caller, arg.domid);
  if (typeof of === 'number') return fail(of);
  if (arg.space === XENMAPSPACE_gmfn_foreign) return fail(ENOSYS);
  const errno = addPage(hv, of, arg.space, arg.idx, arg.gpfn);
  return errno === 0 ? ok() : fail(errno);
});

/** @xen memory_op 23 add_to_physmap_batch #Y */
const addToPhysmapBatch = subOperation(xen_add_to_physmap_batch, ({ hv, caller, memory }, arg) => {
  const of = target(hv, caller, arg.domid);
  if (typeof of === 'number') return fail(of);
  let foreign: Domain | undefined;
  if (arg.space === XENMAPSPACE_gmfn_foreign) {
    foreign = hv.resolve(arg.u.foreign_domid, caller);
    if (foreign === undefined) return fail(ESRCH);
    if (foreign !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
  }
  const idxs = memory.read(arg.idxs, arg.size * 8);
  const gpfns = memory.read(arg.gpfns, arg.size * 8);
  if (idxs === undefined || gpfns === undefined || !memory.writable(arg.errs, arg.size * 4)) return fail(EFAULT);
  const idxView = new DataView(idxs.buffer);
  const gpfnView = new DataView(gpfns.buffer);
  const errs = new Int32Array(arg.size);
  for (let i = 0; i < arg.size; i++) {
    errs[i] = -addPage(hv, of, arg.space, Number(idxView.getBigUint64(i * 8, true)), Number(gpfnView.getBigUint64(i * 8, true)), foreign);
  }
  return memory.write(arg.errs, new Uint8Array(errs.buffer)) ? ok() : fail(EFAULT);
});

/**
 * @xen memory_op 15 remove_from_physmap #Y
 * Fails: ESRCH, EPERM; ENOENT nothing at the gfn.
 */
const removeFromPhysmap = subOperation(xen_remove_from_physmap, ({ hv, caller }, arg) => {
  const of = target(hv, caller, arg.domid);
  if (typeof of === 'number') return fail(of);
  return removePage(hv, of, arg.gpfn) ? ok() : fail(ENOENT);
});

/** populate_physmap and decrease_reservation: answer = number of extents done, restarted by count in the command. */
function reservation(call: Call, op: number, done: number, va: bigint): number {
  const { hv, caller, memory } = call;
  const bytes = memory.read(va, xen_memory_reservation.size);
  if (bytes === undefined) return -EFAULT;
  const arg = xen_memory_reservation.read(new DataView(bytes.buffer), 0);
  if (arg.extent_order > EXTENT_ORDER_MAX || !(arg.nr_extents < 2 ** 32)) return -EINVAL;
  const of = target(hv, caller, arg.domid);
  if (typeof of === 'number') return -of;
  const end = Math.min(arg.nr_extents, done + EXTENTS_AT_ONCE);
  const list = memory.read(arg.extent_start + BigInt(done * 8), Math.max(0, end - done) * 8);
  if (list === undefined) return done;
  const gfns = new DataView(list.buffer);
  for (let i = done; i < end; i++) {
    const gfn = Number(gfns.getBigUint64((i - done) * 8, true));
    const fine = op === XENMEM_populate_physmap ? populate(hv, of, gfn, arg.extent_order) : decreaseReservation(hv, of, gfn, arg.extent_order);
    if (!fine) return i;
  }
  return end < arg.nr_extents ? reservation(call, op, end, va) : end;
}

/** Number of pages a domain has, may have, and its highest gfn. @xen memory_op 3 current_reservation #Y */
const query = (answer: (of: Domain) => number): SubOperation =>
  subOperation(xen_memory_domain, ({ hv, caller }, arg) => {
    const of = target(hv, caller, arg.domid);
    return typeof of === 'number' ? fail(of) : ok(undefined, answer(of));
  });

/**
 * The E820 map the toolstack gave.
 * @xen memory_op 9 memory_map #Y
 * Fails: ENOSYS none was given; EFAULT.
 */
const memoryMap = subOperation(
  xen_memory_map,
  ({ hv, caller, memory }, arg) => {
    if (caller.s.e820 === 0) return fail(ENOSYS);
    const count = Math.min(arg.nr_entries, caller.s.e820_entries);
    const bytes = hv.memories.stateBytes.slice(caller.s.e820, caller.s.e820 + count * E820_ENTRY);
    return memory.write(arg.buffer, bytes) ? ok({ nr_entries: count }) : fail(EFAULT);
  },
  'writes',
);

/** @xen memory_op 13 set_memory_map #Y */
const setMemoryMap = subOperation(xen_foreign_memory_map, ({ hv, caller, memory }, arg) => {
  if (arg.map.nr_entries > E820_MAX) return fail(EINVAL);
  const of = target(hv, caller, arg.domid);
  if (typeof of === 'number') return fail(of);
  if (!hv.isPrivileged(caller)) return fail(EPERM);
  const bytes = memory.read(arg.map.buffer, arg.map.nr_entries * E820_ENTRY);
  if (bytes === undefined) return fail(EFAULT);
  if (of.s.e820 === 0) {
    const at = hv.heap.allocate(E820_MAX * E820_ENTRY);
    if (at === 0) return fail(ENOMEM);
    of.s.e820 = at;
  }
  hv.memories.stateBytes.set(bytes, of.s.e820);
  of.s.e820_entries = arg.map.nr_entries;
  return ok();
});

/** @xen memory_op 10 machine_memory_map #Y */
const machineMemoryMap = subOperation(
  xen_memory_map,
  ({ hv, caller, memory }, arg) => {
    if (!hv.isPrivileged(caller)) return fail(EPERM);
    if (arg.nr_entries < 1) return fail(EINVAL);
    const bytes = new Uint8Array(E820_ENTRY);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(8, BigInt(hv.frames.total) * 4096n, true);
    view.setUint32(16, 1, true);
    return memory.write(arg.buffer, bytes) ? ok({ nr_entries: 1 }) : fail(EFAULT);
  },
  'writes',
);

const operations: ReadonlyMap<number, SubOperation> = new Map([
  [XENMEM_add_to_physmap, addToPhysmap],
  [XENMEM_add_to_physmap_batch, addToPhysmapBatch],
  [XENMEM_remove_from_physmap, removeFromPhysmap],
  [XENMEM_current_reservation, query((of) => of.s.tot_pages)],
  [XENMEM_maximum_reservation, query((of) => of.s.max_pages)],
  [XENMEM_maximum_gpfn, query((of) => of.p2m.maximumGfn())],
  [XENMEM_maximum_ram_page, ({ hv }) => hv.header.frame_last],
  [XENMEM_memory_map, memoryMap],
  [XENMEM_set_memory_map, setMemoryMap],
  [XENMEM_machine_memory_map, machineMemoryMap],
]);

/**
 * memory_op(cmd, arg).
 * @xen memory_op 1 decrease_reservation #Y
 * @xen memory_op 6 populate_physmap #Y
 */
export function memoryOp(call: Call, cmd: number, argument: bigint): number {
  const op = cmd & ((1 << OP_BITS) - 1);
  const done = cmd >>> OP_BITS;
  if (op === XENMEM_populate_physmap || op === XENMEM_decrease_reservation) return reservation(call, op, done, argument);
  if (done !== 0) return -EINVAL;
  const operation = operations.get(op);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}

