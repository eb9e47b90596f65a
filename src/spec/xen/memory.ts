/**
 * memory_op: a domain's pages and where they appear.
 * @see xen/include/public/memory.h
 */
import { domid, guestHandle, pad, struct, u8, u16, u32, u64, u64n, ulong, union } from '../../base/struct.ts';
import { physdev_pci_device } from './physdev.ts';

/** memory_op sub-operations (bits 0..5 of the command; the bits above carry a continuation). */
export const XENMEM_increase_reservation = 0;
export const XENMEM_decrease_reservation = 1;
export const XENMEM_populate_physmap = 6;
export const XENMEM_exchange = 11;
export const XENMEM_maximum_ram_page = 2;
export const XENMEM_current_reservation = 3;
export const XENMEM_maximum_reservation = 4;
export const XENMEM_maximum_gpfn = 14;
export const XENMEM_machphys_mfn_list = 5;
export const XENMEM_machphys_compat_mfn_list = 25;
export const XENMEM_machphys_mapping = 12;
export const XENMEM_add_to_physmap = 7;
export const XENMEM_add_to_physmap_batch = 23;
export const XENMEM_remove_from_physmap = 15;
export const XENMEM_memory_map = 9;
export const XENMEM_machine_memory_map = 10;
export const XENMEM_set_memory_map = 13;
export const XENMEM_set_pod_target = 16;
export const XENMEM_get_pod_target = 17;
export const XENMEM_get_sharing_freed_pages = 18;
export const XENMEM_get_sharing_shared_pages = 19;
export const XENMEM_paging_op = 20;
export const XENMEM_access_op = 21;
export const XENMEM_sharing_op = 22;
export const XENMEM_claim_pages = 24;
export const XENMEM_reserved_device_memory_map = 27;
export const XENMEM_acquire_resource = 28;
export const XENMEM_get_vnumainfo = 26;

/** In: all; extent_start points to nr_extents frame numbers, which some operations also write. */
export const xen_memory_reservation = struct('xen_memory_reservation', {
  extent_start: guestHandle,
  nr_extents: ulong,
  /** Each extent is 2^order pages. */
  extent_order: u32,
  /** XENMEMF_*, and an address width in the low byte. */
  mem_flags: u32,
  domid,
});
/** Flags of mem_flags. */
export const XENMEMF_populate_on_demand = 0x10000;
export const XENMEMF_exact_node_request = 0x20000;
export const XENMEMF_vnode = 0x40000;

/** In: both lists. Out: nr_exchanged (input extents done so far; the caller sets 0). */
export const xen_memory_exchange = struct('xen_memory_exchange', {
  in: xen_memory_reservation,
  out: xen_memory_reservation,
  nr_exchanged: ulong,
});

/** Argument of the current, maximum reservation and maximum gpfn queries. */
export const xen_memory_domain = struct('xen_memory_domain', { domid });

export const xen_machphys_mfn_list = struct('xen_machphys_mfn_list', { max_extents: u32, extent_start: guestHandle, nr_extents: u32 });
/** Out: the range of the machine-to-physical table in a PV address space. */
export const xen_machphys_mapping = struct('xen_machphys_mapping', { v_start: u64, v_end: u64, max_mfn: ulong });

/** In: put page `idx` of `space` at `gpfn`. */
export const xen_add_to_physmap = struct('xen_add_to_physmap', {
  domid,
  /** Pages, for XENMAPSPACE_gmfn_range. */
  size: u16,
  /** XENMAPSPACE_*. */
  space: u32,
  idx: ulong,
  gpfn: ulong,
});
/** Sources of add_to_physmap. */
export const XENMAPSPACE_shared_info = 0;
export const XENMAPSPACE_grant_table = 1;
export const XENMAPSPACE_gmfn = 2;
export const XENMAPSPACE_gmfn_range = 3;
export const XENMAPSPACE_gmfn_foreign = 4;
export const XENMAPSPACE_dev_mmio = 5;
/** Bit of idx in the grant table space: a status frame. */
export const XENMAPIDX_grant_table_status = 0x80000000;

/** In: all; errs is written with an error for each page. */
export const xen_add_to_physmap_batch = struct('xen_add_to_physmap_batch', {
  domid,
  space: u16,
  size: u16,
  u: union({ foreign_domid: domid, res0: u16 }),
  idxs: guestHandle,
  gpfns: guestHandle,
  errs: guestHandle,
});

export const xen_remove_from_physmap = struct('xen_remove_from_physmap', { domid, gpfn: ulong });

/** In: room in entries. Out: entries written (E820 format, 20 bytes each). */
export const xen_memory_map = struct('xen_memory_map', { nr_entries: u32, buffer: guestHandle });
export const xen_foreign_memory_map = struct('xen_foreign_memory_map', { domid, map: xen_memory_map });

/** Populate on demand. In: target_pages, domid. Out: the rest. */
export const xen_pod_target = struct('xen_pod_target', {
  target_pages: u64n,
  tot_pages: u64n,
  pod_cache_pages: u64n,
  pod_entries: u64n,
  domid,
});

export const xen_mem_paging_op = struct('xen_mem_paging_op', { op: u8, domain: domid, buffer: guestHandle, gfn: u64n });
/** Sub-operations of XENMEM_paging_op. */
export const XENMEM_paging_op_nominate = 0;
export const XENMEM_paging_op_evict = 1;
export const XENMEM_paging_op_prep = 2;

export const xen_mem_access_op = struct('xen_mem_access_op', {
  op: u8,
  access: u8,
  domid,
  nr: u32,
  pfn: u64n,
  pfn_list: guestHandle,
  access_list: guestHandle,
});
/** Sub-operations of XENMEM_access_op. */
export const XENMEM_access_op_set_access = 0;
export const XENMEM_access_op_get_access = 1;
export const XENMEM_access_op_set_access_multi = 4;
/** xenmem_access_t: rights of a page, least to most; rx2rw and n2rwx change by themselves. */
export const XENMEM_access_n = 0;
export const XENMEM_access_r = 1;
export const XENMEM_access_w = 2;
export const XENMEM_access_rw = 3;
export const XENMEM_access_x = 4;
export const XENMEM_access_rx = 5;
export const XENMEM_access_wx = 6;
export const XENMEM_access_rwx = 7;
export const XENMEM_access_rx2rw = 8;
export const XENMEM_access_n2rwx = 9;
export const XENMEM_access_default = 10;

/** Sub-operations and answers of XENMEM_sharing_op. */
export const XENMEM_sharing_op_nominate_gfn = 0;
export const XENMEM_sharing_op_nominate_gref = 1;
export const XENMEM_sharing_op_share = 2;
export const XENMEM_sharing_op_debug_gfn = 3;
export const XENMEM_sharing_op_debug_mfn = 4;
export const XENMEM_sharing_op_debug_gref = 5;
export const XENMEM_sharing_op_add_physmap = 6;
export const XENMEM_sharing_op_audit = 7;
export const XENMEM_sharing_op_range_share = 8;
export const XENMEM_sharing_op_fork = 9;
export const XENMEM_sharing_op_fork_reset = 10;
export const XENMEM_SHARING_OP_S_HANDLE_INVALID = -10;
export const XENMEM_SHARING_OP_C_HANDLE_INVALID = -9;
export const XENMEM_SHARING_OP_FIELD_IS_GREF_FLAG = 0x4000000000000000n;
export const XENMEM_FORK_WITH_IOMMU_ALLOWED = 1;
export const XENMEM_FORK_BLOCK_INTERRUPTS = 2;
export const XENMEM_FORK_RESET_STATE = 4;
export const XENMEM_FORK_RESET_MEMORY = 8;

export const xen_reserved_device_memory = struct('xen_reserved_device_memory', { start_pfn: ulong, nr_pages: ulong });
export const xen_reserved_device_memory_map = struct('xen_reserved_device_memory_map', {
  flags: u32,
  nr_entries: u32,
  buffer: guestHandle,
  dev: union({ pci: physdev_pci_device }),
});
export const XENMEM_RDM_ALL = 1;

/** In: all; nr_frames and frame_list are also out. nr_frames 0 with a null list asks for the size. */
export const xen_mem_acquire_resource = struct('xen_mem_acquire_resource', {
  domid,
  /** XENMEM_resource_*. */
  type: u16,
  id: u32,
  nr_frames: u32,
  pad: u32,
  frame: u64n,
  frame_list: guestHandle,
});
/** Resource types and ids. */
export const XENMEM_resource_ioreq_server = 0;
export const XENMEM_resource_grant_table = 1;
export const XENMEM_resource_vmtrace_buf = 2;
export const XENMEM_resource_grant_table_id_shared = 0;
export const XENMEM_resource_grant_table_id_status = 1;
export const XENMEM_resource_ioreq_server_frame_bufioreq = 0;

export const xen_vmemrange = struct('xen_vmemrange', { start: u64n, end: u64n, flags: u32, nid: u32 });
export const xen_vnuma_topology_info = struct('xen_vnuma_topology_info', {
  domid,
  pad: pad(2, 2),
  nr_vnodes: u32,
  nr_vcpus: u32,
  nr_vmemranges: u32,
  vdistance: union({ h: guestHandle, pad: u64 }),
  vcpu_to_vnode: union({ h: guestHandle, pad: u64 }),
  vmemrange: union({ h: guestHandle, pad: u64 }),
});
