/**
 * Where things lie for a case, natively and on the engine alike, and the shape of the records that both sides read and write.
 * The C harness gets these numbers as macros (native.ts), so that they are written once.
 */

/** Linear address of the 64 KiB of code: slots of cases, then a page of stubs. Below 4 GiB, so that 32-bit code reaches it. */
export const CODE = 0x10000000;
export const CODE_SIZE = 0x10000;
/** Offset in the code area of the page of stubs through which a case leaves: 16 per kind, 16 bytes each. */
export const STUBS = 0xf000;
/** Offsets from STUBS by kind: 64-bit `jmp [rip]` to HIGH, then 32-bit and 16-bit far jumps to the former. */
export const STUBS_64 = 0;
export const STUBS_32 = 0x400;
export const STUBS_16 = 0x800;
export const EXITS = 16;
/** Page above 4 GiB where cases arrive: natively the code that saves the state, on the engine CPUID instructions. */
export const HIGH = 0x5ab000000000;

/** 64 KiB window in which the memory of a case lies; what is not named is not mapped. */
export const WINDOW = 0x20000000;
/** Offsets in the window: a page that cannot be written, two that can (data, with a guard behind), one of stack. */
export const READ_ONLY = 0x4000;
export const DATA = 0x5000;
export const DATA_END = 0x7000;
export const STACK = 0x9000;
export const STACK_END = 0xa000;
/** Pages of a memory template, in this order: READ_ONLY, DATA, DATA + 4096, STACK. */
export const TEMPLATE_PAGES: readonly number[] = [READ_ONLY, DATA, DATA + 0x1000, STACK];
export const TEMPLATE_SIZE = 0x4000;

/** A case record, in 32-bit words. 64-bit fields are pairs of words. */
export const CASE_WORDS = 320;
/** Offset of the first instruction in the code area. */
export const C_ENTRY = 0;
export const C_TEMPLATE = 1;
export const C_PATCHES = 2;
/** Selectors: DS | ES << 16, FS | GS << 16, SS | CS << 16. */
export const C_DS_ES = 3;
export const C_FS_GS = 4;
export const C_SS_CS = 5;
/** 64-bit code only. */
export const C_FSBASE = 6;
export const C_GSBASE = 8;
export const C_RFLAGS = 10;
export const C_GPR = 16;
/** Up to 8 changes of the template: offset in the window, 0, value (8 bytes). */
export const C_PATCH = 48;
export const MAX_PATCHES = 8;
/** 512 bytes as FXRSTOR64 reads them. */
export const C_FX = 128;
/** Upper halves of YMM0 to YMM15. */
export const C_YMM = 256;

/** A result record's fixed part, in words; R_DIFFS entries of 4 words follow (offset in the window, 0, new value of 8 bytes). */
export const RESULT_WORDS = 320;
/** Number of the stub it left by, or -1. */
export const R_EXIT = 0;
/** Exception vector, -1 if none, TIMEOUT; the engine also gives 0x100 + EXIT_*. */
export const R_VECTOR = 1;
export const R_ERROR = 2;
export const R_DIFFS = 3;
export const R_CR2 = 4;
export const R_RIP = 6;
export const R_DS_ES = 8;
export const R_FS_GS = 9;
export const R_SS_CS = 10;
export const R_FSBASE = 12;
export const R_GSBASE = 14;
export const R_GPR = 16;
export const R_RFLAGS = 48;
export const R_FX = 128;
export const R_YMM = 256;
/** Words of the FXSAVE image that count (the rest is reserved). */
export const FX_WORDS = 104;

export const TIMEOUT = 0xfe;
/** Memory differences that are reported at most. */
export const MAX_DIFFS = 512;

/** Selectors: Linux's user segments, then our local descriptors. */
export const USER_CS32 = 0x23;
export const USER_DS = 0x2b;
export const USER_CS64 = 0x33;

/** A local descriptor as modify_ldt takes it. `contents`: 0 data, 1 expand-down data, 2 code, 3 conforming code. */
export interface LocalDescriptor {
  readonly base: number;
  /** Bytes minus one. */
  readonly limit: number;
  readonly contents: number;
  /** Read-only data, execute-only code. */
  readonly readOnly?: boolean;
  /** D/B bit. */
  readonly big?: boolean;
  readonly absent?: boolean;
}

/** Index n has selector 8n + 7. Linux takes conforming code only when it is absent. */
export const LOCAL: readonly LocalDescriptor[] = [
  { base: CODE, limit: 0xffff, contents: 2 },
  { base: WINDOW, limit: 0xffff, contents: 0 },
  { base: WINDOW, limit: 0xffff, contents: 0, big: true },
  { base: WINDOW + 0x100, limit: 0x5fff, contents: 0, big: true },
  { base: WINDOW, limit: 0xffff, contents: 0, big: true, readOnly: true },
  { base: WINDOW, limit: 0x57ff, contents: 1 },
  { base: WINDOW, limit: 0xffff, contents: 0, big: true, absent: true },
  { base: CODE, limit: 0xffff, contents: 2, big: true },
  { base: WINDOW, limit: 0xffff, contents: 2, big: true, readOnly: true },
  { base: WINDOW, limit: 0xffff, contents: 3, big: true, absent: true },
  { base: WINDOW, limit: 0x57ff, contents: 1, big: true },
];
export const localSelector = (index: number): number => index * 8 + 7;
export const CODE16_SELECTOR: number = localSelector(0);
export const DATA16_SELECTOR: number = localSelector(1);
export const DATA32_SELECTOR: number = localSelector(2);
export const LIMITED_SELECTOR: number = localSelector(3);
export const CODE32_SELECTOR: number = localSelector(7);
