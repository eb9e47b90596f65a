import { OperatorError } from '../../base/operator-error.ts';
import { XENFEAT_linux_rsdp_unrestricted } from '../../spec/xen/features.ts';
import { hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info, XEN_HVM_START_MAGIC_VALUE } from '../../spec/xen/hvm/start-info.ts';
import { buildAcpiTables } from './acpi/acpi-tables.ts';
import { MOST_VCPUS } from './acpi/processors.ts';
import type { KernelImage } from './domain-image.ts';
import type { LateBytes } from './late-bytes.ts';
import { ACPI_BASE, type FrameRange, layOut, type MemoryMapEntry, PAGE_SIZE, SPECIAL_PAGES } from './pvh-layout.ts';

/** What a PVH domain is started with. */
export interface PvhRequest {
  readonly kernel: Pick<KernelImage, 'segments' | 'entry' | 'notes'>;
  /** The first module: Linux's initrd. */
  readonly initrd?: Uint8Array | undefined;
  readonly cmdline: string;
  /** RAM in bytes, whole pages. */
  readonly memoryBytes: number;
  readonly vcpus: number;
}

/** Bytes to put at a guest-physical address. Memory that no write names is zero. */
export interface GuestWrite {
  readonly gpa: number;
  readonly bytes: Uint8Array | LateBytes;
}

/** Everything the domain builder must do for a PVH domain, in order: populate, write, set the registers of vCPU 0. */
export interface PvhStart {
  readonly populate: readonly FrameRange[];
  readonly writes: readonly GuestWrite[];
  /** The memory map, also for XENMEM_set_memory_map. */
  readonly memmap: readonly MemoryMapEntry[];
  /** Frame numbers of Xen's special pages, for the HVM parameters. */
  readonly specialPages: typeof SPECIAL_PAGES;
  readonly entry: { readonly eip: number; readonly ebx: number };
  /** Where things were put, in bytes, for logs. */
  readonly places: {
    readonly kernel: { readonly start: number; readonly end: number };
    readonly startInfo: number;
    readonly initrd: { readonly start: number; readonly end: number } | undefined;
    readonly rsdp: number;
  };
}

/** Longest command line in bytes without its end: what Linux reads on x86 (COMMAND_LINE_SIZE is 2048). */
export const LONGEST_COMMAND_LINE = 2047;
/** Smallest domain, in bytes. */
const LEAST_MEMORY = 1 << 20;
/**
 * Largest domain, in bytes: frame numbers of 32 bits. (What a machine really has is checked where memory is allocated.)
 */
const MOST_MEMORY = 2 ** 44;
/** Linux's PVH entry reads memory map and module list through a mapping of the first GiB. */
const MAPPED_BY_LINUX = 1 << 30;
/** The last bytes of low memory where an old Linux looks for the RSDP. */
const LEGACY_RSDP = 0x100000 - 64;
const MIB = 1 << 20;

const pageUp = (n: number): number => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;
const pageDown = (n: number): number => Math.floor(n / PAGE_SIZE) * PAGE_SIZE;
const hex = (n: number): string => `0x${n.toString(16)}`;

/**
 * Work out the start of day of a PVH domain. A pure function: nothing is written anywhere.
 * Throws operator errors only, for what does not fit.
 * @see xen/docs/misc/pvh.pandoc; xen/include/public/arch-x86/hvm/start_info.h
 */
export function buildPvhStart({ kernel, initrd, cmdline, memoryBytes, vcpus }: PvhRequest): PvhStart {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MOST_VCPUS) {
    throw new OperatorError(`a domain cannot have ${vcpus} vCPUs`, { hint: `Give a number from 1 to ${MOST_VCPUS}.` });
  }
  if (!Number.isInteger(memoryBytes / PAGE_SIZE) || memoryBytes < LEAST_MEMORY || memoryBytes > MOST_MEMORY) {
    throw new OperatorError(`a domain cannot have ${memoryBytes} bytes of memory`, { hint: 'Give whole pages of 4096 bytes, 1 MiB at least.' });
  }
  const acpi = buildAcpiTables(vcpus, ACPI_BASE, needsLegacyRsdp(kernel) ? LEGACY_RSDP : undefined);
  const layout = layOut(memoryBytes, acpi.end);
  const kernelStart = Math.min(...kernel.segments.map((segment) => segment.paddr));
  const kernelEnd = Math.max(...kernel.segments.map((segment) => segment.paddr + segment.memsz));
  const places = { kernel: { start: kernelStart, end: kernelEnd } };
  const startInfo = pageUp(kernelEnd);
  const block = startInfoBlock(startInfo, encodeCommandLine(cmdline), layout.memmap, acpi.rsdp);
  const blockEnd = startInfo + block.size;
  const initrdSize = pageUp(initrd?.length ?? 0);
  if (blockEnd + initrdSize > layout.lowEnd) throw tooSmall(memoryBytes, kernelEnd, initrd?.length ?? 0, blockEnd + initrdSize);
  if (blockEnd > MAPPED_BY_LINUX) {
    throw new OperatorError('the kernel lies too high in memory', {
      details: `It ends at ${hex(kernelEnd)}; the start information behind it must end below ${hex(MAPPED_BY_LINUX)}.`,
      hint: 'Link the kernel to a lower physical address.',
    });
  }
  const initrdAt = initrd === undefined ? undefined : pageDown(layout.lowEnd - initrd.length);
  const module = initrd === undefined || initrdAt === undefined ? undefined : { paddr: initrdAt, size: initrd.length };
  const writes: GuestWrite[] = [
    ...kernel.segments.filter((segment) => segment.bytes.length > 0).map((segment) => ({ gpa: segment.paddr, bytes: segment.bytes })),
    { gpa: startInfo, bytes: block.write(module) },
    ...(initrd === undefined || initrdAt === undefined ? [] : [{ gpa: initrdAt, bytes: initrd }]),
    ...acpi.tables,
  ];
  return {
    populate: layout.populate,
    writes,
    memmap: layout.memmap,
    specialPages: SPECIAL_PAGES,
    entry: { eip: kernel.entry, ebx: startInfo },
    places: { ...places, startInfo, initrd: module === undefined ? undefined : { start: module.paddr, end: module.paddr + module.size }, rsdp: acpi.rsdp },
  };
}

/** Linux before 4.19 does not take the RSDP's address from the start information; it says in its notes when it does. */
function needsLegacyRsdp({ notes, segments }: PvhRequest['kernel']): boolean {
  if (notes.guestOs !== 'linux') return false;
  const features = notes.supportedFeatures ?? 0n;
  return (features & (1n << BigInt(XENFEAT_linux_rsdp_unrestricted))) === 0n && segments.every((segment) => segment.paddr >= MIB);
}

function encodeCommandLine(cmdline: string): Uint8Array {
  const bytes = new TextEncoder().encode(cmdline);
  if (bytes.length > LONGEST_COMMAND_LINE) {
    throw new OperatorError('the kernel command line is too long', {
      details: `It has ${bytes.length} bytes; Linux reads ${LONGEST_COMMAND_LINE}.`,
      hint: 'Shorten it.',
    });
  }
  if (bytes.includes(0)) throw new OperatorError('the kernel command line holds a NUL character', { hint: 'Remove it: the line would end there.' });
  return bytes;
}

interface Module {
  readonly paddr: number;
  readonly size: number;
}

/** hvm_start_info with all it points to, in one block at `base`: its size in whole pages, and its bytes once the module's place is known. */
function startInfoBlock(
  base: number,
  cmdline: Uint8Array,
  memmap: readonly MemoryMapEntry[],
  rsdp: number,
): { size: number; write(module: Module | undefined): Uint8Array } {
  const modlist = hvm_start_info.size;
  const map = modlist + hvm_modlist_entry.size;
  const line = map + memmap.length * hvm_memmap_table_entry.size;
  const size = pageUp(line + cmdline.length + 1);
  return {
    size,
    write(module) {
      const bytes = new Uint8Array(size);
      const view = new DataView(bytes.buffer);
      hvm_start_info.write(view, 0, {
        magic: XEN_HVM_START_MAGIC_VALUE,
        version: 1,
        flags: 0,
        nr_modules: module === undefined ? 0 : 1,
        modlist_paddr: module === undefined ? 0 : base + modlist,
        cmdline_paddr: base + line,
        rsdp_paddr: rsdp,
        memmap_paddr: base + map,
        memmap_entries: memmap.length,
        reserved: 0,
      });
      if (module !== undefined) hvm_modlist_entry.write(view, modlist, { paddr: module.paddr, size: module.size, cmdline_paddr: 0, reserved: 0 });
      memmap.forEach((entry, i) => {
        hvm_memmap_table_entry.write(view, map + i * hvm_memmap_table_entry.size, { addr: entry.address, size: entry.size, type: entry.type, reserved: 0 });
      });
      bytes.set(cmdline, line);
      return bytes;
    },
  };
}

function tooSmall(memoryBytes: number, kernelEnd: number, initrdSize: number, needed: number): OperatorError {
  const lowIsFull = needed <= memoryBytes;
  return new OperatorError(lowIsFull ? 'kernel and initrd do not fit below 4 GiB' : 'the domain has too little memory for its kernel', {
    details: `The kernel reaches to ${hex(kernelEnd)} in memory, the initrd has ${initrdSize} bytes; the domain has ${Math.floor(memoryBytes / MIB)} MiB.`,
    hint: lowIsFull ? 'Use a smaller initrd.' : `Give it at least ${Math.ceil(needed / MIB)} MiB, and more to work with.`,
  });
}
