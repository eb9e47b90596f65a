import { isBzImage, KERNEL_LIMIT, unpackBzImage, unpackBzImageLate } from './bzimage.ts';
import { decompressAs, detectCodec } from './decompress/decompress.ts';
import type { Codec } from './decompress/decompress-error.ts';
import { type ElfFile, type ElfSegment, ET_DYN, ET_EXEC, isElf, PT_LOAD, PT_NOTE, readElf } from './elf/elf-file.ts';
import { describeMachine, EM_386, EM_X86_64 } from './elf/elf-machine.ts';
import { readKallsyms } from './elf/kallsyms.ts';
import { readSymbols, type SymbolTable } from './elf/symbol-table.ts';
import { identifyFile } from './identify-file.ts';
import { type ImageSource, imageError } from './image-error.ts';
import { copyOf, type LateBytes, lateSlice } from './late-bytes.ts';
import { readXenNotes, type XenNotes } from './xen-notes.ts';

/** A part of the kernel and where it goes. */
export interface KernelSegment {
  /** Guest-physical address in bytes. */
  readonly paddr: number;
  /** What the file holds for it (a view of the file, not a copy), or what makes it of the file. */
  readonly bytes: Uint8Array | LateBytes;
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

/** What errors call it. */
const PACKED = 'the kernel packed in the bzImage';
/** Program headers that are loaded at most; real kernels have fewer than ten. */
const MOST_SEGMENTS = 64;
/** Bytes at a file's beginning among which linkers put the program headers, and most bytes of notes that are looked at there. */
const HEAD = 4096;
const MOST_NOTE_BYTES = 65536;

/**
 * Read a kernel: a bzImage, an ELF file, or either compressed as a whole. `path` names it in errors.
 * `late`: where it can be, the kernel is unpacked only when its segments' bytes are asked for, which then throws if the file is damaged: for one who
 * starts it once. Throws operator errors only; each says what was found and what to do.
 */
export function loadKernel(bytes: Uint8Array, path = 'file', late = false): KernelImage {
  const source: ImageSource = { what: 'kernel', path };
  if (bytes.length === 0) throw imageError(source, 'is empty', { hint: 'Give a Linux bzImage or vmlinux, or another ELF kernel with a Xen PVH entry.' });
  if (isBzImage(bytes)) {
    const image = late ? fromLate(bytes, source) : undefined;
    if (image !== undefined) return image;
    const { vmlinux, codec } = unpackBzImage(bytes, source);
    return fromElf(vmlinux, source, codec === undefined ? 'bzImage' : `bzImage (${codec})`, PACKED);
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
    return fromElf(vmlinux, source, `${codec}-compressed bzImage`, PACKED);
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
  let symbols: SymbolTable | undefined | null = null;
  const symbolsOf = (): SymbolTable | undefined => {
    if (symbols === null) symbols = readSymbols(elf) ?? readKallsyms(elf);
    return symbols;
  };
  return imageOf({ elf, notes: readXenNotes(elf), file: bytes, symbols: symbolsOf }, source, wrapped, what);
}

/** A bzImage whose kernel need not be unpacked to be understood; undefined: it must be, if only to say what is wrong with it. */
function fromLate(bytes: Uint8Array, source: ImageSource): KernelImage | undefined {
  const unpacked = unpackBzImageLate(bytes, source);
  if (unpacked === undefined) return undefined;
  const { vmlinux, codec } = unpacked;
  const elf = readElf(copyOf(vmlinux, 0, Math.min(HEAD, vmlinux.length)));
  if ('wrong' in elf || elf.machine !== EM_X86_64 || elf.type !== ET_EXEC) return undefined;
  const noted = elf.segments.filter(({ type, offset, fileSize }) => type === PT_NOTE && fileSize <= MOST_NOTE_BYTES && offset + fileSize <= vmlinux.length);
  const [note] = noted;
  if (note === undefined || noted.length > 1) return undefined;
  const notes = readXenNotes({ ...elf, bytes: copyOf(vmlinux, note.offset, note.fileSize), segments: [{ ...note, offset: 0 }], sections: [] });
  if (notes.phys32Entry === undefined) return undefined;
  const what = `bzImage (${codec})`;
  let whole: KernelImage | undefined;
  const symbols = (): SymbolTable | undefined => {
    whole ??= fromElf(unpackBzImage(bytes, source).vmlinux, source, what, PACKED);
    return whole.symbols();
  };
  return imageOf({ elf, notes, file: vmlinux, symbols }, source, what, PACKED);
}

/** What was read of a kernel's ELF file. */
interface KernelFile extends Pick<KernelImage, 'notes' | 'symbols'> {
  readonly elf: ElfFile;
  /** The whole file. */
  readonly file: Uint8Array | LateBytes;
}

function imageOf({ elf, notes, file, symbols }: KernelFile, source: ImageSource, wrapped: string | undefined, what: string): KernelImage {
  const entry = entryOf(notes, elf, source, what);
  const segments = segmentsOf(elf, file, source, what);
  if (!segments.some((segment) => entry >= segment.paddr && entry < segment.paddr + segment.memsz)) {
    throw imageError(source, 'cannot be started', {
      details: `Its PVH entry point 0x${entry.toString(16)} lies outside the memory it loads.`,
      hint: 'Check its linker script: PHYS32_ENTRY is a physical address.',
    });
  }
  return {
    format: wrapped === undefined || wrapped.endsWith('ELF') ? `${wrapped ?? 'ELF'}${elf.bits}` : wrapped,
    bits: elf.bits,
    segments,
    entry,
    notes,
    symbols,
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

function segmentsOf(elf: ElfFile, file: Uint8Array | LateBytes, source: ImageSource, what: string): KernelSegment[] {
  const bad = (details: string, hint = 'Copy or download it again.'): Error => imageError(source, 'is damaged', { details, hint });
  const loads = elf.segments.filter((segment) => segment.type === PT_LOAD && segment.memorySize > 0);
  if (loads.length === 0) throw bad(`In ${what} there is nothing to load.`, 'Give the linked kernel, not a file of symbols only.');
  if (loads.length > MOST_SEGMENTS) throw bad(`In ${what} there are ${loads.length} segments to load; at most ${MOST_SEGMENTS} are read.`);
  for (const segment of loads) check(segment, file.length, what, bad);
  const segments = loads
    .map((s) => ({
      paddr: s.physicalAddress,
      bytes: file instanceof Uint8Array ? file.subarray(s.offset, s.offset + s.fileSize) : lateSlice(file, s.offset, s.fileSize),
      memsz: s.memorySize,
    }))
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
