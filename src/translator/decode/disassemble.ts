/** Text of a decoded instruction for traces and error messages, in Intel syntax close to `objdump -M intel`. Not for the hot path. */

import type { Insn, Operand } from './insn.ts';
import * as K from './insn.ts';

const R64 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const R32 = R64.map((name, n) => (n < 8 ? `e${name.slice(1)}` : `${name}d`));
const R16 = R64.map((name, n) => (n < 8 ? name.slice(1) : `${name}w`));
const R8 = ['al', 'cl', 'dl', 'bl', 'spl', 'bpl', 'sil', 'dil', ...R64.slice(8).map((name) => `${name}b`)];
const HIGH = ['ah', 'ch', 'dh', 'bh'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const CONDITIONS = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', 'p', 'np', 'l', 'ge', 'le', 'g'];
const POINTERS: Readonly<Record<number, string>> = { 1: 'BYTE', 2: 'WORD', 4: 'DWORD', 6: 'FWORD', 8: 'QWORD', 10: 'TBYTE', 16: 'XMMWORD', 32: 'YMMWORD' };

/** Name of general register `number` at `size` bytes (1 names the low byte). */
export function registerName(number: number, size: number): string {
  const names = size === 8 ? R64 : size === 4 ? R32 : size === 2 ? R16 : R8;
  return names[number] ?? `r?${number}`;
}

function hex(value: bigint | number): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** The mnemonic without prefixes: variant by operand size, condition filled in, lower case. */
function mnemonic(insn: Insn): string {
  const parts = insn.row.mnemonic.split('|');
  if (insn.row.mnemonic.includes('+')) return (insn.row.mnemonic.split('+')[insn.vexL] ?? '?').toLowerCase();
  const size = insn.row.mnemonic === 'JCXZ|JECXZ|JRCXZ' ? insn.addrsize : insn.opsize;
  const name = parts.length === 1 ? parts[0] : parts[size === 8 ? 2 : size === 4 ? 1 : 0];
  const condition = CONDITIONS[insn.cc] ?? '?';
  return (name ?? '?').replace('cc', condition).toLowerCase();
}

function prefixes(insn: Insn): string {
  let text = '';
  if (insn.lock !== 0) text += 'lock ';
  const row = insn.row;
  if (insn.rep !== 0 && row.prefix === 'any') {
    const compares = row.lift === 'string.cmps' || row.lift === 'string.scas';
    if (row.lift.startsWith('string.')) text += insn.rep === 0xf2 ? 'repnz ' : compares ? 'repz ' : 'rep ';
  }
  return text;
}

function address(insn: Insn): string {
  const { memBase: base, memIndex: index, addrsize } = insn;
  const terms: string[] = [];
  if (base === K.BASE_RIP) terms.push(addrsize === 8 ? 'rip' : 'eip');
  else if (base >= 0) terms.push(registerName(base, addrsize));
  if (index >= 0) terms.push(addrsize === 2 ? registerName(index, 2) : `${indexName(insn)}*${1 << insn.memScale}`);
  if (terms.length === 0) {
    const mask = addrsize === 2 ? 0xffffn : addrsize === 4 ? 0xffffffffn : 0xffffffffffffffffn;
    const offset = ((BigInt(insn.dispHi) << 32n) | BigInt(insn.disp >>> 0)) & mask;
    return `${SEGMENTS[insn.memSeg]}:${hex(offset)}`;
  }
  const inside = terms.join('+');
  const shown = insn.disp !== 0 || insn.mod === 1 || insn.mod === 2 || base < 0;
  const displacement = !shown ? '' : insn.disp < 0 ? `-${hex(-insn.disp)}` : `+${hex(insn.disp)}`;
  const segment = insn.segPrefix >= 0 ? `${SEGMENTS[insn.segPrefix]}:` : '';
  return `${segment}[${inside}${displacement}]`;
}

/** The index register; a gather has a vector of them, as wide as what it needs. */
function indexName(insn: Insn): string {
  if (!insn.row.vsib) return registerName(insn.memIndex, insn.addrsize);
  const quadIndex = /GATHERQ/.test(insn.row.mnemonic);
  const quadData = insn.o1.size === 8;
  const wide = insn.vexL === 1 && (quadIndex || !quadData);
  return `${wide ? 'ymm' : 'xmm'}${insn.memIndex}`;
}

function pointer(size: number): string {
  const name = POINTERS[size];
  return name === undefined ? '' : `${name} PTR `;
}

function immediate(insn: Insn, operand: Operand): string {
  if (operand.reg === 1) return hex(insn.imm2 & 0xffff);
  const value = (BigInt(insn.immHi) << 32n) | BigInt(insn.immLo >>> 0);
  return hex(BigInt.asUintN(operand.size * 8, value));
}

function operandText(insn: Insn, operand: Operand, at: bigint | undefined): string {
  switch (operand.kind) {
    case K.OPK_GPR:
      return registerName(operand.reg, operand.size);
    case K.OPK_HIGH:
      return HIGH[operand.reg] ?? '?';
    case K.OPK_MEM:
      return insn.modrm < 0 ? address(insn) : pointer(operand.size) + address(insn);
    case K.OPK_IMM:
      return notation(insn, operand) === '1' ? '1' : immediate(insn, operand);
    case K.OPK_REL: {
      const delta = BigInt(insn.len + insn.immLo);
      if (at === undefined) return `.${delta < 0 ? '' : '+'}${hex(delta)}`;
      return hex(BigInt.asUintN(insn.opsize * 8, at + delta));
    }
    case K.OPK_FAR:
      return `${hex(insn.imm2)}:${hex(insn.immLo >>> 0)}`;
    case K.OPK_SEG:
      return SEGMENTS[operand.reg] ?? '?';
    case K.OPK_CR:
      return `cr${operand.reg}`;
    case K.OPK_DR:
      return `dr${operand.reg}`;
    case K.OPK_VEC:
      return `${operand.size === 32 ? 'ymm' : 'xmm'}${operand.reg}`;
    case K.OPK_MMX:
      return `mm${operand.reg}`;
    case K.OPK_ST:
      return notation(insn, operand) === 'ST0' ? 'st' : `st(${operand.reg})`;
    case K.OPK_SRC:
      return `${pointer(operand.size)}${SEGMENTS[insn.memSeg]}:[${registerName(6, insn.addrsize)}]`;
    case K.OPK_DST:
      return `${pointer(operand.size)}es:[${registerName(7, insn.addrsize)}]`;
    default:
      return '?';
  }
}

/** The row's notation of an operand. */
function notation(insn: Insn, operand: Operand): string {
  const slots = [insn.o0, insn.o1, insn.o2, insn.o3];
  return insn.row.operands[slots.indexOf(operand)] ?? '';
}

/** The implied ST(0) of these is not written. */
const ST0_IMPLIED = new Set(['x87.fcom', 'x87.fcomp', 'x87.fucom', 'x87.fucomp', 'x87.fxch']);

function shownOperands(insn: Insn): Operand[] {
  const slots = [insn.o0, insn.o1, insn.o2, insn.o3].slice(0, insn.operands);
  const hidden = insn.row.operands[0] === 'ST0' && (slots[1]?.kind === K.OPK_MEM || ST0_IMPLIED.has(insn.row.lift));
  return hidden ? slots.slice(1) : slots;
}

/** The instruction as text. With `at`, its address, branch targets are absolute, else `.+0x12` relative to the instruction's start. */
export function disassemble(insn: Insn, at?: bigint): string {
  const name = prefixes(insn) + mnemonic(insn);
  if (insn.row.lift === 'move.xlat') return `${name} BYTE PTR ${SEGMENTS[insn.memSeg]}:[${registerName(3, insn.addrsize)}]`;
  const operands = shownOperands(insn)
    .map((operand) => operandText(insn, operand, at))
    .join(',');
  return operands === '' ? name : `${name} ${operands}`;
}
