/**
 * x87, MMX and FXSAVE/XSAVE helpers (OP_HX87): imm & 0xffff is one of these numbers, imm >> 16 is `extra`.
 *
 * All numbers below X_WAIT are instructions that check for a pending exception (#MF) and note their own address: their `extra`
 * is ipos | opcode << 8 (11 bits as in FOP) | segment << 20 | memory << 23, where memory = 1 says that slot c is the operand's
 * offset in its segment (FDP). "slot" is a context slot, everything else a plain number; i is a stack register ST(i).
 * A helper that takes a linear address makes the access itself, and changes nothing if that faults.
 */

/** ST(0) = ST(0) op memory: d = op (0 add, 1 mul, 2 com, 3 comp, 4 sub, 5 subr, 6 div, 7 divr), a = slot of the linear address, b = X_TYPE_*. */
export const X_ARITH_MEM = 1;
/** ST(a) = ST(a) op ST(b), "subr" and "divr" with the operands exchanged: d = op as above (no com), c = 1: pop. */
export const X_ARITH_ST = 2;
/** FCOM (d = 0) or FUCOM (d = 1) of ST(0) with ST(a), then c pops. */
export const X_COMPARE = 3;
/** As X_COMPARE for FCOMI, FUCOMI: slot d = flags as EFLAGS bits, b = 1 for FUCOMI, c = pops (0 or 1). */
export const X_COMPARE_FLAGS = 4;
/** Pushes a number from memory: a = slot of the linear address, b = X_TYPE_*. */
export const X_LOAD_MEM = 5;
/** Pushes ST(a). */
export const X_LOAD_ST = 6;
/** Pushes constant d: 0 one, 1 log2(10), 2 log2(e), 3 pi, 4 log10(2), 5 ln(2), 6 zero. */
export const X_CONSTANT = 7;
/** Stores ST(0) to memory: a = slot of the linear address, b = X_TYPE_*, d = 1: pop, d = 3: truncate and pop (FISTTP). */
export const X_STORE_MEM = 8;
/** ST(a) = ST(0), then pop if d has bit 0; bit 1: an empty ST(0) is no fault and is only popped (FSTPNCE). */
export const X_STORE_ST = 9;
/** Exchanges ST(0) and ST(a). */
export const X_XCH = 10;
/** ST(0) = ST(a) if slot d is not 0. */
export const X_CMOV = 11;
/** D9 E0..FF by the low five bits of ModRM (d): FCHS, FABS, FTST, FXAM, F2XM1 ... FCOS. */
export const X_UNARY = 12;
/** FFREE ST(a), and pop if d = 1 (FFREEP). */
export const X_FREE = 13;
/** FNOP. */
export const X_NOP = 14;

/** FWAIT: only the check for a pending exception. */
export const X_WAIT = 32;
export const X_CLEX = 33;
export const X_INIT = 34;
/** FLDCW of slot a. */
export const X_LDCW = 35;
/** Environment and state at the linear address in slot a; d = bit 0: 32-bit format, bit 1: protected-mode format. */
export const X_LDENV = 36;
export const X_STENV = 37;
export const X_SAVE = 38;
export const X_RSTOR = 39;
/** #NM for CR0.TS or CR0.EM (instructions of the x87). d = 1: FWAIT, #NM for TS together with MP. */
export const X_CHECK = 40;

/** Types of memory operands. */
export const X_TYPE_F32 = 0;
export const X_TYPE_F64 = 1;
export const X_TYPE_F80 = 2;
export const X_TYPE_I16 = 3;
export const X_TYPE_I32 = 4;
export const X_TYPE_I64 = 5;
export const X_TYPE_BCD = 6;

// ---- MMX: all of them check for a pending x87 exception; all but M_CHECK and M_EMMS then set TOP = 0 and all tags valid ----------
/** #UD for CR0.EM, #NM for CR0.TS, #MF. */
export const M_CHECK = 64;
/** Slot d = MMX register a. */
export const M_READ = 65;
/** MMX register d = slot a. */
export const M_WRITE = 66;
/** MMX register d = d op a: c = SSE helper number below 192 (helpers/vec.ts), b = 1: the low half of vector a instead, extra = immediate. */
export const M_BINARY = 67;
export const M_EMMS = 68;
/** Stores the bytes of MMX register d selected by MMX register a to the linear address in slot c. */
export const M_MASKMOVQ = 69;
/** Stores the low b (4 or 8) bytes of MMX register d to the linear address in slot a. */
export const M_STORE = 70;

// ---- FXSAVE and XSAVE: a = slot of the linear address, d = 1: 64-bit format (REX.W) ---------------------------------------------
export const F_FXSAVE = 80;
export const F_FXRSTOR = 81;
export const F_XSAVE = 82;
export const F_XSAVEOPT = 83;
export const F_XSAVEC = 84;
export const F_XSAVES = 85;
export const F_XRSTOR = 86;
export const F_XRSTORS = 87;
/** EDX:EAX = XCR0 (ECX = 0) or the components in use (ECX = 1). */
export const F_XGETBV = 88;
/** #UD without CR4.OSXSAVE, for instructions whose work the hypervisor does. */
export const F_CHECK_OSXSAVE = 89;
/** Before helper c of the above outside flat code: its area at the offset in slot a lies in segment d; b = 1: it is written. */
export const F_CHECK_AREA = 90;
