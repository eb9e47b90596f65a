/**
 * Numbers that newer Xen releases added and that today's guests probe. They are not in 4.17's headers, so the comparison with those leaves this file out.
 * @see xen/include/public of Xen 4.18 to 4.21
 */

/** domid wildcard, 4.22. */
export const DOMID_ANY = 0x7ff5;

/** VCPUOP_register_runstate_phys_area and VCPUOP_register_vcpu_time_phys_area, 4.18: areas by guest-physical address. */
export const VCPUOP_register_runstate_phys_area = 14;
export const VCPUOP_register_vcpu_time_phys_area = 15;

/** Feature bits, 4.18 and 4.20. */
export const XENFEAT_runstate_phys_area = 18;
export const XENFEAT_vcpu_time_phys_area = 19;
export const XENFEAT_dm_msix_all_writes = 20;

/** Longer forms of text answers, 4.18: they return the length and cut nothing. */
export const XENVER_extraversion2 = 11;
export const XENVER_capabilities2 = 12;
export const XENVER_changeset2 = 13;
export const XENVER_commandline2 = 14;

/** Note of kernels that may be loaded at another physical address, 4.18: alignment, lowest and highest address. */
export const XEN_ELFNOTE_PHYS32_RELOC = 19;

/** xenstore, 4.18: watch depth; 4.21: DOMID_ANY. */
export const XENSTORE_SERVER_FEATURE_WATCHDEPTH = 4;
export const XENSTORE_SERVER_FEATURE_DOMID_ANY = 8;

/** Continuations that only Xen itself issues; a guest that uses them gets what Xen gives (ENOSYS, or the call goes on). */
export const EVTCHNOP_reset_cont = 14;
export const XEN_DOMCTL_soft_reset_cont = 23;
