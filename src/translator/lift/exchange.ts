/** XADD and the compare-and-exchange family. */
import { HI_SET_ZERO } from '../../machine/helpers/int.ts';
import { CC_ADD, CC_SUB, RAX, RBX, RCX, RDX } from '../../machine/layout.ts';
import { OP_ADD, OP_ADD32, OP_ALIGN, OP_AND, OP_HINT, OP_LDM64, OP_MOV, OP_OR, OP_SETEQ, OP_SHLI, OP_SHRI, OP_ST64, OP_ZX32 } from '../../machine/ops.ts';
import { type Insn, OPK_GPR, OPK_MEM } from '../decode/insn.ts';
import type { Builder } from '../ir/builder.ts';
import { address, ea, linearSlot, loadForWriteAt, sizeNumber, storeAt } from './memory-operand.ts';
import { read, readForWrite, write, writeBack, writeRegister, zeroExtend } from './operands.ts';

/** XADD: destination gets the sum, source register the old destination. */
export function xadd(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const y = read(b, i, o1);
  const x = readForWrite(b, i, o0);
  const sum = b.temp();
  b.bin(o0.size === 8 ? OP_ADD : OP_ADD32, sum, x, y);
  if (o0.kind === OPK_MEM) {
    writeBack(b, i, o0, sum);
    b.cc(CC_ADD + sizeNumber(o0.size), x, y);
    write(b, i, o1, x);
    return;
  }
  b.cc(CC_ADD + sizeNumber(o0.size), x, y);
  write(b, i, o1, x);
  write(b, i, o0, sum);
}

/** CMPXCHG: memory is written in any case (with its old value if the comparison fails). */
export function cmpxchg(b: Builder, i: Insn): void {
  const { o0, o1 } = i;
  const { size } = o0;
  const source = read(b, i, o1);
  const old = readForWrite(b, i, o0);
  const x = b.temp();
  const accumulator = b.temp();
  const equal = b.temp();
  const result = b.temp();
  if (o0.kind === OPK_MEM) b.un(OP_MOV, x, old);
  else zeroExtend(b, x, old, size);
  zeroExtend(b, accumulator, RAX, size);
  b.bin(OP_SETEQ, equal, x, accumulator);
  if (o0.kind === OPK_GPR && size === 4) {
    // a register that does not match keeps its upper half too
    zeroExtend(b, result, source, 4);
    b.sel(o0.reg, equal, result, o0.reg);
  } else {
    b.sel(result, equal, source, x);
    writeBack(b, i, o0, result);
  }
  b.cc(CC_SUB + sizeNumber(size), accumulator, x);
  if (size >= 4) b.sel(RAX, equal, RAX, x);
  else {
    b.sel(accumulator, equal, RAX, x);
    writeRegister(b, RAX, size, accumulator);
  }
}

/** t = high half : low half, from two 32-bit registers. */
const pair = (b: Builder, high: number, low: number): number => {
  const t = b.temp();
  const lower = b.temp();
  b.imm(OP_SHLI, t, high, 32);
  b.un(OP_ZX32, lower, low);
  b.bin(OP_OR, t, t, lower);
  return t;
};

/** CMPXCHG8B: EDX:EAX with 8 bytes of memory, new value ECX:EBX. Only ZF changes. */
export function cmpxchg8b(b: Builder, i: Insn): void {
  const old = b.temp();
  const equal = b.temp();
  const result = b.temp();
  const expected = pair(b, RDX, RAX);
  const replacement = pair(b, RCX, RBX);
  b.locked = i.lock !== 0;
  loadForWriteAt(b, old, address(b, i, 8, true), 8);
  b.bin(OP_SETEQ, equal, old, expected);
  b.sel(result, equal, replacement, old);
  storeAt(b, result, ea, 8);
  b.locked = false;
  b.helper(OP_HINT, HI_SET_ZERO, 0, equal);
  b.un(OP_ZX32, expected, old);
  b.imm(OP_SHRI, result, old, 32);
  b.sel(RAX, equal, RAX, expected);
  b.sel(RDX, equal, RDX, result);
}

/** CMPXCHG16B: RDX:RAX with 16 bytes of memory, which must be aligned; new value RCX:RBX. Only ZF changes. */
export function cmpxchg16b(b: Builder, i: Insn): void {
  const at = linearSlot(b, i, 16, true);
  const low = b.temp();
  const high = b.temp();
  const equal = b.temp();
  const same = b.temp();
  const newLow = b.temp();
  const newHigh = b.temp();
  b.emit(OP_ALIGN, 0, at, 0, 16, 0, 0);
  b.locked = i.lock !== 0;
  b.imm(OP_LDM64, low, at, 0);
  b.imm(OP_LDM64, high, at, 8);
  b.bin(OP_SETEQ, equal, low, RAX);
  b.bin(OP_SETEQ, same, high, RDX);
  b.bin(OP_AND, equal, equal, same);
  b.sel(newLow, equal, RBX, low);
  b.sel(newHigh, equal, RCX, high);
  b.imm(OP_ST64, newLow, at, 0);
  b.imm(OP_ST64, newHigh, at, 8);
  b.locked = false;
  b.helper(OP_HINT, HI_SET_ZERO, 0, equal);
  b.sel(RAX, equal, RAX, low);
  b.sel(RDX, equal, RDX, high);
}
