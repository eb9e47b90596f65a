import { flagMask, type Row } from '../../src/spec/x86/row.ts';
import { type Insn, OPK_CR, OPK_GPR, OPK_VEC } from '../../src/translator/decode/insn.ts';

/**
 * What two right machines may differ in. Behind such an instruction the named registers are copied from Zendo to QEMU, so that what
 * follows is compared again.
 */
const RESULTS: Readonly<Record<string, { readonly registers: readonly string[]; readonly why: string }>> = {
  'system.cpuid': { registers: ['rax', 'rbx', 'rcx', 'rdx'], why: 'the CPU models differ' },
  'system.rdtsc': { registers: ['rax', 'rdx'], why: 'time' },
  'system.rdtscp': { registers: ['rax', 'rcx', 'rdx'], why: 'time' },
  'msr.rdpmc': { registers: ['rax', 'rdx'], why: 'time' },
  'msr.rdmsr': { registers: ['rax', 'rdx'], why: 'the CPU models differ' },
  'fxsave.xgetbv': { registers: ['rax', 'rdx'], why: 'the CPU models differ' },
  'system.rdrand': { registers: ['operand', 'eflags'], why: 'random numbers' },
  'system.rdseed': { registers: ['operand', 'eflags'], why: 'random numbers' },
  'system.rdpid': { registers: ['operand'], why: 'the CPU models differ' },
  'io.in': { registers: ['rax'], why: 'devices' },
  ...Object.fromEntries(
    ['ssefp.', 'avxfp.v'].flatMap((kind) =>
      ['rcpps', 'rcpss', 'rsqrtps', 'rsqrtss'].map((name) => [`${kind}${name}`, { registers: ['operand'], why: 'an approximation' }]),
    ),
  ),
  ...Object.fromEntries(
    ['f2xm1', 'fyl2x', 'fyl2xp1', 'fptan', 'fpatan', 'fsin', 'fcos', 'fsincos'].map((name) => [
      `x87.${name}`,
      { registers: Array.from({ length: 8 }, (_, i) => `st${i}`), why: 'an approximation' },
    ]),
  ),
};

/** Lift functions whose memory operand is not compared: images hold instruction pointers that QEMU does not keep. */
const IMAGES = /^fxsave\.|^x87\.f(n?st|ld)env$|^x87\.fn?save$/;

/** Registers that are never compared: QEMU does not keep the x87 pointers, and computes tags from values. */
export const NOT_COMPARED: ReadonlySet<string> = new Set(['fiseg', 'fioff', 'foseg', 'fooff', 'fop', 'ftag', 'orig_rax']);

const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];

/** What may differ behind an instruction. */
export interface Excuse {
  /** Registers to be copied. */
  readonly registers: readonly string[];
  /** Flags that are undefined, as bits. */
  readonly flags: number;
  /** Its memory operand is not to be compared. */
  readonly memory: boolean;
}

const operandName = (insn: Insn): string | undefined =>
  insn.o0.kind === OPK_GPR ? GENERAL[insn.o0.reg] : insn.o0.kind === OPK_VEC ? `xmm${insn.o0.reg}` : undefined;

/** `unsynced`: registers that differed at the entry and have not agreed since. */
export function excuse(insn: Insn, unsynced: ReadonlySet<string>): Excuse {
  const row: Row = insn.row;
  const operand = operandName(insn);
  const named = (RESULTS[row.lift]?.registers ?? []).flatMap((name) => (name !== 'operand' ? [name] : operand === undefined ? [] : [operand]));
  const fromControl = insn.o1.kind === OPK_CR && unsynced.has(`cr${insn.o1.reg}`) && operand !== undefined ? [operand] : [];
  return { registers: [...named, ...fromControl], flags: flagMask(row, 'u'), memory: IMAGES.test(row.lift) };
}

/** Does the instruction give other results each time, so that it must be stepped whenever it is met? */
export const isExcused = (insn: Insn): boolean => RESULTS[insn.row.lift] !== undefined;
