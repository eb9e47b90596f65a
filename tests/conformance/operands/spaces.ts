/**
 * All 8-bit operands of an instruction, as a program that both sides run: a loop over EBX loads BL into AL and BH into AH, loads RFLAGS, runs the
 * instruction and writes AX and RFLAGS behind what is there. The same bytes do in 32- and 64-bit code.
 */

/** Where both sides have the program, its results and its stack. */
export const CODE_AT = 0x20000;
export const CODE_SIZE = 0x20000;
export const OUT_AT = 0x100000;
export const OUT_SIZE = 0x200000;
export const STACK_TOP = 0x80000;
/** A byte for instructions with a memory operand. */
const CELL = 0x90000;
/** AX, then the low 16 bits of RFLAGS. */
export const RECORD = 4;

const CF = 1;
const PF = 4;
const AF = 0x10;
const ZF = 0x40;
const SF = 0x80;
const OF = 0x800;
const ALL = CF | PF | AF | ZF | SF | OF;

export interface Program {
  /** For people: instruction and flags before it. */
  readonly name: string;
  readonly mode: 32 | 64;
  /** Ends where the next byte returns. */
  readonly code: Uint8Array;
  /** Records written. */
  readonly records: number;
  /** Flags that are defined in record n. */
  readonly defined: (record: number) => number;
  /** What record n began with. */
  readonly operands: (record: number) => string;
}

const le32 = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];

interface Loop {
  /** Of EBX: from, to (exclusive). */
  readonly from: number;
  readonly to: number;
  readonly before: readonly number[];
  readonly instruction: readonly number[];
  readonly after: readonly number[];
  /** Leaves the record out by a jump over `skip`'s distance: code that jumps (short) when the operands fault; it gets the distance. */
  readonly guard?: (distance: number) => readonly number[];
}

/** MOV EAX, EBX; before; PUSH ESI; POPF; instruction; PUSHF; POP EDX; after; MOV [EDI], AX; MOV [EDI+2], DX; ADD EDI, 4; INC EBX; CMP EBX, to; JNE. */
function loop({ from, to, before, instruction, after, guard }: Loop): number[] {
  const store = [0x66, 0x89, 0x07, 0x66, 0x89, 0x57, 0x02, 0x83, 0xc7, 0x04];
  const work = [...before, 0x56, 0x9d, ...instruction, 0x9c, 0x5a, ...after, ...store];
  const next = [0xff, 0xc3, 0x81, 0xfb, ...le32(to)];
  const body = [0x89, 0xd8, ...(guard?.(work.length) ?? []), ...work, ...next];
  return [0xbb, ...le32(from), ...body, 0x0f, 0x85, ...le32(-(body.length + 6))];
}

const start = (flags: number): number[] => [0xbe, ...le32(flags | 2), 0xbf, ...le32(OUT_AT)];

/** An instruction and its operand spaces. */
interface Form {
  readonly name: string;
  readonly modes: readonly (32 | 64)[];
  readonly instruction: readonly number[];
  readonly before?: readonly number[];
  readonly after?: readonly number[];
  /** Only BL matters. */
  readonly unary?: boolean;
  /** Flags before it. */
  readonly flags: readonly number[];
  /** Flags defined, by AL (low byte) and AH before. */
  readonly defined: (al: number, ah: number) => number;
  /** The last byte of the instruction is an immediate of all values (BH then counts for nothing unless `wide`), all but these. */
  readonly immediate?: boolean;
  readonly without?: readonly number[];
}

/** No flag, all, and CF by itself or missing. */
const CARRY = [0, ALL, CF, ALL & ~CF];
/** CF and AF in all ways, the others off or on. */
const DECIMAL = [0, CF, AF, CF | AF].flatMap((some) => [some, (ALL & ~(CF | AF)) | some]);
const BOTH = [64, 32] as const;

const ALU = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP'];
const LOGIC = ALL & ~AF;
const aluDefined = (n: number): number => (n === 1 || n === 4 || n === 6 ? LOGIC : ALL);

function aluForms(): Form[] {
  const forms: Form[] = [];
  for (const [n, name] of ALU.entries()) {
    const common = { modes: BOTH, flags: CARRY, defined: () => aluDefined(n) };
    const cell = le32(CELL);
    forms.push({ name: `${name} AL, AH`, instruction: [n * 8, 0xe0], ...common });
    forms.push({ name: `${name} AL, AH (the other way)`, instruction: [n * 8 + 2, 0xc4], ...common });
    forms.push({ name: `${name} AL, imm8`, instruction: [n * 8 + 4, 0], immediate: true, ...common });
    // a memory operand through ECX
    const through = [0xb9, ...cell, 0x88, 0x01];
    const back = [0x8a, 0x01];
    forms.push({ name: `${name} [m], AH`, before: through, instruction: [n * 8, 0x21], after: back, ...common });
    forms.push({ name: `${name} AL, [m]`, before: [0xb9, ...cell, 0x88, 0x21], instruction: [n * 8 + 2, 0x01], ...common });
    if (n !== 7) forms.push({ name: `LOCK ${name} [m], AH`, before: through, instruction: [0xf0, n * 8, 0x21], after: back, ...common });
    forms.push({ name: `${name} AH, imm8`, instruction: [0x80, 0xc4 + n * 8, 0], immediate: true, ...common });
  }
  const common = { modes: BOTH, flags: CARRY };
  forms.push({ name: 'TEST AL, AH', instruction: [0x84, 0xe0], ...common, defined: () => LOGIC });
  forms.push({ name: 'TEST AL, imm8', instruction: [0xa8, 0], immediate: true, ...common, defined: () => LOGIC });
  forms.push({ name: 'TEST AH, imm8', instruction: [0xf6, 0xc4, 0], immediate: true, ...common, defined: () => LOGIC });
  forms.push({ name: 'XADD AL, AH', instruction: [0x0f, 0xc0, 0xe0], ...common, defined: () => ALL });
  forms.push({ name: 'CMPXCHG AH, DL', before: [0x88, 0xda], instruction: [0x0f, 0xb0, 0xd4], ...common, defined: () => ALL });
  for (const [name, bytes, defined] of [
    ['INC', [0xfe, 0xc0], ALL],
    ['DEC', [0xfe, 0xc8], ALL],
    ['NOT', [0xf6, 0xd0], ALL],
    ['NEG', [0xf6, 0xd8], ALL],
  ] as const) {
    forms.push({ name: `${name} AL`, instruction: bytes, unary: true, ...common, defined: () => defined });
  }
  forms.push({ name: 'MUL AH', instruction: [0xf6, 0xe4], ...common, defined: () => CF | OF });
  forms.push({ name: 'IMUL AH', instruction: [0xf6, 0xec], ...common, defined: () => CF | OF });
  return forms;
}

const SHIFTS = ['ROL', 'ROR', 'RCL', 'RCR', 'SHL', 'SHR', 'SAL', 'SAR'];

/** Flags that shift or rotation `n` by `count` defines. @see Intel SDM 2B, RCL and SAL */
function shiftDefined(n: number, count: number): number {
  const by = count & 31;
  if (by === 0) return ALL;
  const overflow = by === 1 ? OF : 0;
  if (n < 4) return (ALL & ~OF) | overflow;
  const carry = n !== 7 && by >= 8 ? 0 : CF;
  return SF | ZF | PF | carry | overflow;
}

function shiftForms(): Form[] {
  return SHIFTS.flatMap((name, n) => [
    {
      name: `${name} AL, CL`,
      modes: BOTH,
      before: [0x88, 0xe1],
      instruction: [0xd2, 0xc0 + n * 8],
      flags: CARRY,
      defined: (_: number, ah: number) => shiftDefined(n, ah),
    },
    { name: `${name} AL, 1`, modes: BOTH, unary: true, instruction: [0xd0, 0xc0 + n * 8], flags: CARRY, defined: () => shiftDefined(n, 1) },
    {
      name: `${name} AL, imm8`,
      modes: BOTH,
      instruction: [0xc0, 0xc0 + n * 8, 0],
      immediate: true,
      flags: CARRY,
      defined: (_: number, imm: number) => shiftDefined(n, imm),
    },
  ]);
}

function decimalForms(): Form[] {
  const modes = [32] as const;
  const adjusts = ALL & ~OF;
  const ascii = AF | CF;
  const wide = SF | ZF | PF;
  return [
    { name: 'DAA', modes, unary: true, instruction: [0x27], flags: DECIMAL, defined: () => adjusts },
    { name: 'DAS', modes, unary: true, instruction: [0x2f], flags: DECIMAL, defined: () => adjusts },
    { name: 'AAA', modes, instruction: [0x37], flags: DECIMAL, defined: () => ascii },
    { name: 'AAS', modes, instruction: [0x3f], flags: DECIMAL, defined: () => ascii },
    { name: 'AAM imm8', modes, instruction: [0xd4, 0], immediate: true, without: [0], flags: [0, ALL], defined: () => wide },
    { name: 'AAD imm8', modes, instruction: [0xd5, 0], immediate: true, flags: [0, ALL], defined: () => wide },
    { name: 'AAD', modes, instruction: [0xd5, 10], flags: [0, ALL], defined: () => wide },
    { name: 'SALC', modes, unary: true, instruction: [0xd6], flags: CARRY, defined: () => ALL },
  ];
}

function flagForms(): Form[] {
  const conditions = ['O', 'NO', 'B', 'NB', 'Z', 'NZ', 'BE', 'NBE', 'S', 'NS', 'P', 'NP', 'L', 'NL', 'LE', 'NLE'];
  return [
    { name: 'SAHF', modes: BOTH, before: [0x86, 0xe0], instruction: [0x9e], unary: true, flags: [0, ALL], defined: () => ALL },
    { name: 'LAHF', modes: BOTH, before: [0x86, 0xe0], instruction: [0x9e, 0x9f], unary: true, flags: [0, ALL], defined: () => ALL },
    { name: 'CMC', modes: BOTH, before: [0x86, 0xe0], instruction: [0x9e, 0xf5], unary: true, flags: [0, ALL], defined: () => ALL },
    ...conditions.map((name, n) => ({
      name: `SET${name} AL`,
      modes: BOTH,
      // each AH by way of SAHF, with OF off and on
      before: [0x86, 0xe0],
      instruction: [0x9e, 0x0f, 0x90 + n, 0xc0],
      unary: true,
      flags: [0, OF],
      defined: () => ALL,
    })),
  ];
}

/** `IDIV r/m8` by `divisor` of all AX whose quotient fits, and `DIV`: the dividends that fit are one stretch. */
function division(mode: 32 | 64, signed: boolean, divisor: number): Program {
  const s = signed ? (divisor << 24) >> 24 : divisor;
  const fits = (ax: number): boolean => {
    const quotient = Math.trunc((signed ? (ax << 16) >> 16 : ax) / s);
    return signed ? quotient >= -128 && quotient <= 127 : quotient <= 255;
  };
  // stretches of AX that fit
  const stretches: [number, number][] = [];
  for (let ax = 0; ax < 0x10000; ax++) {
    if (!fits(ax)) continue;
    const last = stretches.at(-1);
    if (last !== undefined && last[1] === ax) last[1] = ax + 1;
    else stretches.push([ax, ax + 1]);
  }
  const list = stretches.flatMap(([from, to]) => Array.from({ length: to - from }, (_, k) => from + k));
  const code = stretches.flatMap(([from, to]) => loop({ from, to, before: [0xb1, divisor], instruction: [0xf6, signed ? 0xf9 : 0xf1], after: [] }));
  return {
    name: `${signed ? 'IDIV' : 'DIV'} by ${s} (${mode}-bit code)`,
    mode,
    code: Uint8Array.from([...start(0), ...code]),
    records: list.length,
    defined: () => 0,
    operands: (record) => `AX ${(list[record] as number).toString(16)}`,
  };
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

function programsOf(form: Form, every: (count: number) => readonly number[]): Program[] {
  const { name, modes, instruction, before = [], after = [], unary, flags, defined, immediate, without } = form;
  return modes.flatMap((mode) =>
    flags.map((image): Program => {
      const title = `${name} (${mode}-bit code, flags ${image.toString(16)})`;
      if (!immediate) {
        const records = unary ? 256 : 65536;
        return {
          name: title,
          mode,
          code: Uint8Array.from([...start(image), ...loop({ from: 0, to: records, before, instruction, after })]),
          records,
          defined: (record) => defined(record & 0xff, record >> 8),
          operands: (record) => `AL ${hex(record & 0xff)} AH ${hex(record >> 8)}`,
        };
      }
      const values = every(256).filter((value) => without?.includes(value) !== true);
      // AH has the same values as AL, so that forms with AH as operand see all of them
      const same = [0x88, 0xc4];
      const code = values.flatMap((value) =>
        loop({ from: 0, to: 256, before: [...same, ...before], instruction: [...instruction.slice(0, -1), value], after }),
      );
      return {
        name: title,
        mode,
        code: Uint8Array.from([...start(image), ...code]),
        records: values.length * 256,
        defined: (record) => defined(record & 0xff, values[record >> 8] as number),
        operands: (record) => `AX ${hex(record & 0xff).repeat(2)} imm ${hex(values[record >> 8] as number)}`,
      };
    }),
  );
}

/** What is tried of what there is. Register operands and the flags before are always tried all. */
export interface Share {
  /** Which of 0..n-1 are tried as immediates and divisors. */
  readonly every: (count: number) => readonly number[];
  /** Each form in 32- and 64-bit code, else in one of them by turns. */
  readonly bothModes: boolean;
  /** Names of forms. */
  readonly only?: RegExp;
}

export const WHOLE: Share = { every: (count) => Array.from({ length: count }, (_, n) => n), bothModes: true };

export function programs({ every, bothModes, only = /./ }: Share): Program[] {
  const forms = [...aluForms(), ...shiftForms(), ...decimalForms(), ...flagForms()].filter(({ name }) => only.test(name));
  const made = forms.flatMap((form, n) => programsOf(bothModes ? form : { ...form, modes: [form.modes[n % form.modes.length] as 32 | 64] }, every));
  for (const signed of [false, true]) {
    if (!only.test(signed ? 'IDIV' : 'DIV')) continue;
    for (const divisor of every(256)) if (divisor !== 0) made.push(division(divisor % 2 === 0 ? 32 : 64, signed, divisor));
  }
  return made;
}
