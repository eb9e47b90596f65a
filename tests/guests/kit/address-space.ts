import type { Assembler } from '../../../src/toolstack/guests/assembler.ts';

/** Selectors of the test guests' descriptor table, beside CODE64 and DATA; SYSRET's order. */
export const USER_DATA = 0x1b;
export const USER_CODE64 = 0x23;
export const TSS = 0x28;

/** Where the window of single pages is: 512 pages from here on, absent unless the guest says otherwise. */
export const WINDOW = 0x80_0000_0000n;
/** Address of page `index` of the window. */
export const window = (index: number, offset = 0): bigint => WINDOW + BigInt(index * 4096 + offset);

/** Bits of page table entries. */
export const PRESENT = 1n;
export const WRITE = 2n;
export const USER = 4n;
export const NO_EXECUTE = 1n << 63n;

/** An entry of the window: what it maps (a label or an address) and its flags. */
export interface WindowPage {
  readonly target: string | bigint;
  readonly flags: bigint;
}

/**
 * Descriptor tables, TSS and page tables of a test guest: the first 4 GiB one to one and open to user mode, but for
 * page 0, and the window. The TSS has no I/O bitmap.
 */
export function emitAddressSpace(a: Assembler, pages: ReadonlyMap<number, WindowPage>): void {
  a.align(16).label('tss').dd(0).dqLabel('stack0_top').space(24).dqLabel('stack1_top').space(58).db(104, 0);
  const tss = BigInt(a.address('tss'));
  a.align(8).label('gdt').dq(0n).dq(0x00af9b000000ffffn).dq(0x00cf93000000ffffn).dq(0x00cff3000000ffffn).dq(0x00affb000000ffffn);
  a.dq(0x0000890000000067n | ((tss & 0xffffffn) << 16n) | ((tss >> 24n) << 56n))
    .dq(0n)
    .dq(0x00cf9b000000ffffn);
  a.label('gdt_pointer').db(63, 0).dqLabel('gdt');
  a.align(4096)
    .label('pml4')
    .dqLabel('pdpt', 7n)
    .dqLabel('window_pdpt', 7n)
    .space(4096 - 16);
  a.label('pdpt').dqLabel('pd', 7n);
  for (let gib = 1n; gib < 4n; gib++) a.dq((gib << 30n) | 0x87n);
  a.space(4096 - 32)
    .label('pd')
    .dqLabel('pt', 7n);
  for (let i = 1n; i < 512n; i++) a.dq((i << 21n) | 0x87n);
  a.label('pt').dq(0n);
  for (let i = 1n; i < 512n; i++) a.dq((i << 12n) | 7n);
  a.label('window_pdpt')
    .dqLabel('window_pd', 7n)
    .space(4096 - 8);
  a.label('window_pd')
    .dqLabel('window_pt', 7n)
    .space(4096 - 8);
  a.label('window_pt');
  for (let i = 0; i < 512; i++) {
    const page = pages.get(i);
    if (page === undefined) a.dq(0n);
    else if (typeof page.target === 'bigint') a.dq(page.target | page.flags);
    else a.dqLabel(page.target, page.flags);
  }
  for (const name of ['stack0', 'stack1', 'stack']) a.label(name).space(4096).label(`${name}_top`);
}
