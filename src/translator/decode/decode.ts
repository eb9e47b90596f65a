/**
 * The decoder: bytes to one `Insn`, by the arrays of dispatch.ts. No allocation and no strings on this path: translation of a boot decodes
 * hundreds of thousands of instructions.
 */
import { ROWS } from '../../spec/x86/opcodes.ts';
import {
  ALTERNATIVE,
  CELL_UNKNOWN,
  CELLS,
  GROUPS,
  INFO,
  INFO_66_TAKEN,
  INFO_ALTERNATIVE,
  INFO_COUNT_MASK,
  INFO_COUNT_SHIFT,
  INFO_D64,
  INFO_F64,
  INFO_FAR_MEMORY,
  INFO_L0,
  INFO_L1,
  INFO_LOCK,
  INFO_MOD_IGNORED,
  INFO_MODRM,
  INFO_NO_VVVV,
  INFO_UNDEFINED,
  INFO_VSIB,
  MAP_0F,
  MAP_0F3A,
  MAP_0F38,
  MAP_VEX_0F,
  MAX_OPERANDS,
  OPERANDS,
  PFX_66,
  PFX_F2,
  PFX_F3,
  PFX_NONE,
  settle,
} from './dispatch.ts';
import type { Insn, Operand } from './insn.ts';
import * as K from './insn.ts';
import * as C from './operand-codes.ts';

/** Longest instruction in bytes. @see Intel SDM vol. 2A, 2.3.11 */
export const MAX_LENGTH = 15;

// Prefix classes by code size << 8 | byte.
const P_SEG = 1; // 1..6: segment override ES..GS
const P_66 = 7;
const P_67 = 8;
const P_LOCK = 9;
const P_REP = 10;
const P_REX = 11;
const PREFIX_CLASS = prefixClasses();

function prefixClasses(): Uint8Array {
  const table = new Uint8Array(3 << 8);
  for (let code = 0; code < 3; code++) {
    const base = code << 8;
    [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65].forEach((byte, segment) => {
      table[base | byte] = P_SEG + segment;
    });
    table[base | 0x66] = P_66;
    table[base | 0x67] = P_67;
    table[base | 0xf0] = P_LOCK;
    table[base | 0xf2] = P_REP;
    table[base | 0xf3] = P_REP;
    if (code === 2) table.fill(P_REX, base | 0x40, (base | 0x4f) + 1);
  }
  return table;
}

// 16-bit ModRM addressing: base, index and default segment by rm.
const BASE16 = Int8Array.of(3, 3, 5, 5, 6, 7, 5, 3);
const INDEX16 = Int8Array.of(6, 7, 6, 7, -1, -1, -1, -1);

/** Status when byte `end` is needed but cannot be had: the 15-byte limit comes before the page end. */
function short(at: number, end: number): number {
  return end - at >= MAX_LENGTH ? K.DECODE_TOO_LONG : K.DECODE_MORE;
}

/**
 * Decode the instruction at `bytes[at]` into `insn`. `limit` is the index behind the last byte that may be read (the end of the page or of what was
 * fetched); `mode` is a mode word (MODE_CODE*) that may carry DECODE_* flags. Returns DECODE_OK, DECODE_MORE, DECODE_INVALID (#UD) or
 * DECODE_TOO_LONG (#GP). Privilege, CR0, CPUID features and protected-mode conditions are not checked here: see the row's attributes.
 * Pass a private copy of the guest's bytes, so that what is decoded is what was read.
 */
export function decode(bytes: Uint8Array, at: number, limit: number, mode: number, insn: Insn): number {
  const code = mode & 3;
  const end = Math.min(limit, at + MAX_LENGTH);
  const prefixBase = code << 8;
  let p = at;
  let rex = 0;
  let segPrefix = -1;
  let opsizePrefix = 0;
  let addrsizePrefix = 0;
  let lock = 0;
  let rep = 0;
  let byte = 0;
  for (;;) {
    if (p >= end) return short(at, end);
    byte = bytes[p++]!;
    const cls = PREFIX_CLASS[prefixBase | byte]!;
    if (cls === 0) break;
    if (cls === P_REX) {
      rex = byte;
      continue;
    }
    rex = 0;
    if (cls <= 6) {
      if (code !== 2 || cls >= 5) segPrefix = cls - P_SEG;
    } else if (cls === P_66) opsizePrefix = 1;
    else if (cls === P_67) addrsizePrefix = 1;
    else if (cls === P_LOCK) lock = 1;
    else rep = byte;
  }

  let map = 0;
  let pfx = rep !== 0 ? (rep === 0xf3 ? PFX_F3 : PFX_F2) : opsizePrefix !== 0 ? PFX_66 : PFX_NONE;
  let vex = 0;
  let vexL = 0;
  let vvvv = 0;
  let w = (rex >> 3) & 1;
  if (byte === 0x0f) {
    if (p >= end) return short(at, end);
    byte = bytes[p++]!;
    map = MAP_0F;
    if (byte === 0x38 || byte === 0x3a) {
      map = byte === 0x38 ? MAP_0F38 : MAP_0F3A;
      if (p >= end) return short(at, end);
      byte = bytes[p++]!;
    }
  } else if (byte === 0xc5 || byte === 0xc4 || byte === 0x62) {
    if (p >= end) return short(at, end);
    const next = bytes[p]!;
    if (code === 2 || next >= 0xc0) {
      // VEX; EVEX has no rows yet. Not after 66, F2, F3, LOCK or REX.
      insn.len = p - at;
      if (byte === 0x62 || rex !== 0 || lock !== 0 || rep !== 0 || opsizePrefix !== 0) return K.DECODE_INVALID;
      vex = 1;
      p++;
      let last = next;
      map = MAP_VEX_0F;
      rex = ((next >> 5) & 4) ^ 0x44;
      if (byte === 0xc4) {
        if (p >= end) return short(at, end);
        last = bytes[p++]!;
        const select = next & 31;
        if (select === 0 || select > 3) return K.DECODE_INVALID;
        map = MAP_VEX_0F + select - 1;
        rex = (((next >> 5) & 7) ^ 7) | 0x40;
        w = last >> 7;
        if (w !== 0) rex |= 8;
      }
      if (code !== 2) rex = 0;
      vexL = (last >> 2) & 1;
      vvvv = ((last >> 3) & 15) ^ 15;
      if (code !== 2) vvvv &= 7;
      pfx = (last & 3) === 0 ? PFX_NONE : (last & 3) === 1 ? PFX_66 : (last & 3) === 2 ? PFX_F3 : PFX_F2;
      if (p >= end) return short(at, end);
      byte = bytes[p++]!;
    }
  }

  const wide = code === 2 ? 1 : 0;
  const place = (map << 12) | (wide << 11) | (w << 10) | (byte << 2) | pfx;
  let cell = CELLS[place]!;
  if (cell === CELL_UNKNOWN) {
    settle(map, byte);
    cell = CELLS[place]!;
  }
  let modrm = -1;
  let index = cell - 1;
  if (cell <= 0) {
    insn.len = p - at;
    if (cell === 0) return K.DECODE_INVALID;
    if (p >= end) return short(at, end);
    modrm = bytes[p++]!;
    index = GROUPS[-1 - cell]![modrm]! - 1;
    if (index < 0) return K.DECODE_INVALID;
  }
  let info = INFO[index]!;
  if ((info & (INFO_ALTERNATIVE | INFO_UNDEFINED)) !== 0) {
    if ((info & INFO_ALTERNATIVE) !== 0 && alternativeApplies(index, rex, mode)) {
      index = ALTERNATIVE[index]!;
      info = INFO[index]!;
    }
    if ((info & INFO_UNDEFINED) !== 0) {
      insn.rowIndex = index;
      insn.row = ROWS[index]!;
      insn.len = p - at;
      return K.DECODE_INVALID;
    }
  }

  // sizes
  let opsize = code === 0 ? 2 : 4;
  if (w !== 0 && wide !== 0) opsize = 8;
  else if (opsizePrefix !== 0 && (info & INFO_66_TAKEN) === 0) opsize ^= 6;
  if (wide !== 0 && (info & (INFO_D64 | INFO_F64 | INFO_FAR_MEMORY)) !== 0) {
    if ((info & INFO_D64) !== 0) {
      if (opsize === 4) opsize = 8;
    } else if ((info & INFO_F64) !== 0) {
      if (opsize === 4 || (mode & K.DECODE_INTEL) !== 0) opsize = 8;
    } else if (opsize === 8 && (mode & K.DECODE_INTEL) === 0) opsize = 4;
  }
  const addrsize = code === 2 ? (addrsizePrefix !== 0 ? 4 : 8) : code === 1 ? (addrsizePrefix !== 0 ? 2 : 4) : addrsizePrefix !== 0 ? 4 : 2;

  insn.rowIndex = index;
  insn.row = ROWS[index]!;
  insn.opsize = opsize;
  insn.addrsize = addrsize;
  insn.codeSize = 16 << code;
  insn.opcode = byte;
  insn.cc = byte & 15;
  insn.rep = rep;
  insn.lock = lock;
  insn.rex = rex;
  insn.opsizePrefix = opsizePrefix;
  insn.addrsizePrefix = addrsizePrefix;
  insn.segPrefix = segPrefix;
  insn.vex = vex;
  insn.vexL = vexL;
  insn.vvvv = vvvv;
  insn.memBase = K.BASE_NONE;
  insn.memIndex = K.BASE_NONE;
  insn.memScale = 0;
  insn.disp = 0;
  insn.dispHi = 0;
  insn.immLo = 0;
  insn.immHi = 0;
  insn.imm2 = 0;
  let seg = 3;
  let mod = 0;
  let reg = 0;
  let rm = 0;

  if ((info & INFO_MODRM) !== 0) {
    if (modrm < 0) {
      if (p >= end) return short(at, end);
      modrm = bytes[p++]!;
    }
    mod = (info & INFO_MOD_IGNORED) !== 0 ? 3 : modrm >> 6;
    reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    rm = modrm & 7;
    if (mod === 3) rm |= (rex & 1) << 3;
    else if (addrsize !== 2) {
      let base = rm;
      let disp = 0;
      if (base === 4) {
        if (p >= end) return short(at, end);
        const sib = bytes[p++]!;
        base = sib & 7;
        const memIndex = ((sib >> 3) & 7) | ((rex & 2) << 2);
        if (memIndex !== 4 || (info & INFO_VSIB) !== 0) {
          insn.memIndex = memIndex;
          insn.memScale = sib >> 6;
        }
        if (base === 5 && mod === 0) base = K.BASE_NONE;
      } else if (base === 5 && mod === 0) base = wide !== 0 ? K.BASE_RIP : K.BASE_NONE;
      if (base >= 0) {
        base |= (rex & 1) << 3;
        if (base === 4 || base === 5) seg = 2;
      }
      if (mod === 1) {
        if (p >= end) return short(at, end);
        disp = (bytes[p++]! << 24) >> 24;
      } else if (mod === 2 || base < 0) {
        if (p + 4 > end) return short(at, end);
        disp = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
        p += 4;
      }
      insn.memBase = base;
      insn.disp = disp;
      insn.dispHi = disp >> 31;
    } else {
      if (mod === 0 && rm === 6) {
        if (p + 2 > end) return short(at, end);
        insn.disp = ((bytes[p]! | (bytes[p + 1]! << 8)) << 16) >> 16;
        p += 2;
      } else {
        const base = BASE16[rm]!;
        insn.memBase = base;
        insn.memIndex = INDEX16[rm]!;
        if (base === 5) seg = 2;
        if (mod === 1) {
          if (p >= end) return short(at, end);
          insn.disp = (bytes[p++]! << 24) >> 24;
        } else if (mod === 2) {
          if (p + 2 > end) return short(at, end);
          insn.disp = ((bytes[p]! | (bytes[p + 1]! << 8)) << 16) >> 16;
          p += 2;
        }
      }
      insn.dispHi = insn.disp >> 31;
    }
  }
  insn.modrm = modrm;
  insn.mod = mod;
  insn.reg = reg;
  insn.rm = rm;
  insn.memSeg = segPrefix >= 0 ? segPrefix : seg;

  // operands
  const count = (info >> INFO_COUNT_SHIFT) & INFO_COUNT_MASK;
  const first = index * MAX_OPERANDS;
  const context = (opsize >> 2) + (wide !== 0 ? 3 : 0) + (vexL !== 0 ? 6 : 0);
  insn.operands = count;
  if (count > 0) {
    p = fill(bytes, p, end, OPERANDS[first]!, context, insn, insn.o0);
    if (count > 1) {
      p = fill(bytes, p, end, OPERANDS[first + 1]!, context, insn, insn.o1);
      if (count > 2) {
        p = fill(bytes, p, end, OPERANDS[first + 2]!, context, insn, insn.o2);
        if (count > 3) p = fill(bytes, p, end, OPERANDS[first + 3]!, context, insn, insn.o3);
        else insn.o3.kind = K.OPK_NONE;
      } else {
        insn.o2.kind = K.OPK_NONE;
        insn.o3.kind = K.OPK_NONE;
      }
    } else {
      insn.o1.kind = K.OPK_NONE;
      insn.o2.kind = K.OPK_NONE;
      insn.o3.kind = K.OPK_NONE;
    }
    if (p < 0) return p === BAD_REGISTER ? K.DECODE_INVALID : short(at, end);
  } else {
    insn.o0.kind = K.OPK_NONE;
    insn.o1.kind = K.OPK_NONE;
    insn.o2.kind = K.OPK_NONE;
    insn.o3.kind = K.OPK_NONE;
  }
  insn.len = p - at;
  if (lock !== 0 && ((info & INFO_LOCK) === 0 || insn.o0.kind !== K.OPK_MEM) && !isLockedCr8(insn, mode)) return K.DECODE_INVALID;
  if (vex !== 0) {
    if (vvvv !== 0 && (info & INFO_NO_VVVV) !== 0) return K.DECODE_INVALID;
    if ((info & (vexL !== 0 ? INFO_L0 : INFO_L1)) !== 0) return K.DECODE_INVALID;
    if ((info & INFO_VSIB) !== 0 && ((modrm & 7) !== 4 || addrsize === 2 || reg === vvvv || reg === insn.memIndex || vvvv === insn.memIndex))
      return K.DECODE_INVALID;
  }
  return K.DECODE_OK;
}

/** What fill() returns instead of a position. A missing byte wins over a register that does not exist. */
const NO_BYTES = -1;
const BAD_REGISTER = -2;

function alternativeApplies(index: number, rex: number, mode: number): boolean {
  const row = ROWS[index]!;
  if (row.noRexB) return (rex & 1) !== 0;
  if (row.feature === 'bmi1') return (mode & K.DECODE_BMI1) === 0;
  if (row.feature === 'abm') return (mode & K.DECODE_LZCNT) === 0;
  return true;
}

/** AMD's other way to name CR8, for 32-bit code: LOCK MOV CR0 (CPUID 8000_0001 ECX bit 4). @see AMD APM vol. 3, MOV CRn */
function isLockedCr8(insn: Insn, mode: number): boolean {
  if ((mode & K.DECODE_INTEL) !== 0 || insn.reg !== 0) return false;
  return (insn.o0.kind === K.OPK_CR && insn.o0.reg === 8) || (insn.o1.kind === K.OPK_CR && insn.o1.reg === 8);
}

/** A general register operand; without REX the byte registers 4..7 are AH..BH. */
function general(insn: Insn, operand: Operand, register: number, size: number): void {
  operand.size = size;
  if (size === 1 && insn.rex === 0 && register >= 4) {
    operand.kind = K.OPK_HIGH;
    operand.reg = register - 4;
  } else {
    operand.kind = K.OPK_GPR;
    operand.reg = register;
  }
}

/** Fill one operand by its code; returns the position behind the bytes it took, or NO_BYTES, BAD_REGISTER (passed on if `p` is one already). */
function fill(bytes: Uint8Array, p: number, end: number, code: number, context: number, insn: Insn, operand: Operand): number {
  if (p < 0) return p;
  const size = C.SIZES[(((code >> 8) & 0xff) << 4) | context]!;
  switch (code & 0xff) {
    case C.CLS_E:
      if (insn.mod === 3) general(insn, operand, insn.rm, size);
      else memory(operand, code, context);
      return p;
    case C.CLS_G:
      general(insn, operand, insn.reg, size);
      return p;
    case C.CLS_R:
      general(insn, operand, insn.rm, size);
      return p;
    case C.CLS_M:
      memory(operand, code, context);
      return p;
    case C.CLS_IB:
    case C.CLS_IBS: {
      if (p >= end) return NO_BYTES;
      const value = (code & 0xff) === C.CLS_IB ? bytes[p]! : (bytes[p]! << 24) >> 24;
      immediate(insn, operand, value, value >> 31, size);
      return p + 1;
    }
    case C.CLS_IW:
      if (p + 2 > end) return NO_BYTES;
      immediate(insn, operand, bytes[p]! | (bytes[p + 1]! << 8), 0, size);
      return p + 2;
    case C.CLS_IZ:
    case C.CLS_IV:
      if (size === 2) {
        if (p + 2 > end) return NO_BYTES;
        const value = ((bytes[p]! | (bytes[p + 1]! << 8)) << 16) >> 16;
        immediate(insn, operand, value, value >> 31, size);
        return p + 2;
      }
      if (p + 4 > end) return NO_BYTES;
      {
        const value = dword(bytes, p);
        if (size === 4 || (code & 0xff) === C.CLS_IZ) {
          immediate(insn, operand, value, value >> 31, size);
          return p + 4;
        }
        if (p + 8 > end) return NO_BYTES;
        immediate(insn, operand, value, dword(bytes, p + 4), size);
        return p + 8;
      }
    case C.CLS_ONE:
      immediate(insn, operand, 1, 0, size);
      return p;
    case C.CLS_JB:
    case C.CLS_JZ: {
      if (p + size > end) return NO_BYTES;
      const value = size === 1 ? (bytes[p]! << 24) >> 24 : size === 2 ? ((bytes[p]! | (bytes[p + 1]! << 8)) << 16) >> 16 : dword(bytes, p);
      operand.kind = K.OPK_REL;
      operand.reg = 0;
      operand.size = size;
      insn.immLo = value;
      insn.immHi = value >> 31;
      return p + size;
    }
    case C.CLS_A: {
      if (p + size > end) return NO_BYTES;
      operand.kind = K.OPK_FAR;
      operand.reg = 0;
      operand.size = size;
      insn.immLo = size === 4 ? bytes[p]! | (bytes[p + 1]! << 8) : dword(bytes, p);
      insn.immHi = 0;
      insn.imm2 = bytes[p + size - 2]! | (bytes[p + size - 1]! << 8);
      return p + size;
    }
    case C.CLS_O: {
      const addrsize = insn.addrsize;
      if (p + addrsize > end) return NO_BYTES;
      operand.kind = K.OPK_MEM;
      operand.reg = 0;
      operand.size = size;
      insn.disp = addrsize === 2 ? bytes[p]! | (bytes[p + 1]! << 8) : dword(bytes, p);
      insn.dispHi = addrsize === 8 ? dword(bytes, p + 4) : 0;
      return p + addrsize;
    }
    case C.CLS_S:
      operand.kind = K.OPK_SEG;
      operand.reg = insn.reg & 7;
      operand.size = 2;
      return operand.reg > 5 ? BAD_REGISTER : p;
    case C.CLS_C:
      operand.kind = K.OPK_CR;
      operand.reg = insn.lock !== 0 && insn.reg === 0 ? 8 : insn.reg;
      operand.size = size;
      return insn.reg > 8 || insn.reg === 1 || (insn.reg > 4 && insn.reg < 8) ? BAD_REGISTER : p;
    case C.CLS_D:
      operand.kind = K.OPK_DR;
      operand.reg = insn.reg;
      operand.size = size;
      return insn.reg > 7 ? BAD_REGISTER : p;
    case C.CLS_X:
    case C.CLS_Y:
      operand.kind = (code & 0xff) === C.CLS_X ? K.OPK_SRC : K.OPK_DST;
      operand.reg = 0;
      operand.size = size;
      return p;
    case C.CLS_Z:
      general(insn, operand, (insn.opcode & 7) | ((insn.rex & 1) << 3), size);
      return p;
    case C.CLS_V:
      operand.kind = K.OPK_VEC;
      operand.reg = insn.reg;
      operand.size = size;
      return p;
    case C.CLS_W:
      if (insn.mod === 3) {
        operand.kind = K.OPK_VEC;
        operand.reg = insn.rm;
        operand.size = size;
      } else memory(operand, code, context);
      return p;
    case C.CLS_P:
      operand.kind = K.OPK_MMX;
      operand.reg = insn.reg & 7;
      operand.size = size;
      return p;
    case C.CLS_Q:
      if (insn.mod === 3) {
        operand.kind = K.OPK_MMX;
        operand.reg = insn.rm & 7;
        operand.size = size;
      } else memory(operand, code, context);
      return p;
    case C.CLS_H:
      operand.kind = K.OPK_VEC;
      operand.reg = insn.vvvv;
      operand.size = size;
      return p;
    case C.CLS_B:
      operand.kind = K.OPK_GPR;
      operand.reg = insn.vvvv;
      operand.size = size;
      return p;
    case C.CLS_L:
      if (p >= end) return NO_BYTES;
      operand.kind = K.OPK_VEC;
      operand.reg = insn.codeSize === 64 ? bytes[p]! >> 4 : (bytes[p]! >> 4) & 7;
      operand.size = size;
      return p + 1;
    case C.CLS_STI:
      operand.kind = K.OPK_ST;
      operand.reg = insn.rm & 7;
      operand.size = size;
      return p;
    default:
      fixed(operand, code, size);
      return p;
  }
}

function fixed(operand: Operand, code: number, size: number): void {
  const cls = code & 0xff;
  operand.kind =
    cls === C.CLS_FIXED_GPR
      ? K.OPK_GPR
      : cls === C.CLS_FIXED_SEG
        ? K.OPK_SEG
        : cls === C.CLS_FIXED_ST
          ? K.OPK_ST
          : cls === C.CLS_FIXED_VEC
            ? K.OPK_VEC
            : cls === C.CLS_FIXED_HIGH
              ? K.OPK_HIGH
              : K.OPK_NONE;
  operand.reg = code >> 24;
  operand.size = size;
}

function memory(operand: Operand, code: number, context: number): void {
  operand.kind = K.OPK_MEM;
  operand.reg = 0;
  operand.size = C.SIZES[(((code >> 16) & 0xff) << 4) | context]!;
}

/** The first immediate goes to immLo/immHi, a second one to imm2. */
function immediate(insn: Insn, operand: Operand, low: number, high: number, size: number): void {
  const second =
    insn.o0.kind === K.OPK_IMM && operand !== insn.o0
      ? 1
      : insn.o1.kind === K.OPK_IMM && operand === insn.o2
        ? 1
        : insn.o2.kind === K.OPK_IMM && operand === insn.o3
          ? 1
          : 0;
  operand.kind = K.OPK_IMM;
  operand.reg = second;
  operand.size = size;
  if (second !== 0) insn.imm2 = low;
  else {
    insn.immLo = low;
    insn.immHi = high;
  }
}

function dword(bytes: Uint8Array, p: number): number {
  return bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
}
