/**
 * xen_version: who are you.
 * @see xen/include/public/version.h
 */
import { array, chars, struct, u8, u32, u64 } from '../../base/struct.ts';

/** xen_version sub-operations. XENVER_version and XENVER_pagesize return their answer, the others fill a buffer. */
export const XENVER_version = 0;
export const XENVER_extraversion = 1;
export const XENVER_compile_info = 2;
export const XENVER_capabilities = 3;
export const XENVER_changeset = 4;
export const XENVER_platform_parameters = 5;
export const XENVER_get_features = 6;
export const XENVER_pagesize = 7;
export const XENVER_guest_handle = 8;
export const XENVER_commandline = 9;
export const XENVER_build_id = 10;

/** Lengths of the text answers in bytes, with their NUL. */
export const XEN_EXTRAVERSION_LEN = 16;
export const XEN_CAPABILITIES_INFO_LEN = 1024;
export const XEN_CHANGESET_INFO_LEN = 64;
/** xen_commandline_t; has no length macro of its own. */
const XEN_COMMANDLINE_LEN = 1024;

export const xen_extraversion_t = chars(XEN_EXTRAVERSION_LEN);
export const xen_capabilities_info_t = chars(XEN_CAPABILITIES_INFO_LEN);
export const xen_changeset_info_t = chars(XEN_CHANGESET_INFO_LEN);
export const xen_commandline_t = chars(XEN_COMMANDLINE_LEN);

export const xen_compile_info = struct('xen_compile_info', {
  compiler: chars(64),
  compile_by: chars(16),
  compile_domain: chars(32),
  compile_date: chars(32),
});

/** Where the hypervisor's hole in a PV address space begins. */
export const xen_platform_parameters = struct('xen_platform_parameters', { virt_start: u64 });

/** In: submap_idx. Out: 32 XENFEAT_* bits. */
export const xen_feature_info = struct('xen_feature_info', { submap_idx: u32, submap: u32 });

/** In: length of buf. Out: the build id; the call returns its length. */
export const xen_build_id = struct('xen_build_id', { len: u32, buf: array(u8, 0) });
