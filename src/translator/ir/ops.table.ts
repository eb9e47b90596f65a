/**
 * The IR's operations, one row each with all attributes. Numbers are those of machine/ops.ts, because the IR is also the
 * bytecode; meanings stand there and, in prose, here.
 *
 * A row's second text says what the fields d, a, b, c and imm are:
 *   =   slot, written            s   slot, read              +   slot, read and written
 *   V=  vector register, written V   vector register, read   V+  vector register, read and partly written
 *   n   plain number             h   whatever the helper says (assume read, for d: read and written)
 *   -   not used (0)
 * and for imm: v value, o address offset, k count, x delta pair of a branch, f function number and extra of a helper, - none.
 */
import * as ops from '../../machine/ops.ts';

export type Role = '=' | 's' | '+' | 'V=' | 'V' | 'V+' | 'n' | 'h' | '-';
export type ImmediateRole = 'v' | 'o' | 'k' | 'x' | 'f' | 'n' | '-';

/** What an operation does besides computing d. */
export interface IrEffects {
  /** Access to guest memory. `load-for-write`: a load that faults as a write; `any`: whatever a helper does. */
  readonly memory: 'none' | 'load' | 'load-for-write' | 'store' | 'any';
  /** May raise a guest exception or leave run() with the instruction not retired: flags and registers must be exact here. */
  readonly faults: boolean;
  /** Of CC_*: `writes` replaces all of it, `may-write` does so or leaves it, `any` reads and may write. */
  readonly flags: 'none' | 'reads' | 'writes' | 'may-write' | 'any';
  /** Ends the block. */
  readonly end: boolean;
  /** A 16-byte link word follows in the bytecode. */
  readonly link: boolean;
  /** May read and write any register (helpers). */
  readonly clobbers: boolean;
}

export interface IrOp extends IrEffects {
  readonly name: string;
  readonly number: number;
  readonly d: Role;
  readonly a: Role;
  readonly b: Role;
  readonly c: Role;
  readonly imm: ImmediateRole;
  readonly prose: string;
}

const pure: IrEffects = { memory: 'none', faults: false, flags: 'none', end: false, link: false, clobbers: false };
const readsFlags: IrEffects = { ...pure, flags: 'reads' };
const writesFlags: IrEffects = { ...pure, flags: 'writes' };
const mayWriteFlags: IrEffects = { ...pure, flags: 'may-write' };
const load: IrEffects = { ...pure, memory: 'load', faults: true };
const loadForWrite: IrEffects = { ...pure, memory: 'load-for-write', faults: true };
const store: IrEffects = { ...pure, memory: 'store', faults: true };
const check: IrEffects = { ...pure, faults: true };
const helper: IrEffects = { memory: 'any', faults: true, flags: 'any', end: false, link: false, clobbers: true };
const end: IrEffects = { ...pure, flags: 'reads', end: true };
const linkedEnd: IrEffects = { ...end, link: true };
const exit: IrEffects = { ...end, faults: true };

const op = (name: string, number: number, fields: string, effects: IrEffects, prose: string): IrOp => {
  const [d, a, b, c, imm] = fields.split(' ') as [Role, Role, Role, Role, ImmediateRole];
  return { name, number, d, a, b, c, imm, ...effects, prose };
};

/** All operations of the IR, in the order of their numbers. */
export const irOps: readonly IrOp[] = [
  op('NOP', ops.OP_NOP, '- - - - -', pure, 'nothing'),
  op('MOV', ops.OP_MOV, '= s - - -', pure, 'd = a'),
  op('MOVI', ops.OP_MOVI, '= - - - v', pure, 'd = imm'),
  op('ZX8', ops.OP_ZX8, '= s - - -', pure, 'd = low 8 bits of a'),
  op('ZX8H', ops.OP_ZX8H, '= s - - -', pure, 'd = bits 8-15 of a'),
  op('ZX16', ops.OP_ZX16, '= s - - -', pure, 'd = low 16 bits of a'),
  op('ZX32', ops.OP_ZX32, '= s - - -', pure, 'd = low 32 bits of a'),
  op('SX8', ops.OP_SX8, '= s - - -', pure, 'd = low 8 bits of a, sign-extended'),
  op('SX16', ops.OP_SX16, '= s - - -', pure, 'd = low 16 bits of a, sign-extended'),
  op('SX32', ops.OP_SX32, '= s - - -', pure, 'd = low 32 bits of a, sign-extended'),
  op('INS8', ops.OP_INS8, '+ s - - -', pure, 'bits 0-7 of d = bits 0-7 of a'),
  op('INS8H', ops.OP_INS8H, '+ s - - -', pure, 'bits 8-15 of d = bits 0-7 of a'),
  op('INS16', ops.OP_INS16, '+ s - - -', pure, 'bits 0-15 of d = bits 0-15 of a'),
  op('SEL', ops.OP_SEL, '= s s s -', pure, 'd = c is not 0 ? a : b'),
  op('ADD', ops.OP_ADD, '= s s - -', pure, 'd = a + b'),
  op('SUB', ops.OP_SUB, '= s s - -', pure, 'd = a - b'),
  op('AND', ops.OP_AND, '= s s - -', pure, 'd = a & b'),
  op('OR', ops.OP_OR, '= s s - -', pure, 'd = a | b'),
  op('XOR', ops.OP_XOR, '= s s - -', pure, 'd = a ^ b'),
  op('SHL', ops.OP_SHL, '= s s - -', pure, 'd = a << (b & 63)'),
  op('SHR', ops.OP_SHR, '= s s - -', pure, 'd = a >> (b & 63), unsigned'),
  op('SAR', ops.OP_SAR, '= s s - -', pure, 'd = a >> (b & 63), signed'),
  op('MUL', ops.OP_MUL, '= s s - -', pure, 'd = low 64 bits of a * b'),
  op('MULHU', ops.OP_MULHU, '= s s - -', pure, 'd = high 64 bits of the unsigned product a * b'),
  op('MULHS', ops.OP_MULHS, '= s s - -', pure, 'd = high 64 bits of the signed product a * b'),
  op('ADDI', ops.OP_ADDI, '= s - - v', pure, 'd = a + imm'),
  op('ANDI', ops.OP_ANDI, '= s - - v', pure, 'd = a & imm'),
  op('ORI', ops.OP_ORI, '= s - - v', pure, 'd = a | imm'),
  op('XORI', ops.OP_XORI, '= s - - v', pure, 'd = a ^ imm'),
  op('SHLI', ops.OP_SHLI, '= s - - k', pure, 'd = a << (imm & 63)'),
  op('SHRI', ops.OP_SHRI, '= s - - k', pure, 'd = a >> (imm & 63), unsigned'),
  op('SARI', ops.OP_SARI, '= s - - k', pure, 'd = a >> (imm & 63), signed'),
  op('NEG', ops.OP_NEG, '= s - - -', pure, 'd = -a'),
  op('NOT', ops.OP_NOT, '= s - - -', pure, 'd = ~a'),
  op('LEA', ops.OP_LEA, '= s s n v', pure, 'd = a + (b << c) + imm'),
  op('ADD32', ops.OP_ADD32, '= s s - -', pure, 'd = zx32(a + b)'),
  op('SUB32', ops.OP_SUB32, '= s s - -', pure, 'd = zx32(a - b)'),
  op('AND32', ops.OP_AND32, '= s s - -', pure, 'd = zx32(a & b)'),
  op('OR32', ops.OP_OR32, '= s s - -', pure, 'd = zx32(a | b)'),
  op('XOR32', ops.OP_XOR32, '= s s - -', pure, 'd = zx32(a ^ b)'),
  op('SHL32', ops.OP_SHL32, '= s s - -', pure, 'd = zx32(a << (b & 31))'),
  op('SHR32', ops.OP_SHR32, '= s s - -', pure, 'd = zx32(a) >> (b & 31)'),
  op('SAR32', ops.OP_SAR32, '= s s - -', pure, 'd = zx32(sx32(a) >> (b & 31))'),
  op('MUL32', ops.OP_MUL32, '= s s - -', pure, 'd = zx32(a * b)'),
  op('ADDI32', ops.OP_ADDI32, '= s - - v', pure, 'd = zx32(a + imm)'),
  op('ANDI32', ops.OP_ANDI32, '= s - - v', pure, 'd = zx32(a & imm)'),
  op('ORI32', ops.OP_ORI32, '= s - - v', pure, 'd = zx32(a | imm)'),
  op('XORI32', ops.OP_XORI32, '= s - - v', pure, 'd = zx32(a ^ imm)'),
  op('SHLI32', ops.OP_SHLI32, '= s - - k', pure, 'd = zx32(a << (imm & 31))'),
  op('SHRI32', ops.OP_SHRI32, '= s - - k', pure, 'd = zx32(a) >> (imm & 31)'),
  op('SARI32', ops.OP_SARI32, '= s - - k', pure, 'd = zx32(sx32(a) >> (imm & 31))'),
  op('NEG32', ops.OP_NEG32, '= s - - -', pure, 'd = zx32(-a)'),
  op('NOT32', ops.OP_NOT32, '= s - - -', pure, 'd = zx32(~a)'),
  op('LEA32', ops.OP_LEA32, '= s s n v', pure, 'd = zx32(a + (b << c) + imm)'),
  op('ROL', ops.OP_ROL, '= s s - -', pure, 'd = a rotated left by b & 63'),
  op('ROR', ops.OP_ROR, '= s s - -', pure, 'd = a rotated right by b & 63'),
  op('ROL32', ops.OP_ROL32, '= s s - -', pure, 'd = zx32(a) rotated left by b & 31 in 32 bits'),
  op('ROR32', ops.OP_ROR32, '= s s - -', pure, 'd = zx32(a) rotated right by b & 31 in 32 bits'),
  op('ROLI', ops.OP_ROLI, '= s - - k', pure, 'd = a rotated left by imm & 63'),
  op('RORI', ops.OP_RORI, '= s - - k', pure, 'd = a rotated right by imm & 63'),
  op('ROLI32', ops.OP_ROLI32, '= s - - k', pure, 'd = zx32(a) rotated left by imm & 31 in 32 bits'),
  op('RORI32', ops.OP_RORI32, '= s - - k', pure, 'd = zx32(a) rotated right by imm & 31 in 32 bits'),
  op('BSWAP', ops.OP_BSWAP, '= s - - -', pure, 'd = a with its 8 bytes reversed'),
  op('BSWAP32', ops.OP_BSWAP32, '= s - - -', pure, 'd = zx32(a) with its 4 bytes reversed'),
  op('CTZ', ops.OP_CTZ, '= s - - -', pure, 'd = number of trailing zero bits of a, 64 for 0'),
  op('CLZ', ops.OP_CLZ, '= s - - -', pure, 'd = number of leading zero bits of a, 64 for 0'),
  op('POPCNT', ops.OP_POPCNT, '= s - - -', pure, 'd = number of one bits of a'),
  op('SETEQ', ops.OP_SETEQ, '= s s - -', pure, 'd = a == b'),
  op('SETNE', ops.OP_SETNE, '= s s - -', pure, 'd = a != b'),
  op('SETLTU', ops.OP_SETLTU, '= s s - -', pure, 'd = a < b, unsigned'),
  op('SETLTS', ops.OP_SETLTS, '= s s - -', pure, 'd = a < b, signed'),
  op('SETLEU', ops.OP_SETLEU, '= s s - -', pure, 'd = a <= b, unsigned'),
  op('SETLES', ops.OP_SETLES, '= s s - -', pure, 'd = a <= b, signed'),
  op('CC', ops.OP_CC, '- s s n -', writesFlags, 'lazy flags: operation c of a and b'),
  op('CCI', ops.OP_CCI, '- s - n v', writesFlags, 'lazy flags: operation c of a and imm'),
  op('CCNZ', ops.OP_CCNZ, 's s s n -', mayWriteFlags, 'lazy flags: operation c of a and b if d is not 0, else unchanged'),
  op('GETFLAGS', ops.OP_GETFLAGS, '= - - - -', readsFlags, 'd = OSZAPC in their EFLAGS positions'),
  op('SETFLAGS', ops.OP_SETFLAGS, '- s - - -', writesFlags, 'OSZAPC = their EFLAGS positions in a'),
  op('COND', ops.OP_COND, '= - - n -', readsFlags, 'd = condition c (0-15 as in Jcc)'),
  op('CONDSUB', ops.OP_CONDSUB, '= s s n n', pure, 'd = condition c after comparing a with b at size imm (0-3)'),
  op('CARRY', ops.OP_CARRY, '= - - - -', readsFlags, 'd = CF'),
  op('LD8', ops.OP_LD8, '= s - - o', load, 'd = byte at a + imm'),
  op('LD16', ops.OP_LD16, '= s - - o', load, 'd = word at a + imm'),
  op('LD32', ops.OP_LD32, '= s - - o', load, 'd = doubleword at a + imm'),
  op('LD64', ops.OP_LD64, '= s - - o', load, 'd = quadword at a + imm'),
  op('LDS8', ops.OP_LDS8, '= s - - o', load, 'd = byte at a + imm, sign-extended'),
  op('LDS16', ops.OP_LDS16, '= s - - o', load, 'd = word at a + imm, sign-extended'),
  op('LDS32', ops.OP_LDS32, '= s - - o', load, 'd = doubleword at a + imm, sign-extended'),
  op('ST8', ops.OP_ST8, 's s - - o', store, 'byte at a + imm = d'),
  op('ST16', ops.OP_ST16, 's s - - o', store, 'word at a + imm = d'),
  op('ST32', ops.OP_ST32, 's s - - o', store, 'doubleword at a + imm = d'),
  op('ST64', ops.OP_ST64, 's s - - o', store, 'quadword at a + imm = d'),
  op('LDM8', ops.OP_LDM8, '= s - - o', loadForWrite, 'd = byte at a + imm, which a store will follow'),
  op('LDM16', ops.OP_LDM16, '= s - - o', loadForWrite, 'd = word at a + imm, which a store will follow'),
  op('LDM32', ops.OP_LDM32, '= s - - o', loadForWrite, 'd = doubleword at a + imm, which a store will follow'),
  op('LDM64', ops.OP_LDM64, '= s - - o', loadForWrite, 'd = quadword at a + imm, which a store will follow'),
  op('LDX8', ops.OP_LDX8, '= s s n o', load, 'd = byte at a + (b << c) + imm'),
  op('LDX16', ops.OP_LDX16, '= s s n o', load, 'd = word at a + (b << c) + imm'),
  op('LDX32', ops.OP_LDX32, '= s s n o', load, 'd = doubleword at a + (b << c) + imm'),
  op('LDX64', ops.OP_LDX64, '= s s n o', load, 'd = quadword at a + (b << c) + imm'),
  op('LDXS8', ops.OP_LDXS8, '= s s n o', load, 'd = byte at a + (b << c) + imm, sign-extended'),
  op('LDXS16', ops.OP_LDXS16, '= s s n o', load, 'd = word at a + (b << c) + imm, sign-extended'),
  op('LDXS32', ops.OP_LDXS32, '= s s n o', load, 'd = doubleword at a + (b << c) + imm, sign-extended'),
  op('STX8', ops.OP_STX8, 's s s n o', store, 'byte at a + (b << c) + imm = d'),
  op('STX16', ops.OP_STX16, 's s s n o', store, 'word at a + (b << c) + imm = d'),
  op('STX32', ops.OP_STX32, 's s s n o', store, 'doubleword at a + (b << c) + imm = d'),
  op('STX64', ops.OP_STX64, 's s s n o', store, 'quadword at a + (b << c) + imm = d'),
  op('LDMX8', ops.OP_LDMX8, '= s s n o', loadForWrite, 'd = byte at a + (b << c) + imm, which a store will follow'),
  op('LDMX16', ops.OP_LDMX16, '= s s n o', loadForWrite, 'd = word at a + (b << c) + imm, which a store will follow'),
  op('LDMX32', ops.OP_LDMX32, '= s s n o', loadForWrite, 'd = doubleword at a + (b << c) + imm, which a store will follow'),
  op('LDMX64', ops.OP_LDMX64, '= s s n o', loadForWrite, 'd = quadword at a + (b << c) + imm, which a store will follow'),
  op('VLD32', ops.OP_VLD32, 'V= s - - o', load, 'vector d = doubleword at a + imm, rest of 128 bits 0'),
  op('VLD64', ops.OP_VLD64, 'V= s - - o', load, 'vector d = quadword at a + imm, rest of 128 bits 0'),
  op('VLD128', ops.OP_VLD128, 'V= s - - o', load, 'vector d = 16 bytes at a + imm'),
  op('VST32', ops.OP_VST32, 'V s - - o', store, 'doubleword at a + imm = low bits of vector d'),
  op('VST64', ops.OP_VST64, 'V s - - o', store, 'quadword at a + imm = low bits of vector d'),
  op('VST128', ops.OP_VST128, 'V s - - o', store, '16 bytes at a + imm = vector d'),
  op('ALIGN', ops.OP_ALIGN, '- s - n o', check, '#GP(0) unless a + imm is a multiple of c'),
  op('SEGLIN', ops.OP_SEGLIN, '= s - n n', check, 'd = linear address of offset a in segment c, checked for an access of imm bytes (0x100: write)'),
  op('VMOV', ops.OP_VMOV, 'V+ V - - -', pure, 'low 128 bits of vector d = those of vector a'),
  op('VGET', ops.OP_VGET, '= V - n -', pure, 'd = 64-bit lane c of vector a'),
  op('VPUT', ops.OP_VPUT, 'V+ s - n -', pure, '64-bit lane c of vector d = a'),
  op('VZERO', ops.OP_VZERO, 'V+ - - - -', pure, 'low 128 bits of vector d = 0'),
  op('VLD256', ops.OP_VLD256, 'V= s - - o', load, 'vector d = 32 bytes at a + imm'),
  op('VST256', ops.OP_VST256, 'V s - - o', store, '32 bytes at a + imm = vector d'),
  op('HSYS', ops.OP_HSYS, 'h h h h f', helper, 'system helper imm & 0xffff'),
  op('HSTR', ops.OP_HSTR, 'h h h h f', helper, 'string helper imm & 0xffff'),
  op('HX87', ops.OP_HX87, 'h h h h f', helper, 'x87 or MMX helper imm & 0xffff'),
  op('HVEC', ops.OP_HVEC, 'h h h h f', helper, 'SSE helper imm & 0xffff'),
  op('HINT', ops.OP_HINT, 'h h h h f', helper, 'integer helper imm & 0xffff'),
  op('JMP', ops.OP_JMP, '- - - n x', linkedEnd, 'RIP += low half of imm; c: wrap 0 = 64, 1 = 32, 2 = 16 bits'),
  op('BRNZ', ops.OP_BRNZ, '- s - n x', linkedEnd, 'RIP += a is not 0 ? low half of imm : high half'),
  op('BRCC', ops.OP_BRCC, '- - n n x', linkedEnd, 'RIP += condition b holds ? low half of imm : high half'),
  op('BRSUB', ops.OP_BRSUB, 's s n n x', linkedEnd, 'RIP += condition b holds after comparing d with a at size c >> 4 ? low half of imm : high half'),
  op('IND', ops.OP_IND, '- s - n -', end, 'RIP = a, wrapped by c'),
  op('CALLIND', ops.OP_CALLIND, '- s - n -', end, 'RIP = a, the target of a CALL'),
  op('RET', ops.OP_RET, '- s - n -', end, 'RIP = a, a return address'),
  op('NEXT', ops.OP_NEXT, '- - - - -', end, 'RIP was set by a helper'),
  op('EXIT', ops.OP_EXIT, 'n - - n x', exit, 'leave run(): RIP += low half of imm, EXIT_LEN = d, EXIT_REASON = c'),
  op('CALL', ops.OP_CALL, '- - - n x', linkedEnd, 'as JMP, the target of a CALL; high half of imm: delta of the return address'),
  op('ENTER', ops.OP_ENTER, '- - - - n', check, 'start of a block of imm instructions: budget check'),
  op('DEAD', ops.OP_DEAD, '- - - - -', pure, 'start of a dropped block (never in IR)'),
  op('REGION', ops.OP_REGION, '- - - - n', pure, 'start of a block with a compiled region (never in IR)'),
];
