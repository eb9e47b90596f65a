/** A mismatch as text: the instructions, the part of the start they use, what differs. */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import type { Row } from '../../src/spec/x86/row.ts';
import { decode } from '../../src/translator/decode/decode.ts';
import { disassemble } from '../../src/translator/decode/disassemble.ts';
import { DECODE_OK, Insn } from '../../src/translator/decode/insn.ts';
import { differences } from './compare.ts';
import type { Code } from './generate.ts';
import * as L from './layout.ts';
import { rowName } from './rows.ts';

const NAMES = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const hex = (value: number, digits = 8): string => (value >>> 0).toString(16).padStart(digits, '0');
const insn = new Insn(ROWS[0] as Row);

function text(bytes: Uint8Array, mode: number): string {
  const name = decode(bytes, 0, bytes.length, mode, insn) === DECODE_OK ? disassemble(insn) : '(does not decode)';
  return `${Buffer.from(bytes).toString('hex').padEnd(32)} ${name}`;
}

export function describe(code: Code, image: Uint8Array, cases: Int32Array, from: number, native: Int32Array, i: number, ours: Int32Array, j: number): string {
  const lines = [`${16 << code.mode}-bit, ${rowName(code.row)}`];
  code.instructions.forEach((_, n) => {
    const start = code.offsets[n] as number;
    lines.push(`  ${hex(L.CODE + start)}  ${text(image.subarray(start, code.offsets[n + 1] as number), code.mode)}`);
  });
  const { ds, es, fs, gs, ss, cs } = code.segments;
  const registers = NAMES.slice(0, code.mode === 2 ? 16 : 8).map((name, n) => {
    const high = cases[from + L.C_GPR + n * 2 + 1] as number;
    return `${name}=${high === 0 ? '' : `${hex(high)}'`}${hex(cases[from + L.C_GPR + n * 2] as number)}`;
  });
  lines.push(`  start: ${registers.join(' ')} rflags=${hex(cases[from + L.C_RFLAGS] as number, 4)}`);
  lines.push(
    `         ds=${hex(ds, 2)} es=${hex(es, 2)} ss=${hex(ss, 2)} cs=${hex(cs, 2)} fs=${hex(fs, 2)} gs=${hex(gs, 2)} fsbase=${hex(cases[from + L.C_FSBASE] as number)} gsbase=${hex(cases[from + L.C_GSBASE] as number)} template ${cases[from + L.C_TEMPLATE]}`,
  );
  const fx = from + L.C_FX;
  lines.push(
    `         fcw=${hex((cases[fx] as number) & 0xffff, 4)} fsw=${hex((cases[fx] as number) >>> 16, 4)} tags=${hex((cases[fx + 1] as number) & 0xff, 2)} mxcsr=${hex(cases[fx + 6] as number)}`,
  );
  for (let n = 0; n < 24; n++) {
    const name = n < 8 ? `st${n}` : `xmm${n - 8}`;
    const at = fx + 8 + n * 4;
    const used = code.instructions.some((one) => usesRegister(one.bytes, code.mode, n));
    if (!used) continue;
    const upper = n < 8 ? '' : `, upper ${[3, 2, 1, 0].map((k) => hex(cases[from + L.C_YMM + (n - 8) * 4 + k] as number)).join("'")}`;
    lines.push(`         ${name}=${[3, 2, 1, 0].map((k) => hex(cases[at + k] as number)).join("'")}${upper}`);
  }
  for (let n = 0; n < (cases[from + L.C_PATCHES] as number); n++) {
    const at = from + L.C_PATCH + n * 4;
    lines.push(`         [${hex(L.WINDOW + (cases[at] as number))}]=${hex(cases[at + 3] as number)}'${hex(cases[at + 2] as number)}`);
  }
  const end = (words: Int32Array, at: number): string =>
    words[at + L.R_VECTOR] === -1 ? `left by exit ${words[at + L.R_EXIT]}` : `vector ${words[at + L.R_VECTOR]} at ${hex(words[at + L.R_RIP] as number)}`;
  lines.push(`  native ${end(native, i)}, ours ${end(ours, j)}`);
  for (const { what, native: theirs, ours: mine } of differences(code, native, i, ours, j).slice(0, 12))
    lines.push(`  ${what.padEnd(12)} native ${theirs}  ours ${mine}`);
  return lines.join('\n');
}

/** Register `n` of st0-7, xmm0-15 is an operand (x87 and MMX instructions: all of st0-7). */
function usesRegister(bytes: Uint8Array, mode: number, n: number): boolean {
  if (decode(bytes, 0, bytes.length, mode, insn) !== DECODE_OK) return false;
  const family = insn.row.lift.split('.')[0];
  if (n < 8) return (family === 'x87' && n < 3) || family === 'mmx';
  return [insn.o0, insn.o1, insn.o2].some(({ kind, reg }) => kind === 10 && reg === n - 8);
}
