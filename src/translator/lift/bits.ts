/** Bit tests, bit scans, bit counts. */
import { HI_CRC32, HI_SET_CARRY } from '../../machine/helpers/int.ts';
import { CC_LOGIC, ZERO } from '../../machine/layout.ts';
import {
  OP_ADD,
  OP_AND,
  OP_ANDI,
  OP_BSWAP,
  OP_BSWAP32,
  OP_CLZ,
  OP_CTZ,
  OP_HINT,
  OP_NOT,
  OP_OR,
  OP_ORI,
  OP_POPCNT,
  OP_SARI,
  OP_SETEQ,
  OP_SETFLAGS,
  OP_SHL,
  OP_SHLI,
  OP_SHR,
  OP_SUB,
  OP_XOR,
  OP_XORI,
  OP_ZX16,
  OP_ZX32,
} from '../../machine/ops.ts';
import { type Insn, OPK_IMM, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { Address, address, loadAt, loadForWriteAt, namesOtherSegment, offsetSlot, segmentAddress, sizeNumber, storeAt } from './memory-operand.ts';
import { read, readSigned, readZero, write, writeRegister } from './operands.ts';

type LiftFunction = (b: Builder, i: Insn) => void;

const cell = new Address();

/** Address of the memory cell that holds the bit: with a register offset, whole cells away from the operand in both directions. */
const bitCell = (b: Builder, i: Insn, size: number, modify: boolean): void => {
  if (i.o1.kind === OPK_IMM) {
    const at = address(b, i, size, modify);
    if (at.indexed) cell.setIndexed(at.a, at.b, at.scale, at.lo, at.hi);
    else cell.set(at.a, at.lo, at.hi);
    return;
  }
  const t = b.temp();
  const offset = readSigned(b, i, i.o1);
  const log = size === 8 ? 6 : size === 4 ? 5 : 4;
  b.imm(OP_SARI, t, offset, log);
  b.imm(OP_SHLI, t, t, log - 3);
  b.bin(OP_ADD, t, t, offsetSlot(b, i));
  if (i.addrsize < 8) b.un(i.addrsize === 4 ? OP_ZX32 : OP_ZX16, t, t);
  segmentAddress(b, t, i.memSeg, size, modify, cell, namesOtherSegment(i));
};

/** BT and its modifying forms; `modify` is the operation on the value and the bit's mask. */
const bitTest =
  (modify: number | undefined): LiftFunction =>
  (b, i) => {
    const { o0, o1 } = i;
    const { size } = o0;
    const memory = o0.kind === OPK_MEM;
    let x = o0.reg;
    if (memory) {
      bitCell(b, i, size, modify !== undefined);
      x = b.temp();
      b.locked = i.lock !== 0;
      if (modify === undefined) loadAt(b, x, cell, size);
      else loadForWriteAt(b, x, cell, size);
    }
    const bit = b.temp();
    const carry = b.temp();
    if (o1.kind === OPK_IMM) b.movi(bit, i.immLo & (size * 8 - 1));
    else b.imm(OP_ANDI, bit, o1.reg, size * 8 - 1);
    b.bin(OP_SHR, carry, x, bit);
    b.imm(OP_ANDI, carry, carry, 1);
    if (modify !== undefined) {
      const mask = b.temp();
      b.movi(mask, 1);
      b.bin(OP_SHL, mask, mask, bit);
      if (modify === OP_AND) b.un(OP_NOT, mask, mask);
      b.bin(modify, mask, x, mask);
      if (memory) storeAt(b, mask, cell, size);
      else writeRegister(b, o0.reg, size, mask);
      b.locked = false;
    }
    b.helper(OP_HINT, HI_SET_CARRY, 0, carry);
  };

export const bt: LiftFunction = bitTest(undefined);
export const bts: LiftFunction = bitTest(OP_OR);
export const btr: LiftFunction = bitTest(OP_AND);
export const btc: LiftFunction = bitTest(OP_XOR);

/** BSF and BSR: ZF says that the source is 0, and then the destination stays as it is. */
const scan =
  (reverse: boolean): LiftFunction =>
  (b, i) => {
    const { o0 } = i;
    const x = readZero(b, i, i.o1);
    const t = b.temp();
    b.un(reverse ? OP_CLZ : OP_CTZ, t, x);
    if (reverse) b.imm(OP_XORI, t, t, 63);
    // the source may be the destination's register: flags first
    b.cci(CC_LOGIC + sizeNumber(o0.size), x, 0);
    if (o0.size === 8 || o0.size === 4) b.sel(o0.reg, x, t, o0.reg);
    else {
      b.sel(t, x, t, o0.reg);
      writeRegister(b, o0.reg, o0.size, t);
    }
  };

export const bsf: LiftFunction = scan(false);
export const bsr: LiftFunction = scan(true);

/** Flags of counts: CF from slot `carry` (0 or 1), ZF = slot `zero` (0 or 1), all others clear. */
const countFlags = (b: Builder, carry: number, zero: number): void => {
  const t = b.temp();
  b.imm(OP_SHLI, t, zero, 6);
  if (carry !== ZERO) b.bin(OP_OR, t, t, carry);
  b.un(OP_SETFLAGS, 0, t);
};

/** LZCNT and TZCNT: CF = source is 0, ZF = result is 0. */
const count =
  (leading: boolean): LiftFunction =>
  (b, i) => {
    const { o0 } = i;
    const bits = o0.size * 8;
    const x = readZero(b, i, i.o1);
    const t = b.temp();
    const carry = b.temp();
    const zero = b.temp();
    b.bin(OP_SETEQ, carry, x, ZERO);
    if (leading) {
      b.un(OP_CLZ, t, x);
      if (bits < 64) b.imm(OP_XORI, zero, ZERO, 64 - bits);
      if (bits < 64) b.bin(OP_SUB, t, t, zero);
    } else {
      if (bits < 64) {
        // a bit above the operand stops the count there
        b.emit(OP_ORI, t, x, 0, 0, bits === 32 ? 0 : 1 << bits, bits === 32 ? 1 : 0);
        b.un(OP_CTZ, t, t);
      } else b.un(OP_CTZ, t, x);
    }
    b.bin(OP_SETEQ, zero, t, ZERO);
    write(b, i, o0, t);
    countFlags(b, carry, zero);
  };

export const lzcnt: LiftFunction = count(true);
export const tzcnt: LiftFunction = count(false);

/** POPCNT: ZF = source is 0, other flags clear. */
export function popcnt(b: Builder, i: Insn): void {
  const x = readZero(b, i, i.o1);
  const t = b.temp();
  const zero = b.temp();
  b.un(OP_POPCNT, t, x);
  b.bin(OP_SETEQ, zero, x, ZERO);
  write(b, i, i.o0, t);
  countFlags(b, ZERO, zero);
}

/** CRC32: the iSCSI polynomial. */
export function crc32(b: Builder, i: Insn): void {
  const data = read(b, i, i.o1);
  b.helper(OP_HINT, HI_CRC32, i.o0.reg, i.o0.reg, data, 0, sizeNumber(i.o1.size));
}

/** BSWAP; of a 16-bit register it is undefined, processors clear it. */
export function bswap(b: Builder, i: Insn): void {
  const { reg, size } = i.o0;
  if (size === 2) writeRegister(b, reg, 2, ZERO);
  else b.un(size === 8 ? OP_BSWAP : OP_BSWAP32, reg, reg);
}
