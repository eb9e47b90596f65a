/** Instructions on the flags themselves. IF, POPF and everything privileged is the system family's. */
import { HI_SET_CARRY } from '../../machine/helpers/int.ts';
import { EFLAGS_SYS, RAX, ZERO } from '../../machine/layout.ts';
import { OP_ANDI, OP_CARRY, OP_GETFLAGS, OP_HINT, OP_INS8H, OP_MOVI, OP_NEG, OP_OR, OP_ORI, OP_SETFLAGS, OP_XORI, OP_ZX8H } from '../../machine/ops.ts';
import type { Insn } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { writeRegister } from './operands.ts';

const OF = 0x800;
const DF = 0x400;

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
  b.emit(OP_MOVI, t, 0, 0, 0, 1, 0);
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

/** SALC (D6, undocumented): AL = CF ? FF : 00. */
export function salc(b: Builder, _i: Insn): void {
  const t = b.temp();
  b.un(OP_CARRY, t, 0);
  b.un(OP_NEG, t, t);
  writeRegister(b, RAX, 1, t);
}
