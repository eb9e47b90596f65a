import { array, bytes, s32, s64, struct, u8, u16, u32, u64 } from '../base/struct.ts';

/** Entries of a domain's hvm parameter array (HVM_PARAM_*). */
export const HVM_NR_PARAMS = 64;
/** Buckets of 128 event channels each: enough for the FIFO ABI's 2^17 ports. */
export const EVTCHN_BUCKETS = 1024;
export const EVTCHNS_PER_BUCKET = 128;
/** Frames of event words of the FIFO ABI. */
export const FIFO_ARRAY_PAGES = 128;
export const MAX_GRANT_FRAMES = 64;
export const MAX_VIRT_CPUS = 128;

/** How callbacks reach an HVM or PVH guest without a per-vCPU vector. */
export const CALLBACK_NONE = 0;
export const CALLBACK_VECTOR = 2;

/** A domain's grant table. */
export const grant_table = struct({
  version: u32,
  nr_frames: u32,
  nr_status_frames: u32,
  max_frames: u32,
  max_maptrack_frames: u32,
  /** Machine frames, 0 = none. */
  frames: array(u32, MAX_GRANT_FRAMES),
  status_frames: array(u32, MAX_GRANT_FRAMES),
  /** Maptrack (grants/maptrack.ts): address of the directory of the mappings this domain holds, its capacity in entries, first free handle + 1, entries in use. */
  maptrack: u32,
  maptrack_entries: u32,
  maptrack_free: u32,
  maptrack_used: u32,
  /** Highest version the guest may choose. */
  max_version: u32,
  /** Address of the active entries of each frame's references (grants/active.ts), 0 while none was ever in use. */
  active: array(u32, MAX_GRANT_FRAMES),
});

/** A domain: the hypervisor's own record, in the heap. Its address is its identity. */
export const domain = struct('domain', {
  id: u16,
  flags: u16,
  next: u32,
  /** Creation flags XEN_DOMCTL_CDF_*, emulation flags, ssidref. */
  config: u32,
  emulation_flags: u32,
  handle: bytes(16),
  max_vcpus: u32,
  vcpus: array(u32, MAX_VIRT_CPUS),
  /** Pauses by the toolstack; a domain starts with one. */
  pause_count: u32,
  is_dying: u8,
  is_shut_down: u8,
  is_shutting_down: u8,
  shutdown_code: u8,
  tot_pages: u32,
  max_pages: u32,
  /** Pages of grant, foreign maps and Xen's own that stand in the p2m but are not the domain's. */
  shr_pages: u32,
  p2m_root: u32,
  p2m_pages: u32,
  shared_info: u32,
  max_evtchn_port: u32,
  evtchn_buckets: array(u32, EVTCHN_BUCKETS),
  active_evtchns: u32,
  /** FIFO event ABI: address of the array of event-word frames (mfns), 0 = 2-level; number of frames. */
  fifo: u32,
  fifo_pages: u32,
  grants: grant_table,
  hvm_params: array(u64, HVM_NR_PARAMS),
  callback_type: u32,
  callback_vector: u32,
  /** vm_assist bits. */
  assists: u64,
  /** set_memory_map's table: address, entries. */
  e820: u32,
  e820_entries: u32,
  time_offset: s32,
  tsc_mode: u32,
  tsc_incarnation: u32,
  /** Port that the hypervisor's own events about this domain use. */
  watchdog_inuse: u32,
  watchdog_deadline: array(u64, 2),
  /** Fatal reason text: address and length in the heap, for the operator. */
  crash_text: u32,
  crash_text_len: u32,
  /** CPU model index in the machine's list of models. */
  cpu_model: u32,
  xen_cpuid_leaves: u32,
  /** Where the destruction of the domain goes on: next gfn, and the mapping behind the next one to take away (0: the last). */
  relinquish_gfn: u32,
  relinquish_handle: u32,
  /** Where closing all event channels goes on, 0 = nobody closes them. */
  next_evtchn: u32,
  /** Highest gfn that ever showed a page. */
  max_mapped_gfn: u32,
  /** A debugger wants to hear of breakpoints and steps. */
  debugger_attached: u32,
  /** Frames claimed and not yet allocated (memory/claims.ts). */
  outstanding_pages: u32,
  /** Scheduling: weight, and cap in percent of a pCPU (0 = none). */
  sched_weight: u32,
  sched_cap: u32,
  /** Features that the domain does not see, a bit for each of CPUID_FEATURES. */
  removed_features: array(u32, 5),
  /** What the toolstack set aside for page tables, in pages; 0: nothing was said. */
  paging_pool_pages: u32,
  /** What is left of a capped domain's budget, in ns, of the period that began at this instant. */
  cap_budget: s64,
  cap_period: u64,
  /** The guest takes its shared info as 32-bit code lays it out. */
  has_32bit_shinfo: u32,
  spare: array(u32, 2),
});

/** Weight of a domain that was given no other, as in Xen's credit schedulers. */
export const DEFAULT_WEIGHT = 256;
/** Credit of a new vCPU, and what all are given at a time, in nanoseconds at the highest weight. */
export const CREDIT_INIT = 10_000_000n;
/** How long a vCPU may run at least, in microseconds, unless the toolstack says otherwise; as in Xen. */
export const DEFAULT_RATELIMIT_US = 1000;

/** The domain's flags. */
export const DOMF_privileged = 1;
export const DOMF_hvm = 2;

/** What a vCPU waits for. */
export const VCPUF_down = 1;
export const VCPUF_blocked = 2;
export const VCPUF_polling = 4;
export const VCPUF_nmi_pending = 8;
export const VCPUF_initialised = 16;
/** Waits for SIPI after INIT. */
export const VCPUF_wait_sipi = 32;
/** Lets others run first, once. */
export const VCPUF_yields = 64;

/** Of `dom0_due`: no instruction of a guest comes before domain 0's turn. */
export const AT_ONCE = 0n;
/** No deadline. */
export const NEVER = 0xffffffffffffffffn;

/** A vCPU: the hypervisor's record; the registers are in the context at `context`. */
export const vcpu = struct('vcpu', {
  id: u32,
  domain: u32,
  context: u32,
  flags: u32,
  pause_count: u32,
  /** frames offset of its vcpu_info, 0 = none (ids above 31 before registration). */
  info: u32,
  /** Ports polled: -1 any, else the port; timeout in ns. */
  poll_port: s32,
  evtchn_upcall_vector: u32,
  poll_deadline: u64,
  singleshot_deadline: u64,
  periodic_period: u64,
  periodic_deadline: u64,
  virq_ports: array(u32, 24),
  /** FIFO ABI: frames offset of the control block (0 = none), tail of each queue. */
  fifo_control: u32,
  fifo_tail: array(u32, 16),
  /** Runstate: RUNSTATE_*, since when, totals. */
  runstate: u32,
  runstate_entry: u64,
  runstate_time: array(u64, 4),
  /** Guest virtual addresses (0 = none). */
  runstate_area: u64,
  time_area: u64,
  time_version: u32,
  /** Virtual LAPIC: address of its registers (arch/x86/lapic.ts). */
  lapic: u32,
  apic_base: u64,
  /** MSRs kept by the hypervisor. */
  pat: u64,
  mtrr_deftype: u64,
  tsc_adjust: u64,
  misc_enable: u64,
  tsc_deadline: u64,
  mtrr_fixed: array(u64, 11),
  mtrr_variable: array(u64, 16),
  spec_ctrl: u64,
  /** Retired instructions already added to the machine's total. */
  retired_seen: u64,
  /** Address of the domain's next vCPU with the same context index list; unused. */
  next: u32,
  last_hypercall: u32,
  /** Stop after each instruction; what it stopped for (debug/stop.ts), until the debugger asked. */
  single_step: u32,
  debug_event: u32,
  /** pCPUs that it may run on, and those it would rather run on: a bit each. */
  affinity_hard: u64,
  affinity_soft: u64,
  /** Credit (scheduler.ts), in nanoseconds at the highest weight. */
  credit: s64,
});

/** Affinity to every pCPU. */
export const ALL_PCPUS = 0xffffffffffffffffn;

type WordOf<Names extends string> = { readonly [N in Names]: number };
const wordsOf = <Names extends string>(offsets: { readonly [N in Names]: number }, ...names: readonly Names[]): WordOf<Names> =>
  Object.fromEntries(names.map((name) => [name, offsets[name] / 4])) as WordOf<Names>;

/** Fields as 32-bit words behind the record's beginning: `d.words[d.at + DOMAIN_WORD.flags]`. is_dying: that of is_dying and is_shut_down. */
export const DOMAIN_WORD = wordsOf(domain.offsets, 'pause_count', 'is_dying', 'watchdog_inuse', 'callback_type', 'callback_vector');
/** Bits of that word: the domain does not run any more. */
export const DOMAIN_ENDED = 0xffff;
/** The same of a vCPU's; of a 64-bit field, its low half. */
export const VCPU_WORD = wordsOf(
  vcpu.offsets,
  'flags',
  'pause_count',
  'info',
  'evtchn_upcall_vector',
  'runstate',
  'lapic',
  'apic_base',
  'singleshot_deadline',
  'periodic_deadline',
  'poll_deadline',
);
