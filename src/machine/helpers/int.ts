/**
 * Numbers of the integer helpers (OP_HINT), shared by the core and the lifter. Operands are slots unless said otherwise;
 * "size" is 0..3 for 8, 16, 32, 64 bits; only the low bits of a slot at that size count.
 */

/** Unsigned division of rDX:rAX (AX at size 0) by a; extra = size. #DE. Writes quotient and remainder as DIV does. Flags stay. */
export const HI_DIV = 1;
/** Signed division; as HI_DIV. */
export const HI_IDIV = 2;
/** DAA, DAS, AAA, AAS on AL/AX and the flags. */
export const HI_DAA = 3;
export const HI_DAS = 4;
export const HI_AAA = 5;
export const HI_AAS = 6;
/** AAM with base extra (0..255); #DE if it is 0. */
export const HI_AAM = 7;
/** AAD with base extra (0..255). */
export const HI_AAD = 8;
/** Flags after a rotate with result a and masked count b (0: flags stay); extra = size | 4 if to the right. */
export const HI_ROTATE_FLAGS = 9;
/** d = a rotated by the masked count b, zero-extended; extra = size | 4 if to the right. No flags. */
export const HI_ROTATE = 10;
/** d = a rotated through carry by the masked count b, zero-extended; extra = size | 4 if to the right. Flags stay. */
export const HI_ROTATE_CARRY = 11;
/** d = a shifted, bits coming in from b, by the masked count c, zero-extended; extra = size | 4 if to the right. No flags. */
export const HI_SHIFT_DOUBLE = 12;
/** d = CRC-32C of checksum a (32 bits) and data b; extra = size of the data. Zero-extended. */
export const HI_CRC32 = 13;
/** Flags after a rotate through carry of the old value a by the masked count b (0: flags stay); extra = size | 4 if to the right. */
export const HI_ROTATE_CARRY_FLAGS = 14;
/**
 * ENTER: extra = operand size in bytes | level << 8 | bytes << 16 (as an unsigned 32-bit number). Stack width and
 * segment checks by the mode word.
 */
export const HI_ENTER = 15;
/** #GP(0) unless a is a canonical address (47 bits and sign). */
export const HI_CANONICAL = 16;
/** d = parallel bit deposit of a by mask b; extra = size (2, 3). */
export const HI_PDEP = 17;
/** d = parallel bit extract of a by mask b; extra = size (2, 3). */
export const HI_PEXT = 18;
/** CF = (a != 0), other flags stay. */
export const HI_SET_CARRY = 19;
/** ZF = (a != 0), other flags stay. */
export const HI_SET_ZERO = 20;
/** OF = (a != 0), other flags stay. */
export const HI_SET_OVERFLOW = 21;
