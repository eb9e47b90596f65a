/**
 * Differences that are the processor's choice: where more than one answer is allowed, or where the manuals are silent and no program can rely on one.
 * Each is counted and printed; the list may only shrink.
 */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import type { Code } from './generate.ts';
import * as L from './layout.ts';

/** What a choice is decided from. */
export interface Outcome {
  readonly code: Code;
  /** The instruction at which the processor's run ended by an exception. */
  readonly row: Row;
  readonly bytes: Uint8Array;
  /** Exception vectors, -1: none. */
  readonly native: number;
  readonly ours: number;
  /** Words of the fixed records that differ. */
  readonly words: readonly number[];
  /** Memory differs. */
  readonly memory: boolean;
}

export interface Choice {
  readonly reason: string;
  readonly applies: (outcome: Outcome) => boolean;
}

const DB = 1;
const UD = 6;
const SS = 12;
const GP = 13;
const PF = 14;
const AC = 17;
/** Word of the FXSAVE image. */
const MXCSR = L.R_FX + 6;
const MEMORY_FAULTS: readonly number[] = [SS, GP, PF];

const isFault = ({ native, ours }: Outcome): boolean => native !== -1 && ours !== -1;
const bothMemory = ({ native, ours }: Outcome): boolean => MEMORY_FAULTS.includes(native) && MEMORY_FAULTS.includes(ours);
const EXCEPTION: readonly number[] = [L.R_VECTOR, L.R_ERROR, L.R_CR2, L.R_CR2 + 1];
const only = (words: readonly number[], allowed: (word: number) => boolean): boolean => words.every(allowed);
const isException = (word: number): boolean => EXCEPTION.includes(word);
const isX87 = (word: number): boolean => word >= L.R_FX && word < L.R_FX + 40;
const isRegister = (word: number): boolean => word >= L.R_GPR && word < L.R_GPR + 32;

const MANY_ACCESSES =
  /^x87\.(fldenv|fnstenv|frstor|fnsave|fbld|fbstp|fld|fstp)$|^fxsave\.|^segment\.(retFar|callFar|jmpFar|loadFar)$|^interrupt\.(iret|bound)$|^stack\.(enter|pusha|popa)$|maskmov|vcvtps2ph/;
const FPU_IMAGE = /^x87\.(fldenv|fnstenv|frstor|fnsave)$/;
const TWO_OPERANDS = /^string\.(movs|cmps)$|^stack\.(push|pop)$|^branch\.callIndirect$|^segment\.pop$/;

export const CHOICES: readonly Choice[] = [
  {
    reason: 'which of several accesses of an instruction is tried first, when more than one would fault',
    applies: (o) => (MANY_ACCESSES.test(o.row.lift) || TWO_OPERANDS.test(o.row.lift)) && bothMemory(o) && !o.memory && only(o.words, isException),
  },
  {
    reason: 'POPA that faults may have loaded some registers; it begins anew when it is repeated',
    applies: (o) => o.row.lift === 'stack.popa' && isFault(o) && only(o.words, (word) => isException(word) || isRegister(word)),
  },
  {
    reason: 'instructions of several stores that fault may have made some of them',
    applies: (o) => MANY_ACCESSES.test(o.row.lift) && bothMemory(o) && only(o.words, isException),
  },
  {
    reason: 'FLDENV and FRSTOR that fault may have loaded a part',
    applies: (o) => /^x87\.(fldenv|frstor)$/.test(o.row.lift) && bothMemory(o) && only(o.words, (word) => isException(word) || isX87(word)),
  },
  {
    reason: 'an offset that is not canonical in FS or GS: AMD looks at it before adding the base',
    applies: (o) => o.code.mode === 2 && (o.bytes.includes(0x64) || o.bytes.includes(0x65)) && o.native === GP && o.ours === PF && only(o.words, isException),
  },
  {
    reason: 'the upper byte of FPU pointers that are not canonical',
    applies: (o) =>
      o.code.instructions.some(({ row }) => /xrstor/.test((ROWS[row] as Row).lift)) &&
      // beside the error code, in which Linux says 'present' of all that is beyond its user's addresses
      only(o.words, (word) => word === L.R_FX + 3 || word === L.R_FX + 5 || word === L.R_ERROR),
  },
  {
    reason: 'a wrong LOCK and a memory fault: either may come first',
    applies: (o) => o.bytes.includes(0xf0) && o.ours === UD && MEMORY_FAULTS.includes(o.native) && only(o.words, isException),
  },
  {
    reason: '#AC: before or after another fault of the same access, and not of instructions of many accesses',
    applies: (o) =>
      (o.native === AC && MANY_ACCESSES.test(o.row.lift)) ||
      (o.ours === AC && o.code.instructions.some(({ row }) => MANY_ACCESSES.test((ROWS[row] as Row).lift))) ||
      (isFault(o) && (o.native === AC || o.ours === AC) && bothMemory({ ...o, native: o.ours === AC ? o.native : o.ours, ours: GP })),
  },
  {
    reason: 'MXCSR bit 17 (misaligned SSE), which this processor has and the CPU models have not',
    applies: (o) =>
      o.ours === GP && o.words.includes(MXCSR) && o.code.instructions.some(({ row }) => /ldmxcsr$|^fxsave\.(fx|x)rstors?$/.test((ROWS[row] as Row).lift)),
  },
  {
    // AMD's FSTP of ten bytes at 0xfff8 writes the last two at 0 (2026-11-22)
    reason: 'FPU images and operands of ten bytes that reach beyond 64 KiB with 16-bit addresses: each access wraps, or #GP for the whole',
    applies: (o) =>
      o.code.mode !== 2 &&
      (o.ours === GP || o.ours === SS) &&
      o.native !== o.ours &&
      o.code.instructions.some(({ row }) => FPU_IMAGE.test((ROWS[row] as Row).lift) || (ROWS[row] as Row).operands.includes('Mt')),
  },
  {
    reason: 'a gather that faults while a single step is pending: the trap for the elements there are (Intel SDM 2C, VGATHER), or the fault',
    applies: (o) => /^avx\.vp?gather/.test(o.row.lift) && o.native === DB && MEMORY_FAULTS.includes(o.ours),
  },
  {
    reason: 'upper halves of registers after 64-bit code was left',
    applies: (o) =>
      o.code.mode === 2 &&
      o.code.instructions.some(({ row }) => /^segment\.(jmp|call|ret)Far$|iret$/.test((ROWS[row] as Row).lift)) &&
      o.native === o.ours &&
      only(o.words, (word) => isRegister(word) && (word & 1) === 1),
  },
  {
    reason: 'CALL to a non-canonical address may have stored its return address below the stack pointer',
    applies: (o) => o.row.lift === 'branch.callIndirect' && o.native === GP && o.ours === GP && o.words.length === 0,
  },
];

const counts = CHOICES.map(() => 0);

/** True (and counted) if one of the choices explains the differences. */
export function isChoice(outcome: Outcome): boolean {
  const n = CHOICES.findIndex(({ applies }) => applies(outcome));
  if (n === -1) return false;
  counts[n] = (counts[n] as number) + 1;
  return true;
}

/** How often each was met so far. */
export const choiceCounts = (): readonly { readonly reason: string; readonly count: number }[] =>
  CHOICES.map(({ reason }, n) => ({ reason, count: counts[n] as number }));

/** Number of the row at which `code` ended by an exception whose RIP is `offset` in the code area. */
export function faultingRow(code: Code, offset: number): number {
  const n = code.offsets.indexOf(offset);
  return n === -1 || n >= code.instructions.length ? code.instructions.length - 1 : n;
}

export const rowOf = (code: Code, n: number): Row => ROWS[code.instructions[n]?.row ?? code.row] as Row;
