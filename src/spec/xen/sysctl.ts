/**
 * sysctl: what a toolstack asks of and does to the whole machine. In: cmd, interface_version and the member of `u`; out: the same struct.
 * @see xen/include/public/sysctl.h
 */
import { array, bytes, chars, domid, guestHandle, pad, s32, struct, u8, u16, u32, u64, u64n, union } from '../../base/struct.ts';
import { xen_domain_handle_t, xenctl_bitmap } from './xen.ts';

/** A call with another version is refused with EACCES. */
export const XEN_SYSCTL_INTERFACE_VERSION = 0x15;

/** Commands. */
export const XEN_SYSCTL_readconsole = 1;
export const XEN_SYSCTL_tbuf_op = 2;
export const XEN_SYSCTL_physinfo = 3;
export const XEN_SYSCTL_sched_id = 4;
export const XEN_SYSCTL_perfc_op = 5;
export const XEN_SYSCTL_getdomaininfolist = 6;
export const XEN_SYSCTL_debug_keys = 7;
export const XEN_SYSCTL_getcpuinfo = 8;
export const XEN_SYSCTL_availheap = 9;
export const XEN_SYSCTL_get_pmstat = 10;
export const XEN_SYSCTL_cpu_hotplug = 11;
export const XEN_SYSCTL_pm_op = 12;
export const XEN_SYSCTL_page_offline_op = 14;
export const XEN_SYSCTL_lockprof_op = 15;
export const XEN_SYSCTL_cputopoinfo = 16;
export const XEN_SYSCTL_numainfo = 17;
export const XEN_SYSCTL_cpupool_op = 18;
export const XEN_SYSCTL_scheduler_op = 19;
export const XEN_SYSCTL_coverage_op = 20;
export const XEN_SYSCTL_psr_cmt_op = 21;
export const XEN_SYSCTL_pcitopoinfo = 22;
export const XEN_SYSCTL_psr_alloc = 23;
export const XEN_SYSCTL_get_cpu_levelling_caps = 25;
export const XEN_SYSCTL_get_cpu_featureset = 26;
export const XEN_SYSCTL_livepatch_op = 27;
export const XEN_SYSCTL_get_cpu_policy = 29;

/** The hypervisor's log. In: all. Out: index, count. */
export const xen_sysctl_readconsole = struct('xen_sysctl_readconsole', {
  clear: u8,
  incremental: u8,
  pad0: pad(1),
  pad1: pad(1),
  index: u32,
  buffer: guestHandle,
  count: u32,
});

/** Trace buffers. In: cmd and its arguments. Out: buffer_mfn, size. */
export const xen_sysctl_tbuf_op = struct('xen_sysctl_tbuf_op', {
  cmd: u32,
  cpu_mask: xenctl_bitmap,
  evt_mask: u32,
  buffer_mfn: u64n,
  size: u32,
});
export const XEN_SYSCTL_TBUFOP_get_info = 0;
export const XEN_SYSCTL_TBUFOP_set_cpu_mask = 1;
export const XEN_SYSCTL_TBUFOP_set_evt_mask = 2;
export const XEN_SYSCTL_TBUFOP_set_size = 3;
export const XEN_SYSCTL_TBUFOP_enable = 4;
export const XEN_SYSCTL_TBUFOP_disable = 5;

/** Out: all. */
export const xen_sysctl_physinfo = struct('xen_sysctl_physinfo', {
  threads_per_core: u32,
  cores_per_socket: u32,
  nr_cpus: u32,
  max_cpu_id: u32,
  nr_nodes: u32,
  max_node_id: u32,
  cpu_khz: u32,
  /** XEN_SYSCTL_PHYSCAP_*. */
  capabilities: u32,
  arch_capabilities: u32,
  pad: u32,
  total_pages: u64n,
  free_pages: u64n,
  scrub_pages: u64n,
  outstanding_pages: u64n,
  max_mfn: u64n,
  /** CPUID feature words. */
  hw_cap: array(u32, 8),
});
export const XEN_SYSCTL_PHYSCAP_hvm = 1;
export const XEN_SYSCTL_PHYSCAP_pv = 2;
export const XEN_SYSCTL_PHYSCAP_directio = 4;
export const XEN_SYSCTL_PHYSCAP_hap = 8;
export const XEN_SYSCTL_PHYSCAP_shadow = 0x10;
export const XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share = 0x20;
export const XEN_SYSCTL_PHYSCAP_vmtrace = 0x40;
export const XEN_SYSCTL_PHYSCAP_vpmu = 0x80;
export const XEN_SYSCTL_PHYSCAP_gnttab_v1 = 0x100;
export const XEN_SYSCTL_PHYSCAP_gnttab_v2 = 0x200;
export const XEN_SYSCTL_PHYSCAP_MAX = 512;

/** Out: XEN_SCHEDULER_*. */
export const xen_sysctl_sched_id = struct('xen_sysctl_sched_id', { sched_id: u32 });

export const xen_sysctl_perfc_desc = struct('xen_sysctl_perfc_desc', { name: chars(80), nr_vals: u32 });
export const xen_sysctl_perfc_op = struct('xen_sysctl_perfc_op', {
  cmd: u32,
  nr_counters: u32,
  nr_vals: u32,
  desc: guestHandle,
  val: guestHandle,
});
export const XEN_SYSCTL_PERFCOP_reset = 1;
export const XEN_SYSCTL_PERFCOP_query = 2;

/** In: the first three; buffer receives xen_domctl_getdomaininfo. Out: num_domains. */
export const xen_sysctl_getdomaininfolist = struct('xen_sysctl_getdomaininfolist', {
  first_domain: domid,
  max_domains: u32,
  buffer: guestHandle,
  num_domains: u32,
});

export const xen_sysctl_debug_keys = struct('xen_sysctl_debug_keys', { keys: guestHandle, nr_keys: u32 });

/** Nanoseconds. */
export const xen_sysctl_cpuinfo = struct('xen_sysctl_cpuinfo', { idletime: u64n });
/** In: max_cpus; info receives xen_sysctl_cpuinfo. Out: nr_cpus. */
export const xen_sysctl_getcpuinfo = struct('xen_sysctl_getcpuinfo', { max_cpus: u32, info: guestHandle, nr_cpus: u32 });

export const xen_sysctl_availheap = struct('xen_sysctl_availheap', {
  min_bitwidth: u32,
  max_bitwidth: u32,
  node: s32,
  avail_bytes: u64n,
});

export const pm_px_val = struct('pm_px_val', { freq: u64, residency: u64, count: u64 });
export const pm_px_stat = struct('pm_px_stat', { total: u8, usable: u8, last: u8, cur: u8, trans_pt: guestHandle, pt: guestHandle });
export const pm_cx_stat = struct('pm_cx_stat', {
  nr: u32,
  last: u32,
  idle_time: u64,
  triggers: guestHandle,
  residencies: guestHandle,
  nr_pc: u32,
  nr_cc: u32,
  pc: guestHandle,
  cc: guestHandle,
});
export const xen_sysctl_get_pmstat = struct('xen_sysctl_get_pmstat', {
  type: u32,
  cpuid: u32,
  u: union({ getpx: pm_px_stat, getcx: pm_cx_stat }),
});
export const PMSTAT_CATEGORY_MASK = 0xf0;
export const PMSTAT_PX = 0x10;
export const PMSTAT_CX = 0x20;
export const PMSTAT_get_max_px = 0x11;
export const PMSTAT_get_pxstat = 0x12;
export const PMSTAT_reset_pxstat = 0x13;
export const PMSTAT_get_max_cx = 0x21;
export const PMSTAT_get_cxstat = 0x22;
export const PMSTAT_reset_cxstat = 0x23;

export const xen_sysctl_cpu_hotplug = struct('xen_sysctl_cpu_hotplug', { cpu: u32, op: u32 });
export const XEN_SYSCTL_CPU_HOTPLUG_ONLINE = 0;
export const XEN_SYSCTL_CPU_HOTPLUG_OFFLINE = 1;
export const XEN_SYSCTL_CPU_HOTPLUG_SMT_ENABLE = 2;
export const XEN_SYSCTL_CPU_HOTPLUG_SMT_DISABLE = 3;

/** Frequency control. */
export const CPUFREQ_NAME_LEN = 16;
export const xen_userspace = struct('xen_userspace', { scaling_setspeed: u32 });
export const xen_ondemand = struct('xen_ondemand', {
  sampling_rate_max: u32,
  sampling_rate_min: u32,
  sampling_rate: u32,
  up_threshold: u32,
});
export const xen_get_cpufreq_para = struct('xen_get_cpufreq_para', {
  cpu_num: u32,
  freq_num: u32,
  gov_num: u32,
  affected_cpus: guestHandle,
  scaling_available_frequencies: guestHandle,
  scaling_available_governors: guestHandle,
  scaling_driver: chars(CPUFREQ_NAME_LEN),
  cpuinfo_cur_freq: u32,
  cpuinfo_max_freq: u32,
  cpuinfo_min_freq: u32,
  scaling_cur_freq: u32,
  scaling_governor: chars(CPUFREQ_NAME_LEN),
  scaling_max_freq: u32,
  scaling_min_freq: u32,
  u: union({ userspace: xen_userspace, ondemand: xen_ondemand }),
  turbo_enabled: s32,
});
export const xen_set_cpufreq_gov = struct('xen_set_cpufreq_gov', { scaling_governor: chars(CPUFREQ_NAME_LEN) });
export const xen_set_cpufreq_para = struct('xen_set_cpufreq_para', { ctrl_type: u32, ctrl_value: u32 });
export const xen_sysctl_pm_op = struct('xen_sysctl_pm_op', {
  cmd: u32,
  cpuid: u32,
  u: union({
    get_para: xen_get_cpufreq_para,
    set_gov: xen_set_cpufreq_gov,
    set_para: xen_set_cpufreq_para,
    get_avgfreq: u64,
    set_sched_opt_smt: u32,
    get_max_cstate: u32,
    set_max_cstate: u32,
  }),
});
export const SCALING_MAX_FREQ = 1;
export const SCALING_MIN_FREQ = 2;
export const SCALING_SETSPEED = 3;
export const SAMPLING_RATE = 4;
export const UP_THRESHOLD = 5;
export const PM_PARA_CATEGORY_MASK = 0xf0;
export const CPUFREQ_PARA = 0x10;
export const GET_CPUFREQ_PARA = 0x11;
export const SET_CPUFREQ_GOV = 0x12;
export const SET_CPUFREQ_PARA = 0x13;
export const GET_CPUFREQ_AVGFREQ = 0x14;
export const XEN_SYSCTL_pm_op_set_sched_opt_smt = 0x21;
export const XEN_SYSCTL_pm_op_get_max_cstate = 0x22;
export const XEN_SYSCTL_pm_op_set_max_cstate = 0x23;
export const XEN_SYSCTL_pm_op_set_vcpu_migration_delay = 0x24;
export const XEN_SYSCTL_pm_op_get_vcpu_migration_delay = 0x25;
export const XEN_SYSCTL_pm_op_enable_turbo = 0x26;
export const XEN_SYSCTL_pm_op_disable_turbo = 0x27;
export const XEN_SYSCTL_CX_UNLIMITED = 0xffffffff;

export const xen_sysctl_page_offline_op = struct('xen_sysctl_page_offline_op', { cmd: u32, start: u32, end: u32, status: guestHandle });
export const sysctl_page_offline = 1;
export const sysctl_page_online = 2;
export const sysctl_query_page_offline = 3;
export const PG_OFFLINE_STATUS_MASK = 0xff;
export const PG_OFFLINE_INVALID = 1;
export const PG_OFFLINE_OFFLINED = 2;
export const PG_OFFLINE_PENDING = 4;
export const PG_OFFLINE_FAILED = 8;
export const PG_OFFLINE_AGAIN = 0x10;
export const PG_ONLINE_FAILED = 8;
export const PG_ONLINE_ONLINED = 2;
export const PG_OFFLINE_STATUS_OFFLINED = 2;
export const PG_OFFLINE_STATUS_ONLINE = 4;
export const PG_OFFLINE_STATUS_OFFLINE_PENDING = 8;
export const PG_OFFLINE_STATUS_BROKEN = 0x10;
export const PG_OFFLINE_MISC_MASK = 0xff0;
export const PG_OFFLINE_XENPAGE = 0x100;
export const PG_OFFLINE_DOM0PAGE = 0x200;
export const PG_OFFLINE_ANONYMOUS = 0x400;
export const PG_OFFLINE_NOT_CONV_RAM = 0x800;
export const PG_OFFLINE_OWNED = 0x1000;
export const PG_OFFLINE_BROKEN = 0x2000;
export const PG_ONLINE_BROKEN = 8192;
export const PG_OFFLINE_OWNER_SHIFT = 16;

export const xen_sysctl_lockprof_data = struct('xen_sysctl_lockprof_data', {
  name: chars(40),
  type: s32,
  idx: s32,
  lock_cnt: u64,
  block_cnt: u64,
  lock_time: u64,
  block_time: u64,
});
export const xen_sysctl_lockprof_op = struct('xen_sysctl_lockprof_op', {
  cmd: u32,
  max_elem: u32,
  nr_elem: u32,
  time: u64,
  data: guestHandle,
});
export const XEN_SYSCTL_LOCKPROF_reset = 1;
export const XEN_SYSCTL_LOCKPROF_query = 2;
export const LOCKPROF_TYPE_GLOBAL = 0;
export const LOCKPROF_TYPE_PERDOM = 1;
export const LOCKPROF_TYPE_N = 2;

/** Out: all; the arrays of the info calls receive these. */
export const xen_sysctl_cputopo = struct('xen_sysctl_cputopo', { core: u32, socket: u32, node: u32 });
/** In and out: num_cpus. */
export const xen_sysctl_cputopoinfo = struct('xen_sysctl_cputopoinfo', { num_cpus: u32, cputopo: guestHandle });
/** Bytes. */
export const xen_sysctl_meminfo = struct('xen_sysctl_meminfo', { memsize: u64n, memfree: u64n });
/** In and out: num_nodes. */
export const xen_sysctl_numainfo = struct('xen_sysctl_numainfo', { num_nodes: u32, meminfo: guestHandle, distance: guestHandle });
/** In and out: num_devs. */
export const xen_sysctl_pcitopoinfo = struct('xen_sysctl_pcitopoinfo', { num_devs: u32, devs: guestHandle, nodes: guestHandle });
export const XEN_INVALID_CORE_ID = 0xffffffff;
export const XEN_INVALID_SOCKET_ID = 0xffffffff;
export const XEN_INVALID_NODE_ID = 0xffffffff;
export const XEN_INVALID_MEM_SZ = 0xffffffff;
export const XEN_INVALID_NODE_DIST = 0xffffffff;
export const XEN_INVALID_DEV = 4294967294;

/** In: op and what it needs. Out: cpupool_id, sched_id, n_dom, cpumap, by op. */
export const xen_sysctl_cpupool_op = struct('xen_sysctl_cpupool_op', {
  op: u32,
  cpupool_id: u32,
  sched_id: u32,
  domid: u32,
  cpu: u32,
  n_dom: u32,
  cpumap: xenctl_bitmap,
});
export const XEN_SYSCTL_CPUPOOL_OP_CREATE = 1;
export const XEN_SYSCTL_CPUPOOL_OP_DESTROY = 2;
export const XEN_SYSCTL_CPUPOOL_OP_INFO = 3;
export const XEN_SYSCTL_CPUPOOL_OP_ADDCPU = 4;
export const XEN_SYSCTL_CPUPOOL_OP_RMCPU = 5;
export const XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN = 6;
export const XEN_SYSCTL_CPUPOOL_OP_FREEINFO = 7;
export const XEN_SYSCTL_CPUPOOL_PAR_ANY = 0xffffffff;

export const ARINC653_MAX_DOMAINS_PER_SCHEDULE = 64;
/** Nanoseconds. */
export const xen_sysctl_arinc653_schedule = struct('xen_sysctl_arinc653_schedule', {
  major_frame: u64,
  num_sched_entries: u8,
  sched_entries: array(struct({ dom_handle: xen_domain_handle_t, vcpu_id: u32, runtime: u64 }), ARINC653_MAX_DOMAINS_PER_SCHEDULE),
});
export const xen_sysctl_credit_schedule = struct('xen_sysctl_credit_schedule', { tslice_ms: u32, ratelimit_us: u32, vcpu_migr_delay_us: u32 });
export const xen_sysctl_credit2_schedule = struct('xen_sysctl_credit2_schedule', { ratelimit_us: u32 });
export const xen_sysctl_scheduler_op = struct('xen_sysctl_scheduler_op', {
  cpupool_id: u32,
  sched_id: u32,
  cmd: u32,
  u: union({
    sched_arinc653: struct({ schedule: guestHandle }),
    sched_credit: xen_sysctl_credit_schedule,
    sched_credit2: xen_sysctl_credit2_schedule,
  }),
});
export const XEN_SYSCTL_SCHED_RATELIMIT_MAX = 500000;
export const XEN_SYSCTL_SCHED_RATELIMIT_MIN = 100;
export const XEN_SYSCTL_CSCHED_TSLICE_MAX = 1000;
export const XEN_SYSCTL_CSCHED_TSLICE_MIN = 1;
export const XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US = 100000;
export const XEN_SYSCTL_SCHEDOP_putinfo = 0;
export const XEN_SYSCTL_SCHEDOP_getinfo = 1;

export const xen_sysctl_coverage_op = struct('xen_sysctl_coverage_op', { cmd: u32, size: u32, buffer: guestHandle });
export const XEN_SYSCTL_COVERAGE_get_size = 0;
export const XEN_SYSCTL_COVERAGE_read = 1;
export const XEN_SYSCTL_COVERAGE_reset = 2;

export const xen_sysctl_psr_cmt_op = struct('xen_sysctl_psr_cmt_op', {
  cmd: u32,
  flags: u32,
  u: union({ data: u64, l3_cache: struct({ cpu: u32, rsvd: u32 }) }),
});
export const xen_sysctl_psr_alloc = struct('xen_sysctl_psr_alloc', {
  cmd: u32,
  target: u32,
  u: union({
    cat_info: struct({ cbm_len: u32, cos_max: u32, flags: u32 }),
    mba_info: struct({ thrtl_max: u32, cos_max: u32, flags: u32 }),
  }),
});
export const XEN_SYSCTL_PSR_CMT_get_total_rmid = 0;
export const XEN_SYSCTL_PSR_CMT_get_l3_upscaling_factor = 1;
export const XEN_SYSCTL_PSR_CMT_get_l3_cache_size = 2;
export const XEN_SYSCTL_PSR_CMT_enabled = 3;
export const XEN_SYSCTL_PSR_CMT_get_l3_event_mask = 4;
export const XEN_SYSCTL_PSR_get_l3_info = 0;
export const XEN_SYSCTL_PSR_get_l2_info = 1;
export const XEN_SYSCTL_PSR_get_mba_info = 2;
export const XEN_SYSCTL_PSR_CAT_L3_CDP = 1;
export const XEN_SYSCTL_PSR_MBA_LINEAR = 1;

export const xen_sysctl_cpu_levelling_caps = struct('xen_sysctl_cpu_levelling_caps', { caps: u32 });
export const XEN_SYSCTL_CPU_LEVELCAP_faulting = 1;
export const XEN_SYSCTL_CPU_LEVELCAP_ecx = 2;
export const XEN_SYSCTL_CPU_LEVELCAP_edx = 4;
export const XEN_SYSCTL_CPU_LEVELCAP_extd_ecx = 8;
export const XEN_SYSCTL_CPU_LEVELCAP_extd_edx = 0x10;
export const XEN_SYSCTL_CPU_LEVELCAP_xsave_eax = 0x20;
export const XEN_SYSCTL_CPU_LEVELCAP_thermal_ecx = 0x40;
export const XEN_SYSCTL_CPU_LEVELCAP_l7s0_eax = 0x80;
export const XEN_SYSCTL_CPU_LEVELCAP_l7s0_ebx = 0x100;

/** In: index, nr_features. Out: nr_features, and the words into features. */
export const xen_sysctl_cpu_featureset = struct('xen_sysctl_cpu_featureset', { index: u32, nr_features: u32, features: guestHandle });
export const XEN_SYSCTL_cpu_featureset_raw = 0;
export const XEN_SYSCTL_cpu_featureset_host = 1;
export const XEN_SYSCTL_cpu_featureset_pv = 2;
export const XEN_SYSCTL_cpu_featureset_hvm = 3;
export const XEN_SYSCTL_cpu_featureset_pv_max = 4;
export const XEN_SYSCTL_cpu_featureset_hvm_max = 5;

/** Live patches. */
export const XEN_LIVEPATCH_NAME_SIZE = 128;
export const xen_livepatch_name = struct('xen_livepatch_name', { name: guestHandle, size: u16, pad: array(u16, 3) });
export const xen_livepatch_status = struct('xen_livepatch_status', { state: u32, rc: s32 });
export const xen_sysctl_livepatch_upload = struct('xen_sysctl_livepatch_upload', { name: xen_livepatch_name, size: u64n, payload: guestHandle });
export const xen_sysctl_livepatch_get = struct('xen_sysctl_livepatch_get', { name: xen_livepatch_name, status: xen_livepatch_status });
export const xen_sysctl_livepatch_list = struct('xen_sysctl_livepatch_list', {
  version: u32,
  idx: u32,
  nr: u32,
  pad: u32,
  name_total_size: u32,
  metadata_total_size: u32,
  status: guestHandle,
  name: guestHandle,
  len: guestHandle,
  metadata: guestHandle,
  metadata_len: guestHandle,
});
export const xen_sysctl_livepatch_action = struct('xen_sysctl_livepatch_action', {
  name: xen_livepatch_name,
  cmd: u32,
  timeout: u32,
  flags: u32,
  pad: u32,
});
export const xen_sysctl_livepatch_op = struct('xen_sysctl_livepatch_op', {
  cmd: u32,
  pad: u32,
  u: union({
    upload: xen_sysctl_livepatch_upload,
    list: xen_sysctl_livepatch_list,
    get: xen_sysctl_livepatch_get,
    action: xen_sysctl_livepatch_action,
  }),
});
export const LIVEPATCH_PAYLOAD_VERSION = 2;
export const XEN_SYSCTL_LIVEPATCH_UPLOAD = 0;
export const XEN_SYSCTL_LIVEPATCH_GET = 1;
export const LIVEPATCH_STATE_CHECKED = 1;
export const LIVEPATCH_STATE_APPLIED = 2;
export const XEN_SYSCTL_LIVEPATCH_LIST = 2;
export const XEN_SYSCTL_LIVEPATCH_ACTION = 3;
export const LIVEPATCH_ACTION_UNLOAD = 1;
export const LIVEPATCH_ACTION_REVERT = 2;
export const LIVEPATCH_ACTION_APPLY = 3;
export const LIVEPATCH_ACTION_REPLACE = 4;
export const LIVEPATCH_ACTION_APPLY_NODEPS = 1;

/** In: index and room. Out: counts, and lists of xen_cpuid_leaf and xen_msr_entry. */
export const xen_sysctl_cpu_policy = struct('xen_sysctl_cpu_policy', {
  index: u32,
  nr_leaves: u32,
  nr_msrs: u32,
  _rsvd: u32,
  leaves: guestHandle,
  msrs: guestHandle,
});
export const XEN_SYSCTL_cpu_policy_raw = 0;
export const XEN_SYSCTL_cpu_policy_host = 1;
export const XEN_SYSCTL_cpu_policy_pv_max = 2;
export const XEN_SYSCTL_cpu_policy_hvm_max = 3;
export const XEN_SYSCTL_cpu_policy_pv_default = 4;
export const XEN_SYSCTL_cpu_policy_hvm_default = 5;

/** Argument of the hypercall. */
export const xen_sysctl = struct('xen_sysctl', {
  cmd: u32,
  interface_version: u32,
  u: union({
    readconsole: xen_sysctl_readconsole,
    tbuf_op: xen_sysctl_tbuf_op,
    physinfo: xen_sysctl_physinfo,
    cputopoinfo: xen_sysctl_cputopoinfo,
    pcitopoinfo: xen_sysctl_pcitopoinfo,
    numainfo: xen_sysctl_numainfo,
    sched_id: xen_sysctl_sched_id,
    perfc_op: xen_sysctl_perfc_op,
    getdomaininfolist: xen_sysctl_getdomaininfolist,
    debug_keys: xen_sysctl_debug_keys,
    getcpuinfo: xen_sysctl_getcpuinfo,
    availheap: xen_sysctl_availheap,
    get_pmstat: xen_sysctl_get_pmstat,
    cpu_hotplug: xen_sysctl_cpu_hotplug,
    pm_op: xen_sysctl_pm_op,
    page_offline: xen_sysctl_page_offline_op,
    lockprof_op: xen_sysctl_lockprof_op,
    cpupool_op: xen_sysctl_cpupool_op,
    scheduler_op: xen_sysctl_scheduler_op,
    coverage_op: xen_sysctl_coverage_op,
    psr_cmt_op: xen_sysctl_psr_cmt_op,
    psr_alloc: xen_sysctl_psr_alloc,
    cpu_levelling_caps: xen_sysctl_cpu_levelling_caps,
    cpu_featureset: xen_sysctl_cpu_featureset,
    livepatch: xen_sysctl_livepatch_op,
    cpu_policy: xen_sysctl_cpu_policy,
    pad: bytes(128),
  }),
});
