/**
 * SSE helpers (OP_HVEC): imm & 0xffff is one of these numbers, imm >> 16 is `extra`.
 *
 * Unless a line says otherwise d, a, b are vector numbers (0..39) and the helper does: 128 bits of d = a op b; the rest of
 * the 512-bit register stays. Unary operations read b (the source). Nothing here touches memory except MASKMOVDQU.
 * Helpers of floating point may raise #XM or #UD and change nothing then but MXCSR's flags.
 */

// ---- integer, a op b (these numbers also serve MMX) ---------------------------------------------------------------
export const V_PADDB = 1;
export const V_PADDW = 2;
export const V_PADDD = 3;
export const V_PADDQ = 4;
export const V_PSUBB = 5;
export const V_PSUBW = 6;
export const V_PSUBD = 7;
export const V_PSUBQ = 8;
export const V_PADDSB = 9;
export const V_PADDSW = 10;
export const V_PADDUSB = 11;
export const V_PADDUSW = 12;
export const V_PSUBSB = 13;
export const V_PSUBSW = 14;
export const V_PSUBUSB = 15;
export const V_PSUBUSW = 16;
export const V_PAND = 17;
export const V_PANDN = 18;
export const V_POR = 19;
export const V_PXOR = 20;
export const V_PCMPEQB = 21;
export const V_PCMPEQW = 22;
export const V_PCMPEQD = 23;
export const V_PCMPEQQ = 24;
export const V_PCMPGTB = 25;
export const V_PCMPGTW = 26;
export const V_PCMPGTD = 27;
export const V_PCMPGTQ = 28;
export const V_PMINUB = 29;
export const V_PMINUW = 30;
export const V_PMINUD = 31;
export const V_PMINSB = 32;
export const V_PMINSW = 33;
export const V_PMINSD = 34;
export const V_PMAXUB = 35;
export const V_PMAXUW = 36;
export const V_PMAXUD = 37;
export const V_PMAXSB = 38;
export const V_PMAXSW = 39;
export const V_PMAXSD = 40;
export const V_PAVGB = 41;
export const V_PAVGW = 42;
export const V_PMULLW = 43;
export const V_PMULHW = 44;
export const V_PMULHUW = 45;
export const V_PMULLD = 46;
export const V_PMULUDQ = 47;
export const V_PMULDQ = 48;
export const V_PMULHRSW = 49;
export const V_PMADDWD = 50;
export const V_PMADDUBSW = 51;
export const V_PSADBW = 52;
export const V_PACKSSWB = 53;
export const V_PACKSSDW = 54;
export const V_PACKUSWB = 55;
export const V_PACKUSDW = 56;
export const V_PUNPCKLBW = 57;
export const V_PUNPCKLWD = 58;
export const V_PUNPCKLDQ = 59;
export const V_PUNPCKLQDQ = 60;
export const V_PUNPCKHBW = 61;
export const V_PUNPCKHWD = 62;
export const V_PUNPCKHDQ = 63;
export const V_PUNPCKHQDQ = 64;
export const V_PSHUFB = 65;
export const V_PHADDW = 66;
export const V_PHADDD = 67;
export const V_PHADDSW = 68;
export const V_PHSUBW = 69;
export const V_PHSUBD = 70;
export const V_PHSUBSW = 71;
export const V_PSIGNB = 72;
export const V_PSIGNW = 73;
export const V_PSIGND = 74;
/** Unary: of b. */
export const V_PABSB = 75;
export const V_PABSW = 76;
export const V_PABSD = 77;
export const V_PHMINPOSUW = 78;
/** Shifts by the low 64 bits of b. */
export const V_PSLLW = 79;
export const V_PSLLD = 80;
export const V_PSLLQ = 81;
export const V_PSRLW = 82;
export const V_PSRLD = 83;
export const V_PSRLQ = 84;
export const V_PSRAW = 85;
export const V_PSRAD = 86;
/** Extensions read b. */
export const V_PMOVSXBW = 87;
export const V_PMOVSXBD = 88;
export const V_PMOVSXBQ = 89;
export const V_PMOVSXWD = 90;
export const V_PMOVSXWQ = 91;
export const V_PMOVSXDQ = 92;
export const V_PMOVZXBW = 93;
export const V_PMOVZXBD = 94;
export const V_PMOVZXBQ = 95;
export const V_PMOVZXWD = 96;
export const V_PMOVZXWQ = 97;
export const V_PMOVZXDQ = 98;
export const V_MOVSLDUP = 99;
export const V_MOVSHDUP = 100;

// ---- with an immediate in `extra` ---------------------------------------------------------------------------------
export const V_PSHUFD = 128;
export const V_PSHUFHW = 129;
export const V_PSHUFLW = 130;
export const V_SHUFPS = 131;
export const V_SHUFPD = 132;
export const V_PALIGNR = 133;
/** Shifts of b by `extra`; the I forms are PSLLW imm8 and so on. */
export const V_PSLLDQ = 134;
export const V_PSRLDQ = 135;
export const V_PSLLWI = 136;
export const V_PSLLDI = 137;
export const V_PSLLQI = 138;
export const V_PSRLWI = 139;
export const V_PSRLDI = 140;
export const V_PSRLQI = 141;
export const V_PSRAWI = 142;
export const V_PSRADI = 143;
export const V_BLENDPS = 144;
export const V_BLENDPD = 145;
export const V_PBLENDW = 146;
export const V_INSERTPS = 147;
export const V_MPSADBW = 148;

// ---- other --------------------------------------------------------------------------------------------------------
/** By the top bit of each byte, 32-bit or 64-bit lane of vector c: b where it is set, else a. */
export const V_PBLENDVB = 192;
export const V_BLENDVPS = 193;
export const V_BLENDVPD = 194;
/** Slot d = top bits of the bytes, 32-bit or 64-bit lanes of vector a. */
export const V_PMOVMSKB = 195;
export const V_MOVMSKPS = 196;
export const V_MOVMSKPD = 197;
/** Slot d = flags of PTEST of vectors a (first operand) and b, as EFLAGS bits. */
export const V_PTEST = 198;
/** Lane c of vector d, of 1 << b bytes, = slot a. */
export const V_PINSR = 199;
/** Low 32 bits of d = those of b, the rest of a. */
export const V_MOVSS = 200;
/** Stores the bytes of vector a whose byte of vector b has its top bit set, to the linear address in slot c. */
export const V_MASKMOVDQU = 201;
/**
 * PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM of vectors a and b: slot d = flags as EFLAGS bits; extra = imm8, and for
 * the explicit forms bit 8 when the lengths in RAX and RDX are 64 bits. The index goes to slot RCX, the mask to vector 0.
 */
export const V_PCMPESTRI = 202;
export const V_PCMPESTRM = 203;
export const V_PCMPISTRI = 204;
export const V_PCMPISTRM = 205;
/** The checks before an SSE instruction in a mode with MODE_FPU_TRAP or without MODE_SSE: #UD for CR0.EM or no CR4.OSFXSR, #NM for CR0.TS. */
export const V_CHECK = 206;
/** Writes MXCSR = slot a; #GP(0) if a reserved bit is set. */
export const V_LDMXCSR = 207;

// ---- floating point: base + kind (0 SS, 1 SD, 2 PS, 3 PD) --------------------------------------------------------------
export const V_ADD = 256;
export const V_SUB = 260;
export const V_MUL = 264;
export const V_DIV = 268;
export const V_MIN = 272;
export const V_MAX = 276;
/** Square root of b (scalar forms: the upper lanes from a). */
export const V_SQRT = 280;
/** Comparison, `extra` = predicate 0..31 (legacy SSE: 0..7). */
export const V_CMP = 284;
/** Rounding of b to an integer, `extra` = imm8. */
export const V_ROUND = 288;
/** About 1/b and 1/sqrt(b): kinds SS and PS only. */
export const V_RCP = 292;
export const V_RSQRT = 296;
/** Kinds PS and PD only. */
export const V_HADD = 300;
export const V_HSUB = 304;
export const V_ADDSUB = 308;
/** Dot product, `extra` = imm8. */
export const V_DP = 312;
/** Slot d = flags of COMISS / COMISD (kind) of vectors a and b, as EFLAGS bits; UCOM only signals signaling NaNs. */
export const V_COMI = 316;
export const V_UCOMI = 318;

// ---- conversions ------------------------------------------------------------------------------------------------------------
export const V_CVTPS2PD = 320;
export const V_CVTPD2PS = 321;
export const V_CVTSS2SD = 322;
export const V_CVTSD2SS = 323;
export const V_CVTDQ2PS = 324;
export const V_CVTDQ2PD = 325;
export const V_CVTPS2DQ = 326;
export const V_CVTTPS2DQ = 327;
export const V_CVTPD2DQ = 328;
export const V_CVTTPD2DQ = 329;
/** Vector d = a with its low lane = slot b, a signed integer of 32 or 64 bits (c = 4 or 8). */
export const V_CVTSI2SS = 330;
export const V_CVTSI2SD = 331;
/** Slot d = low lane of vector b as an integer of c = 4 or 8 bytes (zero-extended). */
export const V_CVTSS2SI = 332;
export const V_CVTSD2SI = 333;
export const V_CVTTSS2SI = 334;
export const V_CVTTSD2SI = 335;

// ---- beyond SSE4.2, a op b (of these numbers the 256-bit form is the operation on each half) ---------------------------
export const V_AESENC = 101;
export const V_AESENCLAST = 102;
export const V_AESDEC = 103;
export const V_AESDECLAST = 104;
/** Unary: of b. */
export const V_AESIMC = 105;
export const V_SHA1NEXTE = 106;
export const V_SHA1MSG1 = 107;
export const V_SHA1MSG2 = 108;
export const V_SHA256MSG1 = 109;
export const V_SHA256MSG2 = 110;
export const V_GF2P8MULB = 111;
/** Lanes of a picked by the low (PD: second) bits of the lanes of b. */
export const V_PERMILPS = 112;
export const V_PERMILPD = 113;
/** Lanes of a shifted by the lanes of b. */
export const V_PSLLVD = 114;
export const V_PSLLVQ = 115;
export const V_PSRLVD = 116;
export const V_PSRLVQ = 117;
export const V_PSRAVD = 118;
/** With an immediate in `extra`. */
export const V_AESKEYGENASSIST = 149;
export const V_PCLMULQDQ = 150;
export const V_SHA1RNDS4 = 151;
export const V_GF2P8AFFINEQB = 152;
export const V_GF2P8AFFINEINVQB = 153;
/** SSE4A: a bit field of the low quadword of d; where it lies by `extra` (length | index << 8), or by vector b. */
export const V_EXTRQI = 154;
export const V_EXTRQ = 155;
/** SSE4A: the low bits of b into a bit field of d; where it lies by `extra`, or by the upper quadword of b. */
export const V_INSERTQI = 156;
export const V_INSERTQ = 157;
/** SHA256RNDS2 of d = a, b and the keys in vector c. */
export const V_SHA256RNDS2 = 208;

// ---- VEX: added to a number -------------------------------------------------------------------------------------------------
/** The operation on 128 bits, then bits 128 and up of vector d become zero. */
export const V_VEX128 = 0x1000;
/** The operation on 256 bits; a and b (and c where it is a vector) have 256 bits, conversions one side of 128. */
export const V_VEX256 = 0x2000;

// ---- fused multiply-add: base + 4 * operation + kind (0 SS, 1 SD, 2 PS, 3 PD) ------------------------------------------------
/** d = a * b + c, one rounding; scalar forms keep the upper lanes of d. Operations: + - negated+ negated- and alternating -+ +-. */
export const V_FMA = 352;
/** Halves to singles and back: of b; `extra` = imm8 (rounding). The second leaves the result in the low half, zeros above. */
export const V_CVTPH2PS = 376;
export const V_CVTPS2PH = 377;

// ---- AVX operations that are not lane-wise (wide ones need V_VEX256; without a remark both forms zero what is above) -----------
/** Quadwords of b by `extra`; doublewords of b by the lanes of a; halves of a and b by `extra`. */
export const V_PERMQ = 386;
export const V_PERMD = 387;
export const V_PERM2 = 388;
/** d = a with half `extra` & 1 from b; d = half `extra` & 1 of b. */
export const V_INSERT128 = 389;
export const V_EXTRACT128 = 390;
/** The lowest lane of b everywhere: bytes, words, doublewords, quadwords, 128 bits. */
export const V_BROADCAST = 391;
/** Upper halves, or all, of the c registers that the mode can name become zero. */
export const V_ZEROUPPER = 396;
export const V_ZEROALL = 397;
/**
 * Lanes whose top bit in vector a is set, from or to the offset in slot b; the others are zero or not stored. `extra` bits 0-3 lanes of 4 or
 * 8 bytes, 4 VEX.L, 8-10 segment register.
 */
export const V_MASKLOAD = 398;
export const V_MASKSTORE = 399;
/**
 * Gather to d by indexes in vector a, mask in vector c, from the offset in slot b: `extra` bits 0-1 scale, 2 elements of 8 bytes,
 * 3 indexes of 8 bytes, 4 VEX.L, 5 addresses of 32 bits, 8-10 segment register.
 */
export const V_GATHER = 400;
/** The checks before a VEX instruction on vectors in a mode with MODE_FPU_TRAP or without MODE_AVX: #UD, #NM for CR0.TS. */
export const V_CHECK_AVX = 401;
/** Slot d = flags of VTESTPS, VTESTPD of vectors a and b. */
export const V_TESTPS = 402;
export const V_TESTPD = 403;
