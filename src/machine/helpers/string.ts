/**
 * String helpers (OP_HSTR): imm & 0xffff is one of these numbers.
 *
 * d = log2 of the element's bytes (0..3) | repeat << 4 (0 none, 1 REP or REPE, 2 REPNE).
 * a = source segment (0..5; the destination is always ES); b = address size: 0 = 64, 1 = 32, 2 = 16 bits.
 * c = 1 when the block's mode is flat (no limit checks).
 * extra = ipos | (ipos + length) << 8.
 *
 * A repeated form and INS/OUTS set RIP: to the next instruction when it is done, to the instruction itself when the
 * budget ran out before (BUDGET is 0 then). The lifter makes it the last instruction of its block and follows with
 * OP_NEXT. Each iteration counts as one retired instruction. Registers are exact at every fault.
 * Other forms that are not repeated leave RIP alone.
 */
/** MOVS: [rDI] = seg:[rSI]. */
export const H_MOVS = 1;
/** STOS: [rDI] = accumulator. */
export const H_STOS = 2;
/** LODS: accumulator = seg:[rSI]. */
export const H_LODS = 3;
/** CMPS: flags of seg:[rSI] - [rDI]. */
export const H_CMPS = 4;
/** SCAS: flags of accumulator - [rDI]. */
export const H_SCAS = 5;
/** INS: [rDI] = port DX. Leaves with EXIT_IO_STRING once per iteration. */
export const H_INS = 6;
/** OUTS: port DX = seg:[rSI]. Leaves with EXIT_IO_STRING (EXIT_C = the value) once per iteration. */
export const H_OUTS = 7;
