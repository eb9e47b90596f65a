/**
 * Names out of the symbol table that a Linux kernel carries for its own backtraces (CONFIG_KALLSYMS): distribution
 * kernels are stripped, this is all the names there are.
 *
 * The table's parts lie one behind the other in read-only data, without a label: the token table is found by its
 * ten digit tokens, and everything else is found from there and checked against each other.
 * @see Linux, scripts/kallsyms.c, for the layout (names are lengths and token numbers; a token is a few characters)
 */
import { type ElfFile, PT_LOAD } from './elf-file.ts';
import { SymbolTable } from './symbol-table.ts';

const TOKENS = 256;
/** One marker (the offset of a name in the name table) for each so many names. */
const NAMES_PER_MARKER = 256;
/** Bounds of the number of symbols that is taken for one. */
const FEWEST = 500;
const MOST = 4_000_000;
/** How far before the token table the name table may start, in bytes. */
const FARTHEST = 64 << 20;
/** Name tables that are walked in full before giving up: a bound for hostile files. */
const MOST_WALKS = 200;

const align8 = (n: number): number => Math.ceil(n / 8) * 8;

/** The kernel's own symbol table, or undefined where the file has none that this reader understands. */
export function readKallsyms(elf: ElfFile): SymbolTable | undefined {
  if (elf.bits !== 64) return undefined;
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD || segment.offset + segment.fileSize > elf.bytes.length) continue;
    const image = elf.bytes.subarray(segment.offset, segment.offset + segment.fileSize);
    const found = new KallsymsImage(image, segment.virtualAddress).read();
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Names {
  /** Offset of the word with the number of symbols. */
  readonly at: number;
  readonly count: number;
  /** Offset of the first name. */
  readonly first: number;
}

class KallsymsImage {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  /** The table's parts are aligned in memory; the segment is so in the file, up to this. */
  private readonly skew: number;

  constructor(bytes: Uint8Array, address: bigint) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.skew = Number(address & 7n);
  }

  read(): SymbolTable | undefined {
    if (this.skew !== 0) return undefined;
    let from = 0;
    for (;;) {
      const digits = this.findDigits(from);
      if (digits < 0) return undefined;
      const tokens = this.tokensAround(digits);
      if (tokens !== undefined) {
        const names = this.findNames(tokens.start);
        if (names !== undefined) return this.decode(tokens, names);
      }
      from = digits + 1;
    }
  }

  /** The offset of "0\0" "1\0" ... "9\0" at or after `from`, or -1. */
  private findDigits(from: number): number {
    const { bytes } = this;
    for (let at = bytes.indexOf(0x30, from); at >= 0; at = bytes.indexOf(0x30, at + 1)) {
      let digit = 0;
      while (digit < 10 && bytes[at + digit * 2] === 0x30 + digit && bytes[at + digit * 2 + 1] === 0) digit++;
      if (digit === 10) return at;
    }
    return -1;
  }

  /** The token table that has its digit tokens at `digits`: its start, its tokens, and the end of the index behind it. */
  private tokensAround(digits: number): { start: number; texts: string[]; end: number } | undefined {
    const { bytes, view } = this;
    let start = digits;
    for (let token = 0x30; token > 0; token--) {
      let previous = start - 2;
      while (previous >= 0 && bytes[previous] !== 0 && start - previous < 64) previous--;
      if (previous < 0 || bytes[previous] !== 0) return undefined;
      start = previous + 1;
    }
    // Token 0 has no terminator of another token before it, only alignment: the table starts at the aligned offset.
    const candidates = [start, start - (start & 7)];
    for (const base of candidates) {
      const offsets: number[] = [];
      const texts: string[] = [];
      let at = base;
      while (offsets.length < TOKENS && at < bytes.length) {
        offsets.push(at - base);
        const end = bytes.indexOf(0, at);
        if (end < 0 || end - at > 63) break;
        texts.push(String.fromCharCode(...bytes.subarray(at, end)));
        at = end + 1;
      }
      const index = align8(at);
      if (texts.length !== TOKENS || index + TOKENS * 2 > bytes.length) continue;
      if (offsets.every((offset, i) => view.getUint16(index + i * 2, true) === offset)) return { start: base, texts, end: index + TOKENS * 2 };
    }
    return undefined;
  }

  /** The name table somewhere before `tokens`, recognised by its count, its walk and its markers. */
  private findNames(tokens: number): Names | undefined {
    const { view } = this;
    let walks = 0;
    for (let at = (tokens & ~7) - 16; at >= 8 && tokens - at < FARTHEST; at -= 8) {
      const count = view.getUint32(at, true);
      if (count < FEWEST || count > MOST || view.getUint32(at + 4, true) !== 0) continue;
      const room = tokens - at;
      if (room < count * 3 || room > count * 64) continue;
      if (++walks > MOST_WALKS) return undefined;
      const names = { at, count, first: at + 8 };
      if (this.walkMatches(names, tokens)) return names;
    }
    return undefined;
  }

  private walkMatches({ count, first }: Names, limit: number): boolean {
    const { bytes, view } = this;
    const marks: number[] = [];
    let at = first;
    for (let i = 0; i < count; i++) {
      if (i % NAMES_PER_MARKER === 0) marks.push(at - first);
      const length = this.nameLength(at);
      if (length.size === 0 || at >= limit) return false;
      at += length.bytes + length.size;
    }
    if (at > limit || at > bytes.length) return false;
    const markers = align8(at);
    return markers + marks.length * 4 <= bytes.length && marks.every((mark, i) => view.getUint32(markers + i * 4, true) === mark);
  }

  /** How many tokens the name at `at` has, and in how many bytes that is said. */
  private nameLength(at: number): { size: number; bytes: number } {
    const low = this.bytes[at] ?? 0;
    return low < 0x80 ? { size: low, bytes: 1 } : { size: (low & 0x7f) | ((this.bytes[at + 1] ?? 0) << 7), bytes: 2 };
  }

  private decode(tokens: { texts: readonly string[]; end: number }, names: Names): SymbolTable | undefined {
    const { bytes, view } = this;
    const { count } = names;
    // Until Linux 6.3 the offsets lie before the count, later behind the token index; the base address behind them.
    const isKernel = (at: number): boolean => at >= 0 && at + 8 <= bytes.length && view.getUint32(at + 4, true) === 0xffffffff;
    const before = names.at - 8;
    const after = align8(align8(tokens.end) + count * 4);
    const baseAt = isKernel(before) ? before : isKernel(after) ? after : undefined;
    if (baseAt === undefined) return undefined;
    const offsets = baseAt - align8(count * 4);
    if (offsets < 0) return undefined;
    const base = view.getBigUint64(baseAt, true);
    // Negative offsets count from the base, others are absolute per-CPU offsets; or (no negative one) all count from the base.
    let negative = 0;
    for (let i = 0; i < count; i++) if (view.getInt32(offsets + i * 4, true) < 0) negative++;
    const percpu = negative > count / 2;
    const symbols: { address: bigint; name: string }[] = [];
    let at = names.first;
    for (let i = 0; i < count; i++) {
      const length = this.nameLength(at);
      at += length.bytes;
      let name = '';
      for (const end = at + length.size; at < end; at++) name += tokens.texts[bytes[at]!]!;
      const offset = view.getInt32(offsets + i * 4, true);
      if (percpu && offset >= 0) continue;
      // The first character is the symbol's type, as nm prints it.
      symbols.push({ name: name.slice(1), address: percpu ? base - 1n - BigInt(offset) : base + BigInt(offset >>> 0) });
    }
    return new SymbolTable(symbols);
  }
}
