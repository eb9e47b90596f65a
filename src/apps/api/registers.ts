import type { CpuValues } from '../../toolstack/xc/cpu-records.ts';

/** A vCPU's registers. General registers, RIP and control registers are 64 bits wide, also in 32-bit code. */
export interface Registers {
  readonly rax: bigint;
  readonly rbx: bigint;
  readonly rcx: bigint;
  readonly rdx: bigint;
  readonly rsi: bigint;
  readonly rdi: bigint;
  readonly rbp: bigint;
  readonly rsp: bigint;
  readonly r8: bigint;
  readonly r9: bigint;
  readonly r10: bigint;
  readonly r11: bigint;
  readonly r12: bigint;
  readonly r13: bigint;
  readonly r14: bigint;
  readonly r15: bigint;
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  /** The MSR EFER. */
  readonly efer: bigint;
  readonly fsBase: bigint;
  readonly gsBase: bigint;
  /** The MSR KERNEL_GS_BASE. */
  readonly kernelGsBase: bigint;
  readonly cs: number;
  readonly ss: number;
  readonly ds: number;
  readonly es: number;
  readonly fs: number;
  readonly gs: number;
}

/** Registers that `setRegisters` changes; selectors would need their descriptors. */
export type WritableRegisters = Omit<Registers, 'cs' | 'ss' | 'ds' | 'es' | 'fs' | 'gs' | 'cr2'>;

const GENERAL = ['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip', 'rflags'] as const;

/** Our names beside those of the record. */
const FIELDS = {
  ...(Object.fromEntries(GENERAL.map((name) => [name, name])) as { [K in (typeof GENERAL)[number]]: K }),
  cr0: 'cr0',
  cr3: 'cr3',
  cr4: 'cr4',
  efer: 'msr_efer',
  fsBase: 'fs_base',
  gsBase: 'gs_base',
  kernelGsBase: 'shadow_gs',
} as const satisfies Record<keyof WritableRegisters, keyof CpuValues>;

/** @internal A record's registers under our names. */
export function registersOf(values: CpuValues): Registers {
  const named = Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, values[field]])) as unknown as WritableRegisters;
  const { cr2, cs_sel, ss_sel, ds_sel, es_sel, fs_sel, gs_sel } = values;
  return { ...named, cr2, cs: cs_sel, ss: ss_sel, ds: ds_sel, es: es_sel, fs: fs_sel, gs: gs_sel };
}

/** @internal The record with some registers changed. Throws a RangeError for names that are none and values that are no 64-bit numbers. */
export function withRegisters(values: CpuValues, changes: Partial<WritableRegisters>): CpuValues {
  const changed: Record<string, unknown> = { ...values };
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(FIELDS, name)) throw new RangeError(`no register "${name}" can be written; there are ${Object.keys(FIELDS).join(', ')}`);
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) throw new RangeError(`register ${name}: a bigint from 0 to 2^64-1 is needed`);
    changed[FIELDS[name as keyof typeof FIELDS]] = value;
  }
  return changed as CpuValues;
}
