/**
 * Shared memory as 32-bit x86 code sees it, where words themselves are of another size. (Argument structs only move and
 * shrink their fields: base/struct.ts, narrow.)
 * @see xen/include/public/xen.h, arch-x86/xen-x86_32.h
 */
import { array, narrow, struct, u8, u32 } from '../../base/struct.ts';
import { XEN_LEGACY_MAX_VCPUS } from './arch-x86/xen.ts';
import { vcpu_time_info } from './xen.ts';

/** arch_vcpu_info, arch_shared_info, vcpu_info and shared_info of 32-bit guests. */
export const compat_arch_vcpu_info = struct('arch_vcpu_info', { cr2: u32, pad: array(u32, 5) });
export const compat_arch_shared_info = struct('arch_shared_info', {
  max_pfn: u32,
  pfn_to_mfn_frame_list_list: u32,
  nmi_reason: u32,
  p2m_cr3: u32,
  p2m_vaddr: u32,
  p2m_generation: u32,
  wc_sec_hi: u32,
});
export const compat_vcpu_info = struct('vcpu_info', {
  evtchn_upcall_pending: u8,
  evtchn_upcall_mask: u8,
  /** A bit per 32-bit word of evtchn_pending. */
  evtchn_pending_sel: u32,
  arch: compat_arch_vcpu_info,
  time: narrow(vcpu_time_info),
});
export const compat_shared_info = struct('shared_info', {
  vcpu_info: array(compat_vcpu_info, XEN_LEGACY_MAX_VCPUS),
  evtchn_pending: array(u32, 32),
  evtchn_mask: array(u32, 32),
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  /** With the upper half of the seconds, which has its place here. */
  arch: compat_arch_shared_info,
});
