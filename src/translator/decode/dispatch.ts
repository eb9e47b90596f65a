/**
 * The rows, compiled into flat arrays that the decoder indexes, an opcode when it is first met: a small guest uses few of them, and a start
 * must not wait for the others. A cell is (map, 64-bit code?, W, opcode, mandatory prefix); it holds a row, nothing (#UD), or a group: 256 rows
 * chosen by the ModRM byte.
 */
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { OpcodeMap, Row } from '../../spec/x86/row.ts';
import { modOf, operandCode, usesModrm } from './operand-codes.ts';

/** Order of the maps in the cell array. */
export const MAPS: readonly OpcodeMap[] = ['1', '0F', '0F38', '0F3A', 'VEX.0F', 'VEX.0F38', 'VEX.0F3A'];
export const MAP_0F = 1;
export const MAP_0F38 = 2;
export const MAP_0F3A = 3;
/** VEX map of mmmmm = 1; 2 and 3 follow. */
export const MAP_VEX_0F = 4;

const PREFIXES: readonly Row['prefix'][] = ['NP', '66', 'F3', 'F2'];
/** Mandatory-prefix part of a cell index. */
export const PFX_NONE = 0;
export const PFX_66 = 1;
export const PFX_F3 = 2;
export const PFX_F2 = 3;

/** Cell index: map << 12 | 64-bit code << 11 | W << 10 | opcode << 2 | PFX_*. */
export function cellIndex(map: number, wide: number, w: number, opcode: number, pfx: number): number {
  return (map << 12) | (wide << 11) | (w << 10) | (opcode << 2) | pfx;
}

// ---- INFO bits of a row ---------------------------------------------------------------------------------------------------
/** A ModRM byte follows the opcode. */
export const INFO_MODRM = 1;
/** ModRM.mod is ignored, rm is a register (MOV CR/DR). */
export const INFO_MOD_IGNORED = 2;
export const INFO_D64 = 4;
export const INFO_F64 = 8;
/** LOCK allowed with a memory destination. */
export const INFO_LOCK = 16;
/** The 66 prefix is mandatory and is no operand-size prefix. */
export const INFO_66_TAKEN = 32;
export const INFO_UNDEFINED = 64;
/** Another row may apply (REX.B with 90, a CPU without the feature): see ALTERNATIVE. */
export const INFO_ALTERNATIVE = 128;
/** A far pointer in memory: REX.W does not widen it on AMD. */
export const INFO_FAR_MEMORY = 256;
/** +cc row: insn.cc = opcode & 15 (filled anyway). VEX row that does not use vvvv: it must be 1111. */
export const INFO_NO_VVVV = 512;
/** The index of the memory operand is a vector register: any of the sixteen. A SIB byte must be there (never in 16-bit addressing), and the three registers must differ. */
export const INFO_VSIB = 1024;
/** VEX.L must be 0, must be 1. */
export const INFO_L0 = 1 << 16;
export const INFO_L1 = 1 << 17;
/** Number of operands in bits 12..14. */
export const INFO_COUNT_SHIFT = 12;
export const INFO_COUNT_MASK = 7;

/** Most operands a row may have. */
export const MAX_OPERANDS = 4;

/** A cell whose opcode was not met yet: `settle` says what it holds. */
export const CELL_UNKNOWN = -0x8000;
/** Row number + 1, 0 = #UD, -(group + 1), or CELL_UNKNOWN. */
export const CELLS: Int16Array = new Int16Array(MAPS.length << 12).fill(CELL_UNKNOWN);
/** Operand codes, MAX_OPERANDS for each row of an opcode that was met. */
export const OPERANDS: Int32Array = new Int32Array(ROWS.length * MAX_OPERANDS);
export const INFO: Int32Array = new Int32Array(ROWS.length);
/** For rows with INFO_ALTERNATIVE: the row that applies instead. */
export const ALTERNATIVE: Int16Array = new Int16Array(ROWS.length);
/** Groups: row number + 1 or 0 by ModRM byte. */
export const GROUPS: Int16Array[] = [];

/** Row numbers by map << 8 | opcode. */
let byOpcode: ReadonlyMap<number, readonly number[]> | undefined;

function infoOf(row: Row, codes: readonly number[]): number {
  let info = codes.length << INFO_COUNT_SHIFT;
  if (row.ext !== -1 || row.mod !== 'any' || codes.some(usesModrm)) info |= INFO_MODRM;
  if (row.operands.some((text) => /^[CD]n$/.test(text))) info |= INFO_MOD_IGNORED;
  if (row.d64) info |= INFO_D64;
  if (row.f64) info |= INFO_F64;
  if (row.lock) info |= INFO_LOCK;
  const sized = row.operands.some((text) => /^[A-Z]v|^Iz|^Ibs/.test(text));
  if (row.prefix === '66' && !sized) info |= INFO_66_TAKEN;
  if (row.undefinedOpcode !== undefined) info |= INFO_UNDEFINED;
  if (row.elseIgnorePrefix || row.noRexB) info |= INFO_ALTERNATIVE;
  if (row.operands.includes('Mp')) info |= INFO_FAR_MEMORY;
  if (!row.operands.some((text) => /^[HB]/.test(text))) info |= INFO_NO_VVVV;
  if (row.vsib) info |= INFO_VSIB;
  if (row.vexL !== undefined) info |= row.vexL === 0 ? INFO_L0 : INFO_L1;
  return info;
}

/** How exactly a row names its ModRM byte; the most exact row wins. */
function exactness(row: Row): number {
  return (row.rm !== -1 ? 8 : 0) + (row.ext !== -1 ? 4 : 0) + (row.mod !== 'any' ? 2 : 0);
}

/** A number that is higher for the row that wins where two match: ModRM first, then a declared prefix, a declared W, one opcode over eight. */
function rank(row: Row): number {
  return exactness(row) * 16 + (row.prefix !== 'any' ? 8 : 0) + (row.w !== -1 ? 4 : 0) + (row.span === 1 ? 1 : 0);
}

/** Which of `candidates` applies without regard to the ModRM byte, -1 for none. */
function best(candidates: readonly number[]): number {
  let found = -1;
  for (const index of candidates) {
    if (found === -1 || wins(index, found)) found = index;
  }
  return found;
}

function wins(index: number, over: number): boolean {
  const a = ROWS[index] as Row;
  const b = ROWS[over] as Row;
  const difference = rank(a) - rank(b);
  if (difference === 0) throw new Error(`opcode tables: '${a.mnemonic}' and '${b.mnemonic}' claim the same encoding ${a.map} ${a.opcode.toString(16)}`);
  return difference > 0;
}

/** The rows + 1 by ModRM byte. */
function groupOf(candidates: readonly number[]): Int16Array {
  const group = new Int16Array(256);
  for (const index of candidates) {
    const row = ROWS[index] as Row;
    const mod = row.mod !== 'any' ? row.mod : modOf(row.operands);
    const first = mod === 'reg' ? 0xc0 : 0;
    const behind = mod === 'mem' ? 0xc0 : 256;
    for (let modrm = first; modrm < behind; modrm++) {
      if (row.ext !== -1 && row.ext !== ((modrm >> 3) & 7)) continue;
      if (row.rm !== -1 && row.rm !== (modrm & 7)) continue;
      const other = (group[modrm] as number) - 1;
      if (other < 0 || wins(index, other)) group[modrm] = index + 1;
    }
  }
  return group;
}

function rowsByOpcode(): ReadonlyMap<number, readonly number[]> {
  const lists = new Map<number, number[]>();
  ROWS.forEach((row, index) => {
    const map = MAPS.indexOf(row.map);
    for (let k = 0; k < row.span; k++) {
      const key = (map << 8) | (row.opcode + k);
      const list = lists.get(key);
      if (list === undefined) lists.set(key, [index]);
      else list.push(index);
    }
  });
  return lists;
}

/** Fill in all cells of an opcode and what its rows say. Throws where two rows claim the same encoding: a bug of the tables. */
export function settle(map: number, opcode: number): void {
  byOpcode ??= rowsByOpcode();
  const list = byOpcode.get((map << 8) | opcode) ?? [];
  for (const index of list) {
    const row = ROWS[index] as Row;
    const codes = row.operands.map(operandCode);
    if (codes.length > MAX_OPERANDS) throw new Error(`opcode tables: '${row.mnemonic}' has too many operands`);
    OPERANDS.set(codes, index * MAX_OPERANDS);
    INFO[index] = infoOf(row, codes);
    if (row.elseIgnorePrefix || row.noRexB) ALTERNATIVE[index] = alternativeOf(index, list);
  }
  const known = new Map<string, number>();
  const always = list.every((index) => isEverywhere(ROWS[index] as Row));
  for (let variant = 0; variant < 16; variant++) {
    const wide = variant >> 3;
    const w = (variant >> 2) & 1;
    const candidates = always ? list : list.filter((index) => applies(ROWS[index] as Row, wide === 1, w, variant & 3));
    CELLS[cellIndex(map, wide, w, opcode, variant & 3)] = candidates.length === 0 ? 0 : cellOf(candidates, known);
  }
}

/** In every mode, with every prefix. */
function isEverywhere(row: Row): boolean {
  return row.prefix === 'any' && row.w === -1 && !row.i64 && !row.o64;
}

function applies(row: Row, wide: boolean, w: number, pfx: number): boolean {
  if (wide ? row.i64 : row.o64) return false;
  if (row.w !== -1 && row.w !== w) return false;
  return row.prefix === 'any' || row.prefix === PREFIXES[pfx];
}

/** A row + 1 if the ModRM byte does not matter, else a group; equal lists of candidates share one. */
function cellOf(candidates: readonly number[], known: Map<string, number>): number {
  const key = candidates.join();
  let cell = known.get(key);
  if (cell === undefined) {
    const rows = candidates.map((index) => ROWS[index] as Row);
    if (rows.every((row) => exactness(row) === 0 && modOf(row.operands) === 'any')) cell = best(candidates) + 1;
    else cell = -GROUPS.push(groupOf(candidates));
    known.set(key, cell);
  }
  return cell;
}

/** The row of the same opcode that applies where row `index` does not. */
function alternativeOf(index: number, list: readonly number[]): number {
  const row = ROWS[index] as Row;
  const alternative = best(
    list.filter((other) => {
      const candidate = ROWS[other] as Row;
      return candidate.prefix === 'any' && (row.noRexB ? !candidate.noRexB : true) && other !== index;
    }),
  );
  if (alternative < 0) throw new Error(`opcode tables: '${row.mnemonic}' has no row to fall back to`);
  return alternative;
}
