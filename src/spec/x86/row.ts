/**
 * A row of the opcode tables: one instruction form, written in the manual's notation. Decoder, disassembler, lifter, test
 * generator and the support page all read these rows; an instruction is defined by its row and the lift function it names.
 *
 * Encoding text, first argument of `op()`:  `[NP|66|F3|F2] [W0|W1] OO[+r|+cc] [/n] [mem|reg] | MM | MM+i`
 * - `00`        the opcode byte in the file's map, whatever prefixes stand before it (66 is an operand-size prefix, F2/F3 are ignored or REP);
 * - `50+r`      eight opcodes, the low three bits are a register; `70+cc` sixteen, the low four bits are a condition;
 * - `NP 58`     only without 66, F2, F3; `66 58`, `F3 58`, `F2 58` with that mandatory prefix (F2/F3 win over 66, the last of F2/F3 wins);
 *               a form with another prefix that has no row is #UD;
 * - `80 /0`     opcode extended by ModRM.reg; `C7 /1 mem` and `C7 /6 reg` only with a memory or register operand;
 * - `01 C1`     one ModRM byte (must be C0..FF); `D8 C0+i` eight of them (x87 stack registers);
 * - `W0`, `W1`  only with that REX.W / VEX.W.
 * A more exact row wins over a less exact one (fixed ModRM byte, then /n, then plain; declared prefix over any; W over any).
 *
 * Operands, separated by spaces, destination first (@see Intel SDM vol. 2D, appendix A.2). Addressing letter:
 *   E ModRM.rm general register or memory   G ModRM.reg general register   R ModRM.rm general register only   M memory only
 *   I immediate   J branch displacement   A far pointer in the instruction   O memory at an offset in the instruction
 *   S segment register   C control register   D debug register   X string source seg:rSI   Y string destination ES:rDI
 *   Z general register in the opcode's low bits   V vector register in ModRM.reg   W vector register or memory   U vector register in ModRM.rm only
 *   P MMX register in ModRM.reg   Q MMX register or memory   N MMX register in ModRM.rm only   B, H VEX.vvvv as general or vector register
 *   L vector register in an immediate's high four bits
 * followed by a size: b 1, w 2, d 4, q 8, t 10, dq 16, qq 32, ss 4, sd 8, ps and pd 16, x 16 or 32 (VEX.L), h, i, j a half, a quarter, an eighth of x, k 8 or 32 (VEX.L), v operand size (2,4,8), z operand size
 * but at most 4, n 8 in 64-bit code and 4 elsewhere whatever the prefixes, y 4 or 8 (REX.W), p far pointer (2 + v), s descriptor-table image (6 or 10), a BOUND pair (2 v), nothing: size 0 (LEA, INVLPG, FXSAVE).
 * `Rv/Mw` has a register form and a memory form of different sizes (likewise `Udq/Mq`, `Nq/Md`).
 * Immediates: `Ib`, `Iw` are zero-extended, `Ibs`, `Iz`, `Iv` sign-extended to 64 bits; `1` is the constant one (no bytes).
 * Fixed registers: AL CL AH AX DX, rAX rDX ... (operand size v), eAX (operand size z), ES CS SS DS FS GS, ST0, STi (ModRM.rm), XMM0.
 */
export type OpcodeMap = '1' | '0F' | '0F38' | '0F3A' | '0F0F' | 'VEX.0F' | 'VEX.0F38' | 'VEX.0F3A';

/** What may stand in the last argument of `op()`. All are absent (false) unless given. */
export interface RowAttributes {
  /** LOCK is allowed if the destination (first operand) is memory; otherwise LOCK is #UD. */
  readonly lock?: boolean;
  /** Invalid (#UD) in 64-bit code. */
  readonly i64?: boolean;
  /** Exists in 64-bit code only (#UD elsewhere, or another row stands there). */
  readonly o64?: boolean;
  /** Operand size is 64 bits in 64-bit code unless 66 makes it 16 (stack operations). */
  readonly d64?: boolean;
  /** Near branch: operand size is 64 bits in 64-bit code; a 66 prefix makes it 16 on AMD and is ignored on Intel. */
  readonly f64?: boolean;
  /** The CPU feature (name as in Linux's /proc/cpuinfo) without which this row is #UD. */
  readonly feature?: string;
  /** With VEX.L = 1 this feature is needed instead of `feature`. */
  readonly feature256?: string;
  /** #UD unless VEX.L is this. */
  readonly vexL?: 0 | 1;
  /** The index of the memory operand is a vector register (gathers). */
  readonly vsib?: boolean;
  /** Without `feature` the mandatory prefix is ignored and the row without it applies (TZCNT is then BSF). */
  readonly elseIgnorePrefix?: boolean;
  /** #GP unless CPL = 0 (in virtual-8086 mode too). */
  readonly privileged?: boolean;
  /** #UD unless CPL = 0. */
  readonly undefinedInUser?: boolean;
  /** #UD in real and virtual-8086 mode. */
  readonly protectedOnly?: boolean;
  /** With REX.B the next less exact row applies (41 90 is XCHG R8, not NOP). */
  readonly noRexB?: boolean;
  /** Where vendors differ: #UD on that vendor, always, in long mode (64-bit and compatibility code), or outside 64-bit code. `privileged` is checked first. */
  readonly undefinedOn?: 'intel' | 'amd' | 'amd-in-long' | 'intel-outside-64';
  /** The instruction ends a translated block (branches, mode changes, whatever the lifter ends with OP_NEXT or OP_EXIT). */
  readonly ends?: boolean;
  /** 16-byte memory operands need no alignment (elsewhere in legacy SSE they are #GP when misaligned). */
  readonly unaligned?: boolean;
  /** Opcode that is undefined on purpose: #UD; says why. Decoding it returns DECODE_INVALID. */
  readonly undefinedOpcode?: string;
  /** Not implemented yet; says why or when. It decodes; executing it stops the domain unless the CPU model lacks `feature`. */
  readonly todo?: string;
}

export interface Row extends RowAttributes {
  readonly map: OpcodeMap;
  /** First opcode byte. */
  readonly opcode: number;
  /** How many consecutive opcodes the row covers: 1, 8 (+r) or 16 (+cc). */
  readonly span: number;
  /** Mandatory prefix. */
  readonly prefix: 'any' | 'NP' | '66' | 'F3' | 'F2';
  /** Demanded REX.W / VEX.W, -1 for any. */
  readonly w: number;
  /** ModRM.reg, -1 for any. */
  readonly ext: number;
  readonly mod: 'any' | 'reg' | 'mem';
  /** ModRM.rm, -1 for any (only with mod = 'reg'). */
  readonly rm: number;
  /** The manual's name. `CBW|CWDE|CDQE`: for operand size 2, 4, 8. `Jcc`: cc stands for the condition. `A+B`: for VEX.L 0 and 1. */
  readonly mnemonic: string;
  /** Operands in the notation above; empty if none are explicit. */
  readonly operands: readonly string[];
  /** `family.name` of the lift function. */
  readonly lift: string;
  /** `w:OSZAPC r:C u:A`: flags written (with a defined value), read, left undefined. Letters O S Z A P C D I T (and `w:all` for POPF, IRET). */
  readonly flags: string;
}

const ENCODING = /^(?:(NP|66|F3|F2) )?(?:W([01]) )?([0-9A-F]{2})(\+r|\+cc)?(?: (?:\/([0-7]))?(?: ?(mem|reg))?)?(?:([0-9A-F]{2})(\+i)?)?$/;

/** One row; `encoding` and `operands` ('-' for none) as described above. */
export type RowMaker = (encoding: string, mnemonic: string, operands: string, lift: string, flags?: string, attributes?: RowAttributes) => Row;

/** The `op()` of one opcode map. A malformed encoding is a bug of the table and throws. */
export function rowsOf(map: OpcodeMap): RowMaker {
  return (encoding, mnemonic, operands, lift, flags = '', attributes = {}) => {
    const match = ENCODING.exec(encoding);
    if (match === null) throw new Error(`opcode table ${map}: bad encoding '${encoding}' of ${mnemonic}`);
    const [, prefix, w, opcode, plus, ext, mod, modrm, plusI] = match;
    const fixed = modrm === undefined ? -1 : Number.parseInt(modrm, 16);
    if (fixed !== -1 && fixed < 0xc0) throw new Error(`opcode table ${map}: ModRM byte of '${encoding}' is a memory form`);
    return {
      map,
      opcode: Number.parseInt(opcode as string, 16),
      span: plus === '+r' ? 8 : plus === '+cc' ? 16 : 1,
      prefix: (prefix ?? 'any') as Row['prefix'],
      w: w === undefined ? -1 : Number(w),
      ext: fixed === -1 ? (ext === undefined ? -1 : Number(ext)) : (fixed >> 3) & 7,
      mod: fixed === -1 ? ((mod ?? 'any') as Row['mod']) : 'reg',
      rm: fixed === -1 || plusI !== undefined ? -1 : fixed & 7,
      mnemonic,
      operands: operands === '-' ? [] : operands.split(' '),
      lift,
      flags,
      ...attributes,
    };
  };
}

const FLAG_BITS: Readonly<Record<string, number>> = { C: 0x1, P: 0x4, A: 0x10, Z: 0x40, S: 0x80, T: 0x100, I: 0x200, D: 0x400, O: 0x800 };

/** The RFLAGS bits named after `which` in a row's flags text: 'w' written, 'r' read, 'u' undefined afterwards. */
export function flagMask(row: Row, which: 'w' | 'r' | 'u'): number {
  const part = row.flags.split(' ').find((text) => text.startsWith(which + ':'));
  if (part === undefined) return 0;
  const letters = part.slice(2);
  if (letters === 'all') return 0xfd5;
  let mask = 0;
  for (const letter of letters) {
    const bit = FLAG_BITS[letter];
    if (bit === undefined) throw new Error(`opcode table: unknown flag '${letter}' of ${row.mnemonic}`);
    mask |= bit;
  }
  return mask;
}
