/**
 * hvm_op: calls of and about HVM and PVH guests.
 * @see xen/include/public/hvm/hvm_op.h
 */
import { array, domid, guestHandle, pad, s32, struct, u8, u16, u32, u64, u64n, union } from '../../../base/struct.ts';

/** hvm_op sub-operations. 2..4 moved to dm_op; 12 and 13 to memory_op. */
export const HVMOP_set_param = 0;
export const HVMOP_get_param = 1;
export const HVMOP_flush_tlbs = 5;
export const HVMOP_pagetable_dying = 9;
export const HVMOP_get_time = 10;
export const HVMOP_xentrace = 11;
export const HVMOP_set_mem_access = 12;
export const HVMOP_get_mem_access = 13;
export const HVMOP_get_mem_type = 15;
export const HVMOP_set_evtchn_upcall_vector = 23;
export const HVMOP_guest_request_vm_event = 24;
export const HVMOP_altp2m = 25;

/** In: domid, index; value in or out. */
export const xen_hvm_param = struct('xen_hvm_param', { domid, pad: pad(2, 2), index: u32, value: u64 });

/** In: the top page table of an address space that is going away. */
export const xen_hvm_pagetable_dying = struct('xen_hvm_pagetable_dying', { domid, pad: pad(6, 2), gpa: u64 });

/** Out: nanoseconds since boot. */
export const xen_hvm_get_time = struct('xen_hvm_get_time', { now: u64 });

/** In: a record for the trace buffer. */
export const xen_hvm_xentrace = struct('xen_hvm_xentrace', { event: u16, extra_bytes: u16, extra: array(u8, 28) });

/** In: domid, pfn. Out: HVMMEM_*. */
export const xen_hvm_get_mem_type = struct('xen_hvm_get_mem_type', { domid, mem_type: u16, pad: pad(4, 2), pfn: u64n });
/** hvmmem_type_t. */
export const HVMMEM_ram_rw = 0;
export const HVMMEM_ram_ro = 1;
export const HVMMEM_mmio_dm = 2;
export const HVMMEM_unused = 3;
export const HVMMEM_ioreq_server = 4;

/** In: interrupt vector (0x10..0xff) that tells `vcpu` of events, through its local APIC. */
export const xen_hvm_evtchn_upcall_vector = struct('xen_hvm_evtchn_upcall_vector', { vcpu: u32, vector: u8 });

/** Buffered ioreq page of an ioreq server: none, or how its pointers are updated. */
export const HVM_IOREQSRV_BUFIOREQ_OFF = 0;
export const HVM_IOREQSRV_BUFIOREQ_LEGACY = 1;
export const HVM_IOREQSRV_BUFIOREQ_ATOMIC = 2;

/** Alternate p2m views. */
export const HVMOP_ALTP2M_INTERFACE_VERSION = 1;
export const HVMOP_altp2m_get_domain_state = 1;
export const HVMOP_altp2m_set_domain_state = 2;
export const HVMOP_altp2m_vcpu_enable_notify = 3;
export const HVMOP_altp2m_create_p2m = 4;
export const HVMOP_altp2m_destroy_p2m = 5;
export const HVMOP_altp2m_switch_p2m = 6;
export const HVMOP_altp2m_set_mem_access = 7;
export const HVMOP_altp2m_change_gfn = 8;
export const HVMOP_altp2m_set_mem_access_multi = 9;
export const HVMOP_altp2m_set_suppress_ve = 10;
export const HVMOP_altp2m_get_suppress_ve = 11;
export const HVMOP_altp2m_get_mem_access = 12;
export const HVMOP_altp2m_vcpu_disable_notify = 13;
export const HVMOP_altp2m_get_p2m_idx = 14;
export const HVMOP_altp2m_set_suppress_ve_multi = 15;
export const HVMOP_altp2m_set_visibility = 16;
export const xen_hvm_altp2m_domain_state = struct('xen_hvm_altp2m_domain_state', { state: u8 });
export const xen_hvm_altp2m_vcpu_enable_notify = struct('xen_hvm_altp2m_vcpu_enable_notify', { vcpu_id: u32, pad: pad(4, 4), gfn: u64n });
export const xen_hvm_altp2m_vcpu_disable_notify = struct('xen_hvm_altp2m_vcpu_disable_notify', { vcpu_id: u32 });
export const xen_hvm_altp2m_view = struct('xen_hvm_altp2m_view', { view: u16, hvmmem_default_access: u16 });
export const xen_hvm_altp2m_mem_access = struct('xen_hvm_altp2m_mem_access', { view: u16, access: u16, pad: pad(4, 4), gfn: u64n });
export const xen_hvm_altp2m_set_mem_access_multi = struct('xen_hvm_altp2m_set_mem_access_multi', {
  view: u16,
  pad: pad(2, 2),
  nr: u32,
  opaque: u64,
  pfn_list: guestHandle,
  access_list: guestHandle,
});
export const xen_hvm_altp2m_change_gfn = struct('xen_hvm_altp2m_change_gfn', {
  view: u16,
  pad1: pad(2, 2),
  pad2: pad(4, 4),
  old_gfn: u64n,
  new_gfn: u64n,
});
export const xen_hvm_altp2m_suppress_ve = struct('xen_hvm_altp2m_suppress_ve', {
  view: u16,
  suppress_ve: u8,
  pad1: pad(1),
  pad2: pad(4, 4),
  gfn: u64n,
});
export const xen_hvm_altp2m_suppress_ve_multi = struct('xen_hvm_altp2m_suppress_ve_multi', {
  view: u16,
  suppress_ve: u8,
  pad1: pad(1),
  first_error: s32,
  first_gfn: u64n,
  last_gfn: u64n,
  first_error_gfn: u64n,
});
export const xen_hvm_altp2m_get_vcpu_p2m_idx = struct('xen_hvm_altp2m_get_vcpu_p2m_idx', { vcpu_id: u32, altp2m_idx: u16 });
export const xen_hvm_altp2m_set_visibility = struct('xen_hvm_altp2m_set_visibility', { altp2m_idx: u16, visible: u8, pad: pad(1) });
/** Argument of HVMOP_altp2m. */
export const xen_hvm_altp2m_op = struct('xen_hvm_altp2m_op', {
  version: u32,
  cmd: u32,
  domain: domid,
  pad1: pad(2, 2),
  pad2: pad(4, 4),
  u: union({
    domain_state: xen_hvm_altp2m_domain_state,
    enable_notify: xen_hvm_altp2m_vcpu_enable_notify,
    view: xen_hvm_altp2m_view,
    mem_access: xen_hvm_altp2m_mem_access,
    change_gfn: xen_hvm_altp2m_change_gfn,
    set_mem_access_multi: xen_hvm_altp2m_set_mem_access_multi,
    suppress_ve: xen_hvm_altp2m_suppress_ve,
    suppress_ve_multi: xen_hvm_altp2m_suppress_ve_multi,
    disable_notify: xen_hvm_altp2m_vcpu_disable_notify,
    get_vcpu_p2m_idx: xen_hvm_altp2m_get_vcpu_p2m_idx,
    set_visibility: xen_hvm_altp2m_set_visibility,
    pad: pad(64),
  }),
});
