/** All rows of all opcode maps in one list: a row's index here is its number (`Insn.rowIndex`, EXIT_UNIMPLEMENTED). */
import { ONE_BYTE } from './one-byte.table.ts';
import type { Row } from './row.ts';
import { THREE_BYTE_3A } from './three-byte-3a.table.ts';
import { THREE_BYTE_38 } from './three-byte-38.table.ts';
import { TWO_BYTE } from './two-byte.table.ts';
import { X87 } from './x87.table.ts';

export const ROWS: readonly Row[] = [...ONE_BYTE, ...X87, ...TWO_BYTE, ...THREE_BYTE_38, ...THREE_BYTE_3A];
