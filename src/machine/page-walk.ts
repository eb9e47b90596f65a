/**
 * The guest's page tables walked from outside: for debuggers, crash reports and hypercalls on behalf of others. Changes
 * nothing (no accessed or dirty bits) and asks for no rights; the core's own walk is assembly/memory/walk.ts.
 * @see Intel SDM vol. 3A, 4; AMD APM vol. 2, 5
 */

/** What decides how addresses are translated. */
export interface PagingState {
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

/** A little-endian word of guest-physical memory, undefined where there is none. */
export type ReadPhysical = (gpa: bigint, bytes: 4 | 8) => bigint | undefined;

const CR0_PG = 1n << 31n;
const CR4_PSE = 1n << 4n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LMA = 1n << 10n;
const PRESENT = 1n;
const LARGE = 0x80n;
/** Physical address bits of an 8-byte entry. */
const ADDRESS = 0x000f_ffff_ffff_f000n;

/** The guest-physical address of virtual (linear) address `va`, undefined where nothing is mapped. */
export function walkPages(state: PagingState, va: bigint, read: ReadPhysical): bigint | undefined {
  if ((state.cr0 & CR0_PG) === 0n) return va & 0xffff_ffffn;
  if ((state.efer & EFER_LMA) !== 0n) {
    const levels = (state.cr4 & CR4_LA57) === 0n ? 4 : 5;
    const bits = BigInt(12 + levels * 9);
    if (BigInt.asUintN(64, BigInt.asIntN(Number(bits), va)) !== va) return undefined; // not canonical
    return walk8(state.cr3 & ADDRESS, va, levels, read);
  }
  const low = va & 0xffff_ffffn;
  if ((state.cr4 & CR4_PAE) === 0n) return walk4(state, low, read);
  const pointer = read((state.cr3 & 0xffff_ffe0n) + (low >> 30n) * 8n, 8);
  return pointer === undefined || (pointer & PRESENT) === 0n ? undefined : walk8(pointer & ADDRESS, low, 2, read);
}

/** Tables of 512 entries, from `levels` down to 1. */
function walk8(root: bigint, va: bigint, levels: number, read: ReadPhysical): bigint | undefined {
  let table = root;
  for (let level = levels; level > 0; level--) {
    const shift = BigInt(3 + level * 9);
    const entry = read(table + ((va >> shift) & 511n) * 8n, 8);
    if (entry === undefined || (entry & PRESENT) === 0n) return undefined;
    const offset = (1n << shift) - 1n;
    if (level === 1 || (level <= 3 && (entry & LARGE) !== 0n)) return (entry & ADDRESS & ~offset) | (va & offset);
    table = entry & ADDRESS;
  }
  return undefined;
}

/** Two levels of 1024 entries, with 4 MiB pages (and PSE-36 for their address bits 32..39). */
function walk4(state: PagingState, va: bigint, read: ReadPhysical): bigint | undefined {
  const directory = read((state.cr3 & 0xffff_f000n) + (va >> 22n) * 4n, 4);
  if (directory === undefined || (directory & PRESENT) === 0n) return undefined;
  if ((directory & LARGE) !== 0n && (state.cr4 & CR4_PSE) !== 0n) {
    return ((directory & 0x1f_e000n) << 19n) | (directory & 0xffc0_0000n) | (va & 0x3f_ffffn);
  }
  const entry = read((directory & 0xffff_f000n) + ((va >> 12n) & 1023n) * 4n, 4);
  return entry === undefined || (entry & PRESENT) === 0n ? undefined : (entry & 0xffff_f000n) | (va & 0xfffn);
}
