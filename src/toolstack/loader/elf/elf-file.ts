import { describeMachine } from './elf-machine.ts';

/** @see System V ABI, "Program Header" and "Sections" */
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_NOBITS = 8;
export const ET_EXEC = 2;
export const ET_DYN = 3;

/** A program header. Sizes and file offsets in bytes, exact below 2^53; addresses as the file gives them. */
export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: bigint;
  readonly physicalAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

/** A section header, its name resolved ('' where the file has no names). */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly entrySize: number;
  readonly address: bigint;
}

/** An ELF file's headers. Nothing in them is checked but that they lie inside the file and that numbers are below 2^53. */
export interface ElfFile {
  readonly bytes: Uint8Array;
  readonly bits: 32 | 64;
  readonly type: number;
  readonly machine: number;
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  /** Empty where the section headers are missing or damaged: a stripped file needs none. */
  readonly sections: readonly ElfSection[];
}

/** Longest section name read, in bytes: names are allegations of the file. */
const LONGEST_NAME = 256;

export const isElf = (bytes: Uint8Array): boolean => bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;

/** Read the headers of a little-endian ELF file, or say in one sentence what is wrong with it. */
export function readElf(bytes: Uint8Array): ElfFile | { readonly wrong: string } {
  if (!isElf(bytes)) return { wrong: 'it is not an ELF file' };
  const bits = bytes[4] === 1 ? 32 : bytes[4] === 2 ? 64 : undefined;
  if (bits === undefined || bytes[5] !== 1) return { wrong: `it is ${describeMachine(bytes)}` };
  const headerSize = bits === 64 ? 64 : 52;
  if (bytes.length < headerSize) return { wrong: `it ends after ${bytes.length} bytes, inside the ELF header` };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** An address or offset of the file's own width. */
  const word = (at32: number, at64: number): bigint => (bits === 64 ? view.getBigUint64(at64, true) : BigInt(view.getUint32(at32, true)));
  const half = (at32: number, at64: number): number => view.getUint16(bits === 64 ? at64 : at32, true);

  const tableAt = Number(word(28, 32));
  const entrySize = half(42, 54);
  const count = half(44, 56);
  const smallest = bits === 64 ? 56 : 32;
  if (count > 0 && entrySize < smallest) return { wrong: `its program headers have ${entrySize} bytes each, at least ${smallest} are needed` };
  if (tableAt + count * entrySize > bytes.length) {
    return { wrong: `it ends after ${bytes.length} bytes, its program headers reach to ${tableAt + count * entrySize}` };
  }
  const segments: ElfSegment[] = [];
  for (let i = 0; i < count; i++) {
    const segment = readSegment(view, bits, tableAt + i * entrySize);
    if (segment === undefined) return { wrong: `a number in its program header ${i} is 2^53 or more` };
    segments.push(segment);
  }
  return {
    bytes,
    bits,
    type: view.getUint16(16, true),
    machine: view.getUint16(18, true),
    entry: word(24, 24),
    segments,
    sections: readSections(bytes, view, bits, Number(word(32, 40)), half(46, 58), half(48, 60), half(50, 62)),
  };
}

function readSegment(view: DataView, bits: 32 | 64, at: number): ElfSegment | undefined {
  const segment =
    bits === 64
      ? {
          type: view.getUint32(at, true),
          flags: view.getUint32(at + 4, true),
          offset: Number(view.getBigUint64(at + 8, true)),
          virtualAddress: view.getBigUint64(at + 16, true),
          physicalAddress: Number(view.getBigUint64(at + 24, true)),
          fileSize: Number(view.getBigUint64(at + 32, true)),
          memorySize: Number(view.getBigUint64(at + 40, true)),
          alignment: Number(view.getBigUint64(at + 48, true)),
        }
      : {
          type: view.getUint32(at, true),
          flags: view.getUint32(at + 24, true),
          offset: view.getUint32(at + 4, true),
          virtualAddress: BigInt(view.getUint32(at + 8, true)),
          physicalAddress: view.getUint32(at + 12, true),
          fileSize: view.getUint32(at + 16, true),
          memorySize: view.getUint32(at + 20, true),
          alignment: view.getUint32(at + 28, true),
        };
  const interesting = segment.type === PT_LOAD || segment.type === PT_NOTE;
  const sums = [segment.offset + segment.fileSize, segment.physicalAddress + segment.memorySize];
  if (interesting && sums.some((sum) => sum > Number.MAX_SAFE_INTEGER)) return undefined;
  return segment;
}

function readSections(bytes: Uint8Array, view: DataView, bits: 32 | 64, tableAt: number, entrySize: number, count: number, namesIndex: number): ElfSection[] {
  if (count === 0 || entrySize < (bits === 64 ? 64 : 40) || tableAt + count * entrySize > bytes.length) return [];
  const raw: (Omit<ElfSection, 'name'> & { nameAt: number })[] = [];
  for (let i = 0; i < count; i++) {
    const at = tableAt + i * entrySize;
    const nameAt = view.getUint32(at, true);
    const type = view.getUint32(at + 4, true);
    const section =
      bits === 64
        ? {
            nameAt,
            type,
            address: view.getBigUint64(at + 16, true),
            offset: Number(view.getBigUint64(at + 24, true)),
            size: Number(view.getBigUint64(at + 32, true)),
            link: view.getUint32(at + 40, true),
            entrySize: Number(view.getBigUint64(at + 56, true)),
          }
        : {
            nameAt,
            type,
            address: BigInt(view.getUint32(at + 12, true)),
            offset: view.getUint32(at + 16, true),
            size: view.getUint32(at + 20, true),
            link: view.getUint32(at + 24, true),
            entrySize: view.getUint32(at + 36, true),
          };
    const inside = type === SHT_NOBITS || section.offset + section.size <= bytes.length;
    raw.push(inside ? section : { ...section, offset: 0, size: 0 });
  }
  const names = raw[namesIndex];
  return raw.map(({ nameAt, ...section }) => ({
    ...section,
    name: names === undefined || names.type === SHT_NOBITS ? '' : stringAt(bytes, names.offset + nameAt, names.offset + names.size),
  }));
}

/** The NUL-terminated string at `at`, which must end before `end`; at most LONGEST_NAME bytes of it. */
export function stringAt(bytes: Uint8Array, at: number, end: number): string {
  const last = Math.min(end, at + LONGEST_NAME, bytes.length);
  let text = '';
  for (let i = at; i < last && bytes[i] !== 0; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
