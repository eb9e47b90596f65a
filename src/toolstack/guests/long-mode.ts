import { type Assembler, R } from './assembler.ts';

/** Selectors of the guests' descriptor table. */
export const CODE64 = 0x08;
export const DATA = 0x10;

/**
 * From the PVH entry (32-bit, paging off) to 64-bit code with the first 4 GiB mapped one to one, by 1 GiB pages. EBX (the
 * start info) is kept; execution goes on behind this piece in 64-bit mode with the stack at `stackTop`.
 */
export function enterLongMode(a: Assembler, stackTop: string): void {
  a.lgdt('gdt_pointer');
  a.movFromCr(R.ax, 4);
  a.alui('or', R.ax, 0x620); // PAE | OSFXSR | OSXMMEXCPT
  a.movToCr(4, R.ax);
  a.lea(R.ax, 'pml4').movToCr(3, R.ax);
  a.movi(R.cx, 0xc0000080).movi(R.ax, 0x100).movi(R.dx, 0).wrmsr();
  a.movi(R.ax, 0x80010011).movToCr(0, R.ax);
  a.ljmp(CODE64, 'long_mode');
  a.bits = 64;
  a.label('long_mode');
  a.movi(R.ax, DATA);
  for (const modrm of [0xd8, 0xc0, 0xd0]) a.db(0x8e, modrm); // mov ds/es/ss, eax
  a.lea(R.sp, stackTop);
}

/** The tables that `enterLongMode` needs: put behind the code, page aligned. */
export function longModeTables(a: Assembler): void {
  a.align(8).label('gdt');
  a.dq(0n).dq(0x00af9b000000ffffn).dq(0x00cf93000000ffffn);
  a.label('gdt_pointer').db(23, 0).ddLabel('gdt').dd(0);
  // The PML4 entry is the address of the next table with present and writable (3) in its low bits.
  a.align(4096)
    .label('pml4')
    .dqLabel('pdpt', 3n)
    .space(4096 - 8);
  a.label('pdpt');
  for (let gib = 0n; gib < 4n; gib++) a.dq((gib << 30n) | 0x83n);
  a.space(4096 - 32);
}
