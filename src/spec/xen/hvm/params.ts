/**
 * HVM parameters: numbered 64-bit values of a domain (HVMOP_get_param, HVMOP_set_param).
 * @see xen/include/public/hvm/params.h
 */

/** Number of parameters. */
export const HVM_NR_PARAMS = 39;

/** How event upcalls are delivered: the type is in the top byte of the value. */
export const HVM_PARAM_CALLBACK_IRQ = 0;
export const HVM_PARAM_CALLBACK_IRQ_TYPE_MASK = 0xff00000000000000n;
export const HVM_PARAM_CALLBACK_TYPE_GSI = 0;
export const HVM_PARAM_CALLBACK_TYPE_PCI_INTX = 1;
export const HVM_PARAM_CALLBACK_TYPE_VECTOR = 2;

/** xenstore and console: page and event channel, set by the toolstack. */
export const HVM_PARAM_STORE_PFN = 1;
export const HVM_PARAM_STORE_EVTCHN = 2;
export const HVM_PARAM_CONSOLE_PFN = 17;
export const HVM_PARAM_CONSOLE_EVTCHN = 18;

/** Device model pages. */
export const HVM_PARAM_IOREQ_PFN = 5;
export const HVM_PARAM_BUFIOREQ_PFN = 6;
export const HVM_PARAM_IOREQ_SERVER_PFN = 32;
export const HVM_PARAM_NR_IOREQ_SERVER_PAGES = 33;

/** Timekeeping of emulated timers, and its values. */
export const HVM_PARAM_TIMER_MODE = 10;
export const HVM_PARAM_HPET_ENABLED = 11;
export const HVM_PARAM_VPT_ALIGN = 16;
export const HVMPTM_delay_for_missed_ticks = 0;
export const HVMPTM_no_delay_for_missed_ticks = 1;
export const HVMPTM_no_missed_ticks_pending = 2;
export const HVMPTM_one_missed_tick_pending = 3;

/** Memory given to Xen for its own tricks on old Intel hardware. */
export const HVM_PARAM_IDENT_PT = 12;
export const HVM_PARAM_VM86_TSS = 15;
export const HVM_PARAM_VM86_TSS_SIZED = 37;

export const HVM_PARAM_ACPI_S_STATE = 14;
export const HVM_PARAM_ACPI_IOPORTS_LOCATION = 19;
export const HVM_PARAM_VM_GENERATION_ID_ADDR = 34;
export const HVM_PARAM_X87_FIP_WIDTH = 36;
/** A SHUTDOWN_* reason. */
export const HVM_PARAM_TRIPLE_FAULT_REASON = 31;

/** Rings of memory events. */
export const HVM_PARAM_PAGING_RING_PFN = 27;
export const HVM_PARAM_MONITOR_RING_PFN = 28;
export const HVM_PARAM_SHARING_RING_PFN = 29;
/** Alternate p2m, and its modes. */
export const HVM_PARAM_ALTP2M = 35;
export const XEN_ALTP2M_disabled = 0;
export const XEN_ALTP2M_mixed = 1;
export const XEN_ALTP2M_external = 2;
export const XEN_ALTP2M_limited = 3;
/** Machine check features. */
export const HVM_PARAM_MCA_CAP = 38;
export const XEN_HVM_MCA_CAP_LMCE = 1;
export const XEN_HVM_MCA_CAP_MASK = 1;

/** Viridian (Hyper-V) enlightenments, and its bits. */
export const HVM_PARAM_VIRIDIAN = 9;
export const HVMPV_base_freq = 1;
export const HVMPV_no_freq = 2;
export const HVMPV_time_ref_count = 4;
export const HVMPV_reference_tsc = 8;
export const HVMPV_hcall_remote_tlb_flush = 0x10;
export const HVMPV_apic_assist = 0x20;
export const HVMPV_crash_ctl = 0x40;
export const HVMPV_synic = 0x80;
export const HVMPV_stimer = 0x100;
export const HVMPV_hcall_ipi = 0x200;
export const HVMPV_ex_processor_masks = 0x400;
export const HVMPV_no_vp_limit = 0x800;
export const HVMPV_cpu_hotplug = 0x1000;
export const HVMPV_feature_mask = 8191;

/** Deprecated: refused with EINVAL. */
export const HVM_PARAM_PAE_ENABLED = 4;
export const HVM_PARAM_DM_DOMAIN = 13;
export const HVM_PARAM_MEMORY_EVENT_CR0 = 20;
export const HVM_PARAM_MEMORY_EVENT_CR3 = 21;
export const HVM_PARAM_MEMORY_EVENT_CR4 = 22;
export const HVM_PARAM_MEMORY_EVENT_INT3 = 23;
export const HVM_PARAM_NESTEDHVM = 24;
export const HVM_PARAM_MEMORY_EVENT_SINGLE_STEP = 25;
export const HVM_PARAM_BUFIOREQ_EVTCHN = 26;
export const HVM_PARAM_MEMORY_EVENT_MSR = 30;
