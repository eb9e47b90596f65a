/** Instructions on the flags themselves. What depends on privilege is decided by system helpers. */
import { HI_SET_CARRY } from '../../machine/helpers/int.ts';
import { H_CLI, H_POPF, H_POPF_CHECK, H_PUSHF, H_STI } from '../../machine/helpers/system.ts';
import { EFLAGS_SYS, MODE_MIDDLE, MODE_USER, MODE_VM86, RAX, ZERO } from '../../machine/layout.ts';
import {
  OP_ANDI,
  OP_CARRY,
  OP_COND,
  OP_GETFLAGS,
  OP_HINT,
  OP_HSYS,
  OP_INS8H,
  OP_NEXT,
  OP_OR,
  OP_ORI,
  OP_SETFLAGS,
  OP_XORI,
  OP_ZX8H,
} from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { write } from './operands.ts';
import { loadStack, moveStack, push } from './stack-access.ts';

const OF = 0x800;
const IF = 0x200;
const DF = 0x400;
const RF = 0x10000;
const VM = 0x20000;

/** LAHF: AH = SF ZF 0 AF 0 PF 1 CF. */
export function lahf(b: Builder): void {
  const t = b.temp();
  b.un(OP_GETFLAGS, t, 0);
  b.imm(OP_ORI, t, t, 2);
  b.un(OP_INS8H, RAX, t);
}

/** SAHF: all but OF from AH. */
export function sahf(b: Builder): void {
  const t = b.temp();
  const overflow = b.temp();
  b.un(OP_GETFLAGS, overflow, 0);
  b.imm(OP_ANDI, overflow, overflow, OF);
  b.un(OP_ZX8H, t, RAX);
  b.imm(OP_ANDI, t, t, 0xd5);
  b.bin(OP_OR, t, t, overflow);
  b.un(OP_SETFLAGS, 0, t);
}

export function clc(b: Builder): void {
  b.helper(OP_HINT, HI_SET_CARRY, 0, ZERO);
}

export function stc(b: Builder): void {
  const t = b.temp();
  b.movi(t, 1);
  b.helper(OP_HINT, HI_SET_CARRY, 0, t);
}

export function cmc(b: Builder): void {
  const t = b.temp();
  b.un(OP_CARRY, t, 0);
  b.imm(OP_XORI, t, t, 1);
  b.helper(OP_HINT, HI_SET_CARRY, 0, t);
}

export function cld(b: Builder): void {
  b.imm(OP_ANDI, EFLAGS_SYS, EFLAGS_SYS, ~DF);
}

export function std(b: Builder): void {
  b.imm(OP_ORI, EFLAGS_SYS, EFLAGS_SYS, DF);
}

/** SETcc. */
export function setcc(b: Builder, i: Insn): void {
  const t = b.temp();
  b.emit(OP_COND, t, 0, 0, i.cc, 0, 0);
  write(b, i, i.o0, t);
}

/** PUSHF, which only virtual-8086 mode may refuse. */
export function pushf(b: Builder, i: Insn): void {
  const t = b.temp();
  if ((b.mode & MODE_VM86) !== 0) b.helper(OP_HSYS, H_PUSHF, t, 0, 0, i.opsize);
  else {
    b.un(OP_GETFLAGS, t, 0);
    b.bin(OP_OR, t, t, EFLAGS_SYS);
    b.imm(OP_ANDI, t, t, ~(RF | VM));
    b.imm(OP_ORI, t, t, 2);
  }
  push(b, t, i.opsize);
}

/** POPF: TF and IF count from the next instruction on, so the block ends. */
export function popf(b: Builder, i: Insn): void {
  const t = b.temp();
  b.helper(OP_HSYS, H_POPF_CHECK);
  loadStack(b, t, 0, i.opsize);
  moveStack(b, i.opsize);
  b.helper(OP_HSYS, H_POPF, 0, t, 0, i.opsize, b.instructionPos + i.len);
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}

/** CLI: level 0 may, whatever IOPL is. */
export function cli(b: Builder): void {
  if ((b.mode & (MODE_USER | MODE_MIDDLE)) === 0) b.imm(OP_ANDI, EFLAGS_SYS, EFLAGS_SYS, ~IF);
  else b.helper(OP_HSYS, H_CLI);
}

/** STI: interrupts are possible after the next instruction. */
export function sti(b: Builder, i: Insn): void {
  b.helper(OP_HSYS, H_STI, 0, 0, 0, 0, b.instructionPos + i.len);
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}
