import { HVM_SAVE_CODE, hvm_hw_cpu, hvm_save_descriptor } from '../../spec/xen/hvm/save.ts';

/** Registers as a record of the HVM save format has them. */
export type CpuValues = ReturnType<typeof hvm_hw_cpu.read>;

/** One vCPU's record among HVM save records. */
export interface CpuRecord {
  readonly vcpu: number;
  /** Where the record's content begins. */
  readonly offset: number;
  readonly values: CpuValues;
}

/** The records without those that hold parts of the same registers again (the XSAVE area): what is changed in CPU records counts then. */
export function withoutXsave(records: Uint8Array): Uint8Array {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const kept: number[] = [];
  for (let at = 0; at + hvm_save_descriptor.size <= records.length; ) {
    const { typecode, length } = hvm_save_descriptor.read(view, at);
    const end = at + hvm_save_descriptor.size + length;
    if (typecode !== HVM_SAVE_CODE.CPU_XSAVE) kept.push(...records.subarray(at, end));
    at = end;
  }
  return Uint8Array.from(kept);
}

/** The CPU records among HVM save records. */
export function readCpuRecords(records: Uint8Array): CpuRecord[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const out: CpuRecord[] = [];
  for (let at = 0; at + hvm_save_descriptor.size <= records.length; ) {
    const { typecode, instance, length } = hvm_save_descriptor.read(view, at);
    at += hvm_save_descriptor.size;
    if (typecode === HVM_SAVE_CODE.CPU) out.push({ vcpu: instance, offset: at, values: hvm_hw_cpu.read(view, at) });
    at += length;
  }
  return out;
}

/** Does the vCPU execute 64-bit code? */
export function is64bit({ msr_efer, cs_arbytes }: CpuValues): boolean {
  return (msr_efer & 0x400n) !== 0n && (cs_arbytes & 0x200) !== 0;
}

/** What decides how the vCPU's addresses are translated. */
export function pagingOf({ cr0, cr3, cr4, msr_efer }: CpuValues): { cr0: bigint; cr3: bigint; cr4: bigint; efer: bigint } {
  return { cr0, cr3, cr4, efer: msr_efer };
}
