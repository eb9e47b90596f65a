/**
 * Operation numbers of the IR, which is also the bytecode: the interpreter (AssemblyScript) and the translator (TypeScript)
 * read this one list. Rows with attributes and prose stand in translator/ir/ops.table.ts.
 *
 * Operands: d, a, b, c are u8 (context slots unless said otherwise), imm is an i64. "zx32(x)" = x & 0xffffffff.
 * Slots are 64 bits wide; nothing assumes that upper halves are clean unless said.
 */
export const OP_NOP = 0;
// moves
export const OP_MOV = 1; // d = a
export const OP_MOVI = 2; // d = imm
export const OP_ZX8 = 3; // d = a & 0xff
export const OP_ZX8H = 4; // d = (a >> 8) & 0xff
export const OP_ZX16 = 5;
export const OP_ZX32 = 6;
export const OP_SX8 = 7; // to 64 bits
export const OP_SX16 = 8;
export const OP_SX32 = 9;
export const OP_INS8 = 10; // d = (d & ~0xff) | (a & 0xff)
export const OP_INS8H = 11; // d = (d & ~0xff00) | ((a & 0xff) << 8)
export const OP_INS16 = 12; // d = (d & ~0xffff) | (a & 0xffff)
export const OP_SEL = 13; // d = slot c != 0 ? a : b
// 64-bit arithmetic
export const OP_ADD = 14; // d = a + b
export const OP_SUB = 15;
export const OP_AND = 16;
export const OP_OR = 17;
export const OP_XOR = 18;
export const OP_SHL = 19; // count b & 63
export const OP_SHR = 20;
export const OP_SAR = 21;
export const OP_MUL = 22; // low 64 bits
export const OP_MULHU = 23;
export const OP_MULHS = 24;
export const OP_ADDI = 25; // d = a + imm
export const OP_ANDI = 26;
export const OP_ORI = 27;
export const OP_XORI = 28;
export const OP_SHLI = 29; // count imm & 63
export const OP_SHRI = 30;
export const OP_SARI = 31;
export const OP_NEG = 32;
export const OP_NOT = 33;
export const OP_LEA = 34; // d = a + (b << c) + imm      (c is a number 0..3)
// 32-bit arithmetic, result zero-extended
export const OP_ADD32 = 35;
export const OP_SUB32 = 36;
export const OP_AND32 = 37;
export const OP_OR32 = 38;
export const OP_XOR32 = 39;
export const OP_SHL32 = 40; // count b & 31
export const OP_SHR32 = 41; // of zx32(a)
export const OP_SAR32 = 42; // of the sign of bit 31
export const OP_MUL32 = 43;
export const OP_ADDI32 = 44;
export const OP_ANDI32 = 45;
export const OP_ORI32 = 46;
export const OP_XORI32 = 47;
export const OP_SHLI32 = 48; // count imm & 31
export const OP_SHRI32 = 49;
export const OP_SARI32 = 50;
export const OP_NEG32 = 51;
export const OP_NOT32 = 52;
export const OP_LEA32 = 53; // zx32(a + (b << c) + imm)
export const OP_ROL = 54; // 64-bit, count b & 63
export const OP_ROR = 55;
export const OP_ROL32 = 56; // of zx32(a), count b & 31
export const OP_ROR32 = 57;
export const OP_BSWAP = 58;
export const OP_BSWAP32 = 59;
export const OP_CTZ = 60; // 64 for 0
export const OP_CLZ = 61; // 64 for 0
export const OP_POPCNT = 62;
// comparisons: d = 0 or 1, of the 64-bit slots
export const OP_SETEQ = 63;
export const OP_SETNE = 64;
export const OP_SETLTU = 65;
export const OP_SETLTS = 66;
export const OP_SETLEU = 67;
export const OP_SETLES = 68;
// flags
/** CC_OP = c (number), CC_A = a, CC_B = b. */
export const OP_CC = 69;
/** CC_OP = c, CC_A = a, CC_B = imm. */
export const OP_CCI = 70;
/** As OP_CC if slot d != 0, else nothing (shifts by a variable count). */
export const OP_CCNZ = 71;
/** d = OSZAPC as EFLAGS bits (0x8d5), computed from CC_*; CC_* unchanged. */
export const OP_GETFLAGS = 72;
/** CC_OP = CC_EFLAGS; CC_A = a & 0x8d5. */
export const OP_SETFLAGS = 73;
/** d = x86 condition c (0..15 as in Jcc: O NO B AE E NE BE A S NS P NP L GE LE G) from CC_*, 0 or 1. */
export const OP_COND = 74;
/** d = condition c of an n-bit compare a - b (imm = 0..3 for 8..64 bits): what COND gives after CC_SUB+n. */
export const OP_CONDSUB = 75;
/** d = carry flag (0 or 1). Same as COND 2; kept apart because ADC/SBB/INC/DEC need it often. */
export const OP_CARRY = 76;
// memory: address = a + imm (LD, LDS, ST, LDM) or a + (b << c) + imm (LDX, STX, ...), linear; may fault
export const OP_LD8 = 80; // zero-extended into d
export const OP_LD16 = 81;
export const OP_LD32 = 82;
export const OP_LD64 = 83;
export const OP_LDS8 = 84; // sign-extended to 64 bits
export const OP_LDS16 = 85;
export const OP_LDS32 = 86;
export const OP_ST8 = 87; // slot d's low bits are stored
export const OP_ST16 = 88;
export const OP_ST32 = 89;
export const OP_ST64 = 90;
/** Loads that also demand write permission (read-modify-write): faults as a write. */
export const OP_LDM8 = 91;
export const OP_LDM16 = 92;
export const OP_LDM32 = 93;
export const OP_LDM64 = 94;
export const OP_LDX8 = 95;
export const OP_LDX16 = 96;
export const OP_LDX32 = 97;
export const OP_LDX64 = 98;
export const OP_LDXS8 = 99;
export const OP_LDXS16 = 100;
export const OP_LDXS32 = 101;
export const OP_STX8 = 102;
export const OP_STX16 = 103;
export const OP_STX32 = 104;
export const OP_STX64 = 105;
export const OP_LDMX8 = 106;
export const OP_LDMX16 = 107;
export const OP_LDMX32 = 108;
export const OP_LDMX64 = 109;
/** Vector loads: d is a vector number (0..39); upper bits of the 128-bit lane are zeroed by the 32- and 64-bit forms. Address a + imm. */
export const OP_VLD32 = 110;
export const OP_VLD64 = 111;
export const OP_VLD128 = 112;
export const OP_VST32 = 113;
export const OP_VST64 = 114;
export const OP_VST128 = 115;
/** #GP(0) if (a + imm) & c-1 is not 0 (aligned SSE operands; c = 16, 32, 64). */
export const OP_ALIGN = 116;
/** d = linear address of offset a in segment c (0..5), imm = size in bytes | 0x100 if write; #GP/#SS on a limit or type violation (blocks without MODE_FLAT). */
export const OP_SEGLIN = 117;
// vector moves between files: d / a vector numbers where V
export const OP_VMOV = 118; // 128 bits, upper part of the 512-bit register unchanged
export const OP_VGET = 119; // slot d = 64-bit lane c of vector a
export const OP_VPUT = 120; // 64-bit lane c of vector d = slot a
export const OP_VZERO = 121; // vector d = 0 (128 bits)
/** 32 bytes: address a + imm. */
export const OP_VLD256 = 122;
export const OP_VST256 = 123;

/** Rotations by a constant: count imm & 63, in 32 bits of zx32(a) imm & 31. */
export const OP_ROLI = 124;
export const OP_RORI = 125;
export const OP_ROLI32 = 126;
export const OP_RORI32 = 127;
// helpers: call of a core function chosen by imm's low 16 bits; the number lists are in helpers/*.ts. May fault unless the row says otherwise.
// RIP is the instruction's (block RIP + ipos) only for the fault path; helpers that need RIP use ctx RIP slot + ipos (see contracts).
export const OP_HSYS = 128; // system: dispatchSystem(ctx, imm & 0xffff, d, a, b, c, imm >> 16)
export const OP_HSTR = 129; // strings
export const OP_HX87 = 130; // x87 and MMX
export const OP_HVEC = 131; // SSE and later
export const OP_HINT = 132; // integer: divisions, BCD, rotates with flags, bit strings ...
// block ends. All first set RIP. "delta" is relative to the block's RIP; c: 0 = 64-bit, 1 = 32-bit, 2 = 16-bit RIP wrap.
/** RIP += imm (low 32 bits, signed). Second word of 16 bytes follows: u32 link address of the next block's first micro-op or 0. */
export const OP_JMP = 160;
/** if slot a != 0: RIP += low 32 bits of imm, else RIP += high 32 bits. Link word follows: u32 taken, u32 not taken. */
export const OP_BRNZ = 161;
/** Condition b (number 0..15) from CC_*: taken delta low 32 bits of imm, else high. Link word follows. */
export const OP_BRCC = 162;
/** Condition b (number) of compare of slots d and a at size (c >> 4): 0..3; c & 15 = wrap. Deltas as in BRCC. Link word follows. */
export const OP_BRSUB = 163;
/** RIP = slot a (masked by c). */
export const OP_IND = 164;
/** As OP_IND, the target of a CALL / RET (for the return-address stack of the wasm target); bytecode treats them as IND/JMP. */
export const OP_CALLIND = 165;
export const OP_RET = 166;
/** The helper before already set RIP (and possibly mode): look up the next block. */
export const OP_NEXT = 167;
/** RIP += imm's low 32 bits (the instruction's offset; may be negative never), EXIT_LEN = d, EXIT_REASON = c: leave run(). */
export const OP_EXIT = 168;
/** Direct near CALL: as JMP (the return address was already pushed); imm high 32 bits = delta of the return address. Link word follows. */
export const OP_CALL = 169;
/** First micro-op of every block: c unused, imm low 16 bits = instructions in the block. Budget check, CUR_BLOCK, counters. */
export const OP_ENTER = 170;
/** First micro-op of a dropped block: look up RIP again. */
export const OP_DEAD = 171;
/** First micro-op of a block that has a wasm region: imm = function index in the region table. */
export const OP_REGION = 172;
// fused forms made by the bytecode packer only (never in IR): 192..217
export const OP_FUSED_FIRST = 192;
// Compare and branch. The condition is d, wrap and size are in c as in BRSUB, imm and the link word as in BRSUB; the flags are set too.
/** CC_SUB of slots a and b. */
export const OP_F_CMPBR = 192;
/** CC_SUB of slot a and the i64 in bytes 8-15 of the link word. */
export const OP_F_CMPIBR = 193;
/** CC_LOGIC of slot a. */
export const OP_F_TESTBR = 194;
// 64-bit stack. As the operations they stand for, the pointer moves after the access.
/** PUSH of slot d. */
export const OP_F_PUSH64 = 195;
/** POP into slot d. */
export const OP_F_POP64 = 196;
/** Pushes RIP + imm's high half, then as OP_CALL. */
export const OP_F_CALL64 = 197;
/** RIP = the quadword at RSP; RSP += imm. */
export const OP_F_RET64 = 198;
// Arithmetic with flags: CC_OP = c.
export const OP_F_ADD = 199; // d = a + b; CC_A = a, CC_B = b
export const OP_F_ADD32 = 200;
export const OP_F_ADDI = 201; // d = a + imm; CC_A = a, CC_B = imm
export const OP_F_ADDI32 = 202;
export const OP_F_SUB = 203;
export const OP_F_SUB32 = 204;
export const OP_F_SUBI = 205; // d = a - imm
export const OP_F_SUBI32 = 206;
export const OP_F_AND = 207; // d = a & b; CC_A = d
export const OP_F_AND32 = 208;
export const OP_F_ANDI = 209;
export const OP_F_ANDI32 = 210;
export const OP_F_OR = 211;
export const OP_F_OR32 = 212;
export const OP_F_XOR = 213;
export const OP_F_XOR32 = 214;
/** d = a + imm; CC_B = carry so far, CC_A = d (INC and DEC). */
export const OP_F_STEP = 215;
export const OP_F_STEP32 = 216;
/** d = 0; CC_A = 0. */
export const OP_F_ZERO = 217;
// Written by the core over the last operation of a block when it is inserted (assembly/quicken.ts): the same operation for one
// size and one condition, without wrap. 16 conditions each, from OP_Q_*; O NO P NP are not made.
export const OP_Q_BRSUB32 = 216;
export const OP_Q_BRSUB64 = 232;
export const OP_Q_CMPBR32 = 248;
export const OP_Q_CMPBR64 = 264;
export const OP_Q_CMPIBR32 = 280;
export const OP_Q_CMPIBR64 = 296;
export const OP_Q_TESTBR32 = 312;
export const OP_Q_TESTBR64 = 328;
export const OP_Q_CMPBR8 = 344;
export const OP_Q_CMPIBR8 = 360;
export const OP_Q_TESTBR8 = 376;
// each of them by its condition, in numbers, so that all operations of a block stand in one table of jumps
export const OP_Q_BRSUB32_B = 218;
export const OP_Q_BRSUB32_AE = 219;
export const OP_Q_BRSUB32_E = 220;
export const OP_Q_BRSUB32_NE = 221;
export const OP_Q_BRSUB32_BE = 222;
export const OP_Q_BRSUB32_A = 223;
export const OP_Q_BRSUB32_S = 224;
export const OP_Q_BRSUB32_NS = 225;
export const OP_Q_BRSUB32_L = 228;
export const OP_Q_BRSUB32_GE = 229;
export const OP_Q_BRSUB32_LE = 230;
export const OP_Q_BRSUB32_G = 231;
export const OP_Q_BRSUB64_B = 234;
export const OP_Q_BRSUB64_AE = 235;
export const OP_Q_BRSUB64_E = 236;
export const OP_Q_BRSUB64_NE = 237;
export const OP_Q_BRSUB64_BE = 238;
export const OP_Q_BRSUB64_A = 239;
export const OP_Q_BRSUB64_S = 240;
export const OP_Q_BRSUB64_NS = 241;
export const OP_Q_BRSUB64_L = 244;
export const OP_Q_BRSUB64_GE = 245;
export const OP_Q_BRSUB64_LE = 246;
export const OP_Q_BRSUB64_G = 247;
export const OP_Q_CMPBR32_B = 250;
export const OP_Q_CMPBR32_AE = 251;
export const OP_Q_CMPBR32_E = 252;
export const OP_Q_CMPBR32_NE = 253;
export const OP_Q_CMPBR32_BE = 254;
export const OP_Q_CMPBR32_A = 255;
export const OP_Q_CMPBR32_S = 256;
export const OP_Q_CMPBR32_NS = 257;
export const OP_Q_CMPBR32_L = 260;
export const OP_Q_CMPBR32_GE = 261;
export const OP_Q_CMPBR32_LE = 262;
export const OP_Q_CMPBR32_G = 263;
export const OP_Q_CMPBR64_B = 266;
export const OP_Q_CMPBR64_AE = 267;
export const OP_Q_CMPBR64_E = 268;
export const OP_Q_CMPBR64_NE = 269;
export const OP_Q_CMPBR64_BE = 270;
export const OP_Q_CMPBR64_A = 271;
export const OP_Q_CMPBR64_S = 272;
export const OP_Q_CMPBR64_NS = 273;
export const OP_Q_CMPBR64_L = 276;
export const OP_Q_CMPBR64_GE = 277;
export const OP_Q_CMPBR64_LE = 278;
export const OP_Q_CMPBR64_G = 279;
export const OP_Q_CMPIBR32_B = 282;
export const OP_Q_CMPIBR32_AE = 283;
export const OP_Q_CMPIBR32_E = 284;
export const OP_Q_CMPIBR32_NE = 285;
export const OP_Q_CMPIBR32_BE = 286;
export const OP_Q_CMPIBR32_A = 287;
export const OP_Q_CMPIBR32_S = 288;
export const OP_Q_CMPIBR32_NS = 289;
export const OP_Q_CMPIBR32_L = 292;
export const OP_Q_CMPIBR32_GE = 293;
export const OP_Q_CMPIBR32_LE = 294;
export const OP_Q_CMPIBR32_G = 295;
export const OP_Q_CMPIBR64_B = 298;
export const OP_Q_CMPIBR64_AE = 299;
export const OP_Q_CMPIBR64_E = 300;
export const OP_Q_CMPIBR64_NE = 301;
export const OP_Q_CMPIBR64_BE = 302;
export const OP_Q_CMPIBR64_A = 303;
export const OP_Q_CMPIBR64_S = 304;
export const OP_Q_CMPIBR64_NS = 305;
export const OP_Q_CMPIBR64_L = 308;
export const OP_Q_CMPIBR64_GE = 309;
export const OP_Q_CMPIBR64_LE = 310;
export const OP_Q_CMPIBR64_G = 311;
export const OP_Q_TESTBR32_B = 314;
export const OP_Q_TESTBR32_AE = 315;
export const OP_Q_TESTBR32_E = 316;
export const OP_Q_TESTBR32_NE = 317;
export const OP_Q_TESTBR32_BE = 318;
export const OP_Q_TESTBR32_A = 319;
export const OP_Q_TESTBR32_S = 320;
export const OP_Q_TESTBR32_NS = 321;
export const OP_Q_TESTBR32_L = 324;
export const OP_Q_TESTBR32_GE = 325;
export const OP_Q_TESTBR32_LE = 326;
export const OP_Q_TESTBR32_G = 327;
export const OP_Q_TESTBR64_B = 330;
export const OP_Q_TESTBR64_AE = 331;
export const OP_Q_TESTBR64_E = 332;
export const OP_Q_TESTBR64_NE = 333;
export const OP_Q_TESTBR64_BE = 334;
export const OP_Q_TESTBR64_A = 335;
export const OP_Q_TESTBR64_S = 336;
export const OP_Q_TESTBR64_NS = 337;
export const OP_Q_TESTBR64_L = 340;
export const OP_Q_TESTBR64_GE = 341;
export const OP_Q_TESTBR64_LE = 342;
export const OP_Q_TESTBR64_G = 343;
export const OP_Q_CMPBR8_B = 346;
export const OP_Q_CMPBR8_AE = 347;
export const OP_Q_CMPBR8_E = 348;
export const OP_Q_CMPBR8_NE = 349;
export const OP_Q_CMPBR8_BE = 350;
export const OP_Q_CMPBR8_A = 351;
export const OP_Q_CMPBR8_S = 352;
export const OP_Q_CMPBR8_NS = 353;
export const OP_Q_CMPBR8_L = 356;
export const OP_Q_CMPBR8_GE = 357;
export const OP_Q_CMPBR8_LE = 358;
export const OP_Q_CMPBR8_G = 359;
export const OP_Q_CMPIBR8_B = 362;
export const OP_Q_CMPIBR8_AE = 363;
export const OP_Q_CMPIBR8_E = 364;
export const OP_Q_CMPIBR8_NE = 365;
export const OP_Q_CMPIBR8_BE = 366;
export const OP_Q_CMPIBR8_A = 367;
export const OP_Q_CMPIBR8_S = 368;
export const OP_Q_CMPIBR8_NS = 369;
export const OP_Q_CMPIBR8_L = 372;
export const OP_Q_CMPIBR8_GE = 373;
export const OP_Q_CMPIBR8_LE = 374;
export const OP_Q_CMPIBR8_G = 375;
export const OP_Q_TESTBR8_B = 378;
export const OP_Q_TESTBR8_AE = 379;
export const OP_Q_TESTBR8_E = 380;
export const OP_Q_TESTBR8_NE = 381;
export const OP_Q_TESTBR8_BE = 382;
export const OP_Q_TESTBR8_A = 383;
export const OP_Q_TESTBR8_S = 384;
export const OP_Q_TESTBR8_NS = 385;
export const OP_Q_TESTBR8_L = 388;
export const OP_Q_TESTBR8_GE = 389;
export const OP_Q_TESTBR8_LE = 390;
export const OP_Q_TESTBR8_G = 391;
