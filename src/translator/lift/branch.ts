/** Near branches. Positions are relative to the block's RIP; the last argument of a block end wraps it (0: 64, 1: 32, 2: 16 bits). */
import { H_CHECK_TARGET } from '../../machine/helpers/system.ts';
import { RAX, RCX, RIP, ZERO } from '../../machine/layout.ts';
import {
  OP_ADDI,
  OP_ADDI32,
  OP_AND,
  OP_BRCC,
  OP_BRNZ,
  OP_CALL,
  OP_CALLIND,
  OP_COND,
  OP_HSYS,
  OP_IND,
  OP_INS16,
  OP_JMP,
  OP_MOV,
  OP_NEXT,
  OP_RET,
  OP_SETEQ,
  OP_SETFLAGS,
  OP_ZX16,
  OP_ZX32,
} from '../../machine/ops.ts';
import { type Insn, OPK_IMM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { readZero } from './operands.ts';
import { loadStack, moveStack, push } from './stack-access.ts';

/** Wrap number of an instruction pointer of `size` bytes. */
export const wrapOf = (size: number): number => (size === 8 ? 0 : size === 4 ? 1 : 2);

/** Width of RIP in bytes that a near branch of this instruction leaves. */
const branchSize = (i: Insn): number => (i.codeSize === 64 && i.opsize !== 2 ? 8 : i.opsize);

/** Bytes of RIP that straight-line execution keeps. */
const codeWidth = (i: Insn): number => i.codeSize >> 3;

/** Offset in the block of the next instruction. */
const nextPosition = (b: Builder, i: Insn): number => b.instructionPos + i.len;

/** Slot with the address `delta` bytes from the block's start, wrapped to `size` bytes. */
const positionSlot = (b: Builder, delta: number, size: number): number => {
  const t = b.temp();
  const lo = delta | 0;
  const hi = Math.floor(delta / 0x100000000);
  b.emit(size === 8 ? OP_ADDI : OP_ADDI32, t, RIP, 0, 0, lo, hi);
  if (size === 2) b.un(OP_ZX16, t, t);
  return t;
};

const fits = (delta: number): boolean => delta === (delta | 0);

/** Only a 32-bit branch in a segment that is not flat can miss it; in 64-bit code the block's end looks. */
const mayMiss = (b: Builder, size: number): boolean => !b.code64 && !b.flat && size === 4;

/** #GP(0) if the target in slot `target` lies beyond CS. */
const checkTarget = (b: Builder, size: number, target: number): void => {
  if (mayMiss(b, size)) b.helper(OP_HSYS, H_CHECK_TARGET, 0, target);
};

/** The same for a branch that is taken if slot `condition` is not 0. */
const checkTargetIf = (b: Builder, i: Insn, condition: number): void => {
  const size = branchSize(i);
  if (mayMiss(b, size)) b.helper(OP_HSYS, H_CHECK_TARGET, 1, positionSlot(b, nextPosition(b, i) + i.immLo, size), condition);
};

/** JMP rel. */
export function jmp(b: Builder, i: Insn): void {
  const size = branchSize(i);
  const delta = nextPosition(b, i) + i.immLo;
  if (mayMiss(b, size)) checkTarget(b, size, positionSlot(b, delta, size));
  endAt(b, delta, size);
}

/** The block goes on `delta` behind its RIP. */
function endAt(b: Builder, delta: number, size: number): void {
  if (fits(delta)) b.end(OP_JMP, 0, 0, 0, wrapOf(size), delta, 0);
  else b.end(OP_IND, 0, positionSlot(b, delta, size), 0, wrapOf(size), 0, 0);
}

/** Jumps if slot `condition` is not 0. */
const branchIf = (b: Builder, i: Insn, condition: number): void => {
  const size = branchSize(i);
  const next = nextPosition(b, i);
  const delta = next + i.immLo;
  if (fits(delta) && size === codeWidth(i)) return b.end(OP_BRNZ, 0, condition, 0, wrapOf(size), delta, next);
  const target = positionSlot(b, delta, size);
  b.sel(target, condition, target, positionSlot(b, next, codeWidth(i)));
  b.end(OP_IND, 0, target, 0, 0, 0, 0);
};

/** Jcc rel. */
export function jcc(b: Builder, i: Insn): void {
  const size = branchSize(i);
  const next = nextPosition(b, i);
  const delta = next + i.immLo;
  if (fits(delta) && size === codeWidth(i) && !mayMiss(b, size)) return b.end(OP_BRCC, 0, 0, i.cc, wrapOf(size), delta, next);
  const condition = b.temp();
  b.emit(OP_COND, condition, 0, 0, i.cc, 0, 0);
  checkTargetIf(b, i, condition);
  branchIf(b, i, condition);
}

/** rCX in the address size, minus one, in a fresh slot (zero-extended). */
const decremented = (b: Builder, i: Insn): number => {
  const t = b.temp();
  b.imm(i.addrsize === 8 ? OP_ADDI : OP_ADDI32, t, RCX, -1);
  if (i.addrsize === 2) b.un(OP_ZX16, t, t);
  return t;
};

/** LOOP, LOOPE, LOOPNE: rCX counts down in the address size. */
const loopWhile =
  (zero: number) =>
  (b: Builder, i: Insn): void => {
    const count = decremented(b, i);
    let condition = count;
    if (zero >= 0) {
      // condition 4 is E, 5 is NE; count != 0 as 0 or 1 by comparing with 0 twice
      const flag = b.temp();
      const nonzero = b.temp();
      b.emit(OP_COND, flag, 0, 0, zero, 0, 0);
      b.bin(OP_SETEQ, nonzero, count, ZERO);
      b.bin(OP_SETEQ, nonzero, nonzero, ZERO);
      b.bin(OP_AND, nonzero, nonzero, flag);
      condition = nonzero;
    }
    checkTargetIf(b, i, condition);
    b.un(i.addrsize === 2 ? OP_INS16 : OP_MOV, RCX, count);
    branchIf(b, i, condition);
  };

export const loop: (b: Builder, i: Insn) => void = loopWhile(-1);
export const loope: (b: Builder, i: Insn) => void = loopWhile(4);
export const loopne: (b: Builder, i: Insn) => void = loopWhile(5);

/** JCXZ, JECXZ, JRCXZ by address size. */
export function jcxz(b: Builder, i: Insn): void {
  const t = b.temp();
  let count = RCX;
  if (i.addrsize !== 8) {
    b.un(i.addrsize === 4 ? OP_ZX32 : OP_ZX16, t, RCX);
    count = t;
  }
  b.bin(OP_SETEQ, t, count, ZERO);
  checkTargetIf(b, i, t);
  branchIf(b, i, t);
}

/** CALL rel. */
export function call(b: Builder, i: Insn): void {
  const size = branchSize(i);
  const next = nextPosition(b, i);
  const delta = next + i.immLo;
  if (mayMiss(b, size)) checkTarget(b, size, positionSlot(b, delta, size));
  push(b, positionSlot(b, next, size), size);
  if (fits(delta)) b.end(OP_CALL, 0, 0, 0, wrapOf(size), delta, next);
  else b.end(OP_CALLIND, 0, positionSlot(b, delta, size), 0, wrapOf(size), 0, 0);
}

/** CALL through a register or memory: the target is read before the push moves rSP. */
export function callIndirect(b: Builder, i: Insn): void {
  const size = branchSize(i);
  let target = readZero(b, i, i.o0);
  const copy = b.temp();
  b.mov(copy, target);
  target = copy;
  checkTarget(b, size, target);
  push(b, positionSlot(b, nextPosition(b, i), size), size);
  b.end(OP_CALLIND, 0, target, 0, wrapOf(size), 0, 0);
}

/** JMP through a register or memory. */
export function jmpIndirect(b: Builder, i: Insn): void {
  const target = readZero(b, i, i.o0);
  checkTarget(b, branchSize(i), target);
  b.end(OP_IND, 0, target, 0, wrapOf(branchSize(i)), 0, 0);
}

/** RET, with or without dropping parameters. */
export function ret(b: Builder, i: Insn): void {
  const size = branchSize(i);
  const target = b.temp();
  loadStack(b, target, 0, size);
  checkTarget(b, size, target);
  moveStack(b, size + (i.o0.kind === OPK_IMM ? i.immLo & 0xffff : 0));
  b.end(OP_RET, 0, target, 0, wrapOf(size), 0, 0);
}

/** Ends the block behind an instruction after which the mode may be another: RIP is set here and looked up anew. */
export function endWithLookup(b: Builder, i: Insn): void {
  const size = codeWidth(i);
  const next = positionSlot(b, nextPosition(b, i), size);
  b.un(size === 4 ? OP_ZX32 : OP_MOV, RIP, next);
  b.end(OP_NEXT, 0, 0, 0, 0, 0, 0);
}

// ---- transactional memory: every transaction aborts at its beginning, which software must expect at any time ------------------

/** XBEGIN: to the fallback, EAX says that nothing is known of the cause. */
export function xbegin(b: Builder, i: Insn): void {
  const size = branchSize(i);
  const delta = nextPosition(b, i) + i.immLo;
  if (mayMiss(b, size)) checkTarget(b, size, positionSlot(b, delta, size));
  b.movi(RAX, 0);
  endAt(b, delta, size);
}

/** XABORT outside of a transaction does nothing. */
export const xabort = (_b: Builder): void => {};
/** XEND outside of a transaction. */
export const xend = (b: Builder): void => b.raise(13, true, 0);

/** XTEST: ZF, not in a transaction. */
export function xtest(b: Builder): void {
  const t = b.temp();
  b.movi(t, 0x40);
  b.un(OP_SETFLAGS, 0, t);
}
