import { HVM_SAVE_CODE, hvm_hw_cpu, hvm_save_descriptor } from '../../spec/xen/hvm/save.ts';

const hex = (value: bigint, digits = 16): string => value.toString(16).padStart(digits, '0');

/** One vCPU's registers, read from HVM save records. */
export interface CpuRegisters {
  readonly vcpu: number;
  readonly values: ReturnType<typeof hvm_hw_cpu.read>;
}

/** The CPU records among HVM save records. */
export function readCpuRecords(records: Uint8Array): CpuRegisters[] {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  const out: CpuRegisters[] = [];
  for (let at = 0; at + hvm_save_descriptor.size <= records.length; ) {
    const { typecode, instance, length } = hvm_save_descriptor.read(view, at);
    at += hvm_save_descriptor.size;
    if (typecode === HVM_SAVE_CODE.CPU) out.push({ vcpu: instance, values: hvm_hw_cpu.read(view, at) });
    at += length;
  }
  return out;
}

/** Registers as lines of text, in the order Xen prints them. */
export function formatRegisters({ vcpu, values: r }: CpuRegisters, describe: (address: bigint) => string | undefined): string[] {
  const symbol = describe(r.rip);
  return [
    `vcpu ${vcpu}`,
    `rip: ${r.cs_sel.toString(16).padStart(4, '0')}:${hex(r.rip)}${symbol === undefined ? '' : ` (${symbol})`}   rflags: ${hex(r.rflags, 8)}`,
    `rax: ${hex(r.rax)}  rbx: ${hex(r.rbx)}  rcx: ${hex(r.rcx)}`,
    `rdx: ${hex(r.rdx)}  rsi: ${hex(r.rsi)}  rdi: ${hex(r.rdi)}`,
    `rbp: ${hex(r.rbp)}  rsp: ${hex(r.rsp)}  r8:  ${hex(r.r8)}`,
    `r9:  ${hex(r.r9)}  r10: ${hex(r.r10)}  r11: ${hex(r.r11)}`,
    `r12: ${hex(r.r12)}  r13: ${hex(r.r13)}  r14: ${hex(r.r14)}`,
    `r15: ${hex(r.r15)}  cr0: ${hex(r.cr0)}  cr2: ${hex(r.cr2)}`,
    `cr3: ${hex(r.cr3)}  cr4: ${hex(r.cr4)}  efer: ${hex(r.msr_efer)}`,
    `fsb: ${hex(r.fs_base)}  gsb: ${hex(r.gs_base)}  gss: ${hex(r.shadow_gs)}`,
  ];
}
