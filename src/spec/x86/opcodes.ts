/** All rows of all opcode maps in one list: a row's index here is its number (`Insn.rowIndex`, EXIT_UNIMPLEMENTED). */
import { ONE_BYTE } from './one-byte.table.ts';
import type { OpcodeMap, Row } from './row.ts';
import { THREE_BYTE_3A } from './three-byte-3a.table.ts';
import { THREE_BYTE_38 } from './three-byte-38.table.ts';
import { TWO_BYTE } from './two-byte.table.ts';
import { VEX_0F } from './vex-0f.table.ts';
import { VEX_0F3A } from './vex-0f3a.table.ts';
import { VEX_0F38 } from './vex-0f38.table.ts';
import { X87 } from './x87.table.ts';

export const ROWS: readonly Row[] = [...ONE_BYTE, ...X87, ...TWO_BYTE, ...THREE_BYTE_38, ...THREE_BYTE_3A, ...VEX_0F, ...VEX_0F38, ...VEX_0F3A];

/** Opcodes that are no instruction by themselves: prefixes and escapes (REX, VEX and EVEX stand where 32-bit code has rows). */
export const ESCAPES: Readonly<Partial<Record<OpcodeMap, readonly number[]>>> = {
  '1': [0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3],
  '0F': [0x38, 0x3a],
};

/** Opcodes of the three-byte maps that no processor has given a meaning: #UD, as first-last ranges. A test holds these lists and the tables together. */
export const UNUSED: Readonly<Partial<Record<OpcodeMap, readonly (readonly [first: number, last: number])[]>>> = {
  '0F38': [
    [0x0c, 0x0f],
    [0x11, 0x13],
    [0x16, 0x16],
    [0x18, 0x1b],
    [0x1f, 0x1f],
    [0x26, 0x27],
    [0x2c, 0x2f],
    [0x36, 0x36],
    [0x42, 0x7f],
    [0x83, 0xc7],
    [0xce, 0xce],
    [0xd0, 0xda],
    [0xe0, 0xef],
    [0xf2, 0xf4],
    [0xf7, 0xf7],
    [0xfa, 0xff],
  ],
  '0F3A': [
    [0x00, 0x07],
    [0x10, 0x13],
    [0x18, 0x1f],
    [0x23, 0x3f],
    [0x43, 0x43],
    [0x45, 0x5f],
    [0x64, 0xcb],
    [0xcd, 0xcd],
    [0xd0, 0xde],
    [0xe0, 0xff],
  ],
};
