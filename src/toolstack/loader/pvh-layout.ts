/**
 * The guest-physical memory of a PVH domain, as libxl lays it out: RAM from 0 to below the hole, the rest of it from
 * 4 GiB on; ACPI tables and Xen's special pages inside the hole.
 */
import { HVM_BELOW_4G_RAM_END } from '../../spec/xen/hvm/e820.ts';
import { XEN_HVM_MEMMAP_TYPE_NVS, XEN_HVM_MEMMAP_TYPE_RAM, XEN_HVM_MEMMAP_TYPE_RESERVED } from '../../spec/xen/hvm/start-info.ts';

export const PAGE_SIZE = 4096;
const FOUR_GIB = 0x1_0000_0000;
/** Where the ACPI tables start. @see Xen, ACPI_INFO_PHYSICAL_ADDRESS */
export const ACPI_BASE = 0xfc000000;
/** First frame of the eight special pages, which end at 0xff000000. @see Xen, X86_HVM_END_SPECIAL_REGION */
const FIRST_SPECIAL_GFN = 0xfeff8;

/** Xen's special pages, by frame number. */
export const SPECIAL_PAGES = {
  paging: FIRST_SPECIAL_GFN,
  access: FIRST_SPECIAL_GFN + 1,
  sharing: FIRST_SPECIAL_GFN + 2,
  bufferedIoreq: FIRST_SPECIAL_GFN + 3,
  xenstore: FIRST_SPECIAL_GFN + 4,
  ioreq: FIRST_SPECIAL_GFN + 5,
  identityPageTable: FIRST_SPECIAL_GFN + 6,
  console: FIRST_SPECIAL_GFN + 7,
} as const;

/** A range of the memory map: bytes, and a XEN_HVM_MEMMAP_TYPE_*. */
export interface MemoryMapEntry {
  readonly address: number;
  readonly size: number;
  readonly type: number;
}

/** Frames that must be there before anything is written: `pages` of them from `gfn` on. */
export interface FrameRange {
  readonly gfn: number;
  readonly pages: number;
  readonly use: 'ram' | 'acpi' | 'special';
}

export interface PvhLayout {
  /** End of RAM below the hole, in bytes. */
  readonly lowEnd: number;
  readonly memmap: readonly MemoryMapEntry[];
  readonly populate: readonly FrameRange[];
}

/** Lay out `memoryBytes` of RAM (whole pages) and the region of ACPI tables up to `acpiEnd`. */
export function layOut(memoryBytes: number, acpiEnd: number): PvhLayout {
  const lowEnd = Math.min(memoryBytes, HVM_BELOW_4G_RAM_END);
  const high = memoryBytes - lowEnd;
  const specialSize = Object.keys(SPECIAL_PAGES).length * PAGE_SIZE;
  const parts: { address: number; size: number; type: number; use: FrameRange['use'] }[] = [
    { address: 0, size: lowEnd, type: XEN_HVM_MEMMAP_TYPE_RAM, use: 'ram' },
    { address: ACPI_BASE, size: acpiEnd - ACPI_BASE, type: XEN_HVM_MEMMAP_TYPE_NVS, use: 'acpi' },
    { address: FIRST_SPECIAL_GFN * PAGE_SIZE, size: specialSize, type: XEN_HVM_MEMMAP_TYPE_RESERVED, use: 'special' },
  ];
  if (high > 0) parts.push({ address: FOUR_GIB, size: high, type: XEN_HVM_MEMMAP_TYPE_RAM, use: 'ram' });
  return {
    lowEnd,
    memmap: parts.map(({ address, size, type }) => ({ address, size, type })),
    populate: parts.map(({ address, size, use }) => ({ gfn: address / PAGE_SIZE, pages: size / PAGE_SIZE, use })),
  };
}
