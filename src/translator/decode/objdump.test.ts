/** The decoder against GNU objdump: length, validity and text of thousands of encodings, every row in every mode. Where they differ on purpose, the list says why. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { type CodeSize, Dice, encode, existsIn } from './encodings.ts';
import { DECODE_BMI1, DECODE_INVALID, DECODE_LZCNT, DECODE_OK, Insn } from './insn.ts';

/** Encodings of each row in each mode. */
const PER_ROW = 6;
/** Bytes from one case to the next: 15 of the case, then NOPs until objdump is in step again. */
const STRIDE = 32;
const ARCHITECTURES = ['i8086', 'i386', 'i386:x86-64'] as const;

/** Rows whose validity objdump judges otherwise. */
const VALIDITY: readonly { reason: string; rows: (row: Row) => boolean }[] = [
  {
    reason: 'aliases kept by all processors, absent from the manuals',
    rows: (row) => row.map === '1' && /^(SALC|FSTPNCE|FCOM2|FCOMP3|FXCH4|FCOMP5|FXCH7|FSTP8|FSTP9)$/.test(row.mnemonic),
  },
  { reason: 'hints with any prefix; objdump sees MPX, CLDEMOTE and the like', rows: (row) => row.map === '0F' && row.opcode >= 0x18 && row.opcode <= 0x1f },
  { reason: 'processors ignore 66 here', rows: (row) => /^(VMMCALL|WBINVD|MONITOR|MWAIT|RDTSCP|SWAPGS)$/.test(row.mnemonic) },
  { reason: 'any ModRM.rm does on processors', rows: (row) => /^[LMS]FENCE$/.test(row.mnemonic) },
  { reason: 'a NOP on Intel, #UD on AMD, said by the row', rows: (row) => row.map === '0F' && row.opcode === 0x0d },
  { reason: 'objdump shows registers that do not exist', rows: (row) => row.operands.some((text) => /^(Sw|Cn|Dn)$/.test(text)) },
];

/** Rows whose length objdump takes otherwise. */
const LENGTH: readonly { reason: string; rows: (row: Row) => boolean }[] = [
  { reason: 'objdump ends a REX prefix before 9B', rows: (row) => row.mnemonic === 'FWAIT' },
];

/** Rows whose text is objdump's business. */
const TEXT: readonly { reason: string; rows: (row: Row) => boolean }[] = [
  { reason: 'MPX, CLDEMOTE, shadow stack names for hints', rows: (row) => row.map === '0F' && row.opcode >= 0x18 && row.opcode <= 0x1f },
  {
    reason: 'implied operands shown',
    rows: (row) => /^(MONITORX?|MWAITX?|VMRUN|VMLOAD|VMSAVE|SKINIT|INVLPGA|INVLPGB|CLZERO|RDPRU|XLAT|UMONITOR|TPAUSE|UMWAIT)$/.test(row.mnemonic),
  },
  { reason: 'a register form reads the low 16 bits, objdump shows the whole', rows: (row) => /^(LAR|LSL)$/.test(row.mnemonic) || row.lift === 'segment.load' },
  { reason: 'REX.W on far pointers is ignored by AMD', rows: (row) => row.operands.includes('Mp') },
  { reason: 'predicates become part of the name', rows: (row) => /^V?(CMP[PS][SD]|PCLMULQDQ)$/.test(row.mnemonic) },
  {
    reason: 'prefetches, 64-bit forms and operand sizes shown in the name',
    rows: (row) => /^(PREFETCHW|INCSSP|WRU?SS|MOVDIR64B|MOVDIRI|SYSEXIT|SYSRET|RDPID|PTWRITE)$/.test(row.mnemonic),
  },
  { reason: 'NOP with operand-size prefix is shown as XCHG; the operands of XCHG in the other order', rows: (row) => row.map === '1' && row.opcode === 0x90 },
  { reason: 'PUSH and POP of the flags and all registers, IRET', rows: (row) => /^(PUSHF|POPF|PUSHA|POPA|IRET)\|/.test(row.mnemonic) },
  { reason: 'wide results of a register that has only zeroes above', rows: (row) => /^V?(MOVMSKP[SD]|PMOVMSKB|PEXTRW|EXTRACTPS)$/.test(row.mnemonic) },
  { reason: 'decoded for a model without the feature', rows: (row) => row.mnemonic === 'WBNOINVD' },
  { reason: 'VEX.L is ignored by scalar moves, objdump shows it', rows: (row) => /^VMOVS[SD]$/.test(row.mnemonic) },
  { reason: 'branches in 16-bit operand size wrap', rows: (row) => row.operands.some((text) => text.startsWith('J')) },
];

/** Notation: what in objdump's text is written otherwise here. */
const NOTATION: readonly [pattern: RegExp, replacement: string][] = [
  [/\s*#.*$/, ''],
  [/^((lock|rep|repz|repnz|data16|data32|addr16|addr32|rex(\.[WRXB]+)?|cs|ss|ds|es|fs|gs|bnd|notrack|xacquire|xrelease) +)+/, ''],
  [/\s+/g, ' '],
  [/\((8087|287) only\)/, ''],
  [/([re]ip)\+0xf{8}([0-9a-f]{8})/, '$1+0x$2'],
  [/\[[re]iz\*\d[^\]]*\]|ds:0x[0-9a-f]+/, '[absolute]'],
  [/\+[re]iz\*\d/, ''],
  [/^movabs/, 'mov'],
  [/^(fx?(?:save|rstor)|xsave(?:opt|c|s)?|xrstors?)64/, '$1'],
  [/^(push|pop|call|jmp|ret|retf|enter|leave|lgdt|lidt|sgdt|sidt|fldenv|fnstenv|frstor|fnsave|xbegin|v?pcmpestr[im])[wdq]\b/, '$1'],
  [/OWORD PTR/, 'XMMWORD PTR'],
  [/^(v?lddqu|invpcid|sgdt|sidt|lgdt|lidt)(.*?)[A-Z]+ PTR /, '$1$2'],
];

function normalise(text: string): string {
  return NOTATION.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), text).trim();
}

/** Ours, brought to the same notation: negative RIP displacements are unsigned in objdump. */
function ours(text: string): string {
  const unsigned = text.replace(
    /([re]ip)-0x([0-9a-f]+)/,
    (_, base: string, hex: string) => `${base}+0x${(2 ** 32 - Number.parseInt(hex, 16)).toString(16).padStart(8, '0')}`,
  );
  return normalise(unsigned);
}

interface Line {
  readonly length: number;
  readonly text: string;
}

function objdump(code: CodeSize, image: Uint8Array): Map<number, Line> {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-decode-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, image);
    const output = execFileSync('objdump', ['-D', '-z', '-w', '-b', 'binary', '-m', ARCHITECTURES[code], '-M', 'intel', file], { maxBuffer: 1 << 28 });
    const lines = new Map<number, Line>();
    for (const line of output.toString().split('\n')) {
      const match = /^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(.*))?$/.exec(line);
      if (match === null) continue;
      const [, address = '', hex = '', text = ''] = match;
      lines.set(Number.parseInt(address, 16), { length: hex.trim().split(' ').length, text: text.trim() });
    }
    return lines;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const excused = (list: readonly { rows: (row: Row) => boolean }[], row: Row) => list.some((entry) => entry.rows(row));

function compare(row: Row, code: CodeSize, bytes: Uint8Array, line: Line, insn: Insn): string | undefined {
  const mode = code | DECODE_BMI1 | DECODE_LZCNT;
  const status = decode(bytes, 0, bytes.length, mode, insn);
  const theyReject = line.text.includes('(bad)');
  if (theyReject !== (status === DECODE_INVALID)) {
    return excused(VALIDITY, row) ? undefined : `${theyReject ? 'objdump' : 'the decoder'} alone rejects it`;
  }
  if (status !== DECODE_OK || theyReject) return undefined;
  if (insn.len !== line.length) return excused(LENGTH, row) ? undefined : `length ${insn.len}, objdump ${line.length}`;
  const mine = ours(disassemble(insn));
  if (mine === normalise(line.text) || excused(TEXT, row)) return undefined;
  return `text '${mine}', objdump '${normalise(line.text)}'`;
}

const missing = spawnSync('objdump', ['--version']).status !== 0;
if (missing && process.env['CI'] === 'true') throw new Error('objdump (binutils) is needed to test the decoder');

for (const code of [2, 1, 0] as const satisfies readonly CodeSize[]) {
  test(`agrees with objdump -m ${ARCHITECTURES[code]}`, { skip: missing ? 'objdump is not installed' : false }, () => {
    const cases: { row: Row; bytes: Uint8Array }[] = [];
    ROWS.forEach((row, index) => {
      if (!existsIn(row, code) || row.undefinedOpcode !== undefined) return;
      const dice = new Dice(1000 * code + index + 1);
      for (let k = 0; k < PER_ROW; k++) {
        const bytes = encode(row, code, dice, k === 0);
        cases.push({ row, bytes });
      }
    });
    const image = new Uint8Array(cases.length * STRIDE).fill(0x90);
    cases.forEach(({ bytes }, k) => {
      image.set(bytes, k * STRIDE);
    });
    const lines = objdump(code, image);
    const insn = new Insn(ROWS[0] as Row);
    const failures: string[] = [];
    cases.forEach(({ row, bytes }, k) => {
      const line = lines.get(k * STRIDE);
      assert.ok(line !== undefined, 'objdump lost step');
      const failure = compare(row, code, bytes, line, insn);
      if (failure !== undefined) failures.push(`${row.map} ${row.mnemonic} ${Buffer.from(bytes).toString('hex')}: ${failure}`);
    });
    assert.equal(failures.length, 0, `${failures.length} of ${cases.length}:\n${failures.slice(0, 40).join('\n')}`);
  });
}
