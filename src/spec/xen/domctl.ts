/**
 * domctl: what a toolstack does to domains. In: cmd, interface_version, domain and the member of `u`; out: the same struct.
 * @see xen/include/public/domctl.h
 */
import { array, bytes, domid, guestHandle, pad, s32, s64, struct, u8, u16, u32, u64, u64n, union } from '../../base/struct.ts';
import { xen_arch_domainconfig } from './arch-x86/xen.ts';
import { hvm_vmce_vcpu } from './hvm/save.ts';
import { xen_domain_handle_t, xenctl_bitmap } from './xen.ts';

/** A call with another version is refused with EACCES. */
export const XEN_DOMCTL_INTERFACE_VERSION = 0x15;

/** Commands. */
export const XEN_DOMCTL_createdomain = 1;
export const XEN_DOMCTL_destroydomain = 2;
export const XEN_DOMCTL_pausedomain = 3;
export const XEN_DOMCTL_unpausedomain = 4;
export const XEN_DOMCTL_getdomaininfo = 5;
export const XEN_DOMCTL_setvcpuaffinity = 9;
export const XEN_DOMCTL_shadow_op = 10;
export const XEN_DOMCTL_max_mem = 11;
export const XEN_DOMCTL_setvcpucontext = 12;
export const XEN_DOMCTL_getvcpucontext = 13;
export const XEN_DOMCTL_getvcpuinfo = 14;
export const XEN_DOMCTL_max_vcpus = 15;
export const XEN_DOMCTL_scheduler_op = 16;
export const XEN_DOMCTL_setdomainhandle = 17;
export const XEN_DOMCTL_setdebugging = 18;
export const XEN_DOMCTL_irq_permission = 19;
export const XEN_DOMCTL_iomem_permission = 20;
export const XEN_DOMCTL_ioport_permission = 21;
export const XEN_DOMCTL_hypercall_init = 22;
export const XEN_DOMCTL_settimeoffset = 24;
export const XEN_DOMCTL_getvcpuaffinity = 25;
export const XEN_DOMCTL_real_mode_area = 26;
export const XEN_DOMCTL_resumedomain = 27;
export const XEN_DOMCTL_sendtrigger = 28;
export const XEN_DOMCTL_subscribe = 29;
export const XEN_DOMCTL_gethvmcontext = 33;
export const XEN_DOMCTL_sethvmcontext = 34;
export const XEN_DOMCTL_set_address_size = 35;
export const XEN_DOMCTL_get_address_size = 36;
export const XEN_DOMCTL_assign_device = 37;
export const XEN_DOMCTL_bind_pt_irq = 38;
export const XEN_DOMCTL_memory_mapping = 39;
export const XEN_DOMCTL_ioport_mapping = 40;
export const XEN_DOMCTL_set_ext_vcpucontext = 42;
export const XEN_DOMCTL_get_ext_vcpucontext = 43;
export const XEN_DOMCTL_set_opt_feature = 44;
export const XEN_DOMCTL_test_assign_device = 45;
export const XEN_DOMCTL_set_target = 46;
export const XEN_DOMCTL_deassign_device = 47;
export const XEN_DOMCTL_unbind_pt_irq = 48;
export const XEN_DOMCTL_get_device_group = 50;
export const XEN_DOMCTL_debug_op = 54;
export const XEN_DOMCTL_gethvmcontext_partial = 55;
export const XEN_DOMCTL_vm_event_op = 56;
export const XEN_DOMCTL_mem_sharing_op = 57;
export const XEN_DOMCTL_gettscinfo = 59;
export const XEN_DOMCTL_settscinfo = 60;
export const XEN_DOMCTL_getpageframeinfo3 = 61;
export const XEN_DOMCTL_setvcpuextstate = 62;
export const XEN_DOMCTL_getvcpuextstate = 63;
export const XEN_DOMCTL_set_access_required = 64;
export const XEN_DOMCTL_audit_p2m = 65;
export const XEN_DOMCTL_set_virq_handler = 66;
export const XEN_DOMCTL_set_broken_page_p2m = 67;
export const XEN_DOMCTL_setnodeaffinity = 68;
export const XEN_DOMCTL_getnodeaffinity = 69;
export const XEN_DOMCTL_cacheflush = 71;
export const XEN_DOMCTL_get_vcpu_msrs = 72;
export const XEN_DOMCTL_set_vcpu_msrs = 73;
export const XEN_DOMCTL_setvnumainfo = 74;
export const XEN_DOMCTL_psr_cmt_op = 75;
export const XEN_DOMCTL_monitor_op = 77;
export const XEN_DOMCTL_psr_alloc = 78;
export const XEN_DOMCTL_soft_reset = 79;
export const XEN_DOMCTL_vuart_op = 81;
export const XEN_DOMCTL_get_cpu_policy = 82;
export const XEN_DOMCTL_set_cpu_policy = 83;
export const XEN_DOMCTL_vmtrace_op = 84;
export const XEN_DOMCTL_get_paging_mempool_size = 85;
export const XEN_DOMCTL_set_paging_mempool_size = 86;
export const XEN_DOMCTL_gdbsx_guestmemio = 1000;
export const XEN_DOMCTL_gdbsx_pausevcpu = 1001;
export const XEN_DOMCTL_gdbsx_unpausevcpu = 1002;
export const XEN_DOMCTL_gdbsx_domstatus = 1003;

/** In: all. The new domain's id is `domain` of the call, or chosen when that is DOMID_FIRST_RESERVED or above, and returned there. */
export const xen_domctl_createdomain = struct('xen_domctl_createdomain', {
  ssidref: u32,
  /** UUID. */
  handle: xen_domain_handle_t,
  /** XEN_DOMCTL_CDF_*. */
  flags: u32,
  iommu_opts: u32,
  max_vcpus: u32,
  /** Highest port number. */
  max_evtchn_port: u32,
  /** Pages; negative means the default. */
  max_grant_frames: s32,
  max_maptrack_frames: s32,
  /** Highest grant table version, in the low 4 bits. */
  grant_opts: u32,
  /** Bytes per vCPU, 0 for none. */
  vmtrace_size: u32,
  cpupool_id: u32,
  arch: xen_arch_domainconfig,
});
/** Creation flags. */
export const XEN_DOMCTL_CDF_hvm = 1;
export const XEN_DOMCTL_CDF_hap = 2;
export const XEN_DOMCTL_CDF_s3_integrity = 4;
export const XEN_DOMCTL_CDF_oos_off = 8;
export const XEN_DOMCTL_CDF_xs_domain = 0x10;
export const XEN_DOMCTL_CDF_iommu = 0x20;
export const XEN_DOMCTL_CDF_nested_virt = 0x40;
export const XEN_DOMCTL_CDF_vpmu = 0x80;
export const XEN_DOMCTL_CDF_MAX = 128;
export const XEN_DOMCTL_IOMMU_no_sharept = 1;
export const XEN_DOMCTL_IOMMU_MAX = 1;
export const XEN_DOMCTL_GRANT_version_mask = 0xf;

/** Out: all. */
export const xen_domctl_getdomaininfo = struct('xen_domctl_getdomaininfo', {
  domain: domid,
  pad1: pad(2, 2),
  /** XEN_DOMINF_*. */
  flags: u32,
  tot_pages: u64n,
  max_pages: u64n,
  outstanding_pages: u64n,
  shr_pages: u64n,
  paged_pages: u64n,
  /** gfn. */
  shared_info_frame: u64n,
  /** Nanoseconds, all vCPUs together. */
  cpu_time: u64n,
  nr_online_vcpus: u32,
  max_vcpu_id: u32,
  ssidref: u32,
  handle: xen_domain_handle_t,
  cpupool: u32,
  /** Width of guest-physical addresses. */
  gpaddr_bits: u8,
  pad2: pad(7),
  arch_config: xen_arch_domainconfig,
});
/** State bits of a domain; the reason of a shutdown is in the bits above shutdownshift. */
export const XEN_DOMINF_dying = 1;
export const XEN_DOMINF_hvm_guest = 2;
export const XEN_DOMINF_shutdown = 4;
export const XEN_DOMINF_paused = 8;
export const XEN_DOMINF_blocked = 0x10;
export const XEN_DOMINF_running = 0x20;
export const XEN_DOMINF_debugged = 0x40;
export const XEN_DOMINF_xs_domain = 0x80;
export const XEN_DOMINF_hap = 0x100;
export const XEN_DOMINF_shutdownmask = 255;
export const XEN_DOMINF_shutdownshift = 16;
export const XEN_INVALID_MAX_VCPU_ID = 0xffffffff;

/** In: num, array of frame numbers; out: their types in the top bits. */
export const xen_domctl_getpageframeinfo3 = struct('xen_domctl_getpageframeinfo3', { num: u64n, array: guestHandle });
export const XEN_DOMCTL_PFINFO_LTAB_SHIFT = 28;
export const XEN_DOMCTL_PFINFO_NOTAB = 0;
export const XEN_DOMCTL_PFINFO_L1TAB = 0x10000000;
export const XEN_DOMCTL_PFINFO_L2TAB = 0x20000000;
export const XEN_DOMCTL_PFINFO_L3TAB = 0x30000000;
export const XEN_DOMCTL_PFINFO_L4TAB = 0x40000000;
export const XEN_DOMCTL_PFINFO_LTABTYPE_MASK = 0x70000000;
export const XEN_DOMCTL_PFINFO_LPINTAB = 0x80000000;
export const XEN_DOMCTL_PFINFO_XTAB = 0xf0000000;
export const XEN_DOMCTL_PFINFO_XALLOC = 0xe0000000;
export const XEN_DOMCTL_PFINFO_BROKEN = 0xd0000000;
export const XEN_DOMCTL_PFINFO_LTAB_MASK = 0xf0000000;

export const xen_domctl_shadow_op_stats = struct('xen_domctl_shadow_op_stats', { fault_count: u32, dirty_count: u32 });
/** Paging memory and log-dirty. In: op, mode, mb, dirty_bitmap, pages. Out: mb, pages, stats. */
export const xen_domctl_shadow_op = struct('xen_domctl_shadow_op', {
  op: u32,
  mode: u32,
  /** MiB, for GET and SET_ALLOCATION. */
  mb: u32,
  dirty_bitmap: guestHandle,
  pages: u64n,
  stats: xen_domctl_shadow_op_stats,
});
export const XEN_DOMCTL_SHADOW_OP_OFF = 0;
export const XEN_DOMCTL_SHADOW_OP_ENABLE = 32;
export const XEN_DOMCTL_SHADOW_OP_CLEAN = 11;
export const XEN_DOMCTL_SHADOW_OP_PEEK = 12;
export const XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION = 30;
export const XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION = 31;
export const XEN_DOMCTL_SHADOW_OP_ENABLE_TEST = 1;
export const XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY = 2;
export const XEN_DOMCTL_SHADOW_ENABLE_REFCOUNT = 2;
export const XEN_DOMCTL_SHADOW_ENABLE_LOG_DIRTY = 4;
export const XEN_DOMCTL_SHADOW_ENABLE_TRANSLATE = 8;
export const XEN_DOMCTL_SHADOW_ENABLE_EXTERNAL = 0x10;
export const XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL = 1;

/** In: KiB. */
export const xen_domctl_max_mem = struct('xen_domctl_max_mem', { max_memkb: u64n });

/** In: vcpu; ctxt points to a vcpu_guest_context that is read or written. */
export const xen_domctl_vcpucontext = struct('xen_domctl_vcpucontext', { vcpu: u32, ctxt: guestHandle });

/** In: vcpu. Out: the rest. */
export const xen_domctl_getvcpuinfo = struct('xen_domctl_getvcpuinfo', {
  vcpu: u32,
  online: u8,
  blocked: u8,
  running: u8,
  /** Nanoseconds. */
  cpu_time: u64n,
  /** pCPU. */
  cpu: u32,
});

export const xen_domctl_nodeaffinity = struct('xen_domctl_nodeaffinity', { nodemap: xenctl_bitmap });

/** In: vcpu, flags. In and out: the maps. */
export const xen_domctl_vcpuaffinity = struct('xen_domctl_vcpuaffinity', {
  vcpu: u32,
  flags: u32,
  cpumap_hard: xenctl_bitmap,
  cpumap_soft: xenctl_bitmap,
});
export const XEN_VCPUAFFINITY_HARD = 1;
export const XEN_VCPUAFFINITY_SOFT = 2;
export const XEN_VCPUAFFINITY_FORCE = 4;

/** In: number of vCPUs to allocate; once, before the first run. */
export const xen_domctl_max_vcpus = struct('xen_domctl_max_vcpus', { max: u32 });

/** Scheduler ids. */
export const XEN_SCHEDULER_CREDIT = 5;
export const XEN_SCHEDULER_CREDIT2 = 6;
export const XEN_SCHEDULER_ARINC653 = 7;
export const XEN_SCHEDULER_RTDS = 8;
export const XEN_SCHEDULER_NULL = 9;
export const xen_domctl_sched_credit = struct('xen_domctl_sched_credit', { weight: u16, cap: u16 });
export const xen_domctl_sched_credit2 = struct('xen_domctl_sched_credit2', { weight: u16, cap: u16 });
/** Microseconds. */
export const xen_domctl_sched_rtds = struct('xen_domctl_sched_rtds', { period: u32, budget: u32, flags: u32 });
export const XEN_DOMCTL_SCHEDRT_extra = 1;
export const xen_domctl_schedparam_vcpu = struct('xen_domctl_schedparam_vcpu', {
  u: union({ credit: xen_domctl_sched_credit, credit2: xen_domctl_sched_credit2, rtds: xen_domctl_sched_rtds }),
  vcpuid: u32,
});
/** In: sched_id, cmd, and what is put. Out: what is got. */
export const xen_domctl_scheduler_op = struct('xen_domctl_scheduler_op', {
  sched_id: u32,
  cmd: u32,
  u: union({
    credit: xen_domctl_sched_credit,
    credit2: xen_domctl_sched_credit2,
    rtds: xen_domctl_sched_rtds,
    v: struct({ vcpus: guestHandle, nr_vcpus: u32, padding: u32 }),
  }),
});
export const XEN_DOMCTL_SCHEDOP_putinfo = 0;
export const XEN_DOMCTL_SCHEDOP_getinfo = 1;
export const XEN_DOMCTL_SCHEDOP_putvcpuinfo = 2;
export const XEN_DOMCTL_SCHEDOP_getvcpuinfo = 3;

export const xen_domctl_setdomainhandle = struct('xen_domctl_setdomainhandle', { handle: xen_domain_handle_t });
export const xen_domctl_setdebugging = struct('xen_domctl_setdebugging', { enable: u8 });
export const xen_domctl_irq_permission = struct('xen_domctl_irq_permission', { pirq: u32, allow_access: u8, pad: pad(3) });
export const xen_domctl_iomem_permission = struct('xen_domctl_iomem_permission', { first_mfn: u64n, nr_mfns: u64n, allow_access: u8 });
export const xen_domctl_ioport_permission = struct('xen_domctl_ioport_permission', { first_port: u32, nr_ports: u32, allow_access: u8 });
export const xen_domctl_hypercall_init = struct('xen_domctl_hypercall_init', { gmfn: u64n });
export const xen_domctl_settimeoffset = struct('xen_domctl_settimeoffset', { time_offset_seconds: s64 });

/** In and out: bytes of buffer; a null buffer asks for the size. */
export const xen_domctl_hvmcontext = struct('xen_domctl_hvmcontext', { size: u32, buffer: guestHandle });

/** 32 or 64: word size of a PV guest. */
export const xen_domctl_address_size = struct('xen_domctl_address_size', { size: u32 });

export const xen_domctl_sendtrigger = struct('xen_domctl_sendtrigger', { trigger: u32, vcpu: u32 });
export const XEN_DOMCTL_SENDTRIGGER_NMI = 0;
export const XEN_DOMCTL_SENDTRIGGER_RESET = 1;
export const XEN_DOMCTL_SENDTRIGGER_INIT = 2;
export const XEN_DOMCTL_SENDTRIGGER_POWER = 3;
export const XEN_DOMCTL_SENDTRIGGER_SLEEP = 4;

export const xen_domctl_assign_device = struct('xen_domctl_assign_device', {
  dev: u32,
  flags: u32,
  u: union({ pci: struct({ machine_sbdf: u32 }), dt: struct({ size: u32, path: guestHandle }) }),
});
export const XEN_DOMCTL_DEV_PCI = 0;
export const XEN_DOMCTL_DEV_DT = 1;
export const XEN_DOMCTL_DEV_RDM_RELAXED = 1;
export const xen_domctl_get_device_group = struct('xen_domctl_get_device_group', {
  machine_sbdf: u32,
  max_sdevs: u32,
  num_sdevs: u32,
  sdev_array: guestHandle,
});
export const xen_domctl_bind_pt_irq = struct('xen_domctl_bind_pt_irq', {
  machine_irq: u32,
  irq_type: u32,
  u: union({
    isa: struct({ isa_irq: u8 }),
    pci: struct({ bus: u8, device: u8, intx: u8 }),
    msi: struct({ gvec: u8, gflags: u32, gtable: u64 }),
    spi: struct({ spi: u16 }),
  }),
});
export const XEN_DOMCTL_VMSI_X86_DEST_ID_MASK = 0xff;
export const XEN_DOMCTL_VMSI_X86_RH_MASK = 0x100;
export const XEN_DOMCTL_VMSI_X86_DM_MASK = 0x200;
export const XEN_DOMCTL_VMSI_X86_DELIV_MASK = 0x7000;
export const XEN_DOMCTL_VMSI_X86_TRIG_MASK = 0x8000;
export const XEN_DOMCTL_VMSI_X86_UNMASKED = 0x10000;
export const xen_domctl_memory_mapping = struct('xen_domctl_memory_mapping', {
  first_gfn: u64n,
  first_mfn: u64n,
  nr_mfns: u64n,
  add_mapping: u32,
  padding: u32,
});
export const DPCI_ADD_MAPPING = 1;
export const DPCI_REMOVE_MAPPING = 0;
export const xen_domctl_ioport_mapping = struct('xen_domctl_ioport_mapping', {
  first_gport: u32,
  first_mport: u32,
  nr_ports: u32,
  add_mapping: u32,
});

/** Caching types, as in MTRRs and the PAT. */
export const XEN_DOMCTL_MEM_CACHEATTR_UC = 0;
export const XEN_DOMCTL_MEM_CACHEATTR_WC = 1;
export const XEN_DOMCTL_MEM_CACHEATTR_WT = 4;
export const XEN_DOMCTL_MEM_CACHEATTR_WP = 5;
export const XEN_DOMCTL_MEM_CACHEATTR_WB = 6;
export const XEN_DOMCTL_MEM_CACHEATTR_UCM = 7;
export const XEN_DOMCTL_DELETE_MEM_CACHEATTR = 0xffffffff;

/** Callbacks of PV guests that vcpu_guest_context has no room for. */
export const xen_domctl_ext_vcpucontext = struct('xen_domctl_ext_vcpucontext', {
  vcpu: u32,
  size: u32,
  syscall32_callback_eip: u64,
  sysenter_callback_eip: u64,
  syscall32_callback_cs: u16,
  sysenter_callback_cs: u16,
  syscall32_disables_events: u8,
  sysenter_disables_events: u8,
  vmce: hvm_vmce_vcpu,
});

export const xen_domctl_set_target = struct('xen_domctl_set_target', { target: domid });

/** In and out: counts and lists of xen_cpuid_leaf and xen_msr_entry. Out of set: what was refused. */
export const xen_domctl_cpu_policy = struct('xen_domctl_cpu_policy', {
  nr_leaves: u32,
  nr_msrs: u32,
  leaves: guestHandle,
  msrs: guestHandle,
  err_leaf: u32,
  err_subleaf: u32,
  err_msr: u32,
});
export const XEN_CPUID_INPUT_UNUSED = 0xffffffff;

export const xen_domctl_subscribe = struct('xen_domctl_subscribe', { port: u32 });
export const xen_domctl_debug_op = struct('xen_domctl_debug_op', { op: u32, vcpu: u32 });
export const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF = 0;
export const XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON = 1;

/** One record of the save format. In: all; the buffer is written. */
export const xen_domctl_hvmcontext_partial = struct('xen_domctl_hvmcontext_partial', {
  type: u32,
  instance: u32,
  bufsz: u64n,
  buffer: guestHandle,
});

export const xen_domctl_tsc_info = struct('xen_domctl_tsc_info', {
  tsc_mode: u32,
  gtsc_khz: u32,
  incarnation: u32,
  pad: u32,
  elapsed_nsec: u64,
});

/** Debugger access to guest memory. In: all but remain. */
export const xen_domctl_gdbsx_memio = struct('xen_domctl_gdbsx_memio', {
  pgd3val: u64,
  gva: u64,
  uva: u64,
  len: u32,
  gwr: u8,
  remain: u32,
});
export const xen_domctl_gdbsx_pauseunp_vcpu = struct('xen_domctl_gdbsx_pauseunp_vcpu', { vcpu: u32 });
/** Out: all. */
export const xen_domctl_gdbsx_domstatus = struct('xen_domctl_gdbsx_domstatus', { paused: u8, vcpu_id: u32, vcpu_ev: u32 });

export const xen_domctl_vm_event_op = struct('xen_domctl_vm_event_op', {
  op: u32,
  mode: u32,
  u: union({ enable: struct({ port: u32 }), version: u32 }),
});
export const XEN_VM_EVENT_ENABLE = 0;
export const XEN_VM_EVENT_DISABLE = 1;
export const XEN_VM_EVENT_RESUME = 2;
export const XEN_VM_EVENT_GET_VERSION = 3;
export const XEN_DOMCTL_VM_EVENT_OP_PAGING = 1;
export const XEN_DOMCTL_VM_EVENT_OP_MONITOR = 2;
export const XEN_DOMCTL_VM_EVENT_OP_SHARING = 3;

export const xen_domctl_mem_sharing_op = struct('xen_domctl_mem_sharing_op', { op: u8, u: union({ enable: u8 }) });
export const XEN_DOMCTL_MEM_SHARING_CONTROL = 0;

/** Out: error counts. */
export const xen_domctl_audit_p2m = struct('xen_domctl_audit_p2m', { orphans: u64n, m2p_bad: u64n, p2m_bad: u64n });
/** In: global virq that the domain gets from now on. */
export const xen_domctl_set_virq_handler = struct('xen_domctl_set_virq_handler', { virq: u32 });

/** XSAVE state of a vCPU. In: vcpu, size, buffer. Out: xfeature_mask, size. */
export const xen_domctl_vcpuextstate = struct('xen_domctl_vcpuextstate', {
  vcpu: u32,
  xfeature_mask: u64,
  size: u64n,
  buffer: guestHandle,
});

export const xen_domctl_set_access_required = struct('xen_domctl_set_access_required', { access_required: u8 });
export const xen_domctl_set_broken_page_p2m = struct('xen_domctl_set_broken_page_p2m', { pfn: u64n });
export const xen_domctl_cacheflush = struct('xen_domctl_cacheflush', { start_pfn: u64n, nr_pfns: u64n });
/** Bytes, multiple of a page. */
export const xen_domctl_paging_mempool = struct('xen_domctl_paging_mempool', { size: u64n });

export const xen_domctl_vcpu_msr = struct('xen_domctl_vcpu_msr', { index: u32, reserved: u32, value: u64 });
export const xen_domctl_vcpu_msrs = struct('xen_domctl_vcpu_msrs', { vcpu: u32, msr_count: u32, msrs: guestHandle });

/** Virtual NUMA. In: all. */
export const xen_domctl_vnuma = struct('xen_domctl_vnuma', {
  nr_vnodes: u32,
  nr_vmemranges: u32,
  nr_vcpus: u32,
  pad: u32,
  vdistance: guestHandle,
  vcpu_to_vnode: guestHandle,
  vnode_to_pnode: guestHandle,
  vmemrange: guestHandle,
});

export const xen_domctl_psr_cmt_op = struct('xen_domctl_psr_cmt_op', { cmd: u32, data: u32 });
export const XEN_DOMCTL_PSR_CMT_OP_DETACH = 0;
export const XEN_DOMCTL_PSR_CMT_OP_ATTACH = 1;
export const XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID = 2;
export const xen_domctl_psr_alloc = struct('xen_domctl_psr_alloc', { cmd: u32, target: u32, data: u64 });
export const XEN_DOMCTL_PSR_SET_L3_CBM = 0;
export const XEN_DOMCTL_PSR_GET_L3_CBM = 1;
export const XEN_DOMCTL_PSR_SET_L3_CODE = 2;
export const XEN_DOMCTL_PSR_SET_L3_DATA = 3;
export const XEN_DOMCTL_PSR_GET_L3_CODE = 4;
export const XEN_DOMCTL_PSR_GET_L3_DATA = 5;
export const XEN_DOMCTL_PSR_SET_L2_CBM = 6;
export const XEN_DOMCTL_PSR_GET_L2_CBM = 7;
export const XEN_DOMCTL_PSR_SET_MBA_THRTL = 8;
export const XEN_DOMCTL_PSR_GET_MBA_THRTL = 9;

/** Which events of a guest are reported to a monitor. In: op, event, u. Out: event, for GET_CAPABILITIES. */
export const xen_domctl_monitor_op = struct('xen_domctl_monitor_op', {
  op: u32,
  event: u32,
  u: union({
    mov_to_cr: struct({ index: u8, sync: u8, onchangeonly: u8, pad1: pad(1), pad2: pad(4, 4), bitmask: u64 }),
    mov_to_msr: struct({ msr: u32, onchangeonly: u8 }),
    guest_request: struct({ sync: u8, allow_userspace: u8 }),
    debug_exception: struct({ sync: u8 }),
    vmexit: struct({ sync: u8 }),
  }),
});
export const XEN_DOMCTL_MONITOR_OP_ENABLE = 0;
export const XEN_DOMCTL_MONITOR_OP_DISABLE = 1;
export const XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES = 2;
export const XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP = 3;
export const XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS = 4;
export const XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG = 0;
export const XEN_DOMCTL_MONITOR_EVENT_MOV_TO_MSR = 1;
export const XEN_DOMCTL_MONITOR_EVENT_SINGLESTEP = 2;
export const XEN_DOMCTL_MONITOR_EVENT_SOFTWARE_BREAKPOINT = 3;
export const XEN_DOMCTL_MONITOR_EVENT_GUEST_REQUEST = 4;
export const XEN_DOMCTL_MONITOR_EVENT_DEBUG_EXCEPTION = 5;
export const XEN_DOMCTL_MONITOR_EVENT_CPUID = 6;
export const XEN_DOMCTL_MONITOR_EVENT_PRIVILEGED_CALL = 7;
export const XEN_DOMCTL_MONITOR_EVENT_INTERRUPT = 8;
export const XEN_DOMCTL_MONITOR_EVENT_DESC_ACCESS = 9;
export const XEN_DOMCTL_MONITOR_EVENT_EMUL_UNIMPLEMENTED = 10;
export const XEN_DOMCTL_MONITOR_EVENT_INGUEST_PAGEFAULT = 11;
export const XEN_DOMCTL_MONITOR_EVENT_VMEXIT = 12;

export const xen_domctl_vuart_op = struct('xen_domctl_vuart_op', {
  cmd: u32,
  type: u32,
  gfn: u64n,
  console_domid: domid,
  pad: pad(2),
  evtchn: u32,
});
export const XEN_DOMCTL_VUART_OP_INIT = 0;
export const XEN_DOMCTL_VUART_TYPE_VPL011 = 0;

/** In: cmd, vcpu, key, value. Out: value. */
export const xen_domctl_vmtrace_op = struct('xen_domctl_vmtrace_op', { cmd: u32, vcpu: u32, key: u64, value: u64 });
export const XEN_DOMCTL_vmtrace_enable = 1;
export const XEN_DOMCTL_vmtrace_disable = 2;
export const XEN_DOMCTL_vmtrace_reset_and_enable = 3;
export const XEN_DOMCTL_vmtrace_output_position = 4;
export const XEN_DOMCTL_vmtrace_get_option = 5;
export const XEN_DOMCTL_vmtrace_set_option = 6;

/** Argument of the hypercall. */
export const xen_domctl = struct('xen_domctl', {
  cmd: u32,
  interface_version: u32,
  domain: domid,
  _pad: array(u16, 3),
  u: union({
    createdomain: xen_domctl_createdomain,
    getdomaininfo: xen_domctl_getdomaininfo,
    getpageframeinfo3: xen_domctl_getpageframeinfo3,
    nodeaffinity: xen_domctl_nodeaffinity,
    vcpuaffinity: xen_domctl_vcpuaffinity,
    shadow_op: xen_domctl_shadow_op,
    max_mem: xen_domctl_max_mem,
    vcpucontext: xen_domctl_vcpucontext,
    getvcpuinfo: xen_domctl_getvcpuinfo,
    max_vcpus: xen_domctl_max_vcpus,
    scheduler_op: xen_domctl_scheduler_op,
    setdomainhandle: xen_domctl_setdomainhandle,
    setdebugging: xen_domctl_setdebugging,
    irq_permission: xen_domctl_irq_permission,
    iomem_permission: xen_domctl_iomem_permission,
    ioport_permission: xen_domctl_ioport_permission,
    hypercall_init: xen_domctl_hypercall_init,
    settimeoffset: xen_domctl_settimeoffset,
    tsc_info: xen_domctl_tsc_info,
    hvmcontext: xen_domctl_hvmcontext,
    hvmcontext_partial: xen_domctl_hvmcontext_partial,
    address_size: xen_domctl_address_size,
    sendtrigger: xen_domctl_sendtrigger,
    get_device_group: xen_domctl_get_device_group,
    assign_device: xen_domctl_assign_device,
    bind_pt_irq: xen_domctl_bind_pt_irq,
    memory_mapping: xen_domctl_memory_mapping,
    ioport_mapping: xen_domctl_ioport_mapping,
    ext_vcpucontext: xen_domctl_ext_vcpucontext,
    set_target: xen_domctl_set_target,
    subscribe: xen_domctl_subscribe,
    debug_op: xen_domctl_debug_op,
    vm_event_op: xen_domctl_vm_event_op,
    mem_sharing_op: xen_domctl_mem_sharing_op,
    cpu_policy: xen_domctl_cpu_policy,
    vcpuextstate: xen_domctl_vcpuextstate,
    vcpu_msrs: xen_domctl_vcpu_msrs,
    access_required: xen_domctl_set_access_required,
    audit_p2m: xen_domctl_audit_p2m,
    set_virq_handler: xen_domctl_set_virq_handler,
    gdbsx_guest_memio: xen_domctl_gdbsx_memio,
    set_broken_page_p2m: xen_domctl_set_broken_page_p2m,
    cacheflush: xen_domctl_cacheflush,
    gdbsx_pauseunp_vcpu: xen_domctl_gdbsx_pauseunp_vcpu,
    gdbsx_domstatus: xen_domctl_gdbsx_domstatus,
    vnuma: xen_domctl_vnuma,
    psr_cmt_op: xen_domctl_psr_cmt_op,
    monitor_op: xen_domctl_monitor_op,
    psr_alloc: xen_domctl_psr_alloc,
    vuart_op: xen_domctl_vuart_op,
    vmtrace_op: xen_domctl_vmtrace_op,
    paging_mempool: xen_domctl_paging_mempool,
    pad: bytes(128),
  }),
});
