/**
 * The heart of the public ABI: hypercall numbers, domain ids, virtual interrupts, the shared info page, PV start info.
 * @see xen/include/public/xen.h
 */
import { array, bytes, chars, domid, guestHandle, pad, s8, struct, u8, u32, u64, u64n, union } from '../../base/struct.ts';
import { arch_shared_info, arch_vcpu_info, XEN_LEGACY_MAX_VCPUS } from './arch-x86/xen.ts';

/** Hypercall numbers. 48 and up belong to the architecture; on x86 48 is mca, 49 paging_domctl_cont. */
export const __HYPERVISOR_set_trap_table = 0;
export const __HYPERVISOR_mmu_update = 1;
export const __HYPERVISOR_set_gdt = 2;
export const __HYPERVISOR_stack_switch = 3;
export const __HYPERVISOR_set_callbacks = 4;
export const __HYPERVISOR_fpu_taskswitch = 5;
export const __HYPERVISOR_sched_op_compat = 6;
export const __HYPERVISOR_platform_op = 7;
export const __HYPERVISOR_set_debugreg = 8;
export const __HYPERVISOR_get_debugreg = 9;
export const __HYPERVISOR_update_descriptor = 10;
export const __HYPERVISOR_memory_op = 12;
export const __HYPERVISOR_multicall = 13;
export const __HYPERVISOR_update_va_mapping = 14;
export const __HYPERVISOR_set_timer_op = 15;
export const __HYPERVISOR_event_channel_op_compat = 16;
export const __HYPERVISOR_xen_version = 17;
export const __HYPERVISOR_console_io = 18;
export const __HYPERVISOR_physdev_op_compat = 19;
export const __HYPERVISOR_grant_table_op = 20;
export const __HYPERVISOR_vm_assist = 21;
export const __HYPERVISOR_update_va_mapping_otherdomain = 22;
export const __HYPERVISOR_iret = 23;
export const __HYPERVISOR_vcpu_op = 24;
export const __HYPERVISOR_set_segment_base = 25;
export const __HYPERVISOR_mmuext_op = 26;
export const __HYPERVISOR_xsm_op = 27;
export const __HYPERVISOR_nmi_op = 28;
export const __HYPERVISOR_sched_op = 29;
export const __HYPERVISOR_callback_op = 30;
export const __HYPERVISOR_xenoprof_op = 31;
export const __HYPERVISOR_event_channel_op = 32;
export const __HYPERVISOR_physdev_op = 33;
export const __HYPERVISOR_hvm_op = 34;
export const __HYPERVISOR_sysctl = 35;
export const __HYPERVISOR_domctl = 36;
export const __HYPERVISOR_kexec_op = 37;
export const __HYPERVISOR_tmem_op = 38;
export const __HYPERVISOR_argo_op = 39;
export const __HYPERVISOR_xenpmu_op = 40;
export const __HYPERVISOR_dm_op = 41;
export const __HYPERVISOR_hypfs_op = 42;
export const __HYPERVISOR_arch_0 = 48;
export const __HYPERVISOR_arch_1 = 49;
export const __HYPERVISOR_arch_2 = 50;
export const __HYPERVISOR_arch_3 = 51;
export const __HYPERVISOR_arch_4 = 52;
export const __HYPERVISOR_arch_5 = 53;
export const __HYPERVISOR_arch_6 = 54;
export const __HYPERVISOR_arch_7 = 55;

/** Virtual interrupts. TIMER, DEBUG, XENOPROF and XENPMU are per vCPU, the others per domain. */
export const VIRQ_TIMER = 0;
export const VIRQ_DEBUG = 1;
export const VIRQ_CONSOLE = 2;
export const VIRQ_DOM_EXC = 3;
export const VIRQ_TBUF = 4;
export const VIRQ_DEBUGGER = 6;
export const VIRQ_XENOPROF = 7;
export const VIRQ_CON_RING = 8;
export const VIRQ_PCPU_STATE = 9;
export const VIRQ_MEM_EVENT = 10;
export const VIRQ_ARGO = 11;
export const VIRQ_ENOMEM = 12;
export const VIRQ_XENPMU = 13;
export const VIRQ_ARCH_0 = 16;
export const VIRQ_ARCH_1 = 17;
export const VIRQ_ARCH_2 = 18;
export const VIRQ_ARCH_3 = 19;
export const VIRQ_ARCH_4 = 20;
export const VIRQ_ARCH_5 = 21;
export const VIRQ_ARCH_6 = 22;
export const VIRQ_ARCH_7 = 23;
export const NR_VIRQS = 24;

/** mmu_update commands, in the low two bits of `ptr`. */
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;

/** mmuext_op commands. */
export const MMUEXT_PIN_L1_TABLE = 0;
export const MMUEXT_PIN_L2_TABLE = 1;
export const MMUEXT_PIN_L3_TABLE = 2;
export const MMUEXT_PIN_L4_TABLE = 3;
export const MMUEXT_UNPIN_TABLE = 4;
export const MMUEXT_NEW_BASEPTR = 5;
export const MMUEXT_TLB_FLUSH_LOCAL = 6;
export const MMUEXT_INVLPG_LOCAL = 7;
export const MMUEXT_TLB_FLUSH_MULTI = 8;
export const MMUEXT_INVLPG_MULTI = 9;
export const MMUEXT_TLB_FLUSH_ALL = 10;
export const MMUEXT_INVLPG_ALL = 11;
export const MMUEXT_FLUSH_CACHE = 12;
export const MMUEXT_SET_LDT = 13;
export const MMUEXT_NEW_USER_BASEPTR = 15;
export const MMUEXT_CLEAR_PAGE = 16;
export const MMUEXT_COPY_PAGE = 17;
export const MMUEXT_FLUSH_CACHE_GLOBAL = 18;
export const MMUEXT_MARK_SUPER = 19;
export const MMUEXT_UNMARK_SUPER = 20;
/** In: all. */
export const mmuext_op = struct('mmuext_op', {
  cmd: u32,
  arg1: union({ mfn: u64n, linear_addr: u64 }),
  arg2: union({ nr_ents: u32, vcpumask: guestHandle, src_mfn: u64n }),
});

/** Flush flags of update_va_mapping. */
export const UVMF_NONE = 0;
export const UVMF_TLB_FLUSH = 1;
export const UVMF_INVLPG = 2;
export const UVMF_FLUSHTYPE_MASK = 3;
export const UVMF_MULTI = 0;
export const UVMF_LOCAL = 0;
export const UVMF_ALL = 4;

/** console_io commands: (count, buffer). */
export const CONSOLEIO_write = 0;
export const CONSOLEIO_read = 1;

/** vm_assist commands and types. */
export const VMASST_CMD_enable = 0;
export const VMASST_CMD_disable = 1;
export const VMASST_TYPE_4gb_segments = 0;
export const VMASST_TYPE_4gb_segments_notify = 1;
export const VMASST_TYPE_writable_pagetables = 2;
export const VMASST_TYPE_pae_extended_cr3 = 3;
export const VMASST_TYPE_architectural_iopl = 4;
export const VMASST_TYPE_runstate_update_flag = 5;
export const VMASST_TYPE_m2p_strict = 32;

/** Domain ids with a meaning. 0x7ff5 (DOMID_ANY) came after 4.17. */
export const DOMID_FIRST_RESERVED = 0x7ff0;
export const DOMID_SELF = 0x7ff0;
export const DOMID_IO = 0x7ff1;
export const DOMID_XEN = 0x7ff2;
export const DOMID_COW = 0x7ff3;
export const DOMID_INVALID = 0x7ff4;
export const DOMID_IDLE = 0x7fff;
export const DOMID_MASK = 0x7fff;

/** In: all. */
export const mmu_update = struct('mmu_update', { ptr: u64, val: u64 });

/** In: op and args. Out: result. */
export const multicall_entry = struct('multicall_entry', { op: u64n, result: u64, args: array(u64, 6) });

/**
 * How to make system time from the TSC. Written by Xen; `version` is odd during an update.
 * time = system_time + (((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul >> 32), with a right shift for a negative tsc_shift.
 */
export const vcpu_time_info = struct('vcpu_time_info', {
  version: u32,
  pad0: pad(4, 4),
  tsc_timestamp: u64,
  /** Nanoseconds since boot at tsc_timestamp. */
  system_time: u64,
  tsc_to_system_mul: u32,
  tsc_shift: s8,
  /** XEN_PVCLOCK_*. */
  flags: u8,
  pad1: pad(2),
});
/** The TSC is the same on all vCPUs; the vCPU was stopped by its host. */
export const XEN_PVCLOCK_TSC_STABLE_BIT = 1;
export const XEN_PVCLOCK_GUEST_STOPPED = 2;

/** Per-vCPU part of the shared memory. */
export const vcpu_info = struct('vcpu_info', {
  /** Set by Xen, cleared by the guest before it looks for events. */
  evtchn_upcall_pending: u8,
  /** Written by the guest (PV: no upcalls while it is set). Cleared by Xen when the vCPU blocks. */
  evtchn_upcall_mask: u8,
  /** 2-level ABI: a bit per 64-bit word of evtchn_pending that has news. Set by Xen, cleared by the guest. */
  evtchn_pending_sel: u64,
  arch: arch_vcpu_info,
  /** Written by Xen. */
  time: vcpu_time_info,
});

/** The shared info page. */
export const shared_info = struct('shared_info', {
  vcpu_info: array(vcpu_info, XEN_LEGACY_MAX_VCPUS),
  /** 2-level ABI: a bit per port. Set by Xen, cleared by the guest. */
  evtchn_pending: array(u64, 64),
  /** 2-level ABI: a bit per port. Written by the guest only (Xen clears it in EVTCHNOP_unmask). */
  evtchn_mask: array(u64, 64),
  /** Wall clock at system time 0. Written by Xen; odd during an update. */
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  wc_sec_hi: u32,
  arch: arch_shared_info,
});

/** Longest command line of a PV guest, with its NUL. */
export const MAX_GUEST_CMDLINE = 1024;

/** What a PV guest finds at its start (PVH guests get hvm_start_info). Written by the domain builder. */
export const start_info = struct('start_info', {
  /** "xen-3.0-x86_64". */
  magic: chars(32),
  nr_pages: u64n,
  /** Machine address. */
  shared_info: u64,
  /** SIF_*. */
  flags: u32,
  store_mfn: u64n,
  store_evtchn: u32,
  console: union({
    domU: struct({ mfn: u64n, evtchn: u32 }),
    dom0: struct({ info_off: u32, info_size: u32 }),
  }),
  pt_base: u64,
  nr_pt_frames: u64n,
  mfn_list: u64,
  /** Virtual address, or pfn with SIF_MOD_START_PFN. */
  mod_start: u64,
  mod_len: u64n,
  cmd_line: chars(MAX_GUEST_CMDLINE),
  first_p2m_pfn: u64n,
  nr_p2m_frames: u64n,
});
/** Flags of start_info and hvm_start_info. */
export const SIF_PRIVILEGED = 1;
export const SIF_INITDOMAIN = 2;
export const SIF_MULTIBOOT_MOD = 4;
export const SIF_MOD_START_PFN = 8;
export const SIF_VIRT_P2M_4TOOLS = 0x10;
export const SIF_PM_MASK = 0xff00;

/** Multiboot module as a PV dom0 sees it. */
export const xen_multiboot_mod_list = struct('xen_multiboot_mod_list', { mod_start: u32, mod_end: u32, cmdline: u32, pad: u32 });

/** UUID of a domain. */
export const xen_domain_handle_t = bytes(16);

/** CPU or node map in tool calls: one bit each, in bytes. In: where and how many bits. */
export const xenctl_bitmap = struct('xenctl_bitmap', { bitmap: guestHandle, nr_bits: u32 });

/** Domain id field, under Xen's own name. */
export const domid_t = domid;
