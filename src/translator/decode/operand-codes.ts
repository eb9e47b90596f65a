/** Operand notation of the rows, compiled into small integers for the decoder: class | register-form size type << 8 | memory-form size type << 16 | fixed register << 24. */

// ---- classes: how an operand is found --------------------------------------------------------------------------------
export const CLS_NONE = 0;
/** ModRM.rm: general register or memory. */
export const CLS_E = 1;
/** ModRM.reg: general register. */
export const CLS_G = 2;
/** ModRM.rm as a general register whatever mod says (MOV CR/DR) or with mod = 3. */
export const CLS_R = 3;
export const CLS_M = 4;
export const CLS_IB = 5; // zero-extended byte
export const CLS_IBS = 6; // sign-extended byte
export const CLS_IW = 7; // zero-extended word
export const CLS_IZ = 8; // 2 or 4 bytes, sign-extended
export const CLS_IV = 9; // 2, 4 or 8 bytes
export const CLS_ONE = 10;
export const CLS_JB = 11;
export const CLS_JZ = 12;
export const CLS_A = 13;
export const CLS_O = 14;
export const CLS_S = 15;
export const CLS_C = 16;
export const CLS_D = 17;
export const CLS_X = 18;
export const CLS_Y = 19;
/** General register in the opcode's low three bits. */
export const CLS_Z = 20;
export const CLS_V = 21;
export const CLS_W = 22;
export const CLS_P = 23;
export const CLS_Q = 24;
/** VEX.vvvv as a vector or general register. */
export const CLS_H = 25;
export const CLS_B = 26;
/** Vector register in the high four bits of an immediate byte. */
export const CLS_L = 27;
/** ST(ModRM.rm). */
export const CLS_STI = 28;
/** Fixed register: the number is in bits 24 and up. */
export const CLS_FIXED_GPR = 29;
export const CLS_FIXED_HIGH = 30;
export const CLS_FIXED_SEG = 31;
export const CLS_FIXED_ST = 32;
export const CLS_FIXED_VEC = 33;

// ---- size types -------------------------------------------------------------------------------------------------------------------
const TYPES = ['', 'b', 'w', 'd', 'q', 't', 'dq', 'qq', 'ss', 'sd', 'ps', 'pd', 'x', 'v', 'z', 'y', 'n', 'p', 's', 'a', 'h', 'i', 'j', 'k'] as const;
type SizeType = (typeof TYPES)[number];

/** Size in bytes of a type. `opsize` 2, 4, 8; `wide` in 64-bit code; `long` with VEX.L. `h`, `i`, `j` are a half, a quarter, an eighth of x. */
function sizeOf(type: SizeType, opsize: number, wide: boolean, long: boolean): number {
  const x = long ? 32 : 16;
  const sizes = {
    '': 0,
    b: 1,
    w: 2,
    d: 4,
    q: 8,
    t: 10,
    dq: 16,
    qq: 32,
    ss: 4,
    sd: 8,
    ps: x,
    pd: x,
    x,
    v: opsize,
    z: Math.min(opsize, 4),
    h: x / 2,
    i: x / 4,
    j: x / 8,
    k: long ? 32 : 8,
  };
  const derived = { y: opsize === 8 ? 8 : 4, n: wide ? 8 : 4, p: 2 + opsize, s: wide ? 10 : 6, a: 2 * opsize };
  return { ...sizes, ...derived }[type];
}

/** Size by `type << 4 | context`, where context = log2(opsize) - 1 (0..2) + 3 if 64-bit code + 6 if VEX.L. */
export const SIZES: Uint8Array = buildSizes();

function buildSizes(): Uint8Array {
  const table = new Uint8Array(TYPES.length << 4);
  TYPES.forEach((type, t) => {
    for (let context = 0; context < 12; context++) {
      table[(t << 4) | context] = sizeOf(type, 2 << (context % 3), context % 6 >= 3, context >= 6);
    }
  });
  return table;
}

const FIXED: Readonly<Record<string, readonly [cls: number, register: number, type: SizeType]>> = {
  AL: [CLS_FIXED_GPR, 0, 'b'],
  CL: [CLS_FIXED_GPR, 1, 'b'],
  AH: [CLS_FIXED_HIGH, 0, 'b'],
  AX: [CLS_FIXED_GPR, 0, 'w'],
  DX: [CLS_FIXED_GPR, 2, 'w'],
  eAX: [CLS_FIXED_GPR, 0, 'z'],
  rAX: [CLS_FIXED_GPR, 0, 'v'],
  rDX: [CLS_FIXED_GPR, 2, 'v'],
  ES: [CLS_FIXED_SEG, 0, 'w'],
  CS: [CLS_FIXED_SEG, 1, 'w'],
  SS: [CLS_FIXED_SEG, 2, 'w'],
  DS: [CLS_FIXED_SEG, 3, 'w'],
  FS: [CLS_FIXED_SEG, 4, 'w'],
  GS: [CLS_FIXED_SEG, 5, 'w'],
  ST0: [CLS_FIXED_ST, 0, 't'],
  XMM0: [CLS_FIXED_VEC, 0, 'dq'],
};

const LETTERS: Readonly<Record<string, number>> = {
  E: CLS_E,
  G: CLS_G,
  R: CLS_R,
  M: CLS_M,
  O: CLS_O,
  S: CLS_S,
  C: CLS_C,
  D: CLS_D,
  X: CLS_X,
  Y: CLS_Y,
  Z: CLS_Z,
  V: CLS_V,
  W: CLS_W,
  U: CLS_W,
  P: CLS_P,
  Q: CLS_Q,
  N: CLS_Q,
  H: CLS_H,
  B: CLS_B,
  L: CLS_L,
};

const IMMEDIATES: Readonly<Record<string, readonly [cls: number, type: SizeType]>> = {
  Ib: [CLS_IB, 'b'],
  Ibs: [CLS_IBS, 'v'],
  Iw: [CLS_IW, 'w'],
  Iz: [CLS_IZ, 'v'],
  Iv: [CLS_IV, 'v'],
  '1': [CLS_ONE, 'b'],
  Jb: [CLS_JB, 'b'],
  Jz: [CLS_JZ, 'z'],
  Ap: [CLS_A, 'p'],
};

function typeNumber(type: string, notation: string): number {
  const number = (TYPES as readonly string[]).indexOf(type);
  if (number < 0) throw new Error(`opcode table: unknown size in operand '${notation}'`);
  return number;
}

/** The code of one operand in the rows' notation; throws on what it does not know (a bug of the table). */
export function operandCode(notation: string): number {
  const immediate = IMMEDIATES[notation];
  if (immediate !== undefined) return immediate[0] | (typeNumber(immediate[1], notation) << 8);
  const fixed = FIXED[notation];
  if (fixed !== undefined) return fixed[0] | (typeNumber(fixed[2], notation) << 8) | (fixed[1] << 24);
  if (notation === 'STi') return CLS_STI | (typeNumber('t', notation) << 8);
  const [first = '', second] = notation.split('/');
  const cls = LETTERS[first.slice(0, 1)];
  if (cls === undefined) throw new Error(`opcode table: unknown operand '${notation}'`);
  const registerType = typeNumber(first.slice(1), notation);
  if (second === undefined) return cls | (registerType << 8) | (registerType << 16);
  const memoryClass = cls === CLS_R ? CLS_E : cls;
  return memoryClass | (registerType << 8) | (typeNumber(second.slice(1), notation) << 16);
}

/** True if the operand is found by the ModRM byte. */
export function usesModrm(code: number): boolean {
  switch (code & 0xff) {
    case CLS_E:
    case CLS_G:
    case CLS_R:
    case CLS_M:
    case CLS_S:
    case CLS_C:
    case CLS_D:
    case CLS_V:
    case CLS_W:
    case CLS_P:
    case CLS_Q:
    case CLS_STI:
      return true;
    default:
      return false;
  }
}

/** Which ModRM.mod the notation allows: M memory only, U and N registers only (R too, unless a C or D stands beside it, which ignore mod). */
export function modOf(operands: readonly string[]): 'any' | 'reg' | 'mem' {
  const ignoresMod = operands.some((text) => /^[CD]n$/.test(text));
  for (const text of operands) {
    if (text.startsWith('M')) return 'mem';
    if (/^[UN][a-z]*$/.test(text)) return 'reg';
    if (/^R[a-z]$/.test(text) && !ignoresMod) return 'reg';
  }
  return 'any';
}
