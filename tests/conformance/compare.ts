/** Is a result of the engine the processor's? */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import { faultingRow, isChoice, rowOf } from './choices.ts';
import type { Code } from './generate.ts';
import * as L from './layout.ts';
import { tolerance } from './rows.ts';

/** Everything is the same. */
export const SAME = 0;
/** Only bits differ that the manual leaves undefined. */
export const UNDEFINED_BITS = 1;
/** Within the documented error of an approximation, not the same. */
export const WITHIN_ERROR = 2;
export const DIFFERENT = 3;
/** Explained by a choice of the processor's (choices.ts). */
export const CHOSEN = 4;

const RF = 0x10000;
const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

/** One difference, for people. */
export interface Difference {
  readonly what: string;
  readonly native: string;
  readonly ours: string;
}

/** Bits of word `word` of the records that are compared; 0: not at all. `wide`: 64-bit code. */
function maskOf(word: number, wide: boolean): number {
  if (word < L.R_DIFFS) return -1;
  if (word === L.R_DIFFS) return 0;
  if (word < L.R_SS_CS + 1) return -1;
  if (word < L.R_FSBASE) return 0;
  if (word < L.R_GPR) return -1;
  if (word < L.R_GPR + 32) return wide ? -1 : word < L.R_GPR + 16 && (word & 1) === 0 ? -1 : 0;
  if (word === L.R_RFLAGS) return ~RF;
  if (word < L.R_FX) return 0;
  if (word >= L.R_YMM) return wide || word < L.R_YMM + 32 ? -1 : 0;
  const fx = word - L.R_FX;
  if (fx === 7 || fx >= L.FX_WORDS) return 0;
  if (fx >= 8 && fx < 40) return (fx & 3) === 3 ? 0 : (fx & 3) === 2 ? 0xffff : -1;
  if (!wide && fx >= 72) return 0;
  return -1;
}

const MASKS = [false, true].map((wide) => Int32Array.from({ length: L.RESULT_WORDS }, (_, word) => maskOf(word, wide)));

/** What the code may leave undefined in RFLAGS when it ended as `result` says. */
function undefinedFlags(code: Code, result: Int32Array, at: number): number {
  let flags = 0;
  let union = 0;
  let branched = false;
  const left = result[at + L.R_EXIT] === 0;
  const base = code.segments.cs === L.USER_CS32 || code.segments.cs === L.USER_CS64 ? L.CODE : 0;
  const rip = (result[at + L.R_RIP] as number) - base;
  for (let n = 0; n < code.instructions.length; n++) {
    const one = code.instructions[n] as Code['instructions'][number];
    if (!left && rip === code.offsets[n] && result[at + L.R_EXIT] === -1) return flags;
    flags = (flags | one.undefines) & ~(branched ? 0 : one.defines & ~one.undefines);
    // what follows a branch may be skipped
    branched ||= one.branchAt > 0;
    union |= one.undefines;
  }
  // somewhere else, in what happened to lie there
  if (result[at + L.R_EXIT] === -1) return 0x8d5;
  return left ? flags : union;
}

/** Distance of two 80-bit numbers in units of the last place; infinite when they cannot be compared. */
function ulps(a: Int32Array, i: number, b: Int32Array, j: number): number {
  const value = (words: Int32Array, at: number): bigint => {
    const exponent = (words[at + 2] as number) & 0x7fff;
    const significand = (BigInt((words[at + 1] as number) >>> 0) << 32n) | BigInt((words[at] as number) >>> 0);
    const magnitude = (BigInt(exponent) << 63n) + significand;
    return ((words[at + 2] as number) & 0x8000) !== 0 ? -magnitude : magnitude;
  };
  const difference = value(a, i) - value(b, j);
  return Number(difference < 0n ? -difference : difference);
}

const floats = new Float32Array(2);
const floatBits = new Int32Array(floats.buffer);

function relativeError(a: number, b: number): number {
  floatBits[0] = a;
  floatBits[1] = b;
  const [x = 0, y = 0] = floats;
  // just above the smallest normal number is as good as nothing
  if (y === 0 && Math.abs(x) <= 1.18e-38) return 0;
  if (Number.isNaN(x) || Number.isNaN(y) || !Number.isFinite(x) || !Number.isFinite(y) || y === 0) return Number.POSITIVE_INFINITY;
  return Math.abs(x - y) / Math.abs(y);
}

/** True if every difference lies within the row's documented error. */
function withinError(code: Code, row: Row, native: Int32Array, i: number, ours: Int32Array, j: number): boolean {
  const allowed = tolerance(row);
  if (allowed === undefined) return false;
  for (let word = 0; word < L.RESULT_WORDS; word++) {
    const mask = (MASKS[1] as Int32Array)[word] as number;
    const ignored = word === L.R_RFLAGS ? undefinedFlags(code, native, i) : 0;
    if ((((native[i + word] as number) ^ (ours[j + word] as number)) & mask & ~ignored) === 0) continue;
    const fx = word - L.R_FX;
    if (allowed.ulps !== undefined) {
      // C1 and PE say how the last bit was rounded
      if (fx === 0 && (((native[i + word] as number) ^ (ours[j + word] as number)) & ~0x02200000) === 0) continue;
      if (fx < 8 || fx >= 40) return false;
      const at = L.R_FX + 8 + ((fx - 8) & ~3);
      if (ulps(native, i + at, ours, j + at) > allowed.ulps) return false;
    } else if (allowed.relative !== undefined) {
      if (fx < 40 || relativeError(ours[j + word] as number, native[i + word] as number) > allowed.relative) return false;
    }
  }
  return true;
}

/** An address beyond what Linux gives to user code: it says 'present' of all those pages. */
const beyondUser = (low: number, high: number): boolean => high < 0 || high > 0x7fff || (high === 0x7fff && low >>> 0 >= 0xfffff000);

/** SAME, UNDEFINED_BITS, WITHIN_ERROR, CHOSEN or DIFFERENT. */
export function compare(code: Code, native: Int32Array, i: number, ours: Int32Array, j: number): number {
  normalise(native, i);
  normalise(ours, j);
  const verdict = compareExactly(code, native, i, ours, j);
  if (verdict !== DIFFERENT) return verdict;
  return explained(code, native, i, ours, j) ? CHOSEN : DIFFERENT;
}

/** Null selectors are 0: a signal's way through the kernel makes them so. */
function normalise(words: Int32Array, at: number): void {
  for (const word of [at + L.R_DS_ES, at + L.R_FS_GS]) {
    const both = words[word] as number;
    if ((both & 0xfffc) === 0) words[word] = both & ~0xffff;
    if ((both & 0xfffc0000) === 0) words[word] = (words[word] as number) & 0xffff;
  }
}

function explained(code: Code, native: Int32Array, i: number, ours: Int32Array, j: number): boolean {
  const masks = MASKS[code.mode === 2 ? 1 : 0] as Int32Array;
  const words: number[] = [];
  for (let word = 0; word < L.RESULT_WORDS; word++) {
    const mask = (masks[word] as number) & (word === L.R_RFLAGS ? ~undefinedFlags(code, native, i) : -1);
    if ((((native[i + word] as number) ^ (ours[j + word] as number)) & mask) !== 0) words.push(word);
  }
  const base = code.segments.cs === L.USER_CS32 || code.segments.cs === L.USER_CS64 ? L.CODE : 0;
  const at = faultingRow(code, (native[i + L.R_RIP] as number) - base);
  const bytes = code.instructions[at]?.bytes ?? new Uint8Array(0);
  return isChoice({
    code,
    row: rowOf(code, at),
    bytes,
    native: native[i + L.R_VECTOR] as number,
    ours: ours[j + L.R_VECTOR] as number,
    words,
    memory: !sameMemory(native, i, ours, j),
  });
}

function sameMemory(native: Int32Array, i: number, ours: Int32Array, j: number): boolean {
  const count = native[i + L.R_DIFFS] as number;
  if (count !== ours[j + L.R_DIFFS]) return false;
  for (let word = L.RESULT_WORDS; word < L.RESULT_WORDS + count * 4; word++) {
    if (native[i + word] === ours[j + word]) continue;
    // MXCSR_MASK in an FXSAVE image is the CPU model's
    if ((word & 3) === 3 && ((native[i + word] as number) ^ (ours[j + word] as number)) === 0x20000) continue;
    return false;
  }
  return true;
}

function compareExactly(code: Code, native: Int32Array, i: number, ours: Int32Array, j: number): number {
  const masks = MASKS[code.mode === 2 ? 1 : 0] as Int32Array;
  let verdict = SAME;
  for (let word = 0; word < L.RESULT_WORDS; word++) {
    const difference = ((native[i + word] as number) ^ (ours[j + word] as number)) & (masks[word] as number);
    if (difference === 0) continue;
    if (word === L.R_RFLAGS) {
      if ((difference & ~undefinedFlags(code, native, i)) === 0) {
        verdict = UNDEFINED_BITS;
        continue;
      }
      return DIFFERENT;
    }
    if (word === L.R_ERROR && difference === 1 && beyondUser(native[i + L.R_CR2] as number, native[i + L.R_CR2 + 1] as number)) continue;
    const last = code.instructions.at(-1);
    if (last !== undefined && withinError(code, ROWS[last.row] as Row, native, i, ours, j)) return WITHIN_ERROR;
    return DIFFERENT;
  }
  if (!sameMemory(native, i, ours, j)) return DIFFERENT;
  return verdict;
}

const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');

/** What differs, by name. */
export function differences(code: Code, native: Int32Array, i: number, ours: Int32Array, j: number): Difference[] {
  const masks = MASKS[code.mode === 2 ? 1 : 0] as Int32Array;
  const found: Difference[] = [];
  const differs = (word: number): boolean => (((native[i + word] as number) ^ (ours[j + word] as number)) & (masks[word] as number)) !== 0;
  const add = (what: string, show: (words: Int32Array, at: number) => string): void => {
    found.push({ what, native: show(native, i), ours: show(ours, j) });
  };
  const one = (what: string, word: number): void => {
    if (differs(word)) add(what, (words, at) => hex(words[at + word] as number));
  };
  const two = (what: string, word: number): void => {
    if (differs(word) || differs(word + 1)) add(what, (words, at) => `${hex(words[at + word + 1] as number)}'${hex(words[at + word] as number)}`);
  };
  one('exit', L.R_EXIT);
  if (differs(L.R_VECTOR)) add('vector', (words, at) => String(words[at + L.R_VECTOR]));
  one('error code', L.R_ERROR);
  two('cr2', L.R_CR2);
  two('rip', L.R_RIP);
  one('es:ds', L.R_DS_ES);
  one('gs:fs', L.R_FS_GS);
  one('cs:ss', L.R_SS_CS);
  two('fs base', L.R_FSBASE);
  two('gs base', L.R_GSBASE);
  NAMES.forEach((name, n) => {
    two(name, L.R_GPR + n * 2);
  });
  one('rflags', L.R_RFLAGS);
  one('fsw:fcw', L.R_FX);
  one('fop:ftw', L.R_FX + 1);
  two('fip', L.R_FX + 2);
  two('fdp', L.R_FX + 4);
  one('mxcsr', L.R_FX + 6);
  for (let n = 0; n < 24; n++) {
    const at = L.R_FX + 8 + n * 4;
    if (![0, 1, 2, 3].some((k) => differs(at + k))) continue;
    const words = n < 8 ? 3 : 4;
    add(n < 8 ? `st${n}` : `xmm${n - 8}`, (from, start) =>
      Array.from({ length: words }, (_, k) => hex(from[start + at + words - 1 - k] as number, n < 8 && k === 0 ? 4 : 8)).join("'"),
    );
  }
  for (let n = 0; n < 16; n++) {
    const at = L.R_YMM + n * 4;
    if (![0, 1, 2, 3].some((k) => differs(at + k))) continue;
    add(`ymm${n} upper`, (from, start) => [3, 2, 1, 0].map((k) => hex(from[start + at + k] as number)).join("'"));
  }
  const memory = (words: Int32Array, at: number): Map<number, string> => {
    const map = new Map<number, string>();
    for (let n = 0; n < (words[at + L.R_DIFFS] as number); n++) {
      const entry = at + L.RESULT_WORDS + n * 4;
      map.set(words[entry] as number, `${hex(words[entry + 3] as number)}'${hex(words[entry + 2] as number)}`);
    }
    return map;
  };
  const left = memory(native, i);
  const right = memory(ours, j);
  for (const offset of new Set([...left.keys(), ...right.keys()])) {
    const a = left.get(offset) ?? 'as it was';
    const b = right.get(offset) ?? 'as it was';
    if (a !== b) found.push({ what: `[${hex(L.WINDOW + offset)}]`, native: a, ours: b });
  }
  return found;
}
