/**
 * System helpers (OP_HSYS): imm & 0xffff is one of these numbers, imm >> 16 (signed) is `extra`.
 * Fields d, a, b, c mean what each line says; "slot" is a context slot, all else are plain numbers.
 *
 * `next` is the byte offset of the next instruction in the block (ipos + length). A helper with `next` that says
 * "sets RIP" leaves the slot RIP at the next instruction (or the target); the lifter then ends the block with OP_NEXT.
 * Every helper faults before it changes anything, unless it says that it never faults.
 * `size` is the operand size in bytes: 2, 4 or 8.
 */

// ---- exceptions ---------------------------------------------------------------------------------------------------
/** Raises exception d; a = 1: with error code `extra`. */
export const H_RAISE = 1;
/** CR0.TS / CR0.EM / CR4.OSFXSR trap of a floating-point instruction: d = 0 x87 or MMX, 1 SSE, 2 WAIT (needs MP and TS). #NM or #UD, or nothing. */
export const H_RAISE_FPU = 2;
/** Software interrupt: d = vector, a = kind (0 INT n, 1 INT3, 2 INTO, 3 INT1), extra = next. Sets RIP. */
export const H_INT = 3;
/** INTO: as H_INT with vector 4 if OF is set, else RIP = next. extra = next. Sets RIP. */
export const H_INTO = 4;
/** BOUND: #BR unless slot b <= slot a <= slot c, signed, d = size (2 or 4). */
export const H_BOUND = 5;
/** #GP(0) unless CPL is 0. */
export const H_CHECK_CPL0 = 6;
/** #UD unless CPL is 0. */
export const H_CHECK_CPL0_UD = 7;

// ---- flags ----------------------------------------------------------------------------------------------------------
/** Slot d = the value PUSHF stores, c = size. #GP(0) in virtual-8086 mode with IOPL < 3. */
export const H_PUSHF = 10;
/** #GP(0) in virtual-8086 mode with IOPL < 3 (before POPF changes anything). */
export const H_POPF_CHECK = 11;
/** Flags from slot a as POPF does, c = size, extra = next. Sets RIP, never faults. */
export const H_POPF = 12;
/** Clears IF (or VIF), #GP(0) without the privilege. */
export const H_CLI = 13;
/** Sets IF (or VIF) with the interrupt shadow, extra = next. Sets RIP. */
export const H_STI = 14;
/** AC = 0 / AC = 1 (CLAC, STAC): #UD unless CPL is 0. */
export const H_CLAC = 15;
export const H_STAC = 16;

// ---- segments and descriptor tables ------------------------------------------------------------------------------------
/** Loads segment register d (0..5 = ES CS SS DS FS GS, never CS) with the selector in slot a. extra = next: sets RIP if it is not 0. SS starts the interrupt shadow when c = 1. */
export const H_LOAD_SEG = 20;
/** LAR / LSL: register slot d (size c, left as it is when ZF = 0) = rights / limit of the selector in slot a. Sets ZF. */
export const H_LAR = 21;
export const H_LSL = 22;
/** VERR / VERW of the selector in slot a: sets ZF. */
export const H_VERR = 23;
export const H_VERW = 24;
/** ARPL: slot d (selector) gets the RPL of slot a if its own is smaller; sets ZF. Never faults. */
export const H_ARPL = 25;
/** #GP(0) if slot a (32 bits) lies beyond the limit of CS; with d = 1 only if slot b is not 0. */
export const H_CHECK_TARGET = 48;
/** ARPL of the word at offset slot a of segment d, with slot b: written only if it changes. */
export const H_ARPL_MEMORY = 49;
/** SGDT / SIDT: writes limit and base at linear address slot a; c = 8 in 64-bit code, else 4. */
export const H_SGDT = 26;
export const H_SIDT = 27;
/** LGDT / LIDT: reads limit and base at linear address slot a; c = size (2: 24-bit base). */
export const H_LGDT = 28;
export const H_LIDT = 29;
/** Slot d = LDTR / TR selector (UMIP checked). */
export const H_SLDT = 30;
export const H_STR = 31;
/** LLDT / LTR with the selector in slot a. */
export const H_LLDT = 32;
export const H_LTR = 33;
/** Slot d = CR0 for SMSW (UMIP checked). */
export const H_SMSW = 34;
/** LMSW from slot a, extra = next. Sets RIP. */
export const H_LMSW = 35;
/** CLTS, extra = next. Sets RIP. */
export const H_CLTS = 36;

// ---- far transfers: all set RIP ------------------------------------------------------------------------------------------
/** Far JMP to selector in slot a, offset in slot b, c = size, extra = next. */
export const H_FAR_JMP = 40;
/** Far CALL: as H_FAR_JMP. */
export const H_FAR_CALL = 41;
/** Far RET: c = size, extra = bytes of parameters to drop (0..65535). */
export const H_RETF = 42;
/** IRET: c = size, extra = next (for a task return). */
export const H_IRET = 43;
/** SYSCALL: extra = next. */
export const H_SYSCALL = 44;
/** SYSRET: c = size (8 returns to 64-bit code). */
export const H_SYSRET = 45;
export const H_SYSENTER = 46;
/** SYSEXIT: c = size. */
export const H_SYSEXIT = 47;

// ---- bases and counters ----------------------------------------------------------------------------------------------------
/** SWAPGS: #GP(0) unless CPL is 0. */
export const H_SWAPGS = 50;
/** Register slot d (size c) = base of segment b (4 FS, 5 GS). #UD unless CR4.FSGSBASE. */
export const H_RDSEGBASE = 51;
/** Base of segment b (4 FS, 5 GS) = slot a, size c. #UD unless CR4.FSGSBASE, #GP(0) when not canonical. */
export const H_WRSEGBASE = 52;
/** EDX:EAX = TSC as of this instruction; #GP(0) by CR4.TSD. */
export const H_RDTSC = 53;
/** As H_RDTSC, and ECX = TSC_AUX. */
export const H_RDTSCP = 54;
/** RDPMC: #GP(0) (no counters). */
export const H_RDPMC = 55;
/** Slot d = TSC_AUX. */
export const H_RDPID = 56;
/** RDRAND, RDSEED: register slot d (size c) = the next number of the vCPU's seeded generator; CF = 1, other flags 0. */
export const H_RDRAND = 57;

// ---- control and debug registers ----------------------------------------------------------------------------------------------
/** Slot d = control register a (number). */
export const H_MOV_FROM_CR = 60;
/** Control register d (number) = slot a; c = 8 in 64-bit code, else 4; extra = next. Sets RIP (not for CR8). */
export const H_MOV_TO_CR = 61;
/** Slot d = debug register a (number). */
export const H_MOV_FROM_DR = 62;
/** Debug register d (number) = slot a; c = 8 in 64-bit code, else 4; extra = next. Sets RIP. */
export const H_MOV_TO_DR = 63;
/** Drops the translation of linear address slot a; CPL 0 only. */
export const H_INVLPG = 64;
/** INVPCID: type in slot a, 16-byte descriptor at linear address slot b; CPL 0 only. */
export const H_INVPCID = 65;
/** CLFLUSH of linear address slot a: checks that it can be read. */
export const H_CLFLUSH = 66;
/** XGETBV: #UD without CR4.OSXSAVE, #GP(0) unless ECX is 0. */
export const H_XGETBV = 67;
/** Checks before the EXIT_XSETBV: #UD without CR4.OSXSAVE, #GP(0) unless CPL is 0. */
export const H_XSETBV_CHECK = 68;

// ---- exits ----------------------------------------------------------------------------------------------------------------------
/** RDMSR: CPL checked; answers the MSRs of the context itself, leaves with EXIT_MSR for all others. extra = length of the instruction. */
export const H_RDMSR = 70;
/** WRMSR: as H_RDMSR. extra = next | length << 8. Sets RIP. */
export const H_WRMSR = 71;
/** IN / OUT: checks IOPL and the I/O permission bitmap for the port in slot a, d = bytes (1, 2, 4), c = 1 for OUT; fills EXIT_A and EXIT_B. The lifter follows with OP_EXIT. */
export const H_IO_CHECK = 72;
/** MONITOR and MONITORX with linear address slot a: checks only. */
export const H_MONITOR = 73;
/** MWAIT and MWAITX: checks only; c: bits of ECX that may be set beside bit 0. */
export const H_MWAIT_CHECK = 74;
