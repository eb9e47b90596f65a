/** IR as text, one operation a line, for golden files, verifier messages and debugging. */
import {
  CC_A,
  CC_ADC1,
  CC_ADD,
  CC_B,
  CC_DEC,
  CC_EFLAGS,
  CC_INC,
  CC_LOGIC,
  CC_MUL,
  CC_OP,
  CC_SBB1,
  CC_SHL,
  CC_SHR,
  CC_SUB,
  CR2,
  EFLAGS_SYS,
  RIP,
  SEG_BASE,
  SEG_SEL,
  T0,
  TEMPS,
  ZERO,
} from '../../machine/layout.ts';
import { OP_BRCC, OP_BRSUB, OP_CC, OP_CCI, OP_CCNZ, OP_COND, OP_CONDSUB } from '../../machine/ops.ts';
import { type Builder, MARK_LOCK } from './builder.ts';
import { type IrOp, irOps, type Role } from './ops.table.ts';

const registers = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const segments = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const conditions = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
const flagKinds = new Map<number, string>([
  [CC_EFLAGS, 'eflags'],
  [CC_ADD, 'add'],
  [CC_ADC1, 'adc1'],
  [CC_SUB, 'sub'],
  [CC_SBB1, 'sbb1'],
  [CC_LOGIC, 'logic'],
  [CC_INC, 'inc'],
  [CC_DEC, 'dec'],
  [CC_SHL, 'shl'],
  [CC_SHR, 'shr'],
  [CC_MUL, 'mul'],
]);
const special = new Map<number, string>([
  [ZERO, '0'],
  [RIP, 'rip'],
  [CC_OP, 'cc.op'],
  [CC_A, 'cc.a'],
  [CC_B, 'cc.b'],
  [EFLAGS_SYS, 'eflags'],
  [CR2, 'cr2'],
]);
const byNumber = new Map<number, IrOp>(irOps.map((op) => [op.number, op]));

/** Name of a context slot. */
export function slotName(slot: number): string {
  if (slot < registers.length) return registers[slot] as string;
  if (slot >= T0 && slot < T0 + TEMPS) return `t${slot - T0}`;
  if (slot >= SEG_BASE && slot < SEG_BASE + 6) return `${segments[slot - SEG_BASE]}.base`;
  if (slot >= SEG_SEL && slot < SEG_SEL + 6) return `${segments[slot - SEG_SEL]}.sel`;
  return special.get(slot) ?? `slot${slot}`;
}

const vectorName = (number: number): string => (number < 32 ? `v${number}` : `vt${number - 32}`);

const field = (role: Role, value: number): string | undefined => {
  switch (role) {
    case '-':
      return undefined;
    case 'V':
    case 'V=':
    case 'V+':
      return vectorName(value);
    case 'n':
      return `#${value}`;
    case 'h':
      return `${value}`;
    default:
      return slotName(value);
  }
};

const flagKind = (c: number): string => `${flagKinds.get(c & ~3) ?? '?'}${8 << (c & 3)}`;

/** The 64-bit immediate of operation k. */
export const immediate = (builder: Builder, k: number): bigint => (BigInt(builder.immHi[k] as number) << 32n) | BigInt((builder.immLo[k] as number) >>> 0);

/** One operation as text. */
export function printOp(builder: Builder, k: number): string {
  const number = builder.op[k] as number;
  const op = byNumber.get(number);
  if (op === undefined) return `?${number}`;
  const fields: string[] = [];
  const push = (text: string | undefined): void => {
    if (text !== undefined) fields.push(text);
  };
  push(field(op.d, builder.d[k] as number));
  push(field(op.a, builder.a[k] as number));
  const b = builder.b[k] as number;
  const c = builder.c[k] as number;
  push(number === OP_BRCC || number === OP_BRSUB ? conditions[b] : field(op.b, b));
  if (number === OP_CC || number === OP_CCI || number === OP_CCNZ) fields.unshift(flagKind(c));
  else if (number === OP_COND || number === OP_CONDSUB) push(conditions[c]);
  else if (number === OP_BRSUB) push(`#${8 << (c >> 4)}/${c & 15}`);
  else push(field(op.c, c));
  const lo = builder.immLo[k] as number;
  const hi = builder.immHi[k] as number;
  const imm = immediate(builder, k);
  if (op.imm === 'x') push(number === OP_BRCC || number === OP_BRSUB || op.name === 'BRNZ' ? `${lo} else ${hi}` : `${lo}`);
  else if (op.imm === 'f') push(`fn${imm & 0xffffn} ${imm >> 16n}`);
  else if (op.imm === 'o') {
    if (imm !== 0n) push(hex(imm));
  } else if (op.imm !== '-') push(hex(imm));
  const lock = op.memory !== 'none' && ((builder.mark[k] as number) & MARK_LOCK) !== 0 ? ' lock' : '';
  return `${op.name} ${fields.join(' ')}`.trimEnd() + lock;
}

const hex = (value: bigint): string => (value < 0n ? `-0x${(-value).toString(16)}` : value < 10n ? `${value}` : `0x${value.toString(16)}`);

/** The block as text, instructions separated by their position. */
export function printBlock(builder: Builder): string {
  const lines: string[] = [];
  let idx = -1;
  for (let k = 0; k < builder.count; k++) {
    if (builder.idx[k] !== idx) {
      idx = builder.idx[k] as number;
      lines.push(`@${builder.ipos[k]}`);
    }
    lines.push(`  ${printOp(builder, k)}`);
  }
  return lines.join('\n') + '\n';
}
