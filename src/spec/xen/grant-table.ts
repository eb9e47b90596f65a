/**
 * Grant tables: a domain lets another one map or copy its pages.
 * Entries are written by the guest and, where said, by Xen at the same time: flags are touched with compare-and-exchange only.
 * @see xen/include/public/grant_table.h
 */
import { array, domid, guestHandle, pad, s16, struct, u16, u32, u64, u64n, ulong, union } from '../../base/struct.ts';

/** Index into a grant table. */
export const grant_ref_t = u32;
/** Names one mapping of the mapping domain. */
export const grant_handle_t = u32;

/** Version 1 entry, 8 bytes. */
export const grant_entry_v1 = struct('grant_entry_v1', {
  /** GTF_*: the type and read-only bits are the guest's, GTF_reading and GTF_writing are set and cleared by Xen. */
  flags: u16,
  /** Who may use the grant. Written by the guest. */
  domid,
  /** Granted gfn. Written by the guest (by Xen when a transfer completes). */
  frame: u32,
});

/** First two fields of every version 2 entry. Written by the guest. */
export const grant_entry_header = struct('grant_entry_header', { flags: u16, domid });

/** Version 2 entry, 16 bytes. Written by the guest; Xen's status bits live in the status frames (grant_status_t). */
export const grant_entry_v2 = union('grant_entry_v2', {
  hdr: grant_entry_header,
  full_page: struct({ hdr: grant_entry_header, pad0: pad(4, 4), frame: u64n }),
  sub_page: struct({ hdr: grant_entry_header, page_off: u16, length: u16, frame: u64n }),
  transitive: struct({ hdr: grant_entry_header, trans_domid: domid, pad0: pad(2, 2), gref: grant_ref_t }),
  __spacer: array(u32, 4),
});

/** Version 2 status word of a grant: GTF_reading and GTF_writing. Written by Xen. */
export const grant_status_t = u16;

/** Entries at the start of a table that the toolstack fills for the guest. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8;
export const GNTTAB_RESERVED_CONSOLE = 0;
export const GNTTAB_RESERVED_XENSTORE = 1;

/** Entry flags: type (two bits), then bits set by the guest or by Xen. */
export const GTF_invalid = 0;
export const GTF_permit_access = 1;
export const GTF_accept_transfer = 2;
export const GTF_transitive = 3;
export const GTF_type_mask = 3;
export const GTF_readonly = 4;
export const GTF_reading = 8;
export const GTF_writing = 0x10;
export const GTF_PWT = 0x20;
export const GTF_PCD = 0x40;
export const GTF_PAT = 0x80;
export const GTF_sub_page = 0x100;
export const GTF_transfer_committed = 4;
export const GTF_transfer_completed = 8;

/** grant_table_op sub-operations. */
export const GNTTABOP_map_grant_ref = 0;
export const GNTTABOP_unmap_grant_ref = 1;
export const GNTTABOP_setup_table = 2;
export const GNTTABOP_dump_table = 3;
export const GNTTABOP_transfer = 4;
export const GNTTABOP_copy = 5;
export const GNTTABOP_query_size = 6;
export const GNTTABOP_unmap_and_replace = 7;
export const GNTTABOP_set_version = 8;
export const GNTTABOP_get_status_frames = 9;
export const GNTTABOP_get_version = 10;
export const GNTTABOP_swap_grant_ref = 11;
export const GNTTABOP_cache_flush = 12;

/** In: host_addr, flags, ref, dom. Out: status, handle, dev_bus_addr. */
export const gnttab_map_grant_ref = struct('gnttab_map_grant_ref', {
  /** Virtual address, guest-physical address or machine address of a PTE, by flags. */
  host_addr: u64,
  /** GNTMAP_*. */
  flags: u32,
  ref: grant_ref_t,
  dom: domid,
  /** GNTST_*. */
  status: s16,
  handle: grant_handle_t,
  dev_bus_addr: u64,
});

/** In: the first three. Out: status. */
export const gnttab_unmap_grant_ref = struct('gnttab_unmap_grant_ref', {
  host_addr: u64,
  dev_bus_addr: u64,
  handle: grant_handle_t,
  status: s16,
});

/** In: dom, nr_frames. Out: status, and the frames of the table into frame_list. */
export const gnttab_setup_table = struct('gnttab_setup_table', { dom: domid, nr_frames: u32, status: s16, frame_list: guestHandle });
export const gnttab_dump_table = struct('gnttab_dump_table', { dom: domid, status: s16 });

/** In: mfn, domid, ref. Out: status. */
export const gnttab_transfer = struct('gnttab_transfer', { mfn: ulong, domid, ref: grant_ref_t, status: s16 });

/** One end of a copy: a grant reference of `domid`, or a frame of the caller's. */
export const gnttab_copy_ptr = struct('gnttab_copy_ptr', {
  u: union({ ref: grant_ref_t, gmfn: ulong }),
  domid,
  /** Byte offset in the page. */
  offset: u16,
});
/** In: everything but status. `len` bytes, within one page at both ends. */
export const gnttab_copy = struct('gnttab_copy', { source: gnttab_copy_ptr, dest: gnttab_copy_ptr, len: u16, flags: u16, status: s16 });
/** Which ends of a copy are grant references. */
export const GNTCOPY_source_gref = 1;
export const GNTCOPY_dest_gref = 2;

/** In: dom. Out: the rest. */
export const gnttab_query_size = struct('gnttab_query_size', { dom: domid, nr_frames: u32, max_nr_frames: u32, status: s16 });

/** In: the first three. Out: status. */
export const gnttab_unmap_and_replace = struct('gnttab_unmap_and_replace', {
  host_addr: u64,
  new_addr: u64,
  handle: grant_handle_t,
  status: s16,
});

/** In: 1 or 2. Out: the version in force. */
export const gnttab_set_version = struct('gnttab_set_version', { version: u32 });

/** In: nr_frames, dom. Out: status, and the status frames into frame_list. */
export const gnttab_get_status_frames = struct('gnttab_get_status_frames', {
  nr_frames: u32,
  dom: domid,
  status: s16,
  frame_list: guestHandle,
});

/** In: dom. Out: version. */
export const gnttab_get_version = struct('gnttab_get_version', { dom: domid, pad: pad(2, 2), version: u32 });

/** In: the two references. Out: status. */
export const gnttab_swap_grant_ref = struct('gnttab_swap_grant_ref', { ref_a: grant_ref_t, ref_b: grant_ref_t, status: s16 });

/** In: all. Arm only in practice. */
export const gnttab_cache_flush = struct('gnttab_cache_flush', {
  a: union({ dev_bus_addr: u64, ref: grant_ref_t }),
  offset: u16,
  length: u16,
  /** GNTTAB_CACHE_*. */
  op: u32,
});
export const GNTTAB_CACHE_CLEAN = 1;
export const GNTTAB_CACHE_INVAL = 2;
export const GNTTAB_CACHE_SOURCE_GREF = 0x80000000;

/** Flags of map and unmap. */
export const GNTMAP_device_map = 1;
export const GNTMAP_host_map = 2;
export const GNTMAP_readonly = 4;
export const GNTMAP_application_map = 8;
export const GNTMAP_contains_pte = 0x10;
export const GNTMAP_guest_avail_mask = 0xffff0000;

/** Status of each element of a grant operation (the hypercall itself returns 0). */
export const GNTST_okay = 0;
export const GNTST_general_error = -1;
export const GNTST_bad_domain = -2;
export const GNTST_bad_gntref = -3;
export const GNTST_bad_handle = -4;
export const GNTST_bad_virt_addr = -5;
export const GNTST_bad_dev_addr = -6;
export const GNTST_no_device_space = -7;
export const GNTST_permission_denied = -8;
export const GNTST_bad_page = -9;
export const GNTST_bad_copy_arg = -10;
export const GNTST_address_too_big = -11;
export const GNTST_eagain = -12;
export const GNTST_no_space = -13;
