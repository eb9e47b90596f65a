import { isBzImage, KERNEL_LIMIT, unpackBzImage } from './bzimage.ts';
import { decompressAs, detectCodec } from './decompress/decompress.ts';
import type { Codec } from './decompress/decompress-error.ts';
import { type ElfFile, type ElfSegment, ET_DYN, ET_EXEC, isElf, PT_LOAD, readElf } from './elf/elf-file.ts';
import { describeMachine, EM_386, EM_X86_64 } from './elf/elf-machine.ts';
import { readKallsyms } from './elf/kallsyms.ts';
import { readSymbols, type SymbolTable } from './elf/symbol-table.ts';
import { identifyFile } from './identify-file.ts';
import { type ImageSource, imageError } from './image-error.ts';
import { readXenNotes, type XenNotes } from './xen-notes.ts';

/** A part of the kernel and where it goes. */
export interface KernelSegment {
  /** Guest-physical address in bytes. */
  readonly paddr: number;
  /** What the file holds for it (a view of the file, not a copy). */
  readonly bytes: Uint8Array;
  /** Size in memory in bytes, at least `bytes.length`; the rest is zero. */
  readonly memsz: number;
}

/** A kernel that can be started as a PVH domain. */
export interface KernelImage {
  /** What the file was: "bzImage (xz)", "ELF64", "gzip-compressed ELF32". */
  readonly format: string;
  readonly bits: 32 | 64;
  /** Sorted by address, not overlapping. */
  readonly segments: readonly KernelSegment[];
  /** Guest-physical address of the 32-bit entry point (PHYS32_ENTRY), inside a segment. */
  readonly entry: number;
  readonly notes: XenNotes;
  /** Names for backtraces, read on first call: the ELF symbol table, or Linux's own; undefined where there is neither. */
  symbols(): SymbolTable | undefined;
}

/** Program headers that are loaded at most; real kernels have fewer than ten. */
const MOST_SEGMENTS = 64;

/**
 * Read a kernel: a bzImage, an ELF file, or either compressed as a whole. `path` names it in errors.
 * Throws operator errors only; each says what was found and what to do.
 */
export function loadKernel(bytes: Uint8Array, path = 'file'): KernelImage {
  const source: ImageSource = { what: 'kernel', path };
  if (bytes.length === 0) throw imageError(source, 'is empty', { hint: 'Give a Linux bzImage or vmlinux, or another ELF kernel with a Xen PVH entry.' });
  if (isBzImage(bytes)) {
    const { vmlinux, codec } = unpackBzImage(bytes, source);
    return fromElf(vmlinux, source, codec === undefined ? 'bzImage' : `bzImage (${codec})`, 'the kernel packed in the bzImage');
  }
  if (isElf(bytes)) return fromElf(bytes, source, undefined, 'the file');
  const codec = detectCodec(bytes);
  if (codec === undefined) throw notAKernel(source, identifyFile(bytes));
  return fromCompressed(bytes, source, codec);
}

function notAKernel(source: ImageSource, found: string): Error {
  return imageError(source, 'is not a kernel', {
    details: `Found ${found}.`,
    hint: 'Give a Linux bzImage or vmlinux for x86, or another ELF kernel with a Xen PVH entry.',
  });
}

function fromCompressed(bytes: Uint8Array, source: ImageSource, codec: Codec): KernelImage {
  let inner: Uint8Array;
  try {
    inner = decompressAs(codec, bytes, KERNEL_LIMIT);
  } catch (cause) {
    throw imageError(source, 'is damaged', {
      details: `Found ${codec}-compressed data that cannot be unpacked: ${cause instanceof Error ? cause.message.split('\n')[1] : String(cause)}.`,
      hint: 'Copy or download it again.',
      cause,
    });
  }
  if (isBzImage(inner)) {
    const { vmlinux } = unpackBzImage(inner, source);
    return fromElf(vmlinux, source, `${codec}-compressed bzImage`, 'the kernel packed in the bzImage');
  }
  if (!isElf(inner)) throw notAKernel(source, `${codec}-compressed data, and in it ${identifyFile(inner)}`);
  return fromElf(inner, source, `${codec}-compressed ELF`, 'the compressed file');
}

function fromElf(bytes: Uint8Array, source: ImageSource, wrapped: string | undefined, what: string): KernelImage {
  const elf = readElf(bytes);
  if ('wrong' in elf) {
    if (isElf(bytes) && bytes[5] === 2) throw wrongMachine(source, bytes);
    throw imageError(source, 'is damaged', { details: `In ${what}: ${elf.wrong}.`, hint: 'Copy or download it again.' });
  }
  if (elf.machine !== EM_X86_64 && elf.machine !== EM_386) throw wrongMachine(source, bytes);
  if (elf.type !== ET_EXEC && elf.type !== ET_DYN) {
    throw imageError(source, 'is not a kernel', {
      details: `Found ${describeMachine(bytes)}.`,
      hint: 'Give the linked kernel, not an object file or a core dump.',
    });
  }
  const notes = readXenNotes(elf);
  const entry = entryOf(notes, elf, source, what);
  const segments = segmentsOf(elf, source, what);
  if (!segments.some((segment) => entry >= segment.paddr && entry < segment.paddr + segment.memsz)) {
    throw imageError(source, 'cannot be started', {
      details: `Its PVH entry point 0x${entry.toString(16)} lies outside the memory it loads.`,
      hint: 'Check its linker script: PHYS32_ENTRY is a physical address.',
    });
  }
  let symbols: SymbolTable | undefined | null = null;
  return {
    format: wrapped === undefined || wrapped.endsWith('ELF') ? `${wrapped ?? 'ELF'}${elf.bits}` : wrapped,
    bits: elf.bits,
    segments,
    entry,
    notes,
    symbols() {
      if (symbols === null) symbols = readSymbols(elf) ?? readKallsyms(elf);
      return symbols;
    },
  };
}

function wrongMachine(source: ImageSource, bytes: Uint8Array): Error {
  return imageError(source, 'is for another processor', {
    details: `Found ${describeMachine(bytes)}; this machine runs x86-64 and i386 kernels.`,
    hint: 'On Debian the right package is linux-image-cloud-amd64 or linux-image-amd64.',
  });
}

function entryOf(notes: XenNotes, elf: ElfFile, source: ImageSource, what: string): number {
  const { phys32Entry } = notes;
  if (phys32Entry === undefined) {
    const pv = notes.entry !== undefined || notes.source === '__xen_guest' || notes.hypercallPage !== undefined;
    const os = notes.guestOs === undefined ? '' : ` (it says it is ${JSON.stringify(notes.guestOs)})`;
    throw imageError(source, 'has no Xen PVH entry', {
      details: pv
        ? `In ${what} there are Xen notes${os}, but only those of a PV kernel: the note PHYS32_ENTRY (18) is missing.`
        : `In ${what}, ${describeMachine(elf.bytes)}, there is no Xen ELF note PHYS32_ENTRY (18)${os}.`,
      hint: 'A Linux kernel has it when built with CONFIG_PVH or CONFIG_XEN_PVH, as all Debian amd64 kernels since 4.19 are.',
    });
  }
  if (phys32Entry > 0xffffffffn) {
    throw imageError(source, 'cannot be started', {
      details: `Its PVH entry point 0x${phys32Entry.toString(16)} lies above 4 GiB, where a 32-bit entry cannot be.`,
      hint: 'Check its linker script: PHYS32_ENTRY is a physical address.',
    });
  }
  return Number(phys32Entry);
}

function segmentsOf(elf: ElfFile, source: ImageSource, what: string): KernelSegment[] {
  const bad = (details: string, hint = 'Copy or download it again.'): Error => imageError(source, 'is damaged', { details, hint });
  const loads = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0);
  if (loads.length === 0) throw bad(`In ${what} there is nothing to load.`, 'Give the linked kernel, not a file of symbols only.');
  if (loads.length > MOST_SEGMENTS) throw bad(`In ${what} there are ${loads.length} segments to load; at most ${MOST_SEGMENTS} are read.`);
  for (const segment of loads) check(segment, elf.bytes.length, what, bad);
  const segments = loads
    .map((s) => ({ paddr: s.physicalAddress, bytes: elf.bytes.subarray(s.offset, s.offset + s.fileSize), memsz: s.memorySize }))
    .sort((a, b) => a.paddr - b.paddr);
  for (let i = 1; i < segments.length; i++) {
    const before = segments[i - 1]!;
    const after = segments[i]!;
    if (before.paddr + before.memsz > after.paddr) throw bad(`In ${what} two segments overlap at 0x${after.paddr.toString(16)}.`, 'Check its linker script.');
  }
  return segments;
}

function check(segment: ElfSegment, fileLength: number, what: string, bad: (details: string) => Error): void {
  if (segment.offset + segment.fileSize > fileLength) {
    throw bad(`In ${what} a segment reaches to byte ${segment.offset + segment.fileSize}, but there are only ${fileLength} bytes: it is cut short.`);
  }
  if (segment.fileSize > segment.memorySize)
    throw bad(`In ${what} a segment has more bytes in the file (${segment.fileSize}) than in memory (${segment.memorySize}).`);
}
