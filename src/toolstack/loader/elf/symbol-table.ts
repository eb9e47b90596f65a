import { type ElfFile, SHT_SYMTAB, stringAt } from './elf-file.ts';

/** The symbol an address lies in, and how far. */
export interface SymbolPlace {
  readonly name: string;
  /** Bytes from the symbol's start. */
  readonly offset: bigint;
}

/** An address is only said to lie in a symbol this close (bytes), so that data far away gets no misleading name. */
const FARTHEST = 1n << 24n;

/** A symbol table as data that can be cloned: sorted addresses and their names. */
export interface PackedSymbols {
  readonly addresses: BigUint64Array;
  readonly names: readonly string[];
}

/** Names of addresses, sorted; for backtraces. */
export class SymbolTable {
  private addresses: BigUint64Array;
  private names: readonly string[];

  /** `symbols` in any order; where several have one address, the first given is kept for it. */
  constructor(symbols: readonly { address: bigint; name: string }[]) {
    const order = symbols
      .map((symbol, index) => ({ ...symbol, index }))
      .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : a.index - b.index));
    const kept = order.filter((symbol, i) => i === 0 || order[i - 1]!.address !== symbol.address);
    this.addresses = BigUint64Array.from(kept, (symbol) => BigInt.asUintN(64, symbol.address));
    this.names = kept.map((symbol) => symbol.name);
  }

  /** The table as plain data, for another thread. */
  pack(): PackedSymbols {
    return { addresses: this.addresses, names: this.names };
  }

  static unpack({ addresses, names }: PackedSymbols): SymbolTable {
    const table = new SymbolTable([]);
    table.addresses = addresses;
    table.names = names;
    return table;
  }

  get size(): number {
    return this.names.length;
  }

  /** The nearest symbol at or below `address` (a 64-bit virtual address), or undefined when there is none near. */
  lookup(address: bigint): SymbolPlace | undefined {
    let low = 0;
    let high = this.addresses.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.addresses[middle]! <= address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const offset = address - this.addresses[low - 1]!;
    return offset >= FARTHEST ? undefined : { name: this.names[low - 1]!, offset };
  }

  /** The address of `name`, or undefined. */
  addressOf(name: string): bigint | undefined {
    const index = this.names.indexOf(name);
    return index < 0 ? undefined : this.addresses[index];
  }

  /** `name+0x1c` for an address, or its number where no symbol is near. */
  describe(address: bigint): string {
    const place = this.lookup(address);
    if (place === undefined) return `0x${address.toString(16)}`;
    return place.offset === 0n ? place.name : `${place.name}+0x${place.offset.toString(16)}`;
  }
}

/** The code and data symbols of an unstripped ELF file; undefined where it has none. */
export function readSymbols(elf: ElfFile): SymbolTable | undefined {
  const symbols: { address: bigint; name: string }[] = [];
  const view = new DataView(elf.bytes.buffer, elf.bytes.byteOffset, elf.bytes.byteLength);
  const size = elf.bits === 64 ? 24 : 16;
  for (const section of elf.sections) {
    const strings = elf.sections[section.link];
    if (section.type !== SHT_SYMTAB || strings === undefined) continue;
    for (let at = section.offset; at + size <= section.offset + section.size; at += size) {
      const info = elf.bytes[at + (elf.bits === 64 ? 4 : 12)]!;
      const home = view.getUint16(at + (elf.bits === 64 ? 6 : 14), true);
      const type = info & 15;
      // Typeless labels (assembler), objects and functions; not sections, files, or symbols defined elsewhere.
      if (type > 2 || home === 0) continue;
      const name = stringAt(elf.bytes, strings.offset + view.getUint32(at, true), strings.offset + strings.size);
      if (name === '') continue;
      symbols.push({ name, address: elf.bits === 64 ? view.getBigUint64(at + 8, true) : BigInt(view.getUint32(at + 4, true)) });
    }
  }
  return symbols.length === 0 ? undefined : new SymbolTable(symbols);
}
