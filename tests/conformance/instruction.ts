/** One generated instruction: its bytes, and what registers and memory must hold for it to do something worth comparing. */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import { flagMask, type Row } from '../../src/spec/x86/row.ts';
import { decode } from '../../src/translator/decode/decode.ts';
import { type CodeSize, type Dice, encode } from '../../src/translator/decode/encodings.ts';
import { BASE_RIP, DECODE_OK, Insn, OPK_GPR, OPK_HIGH, OPK_MEM, type Operand } from '../../src/translator/decode/insn.ts';

/** What must be arranged before the instruction runs. */
export type Wish =
  /** `base + (index << scale) + disp` of `addressSize` bytes in segment `segment` shall hit memory. */
  | {
      readonly kind: 'memory';
      readonly base: number;
      readonly index: number;
      readonly scale: number;
      readonly disp: number;
      readonly addressSize: number;
      readonly segment: number;
      readonly size: number;
      readonly content: Content;
    }
  /** A register shall hold a small number (REP counts, bit offsets), a selector, the address of a landing place. */
  | { readonly kind: 'register'; readonly register: number; readonly content: 'count' | 'bit' | 'selector' | 'code' | 'components' | 'zero' }
  /** A vector register shall hold small numbers of 4 or (`wide`) 8 bytes: the indexes of a gather. */
  | { readonly kind: 'indexes'; readonly register: number; readonly wide: boolean }
  /** The stack pointer shall lie in the stack, which shall hold this. */
  | { readonly kind: 'stack'; readonly content: Content; readonly operandSize: number };

/** What lies in memory: as it comes, a near or far code address, an IRET frame, a selector, a far pointer to data, an image of the FPU. */
export type Content = 'any' | 'code' | 'far' | 'frame' | 'selector' | 'pointer' | 'fxsave' | 'xsave' | 'mxcsr' | 'fenv';

export interface Instruction {
  readonly row: number;
  readonly bytes: Uint8Array;
  readonly wishes: readonly Wish[];
  /** Position of a branch displacement and its size in bytes, 0: none. */
  readonly branchAt: number;
  readonly branchSize: number;
  /** Position of a far pointer of operandSize + 2 bytes, 0: none. */
  readonly farAt: number;
  /** Position of a 4-byte RIP-relative displacement or absolute address that generate.ts points into memory, 0: none; its size; relative to the next instruction. */
  readonly absoluteAt: number;
  readonly absoluteSize: number;
  readonly relative: boolean;
  readonly absoluteSegment: number;
  readonly absoluteContent: Content;
  readonly operandSize: number;
  /** Flags read, left undefined, surely defined afterwards. */
  readonly reads: number;
  readonly undefines: number;
  readonly defines: number;
  /** General registers written, as a bit mask (roughly: implied ones by family). */
  readonly writes: number;
  /** Uses approximations: only as the last one. */
  readonly ends: boolean;
}

const insn = new Insn(ROWS[0] as Row);
const ALL_FLAGS = 0xfd5;
const IMMEDIATES: Readonly<Record<string, (size: number) => number>> = {
  Ib: () => 1,
  Ibs: () => 1,
  Iw: () => 2,
  Iz: (size) => Math.min(size, 4),
  Iv: (size) => size,
  Jb: () => 1,
  Jz: (size) => Math.min(size, 4),
  Ap: (size) => size + 2,
};

/** Bytes of immediates behind ModRM and displacement. */
function immediateBytes(row: Row, opsize: number): number {
  return row.operands.reduce((sum, text) => sum + (IMMEDIATES[text]?.(opsize) ?? 0), 0);
}

/** Bytes of displacement. */
function displacementBytes(): number {
  if (insn.row.operands.some((text) => text.startsWith('O'))) return insn.addrsize;
  if (insn.modrm < 0 || insn.mod === 3 || insn.row.operands.some((text) => /^[CD]n$/.test(text))) return 0;
  if (insn.mod === 1) return 1;
  if (insn.addrsize === 2) return insn.mod === 2 || (insn.modrm & 7) === 6 ? 2 : 0;
  if (insn.mod === 2) return 4;
  return insn.memBase < 0 ? 4 : 0;
}

const WRITES: readonly (readonly [RegExp, number])[] = [
  [/^muldiv\.(mul|div|idiv|imulWide)$|^convert\.|cmpxchg/, 0x05],
  [/^string\.(movs|cmps)/, 0xc2],
  [/^string\.(stos|scas)/, 0x83],
  [/^string\.lods/, 0x43],
  [/^bcd\.|lahf|salc|xlat/, 0x01],
  [/^branch\.(loop|call|ret)|^stack\.(push|pop)|pushf|popf|segment\.(pop|callFar|retFar)/, 0x12],
  [/popa$/, 0xff],
  [/stack\.(enter|leave)/, 0x30],
];
const READ_ONLY_DESTINATION = /^alu\.(cmp|test)$|^bits\.bt$|^stack\.push|^branch\./;
const EXCHANGES = /xchg|xadd/;

function writesOf(row: Row): number {
  let mask = 0;
  for (const [pattern, registers] of WRITES) if (pattern.test(row.lift)) mask |= registers;
  const written = (operand: Operand): number => (operand.kind === OPK_GPR || operand.kind === OPK_HIGH ? 1 << operand.reg : 0);
  if (!READ_ONLY_DESTINATION.test(row.lift)) mask |= written(insn.o0);
  if (EXCHANGES.test(row.lift)) mask |= written(insn.o1);
  return mask;
}

const SELECTORS = /^segment\.(load|lar|lsl|verr|verw|lldt|ltr)$/;

function contentOf(row: Row): Content {
  if (row.lift === 'branch.callIndirect' || row.lift === 'branch.jmpIndirect') return 'code';
  if (row.operands.includes('Mp')) return row.lift === 'segment.loadFar' ? 'pointer' : 'far';
  if (SELECTORS.test(row.lift)) return 'selector';
  if (row.lift === 'fxsave.fxrstor') return 'fxsave';
  if (row.lift.startsWith('fxsave.xrstor')) return 'xsave';
  if (row.lift === 'ssefp.ldmxcsr' || row.lift === 'avxfp.vldmxcsr') return 'mxcsr';
  if (row.lift === 'x87.fldenv' || row.lift === 'x87.frstor' || row.lift === 'x87.fldcw') return 'fenv';
  return 'any';
}

const STACK_CONTENT: Readonly<Record<string, Content>> = {
  'branch.ret': 'code',
  'segment.retFar': 'far',
  'interrupt.iret': 'frame',
  'segment.pop': 'selector',
};
const USES_STACK = /^stack\.|^branch\.(call|ret)|^segment\.(pop|callFar|retFar)|^interrupt\.iret|^flag\.(pushf|popf)/;

function memorySize(row: Row): number {
  const operand = [insn.o0, insn.o1, insn.o2, insn.o3].find(({ kind }) => kind === OPK_MEM);
  if (operand === undefined) return 1;
  if (operand.size > 0) return operand.size;
  if (row.lift.startsWith('fxsave.x')) return 832;
  return row.lift.startsWith('fxsave.') ? 512 : row.lift === 'x87.frstor' || row.lift === 'x87.fnsave' ? 108 : 28;
}

function wishesOf(row: Row): Wish[] {
  const wishes: Wish[] = [];
  const memory = (base: number, index: number, scale: number, disp: number, segment: number, size: number, content: Content = 'any'): void => {
    wishes.push({ kind: 'memory', base, index, scale, disp, addressSize: insn.addrsize, segment, size, content });
  };
  const family = row.lift;
  if (family.startsWith('string.')) {
    const size = Math.max(insn.o0.size, insn.o1.size);
    if (row.operands.some((text) => text.startsWith('X'))) memory(6, -1, 0, 0, insn.memSeg, size);
    if (row.operands.some((text) => text.startsWith('Y'))) memory(7, -1, 0, 0, 0, size);
    if (insn.rep !== 0) wishes.push({ kind: 'register', register: 1, content: 'count' });
  } else if (family === 'move.xlat') memory(3, 0, 0, 0, insn.memSeg, 1);
  else if (/maskmov/.test(family)) memory(7, -1, 0, 0, insn.memSeg, 16);
  else if (/gather/.test(family)) {
    if (insn.memBase >= 0) memory(insn.memBase, -1, 0, insn.disp, insn.memSeg, insn.o0.size);
    wishes.push({ kind: 'indexes', register: insn.memIndex, wide: /gatherq/.test(family) });
  } else if (insn.modrm >= 0 && insn.mod !== 3 && (insn.memBase >= 0 || insn.memIndex >= 0)) {
    const bitOffset = /^bits\.bt/.test(family) && insn.o1.kind === OPK_GPR;
    if (bitOffset) wishes.push({ kind: 'register', register: insn.o1.reg, content: 'bit' });
    if (row.operands.some((text) => /^[EMQWRUN]/.test(text)) && family !== 'move.lea') {
      memory(insn.memBase, insn.memIndex, insn.memScale, insn.disp, insn.memSeg, memorySize(row), contentOf(row));
    }
  }
  if (insn.mod === 3 || insn.modrm < 0) {
    const content = contentOf(row);
    const operand = family === 'segment.load' || family === 'segment.lar' || family === 'segment.lsl' ? insn.o1 : insn.o0;
    if (operand.kind === OPK_GPR && (content === 'code' || content === 'selector')) wishes.push({ kind: 'register', register: operand.reg, content });
  }
  if (USES_STACK.test(family) || (insn.row.operands.length > 0 && /^(PUSH|POP)$/.test(row.mnemonic))) {
    wishes.push({ kind: 'stack', content: STACK_CONTENT[family] ?? 'any', operandSize: insn.opsize });
  }
  if (family.startsWith('fxsave.x') && family !== 'fxsave.xgetbv') {
    wishes.push({ kind: 'register', register: 0, content: 'components' }, { kind: 'register', register: 2, content: 'zero' });
  }
  if (/^branch\.(loop|jcxz)/.test(family)) wishes.push({ kind: 'register', register: 1, content: 'count' });
  return wishes;
}

/** Shifts by a count that may be zero leave the flags alone. */
function definesOf(row: Row): number {
  if (row.lift.startsWith('shift.') && !row.operands.includes('1')) return 0;
  if (row.lift.startsWith('string.') && insn.rep !== 0) return 0;
  return flagMask(row, 'w');
}

const PREFIXED = /^(string\.(movs|stos|lods|cmps|scas|ins|outs))$/;

/** More prefixes than encode() gives: LOCK where it may stand (and rarely where it may not), REP. */
function withPrefixes(row: Row, bytes: Uint8Array, dice: Dice): Uint8Array {
  const before: number[] = [];
  // 0F 00 takes a LOCK on some processors
  const locks = !(row.map === '0F' && row.opcode === 0);
  if (row.lock ? dice.next(3) === 0 : locks && dice.next(100) === 0) before.push(0xf0);
  // AMD's LOOPE with F2 is a LOOPNE, and the reverse
  const loops = /^branch\.loopn?e$/.test(row.lift);
  if (row.prefix === 'any' && !loops && (PREFIXED.test(row.lift) ? dice.next(3) !== 0 : dice.next(40) === 0)) before.push(dice.next(2) === 0 ? 0xf2 : 0xf3);
  return before.length === 0 ? bytes : Uint8Array.from([...before, ...bytes].slice(0, 15));
}

const IMMEDIATE_EDGES = [0, 1, 0xff, 0x7f, 0x80, 2, 4, 7, 8, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40];

/**
 * A random form of row number `index`; undefined if this attempt gave another row (a prefix changed its meaning), or something that cannot be run.
 * `decodeFlags`: DECODE_* of this processor.
 */
export function makeInstruction(index: number, mode: CodeSize, dice: Dice, decodeFlags: number): Instruction | undefined {
  const row = ROWS[index] as Row;
  const bytes = withPrefixes(row, encode(row, mode, dice, dice.next(3) === 0), dice);
  const invalid = decode(bytes, 0, bytes.length, mode | decodeFlags, insn) !== DECODE_OK;
  if (invalid) return undefinedOne(index, row, bytes);
  if (insn.rowIndex !== index) return undefined;
  const length = insn.len;
  const immediate = immediateBytes(row, insn.opsize);
  const displacement = displacementBytes();
  const displacementAt = length - immediate - displacement;
  if (immediate > 0 && dice.next(2) === 0) {
    const edge = IMMEDIATE_EDGES[dice.next(IMMEDIATE_EDGES.length)] as number;
    bytes.fill(edge >= 0x80 ? 0xff : 0, length - immediate, length);
    bytes[length - immediate] = edge;
  }
  if (row.lift === 'interrupt.int' && bytes[length - 1] === 0x80) return undefined;
  // displacements of a byte or none leave more registers that can reach memory; large ones wrap around
  if (displacement === 4 && dice.next(2) === 0) bytes.set([dice.next(256), dice.next(8), 0, 0], displacementAt);
  decode(bytes, 0, bytes.length, mode | decodeFlags, insn);
  const absolute = displacement > 1 && (insn.memBase === BASE_RIP || (insn.memBase < 0 && insn.memIndex < 0));
  const branchSize = row.operands.includes('Jb') ? 1 : row.operands.includes('Jz') ? Math.min(insn.opsize, 4) : 0;
  return {
    row: index,
    bytes: bytes.slice(0, length),
    wishes: wishesOf(row),
    branchAt: branchSize === 0 ? 0 : length - branchSize,
    branchSize,
    farAt: row.operands.includes('Ap') ? length - immediate : 0,
    absoluteAt: absolute ? displacementAt : 0,
    absoluteSize: displacement,
    relative: insn.memBase === BASE_RIP,
    absoluteSegment: insn.memSeg,
    absoluteContent: contentOf(row),
    operandSize: insn.opsize,
    reads: flagMask(row, 'r') === 0xfd5 ? ALL_FLAGS : flagMask(row, 'r'),
    undefines: flagMask(row, 'u'),
    defines: definesOf(row),
    writes: writesOf(row),
    ends: false,
  };
}

/** Bytes that do not decode: only where a wrong LOCK is the reason, which must be #UD (what else does not decode may mean something on newer processors). */
function undefinedOne(index: number, row: Row, bytes: Uint8Array): Instruction | undefined {
  if (bytes[0] !== 0xf0 && row.undefinedOpcode === undefined) return undefined;
  if (row.undefinedOpcode !== undefined && (row.map !== '1' || row.opcode === 0x8f)) {
    // UD1, UD0, opcodes never given out: 3DNow! and XOP on old processors
    if (!/^UD[012]$/.test(row.mnemonic)) return undefined;
  }
  return {
    row: index,
    bytes: bytes.slice(0, 15),
    wishes: [],
    branchAt: 0,
    branchSize: 0,
    farAt: 0,
    absoluteAt: 0,
    absoluteSize: 0,
    relative: false,
    absoluteSegment: 3,
    absoluteContent: 'any',
    operandSize: 4,
    reads: 0,
    undefines: 0,
    defines: 0,
    writes: 0,
    ends: true,
  };
}
