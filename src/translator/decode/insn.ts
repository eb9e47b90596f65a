/**
 * A decoded instruction. One object per decoder user, reused for every instruction: copy what must outlive the next `decode()`.
 * All fields are plain numbers (except `row`), so that V8 keeps one shape and allocates nothing.
 */
import type { Row } from '../../spec/x86/row.ts';

// ---- kinds of an operand ---------------------------------------------------------------------------------------------
/** No operand. */
export const OPK_NONE = 0;
/** General register `reg` (0..15), its low `size` bytes (1, 2, 4, 8). SPL, BPL, SIL, DIL are this kind. */
export const OPK_GPR = 1;
/** AH, CH, DH, BH: bits 8..15 of general register `reg` (0..3), size 1. */
export const OPK_HIGH = 2;
/** The memory operand of `Insn.mem*`, `size` bytes (0: LEA, INVLPG, FXSAVE and the like). At most one per instruction. */
export const OPK_MEM = 3;
/** Immediate: `reg` 0 means immLo/immHi, `reg` 1 means imm2. `size` = size of the operation it is extended to. */
export const OPK_IMM = 4;
/** Near branch displacement immLo (signed), relative to the next instruction. `size` = bytes of it in the encoding. */
export const OPK_REL = 5;
/** Far pointer in the instruction: offset immLo (unsigned, 16 or 32 bits by opsize), selector imm2. */
export const OPK_FAR = 6;
/** Segment register `reg`: 0 ES, 1 CS, 2 SS, 3 DS, 4 FS, 5 GS (6 and 7 do not decode). */
export const OPK_SEG = 7;
/** Control register `reg` (0, 2, 3, 4, 8; others do not decode; LOCK MOV CR0 comes as CR8). */
export const OPK_CR = 8;
/** Debug register `reg` (0..7). */
export const OPK_DR = 9;
/** Vector register `reg` (0..15); `size` bytes of it take part (4, 8, 16, 32). */
export const OPK_VEC = 10;
/** MMX register `reg` (0..7). */
export const OPK_MMX = 11;
/** x87 stack register ST(`reg`). */
export const OPK_ST = 12;
/** String source at memSeg:rSI (address size), `size` bytes. */
export const OPK_SRC = 13;
/** String destination at ES:rDI (address size), `size` bytes. */
export const OPK_DST = 14;

/** Base register of an RIP-relative memory operand: address = RIP of the next instruction + disp. */
export const BASE_RIP = -2;
/** No base or index register. */
export const BASE_NONE = -1;

// ---- what decode() returns --------------------------------------------------------------------------------------------
/** The instruction is complete. */
export const DECODE_OK = 0;
/** More bytes are needed than `limit` allows (the instruction continues on the next page). Nothing in the Insn counts. */
export const DECODE_MORE = 1;
/** #UD: no such instruction in this mode, or LOCK where it is not allowed. `len` counts the bytes looked at. */
export const DECODE_INVALID = 2;
/** #GP(0): longer than 15 bytes. */
export const DECODE_TOO_LONG = 3;

// ---- flags that may be or-ed to decode()'s mode, beside MODE_SIZE_MASK (its other MODE_* bits are ignored) ---------------
/** Intel's behaviour where vendors differ (66 on near branches in 64-bit code is ignored). Default: AMD's. */
export const DECODE_INTEL = 0x10000;
/** The CPU model has BMI1: F3 0F BC is TZCNT (else BSF). */
export const DECODE_BMI1 = 0x20000;
/** The CPU model has LZCNT (ABM): F3 0F BD is LZCNT (else BSR). */
export const DECODE_LZCNT = 0x40000;

/** One operand slot. */
export class Operand {
  /** OPK_*. */
  kind = OPK_NONE;
  /** Register number or which immediate; see the kinds. */
  reg = 0;
  /** Size in bytes. */
  size = 0;
}

export class Insn {
  /** Index of the row in ROWS (spec/x86/opcodes.ts). */
  rowIndex = 0;
  /** The row itself. */
  row: Row;
  /** Length in bytes with all prefixes, 1..15. */
  len = 0;
  /** Size in bytes of `v` operands: 2, 4 or 8 (8-bit forms have the size in the operand). */
  opsize = 4;
  /** Address size in bytes: 2, 4 or 8. */
  addrsize = 8;
  /** Code size in bits: 16, 32, 64. */
  codeSize = 64;
  /** The opcode byte (last one, without escapes): its low 3 bits are the register of +r rows. */
  opcode = 0;
  /** Condition number of +cc rows (opcode & 15), as in OP_COND. */
  cc = 0;
  /** ModRM byte, -1 if the instruction has none. */
  modrm = -1;
  /** ModRM fields; reg and rm are extended by REX.R, REX.B (rm is a register number only if mod = 3). */
  mod = 0;
  reg = 0;
  rm = 0;

  /** Number of operands used, 0..4. */
  operands = 0;
  /** Operands in the manual's order, destination first. Unused ones have OPK_NONE. */
  readonly o0 = new Operand();
  readonly o1 = new Operand();
  readonly o2 = new Operand();
  readonly o3 = new Operand();

  /**
   * Memory operand: memSeg:[base + (index << scale) + disp], truncated to addrsize. memSeg is the effective segment 0..5 (override, else SS for a BP/SP
   * base, else DS; in 64-bit code CS/DS/ES/SS overrides are ignored). String sources use memSeg too. memBase: 0..15, BASE_NONE or BASE_RIP. memIndex: 0..15 or BASE_NONE.
   */
  memSeg = 3;
  memBase = BASE_NONE;
  memIndex = BASE_NONE;
  /** Shift 0..3. */
  memScale = 0;
  /** Displacement, int32; for 16-bit addresses already wrapped to -32768..32767. */
  disp = 0;
  /** High 32 bits of the displacement (int32): the sign of disp, except for 64-bit absolute offsets (MOV AL, moffs), where it is the address' upper half. For 32- and 16-bit absolute offsets 0. */
  dispHi = 0;

  /** Immediate or branch displacement, low and high 32 bits (both int32), extended to 64 bits as the operand notation says. */
  immLo = 0;
  immHi = 0;
  /** Second immediate (ENTER's level, far pointer's selector, the second of EXTRQ/INSERTQ). */
  imm2 = 0;

  /** Last repeat prefix: 0, 0xf2 or 0xf3 (also when it is a mandatory prefix). */
  rep = 0;
  /** 1 with LOCK. */
  lock = 0;
  /** REX byte (0x40..0x4f), 0 if none (or if it did not stand directly before the opcode). With VEX: the equivalent bits. */
  rex = 0;
  /** 1 if a 66 prefix was present (also as mandatory prefix). */
  opsizePrefix = 0;
  /** 1 if a 67 prefix was present. */
  addrsizePrefix = 0;
  /** Segment override as written: 0..5, or -1. In 64-bit code only FS and GS count. */
  segPrefix = -1;
  /** 0 legacy, 1 VEX, 2 EVEX (later). */
  vex = 0;
  /** VEX.L: 0 = 128, 1 = 256 bits. */
  vexL = 0;
  /** VEX.vvvv register number (already inverted), 0 without VEX. */
  vvvv = 0;

  constructor(row: Row) {
    this.row = row;
  }
}
