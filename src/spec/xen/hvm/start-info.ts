/**
 * What a PVH guest finds at the address in ebx at its start. Written by the domain builder.
 * @see xen/include/public/arch-x86/hvm/start_info.h
 */
import { struct, u32, u64n } from '../../../base/struct.ts';

export const XEN_HVM_START_MAGIC_VALUE = 0x336ec578;

/** Version 1; addresses are guest-physical and below 4 GiB. */
export const hvm_start_info = struct('hvm_start_info', {
  magic: u32,
  version: u32,
  /** SIF_*. */
  flags: u32,
  nr_modules: u32,
  modlist_paddr: u64n,
  cmdline_paddr: u64n,
  rsdp_paddr: u64n,
  memmap_paddr: u64n,
  memmap_entries: u32,
  reserved: u32,
});

/** A module; the first is the initrd. */
export const hvm_modlist_entry = struct('hvm_modlist_entry', { paddr: u64n, size: u64n, cmdline_paddr: u64n, reserved: u64n });

/** A range of guest-physical memory, bytes. */
export const hvm_memmap_table_entry = struct('hvm_memmap_table_entry', { addr: u64n, size: u64n, type: u32, reserved: u32 });
/** Types of memory, as in E820. */
export const XEN_HVM_MEMMAP_TYPE_RAM = 1;
export const XEN_HVM_MEMMAP_TYPE_RESERVED = 2;
export const XEN_HVM_MEMMAP_TYPE_ACPI = 3;
export const XEN_HVM_MEMMAP_TYPE_NVS = 4;
export const XEN_HVM_MEMMAP_TYPE_UNUSABLE = 5;
export const XEN_HVM_MEMMAP_TYPE_DISABLED = 6;
export const XEN_HVM_MEMMAP_TYPE_PMEM = 7;
