import type { CpuValues } from '../xc/cpu-records.ts';

/** A register as GDB numbers and names it. */
interface Register {
  readonly name: string;
  readonly bits: 32 | 64 | 80 | 128;
  readonly type: string;
  readonly read: (r: CpuValues, view: DataView) => Uint8Array;
  /** Fields of the record to change; absent: cannot be written. */
  readonly write?: (r: CpuValues, bytes: Uint8Array, view: DataView) => void;
}

type Mutable = { -readonly [K in keyof CpuValues]: CpuValues[K] };
type Wide = { [K in keyof CpuValues]: CpuValues[K] extends bigint ? K : never }[keyof CpuValues];
type Narrow = { [K in keyof CpuValues]: CpuValues[K] extends number ? K : never }[keyof CpuValues];

function little(value: bigint, bytes: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return out.subarray(0, bytes);
}

function number(bytes: Uint8Array): bigint {
  const padded = new Uint8Array(8);
  padded.set(bytes.subarray(0, 8));
  return new DataView(padded.buffer).getBigUint64(0, true);
}

const wide = (name: string, field: Wide, type = 'int64', bits: 32 | 64 = 64): Register => ({
  name,
  bits,
  type,
  read: (r) => little(r[field] as bigint, bits / 8),
  write: (r, bytes) => {
    (r as Mutable)[field] = number(bytes) as never;
  },
});

/** Selectors are shown; loading one would need its descriptor, so they are not written. */
const selector = (name: string, field: Narrow): Register => ({ name, bits: 32, type: 'int32', read: (r) => little(BigInt(r[field] as number), 4) });

/** A piece of the FXSAVE image. */
const image = (name: string, offset: number, size: number, bits: Register['bits'], type: string): Register => ({
  name,
  bits,
  type,
  read: (r) => {
    const out = new Uint8Array(bits / 8);
    out.set(r.fpu_regs.subarray(offset, offset + size));
    return out;
  },
  write: (r, bytes) => r.fpu_regs.set(bytes.subarray(0, size), offset),
});

/** Tags as the chip has them, from one bit for each register: empty, or valid (zeros and specials are not told apart). */
const tags: Register = {
  name: 'ftag',
  bits: 32,
  type: 'int',
  read: (_r, view) => {
    let word = 0;
    for (let i = 0; i < 8; i++) if ((view.getUint8(4) & (1 << i)) === 0) word |= 3 << (i * 2);
    return little(BigInt(word), 4);
  },
};

const zero = (name: string): Register => ({ name, bits: 32, type: 'int', read: () => new Uint8Array(4) });

/** Features in the order of register numbers. @see GDB manual, "i386 Features" */
const FEATURES: readonly { readonly name: string; readonly registers: readonly Register[] }[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi'] as const).map((name) => wide(name, name)),
      wide('rbp', 'rbp', 'data_ptr'),
      wide('rsp', 'rsp', 'data_ptr'),
      ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const).map((name) => wide(name, name)),
      wide('rip', 'rip', 'code_ptr'),
      wide('eflags', 'rflags', 'i386_eflags', 32),
      ...(['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const).map((name) => selector(name, `${name}_sel`)),
      ...Array.from({ length: 8 }, (_, i) => image(`st${i}`, 32 + i * 16, 10, 80, 'i387_ext')),
      image('fctrl', 0, 2, 32, 'int'),
      image('fstat', 2, 2, 32, 'int'),
      tags,
      zero('fiseg'),
      image('fioff', 8, 4, 32, 'int'),
      zero('foseg'),
      image('fooff', 16, 4, 32, 'int'),
      image('fop', 6, 2, 32, 'int'),
    ],
  },
  {
    name: 'org.gnu.gdb.i386.sse',
    registers: [...Array.from({ length: 16 }, (_, i) => image(`xmm${i}`, 160 + i * 16, 16, 128, 'vec128')), image('mxcsr', 24, 4, 32, 'i386_mxcsr')],
  },
  { name: 'org.gnu.gdb.i386.segments', registers: [wide('fs_base', 'fs_base'), wide('gs_base', 'gs_base')] },
  {
    name: 'zendo.x86.system',
    registers: [wide('k_gs_base', 'shadow_gs'), wide('cr0', 'cr0'), wide('cr2', 'cr2'), wide('cr3', 'cr3'), wide('cr4', 'cr4'), wide('efer', 'msr_efer')],
  },
];

/** Every register by GDB's number. */
export const REGISTERS: readonly Register[] = FEATURES.flatMap((feature) => feature.registers);

const TYPES: Readonly<Record<string, string>> = {
  'org.gnu.gdb.i386.core': `<flags id="i386_eflags" size="4">${[
    ['CF', 0],
    ['PF', 2],
    ['AF', 4],
    ['ZF', 6],
    ['SF', 7],
    ['TF', 8],
    ['IF', 9],
    ['DF', 10],
    ['OF', 11],
    ['NT', 14],
    ['RF', 16],
    ['VM', 17],
    ['AC', 18],
    ['VIF', 19],
    ['VIP', 20],
    ['ID', 21],
  ]
    .map(([name, bit]) => `<field name="${name}" start="${bit}" end="${bit}"/>`)
    .join('')}</flags>`,
  'org.gnu.gdb.i386.sse': `<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/><vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/><vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/><union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/><field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/><field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union><flags id="i386_mxcsr" size="4">${['IE', 'DE', 'ZE', 'OE', 'UE', 'PE', 'DAZ', 'IM', 'DM', 'ZM', 'OM', 'UM', 'PM'].map((name, bit) => `<field name="${name}" start="${bit}" end="${bit}"/>`).join('')}<field name="FZ" start="15" end="15"/></flags>`,
};

/** The description that GDB asks for. */
export function targetXml(): string {
  const features = FEATURES.map(
    ({ name, registers }) =>
      `<feature name="${name}">${TYPES[name] ?? ''}${registers.map((r) => `<reg name="${r.name}" bitsize="${r.bits}" type="${r.type}"/>`).join('')}</feature>`,
  );
  return `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>i386:x86-64</architecture>${features.join('')}</target>`;
}

const viewOf = (r: CpuValues): DataView => new DataView(r.fpu_regs.buffer, r.fpu_regs.byteOffset, r.fpu_regs.length);

/** A register's bytes, little endian; undefined for a number that is none. */
export function readRegister(r: CpuValues, index: number): Uint8Array | undefined {
  return REGISTERS[index]?.read(r, viewOf(r));
}

/** Change a register in the record; false for a number that is none or the wrong size. Those that cannot be written stay. */
export function writeRegister(r: CpuValues, index: number, bytes: Uint8Array): boolean {
  const register = REGISTERS[index];
  if (register === undefined || bytes.length !== register.bits / 8) return false;
  register.write?.(r, bytes, viewOf(r));
  return true;
}

/** All registers in order, as the `g` packet has them. */
export function readAll(r: CpuValues): Uint8Array {
  const view = viewOf(r);
  const pieces = REGISTERS.map((register) => register.read(r, view));
  const out = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}
