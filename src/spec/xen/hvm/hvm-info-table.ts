/**
 * What hvmloader is told. Written by the domain builder.
 * @see xen/include/public/hvm/hvm_info_table.h
 */
import { array, chars, struct, u8, u32 } from '../../../base/struct.ts';

export const HVM_INFO_PFN = 0x9f;
export const HVM_INFO_OFFSET = 0x800;
export const HVM_INFO_PADDR = 0x9f800;
export const HVM_MAX_VCPUS = 128;

export const hvm_info_table = struct('hvm_info_table', {
  /** "HVM INFO", without a NUL. */
  signature: chars(8),
  length: u32,
  checksum: u8,
  apic_mode: u8,
  nr_vcpus: u32,
  low_mem_pgend: u32,
  reserved_mem_pgstart: u32,
  high_mem_pgend: u32,
  vcpu_online: array(u8, 16),
});
