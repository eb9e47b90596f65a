/**
 * The format of Xen's core dumps: an ELF core file without program headers whose sections hold a domain.
 * @see docs/misc/dump-core-format.txt; xen/include/public/elfnote.h
 */
import { struct, u64, u64n } from '../../base/struct.ts';
import { xen_capabilities_info_t, xen_changeset_info_t, xen_compile_info, xen_extraversion_t, xen_platform_parameters } from './version.ts';

/** xch_magic of a domain with hardware-like address translation (HVM, PVH). */
export const XC_CORE_MAGIC_HVM = 0xf00febee;
/** Major version 0, minor version 1. */
export const XEN_DUMPCORE_FORMAT_VERSION = 1n;
/** In .xen_pfn: no page; its contents in .xen_pages are zeros. */
export const XC_CORE_INVALID_PFN = 0xffffffffffffffffn;

export const xen_dumpcore_elfnote_header_desc = struct('xen_dumpcore_elfnote_header_desc', {
  xch_magic: u64n,
  xch_nr_vcpus: u64n,
  xch_nr_pages: u64n,
  xch_page_size: u64n,
});

export const xen_dumpcore_elfnote_xen_version_desc = struct('xen_dumpcore_elfnote_xen_version_desc', {
  major_version: u64n,
  minor_version: u64n,
  extra_version: xen_extraversion_t,
  compile_info: xen_compile_info,
  capabilities: xen_capabilities_info_t,
  changeset: xen_changeset_info_t,
  platform_parameters: xen_platform_parameters,
  pagesize: u64n,
});

export const xen_dumpcore_elfnote_format_version_desc = struct('xen_dumpcore_elfnote_format_version_desc', { version: u64 });
