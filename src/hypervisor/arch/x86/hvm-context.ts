import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CSTAR,
  DR0,
  DR6,
  DR7,
  EFER,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  KERNEL_GS_BASE,
  LDTR_ATTR,
  LDTR_BASE,
  LDTR_LIMIT,
  LDTR_SEL,
  LSTAR,
  RIP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TR_ATTR,
  TR_BASE,
  TR_LIMIT,
  TR_SEL,
  TSC_AUX,
} from '../../../machine/layout.ts';
import type { VcpuContext } from '../../../machine/vcpu-context.ts';
import {
  HVM_FILE_MAGIC,
  HVM_FILE_VERSION,
  HVM_SAVE_CODE,
  hvm_hw_cpu,
  hvm_save_descriptor,
  hvm_save_header,
  XEN_X86_FPU_INITIALISED,
} from '../../../spec/xen/hvm/save.ts';
import { VCPUF_down, VCPUF_initialised } from '../../domain.ts';
import type { Domain, Hypervisor, Vcpu } from '../../hypervisor.ts';
import { readFlags } from './flags.ts';
import { packFxsave, unpackFxsave } from './fxsave.ts';
import { attachContext, initialiseFpu } from './vcpu-state.ts';

/** Record field for each context slot that is copied as it is. */
const PLAIN = [
  ['rax', 0],
  ['rcx', 1],
  ['rdx', 2],
  ['rbx', 3],
  ['rsp', 4],
  ['rbp', 5],
  ['rsi', 6],
  ['rdi', 7],
  ['r8', 8],
  ['r9', 9],
  ['r10', 10],
  ['r11', 11],
  ['r12', 12],
  ['r13', 13],
  ['r14', 14],
  ['r15', 15],
  ['rip', RIP],
  ['cr0', CR0],
  ['cr2', CR2],
  ['cr3', CR3],
  ['cr4', CR4],
  ['dr0', DR0],
  ['dr1', DR0 + 1],
  ['dr2', DR0 + 2],
  ['dr3', DR0 + 3],
  ['dr6', DR6],
  ['dr7', DR7],
  ['tr_base', TR_BASE],
  ['ldtr_base', LDTR_BASE],
  ['idtr_base', IDTR_BASE],
  ['gdtr_base', GDTR_BASE],
  ['sysenter_cs', SYSENTER_CS],
  ['sysenter_esp', SYSENTER_ESP],
  ['sysenter_eip', SYSENTER_EIP],
  ['shadow_gs', KERNEL_GS_BASE],
  ['msr_lstar', LSTAR],
  ['msr_star', STAR],
  ['msr_cstar', CSTAR],
  ['msr_syscall_mask', SFMASK],
  ['msr_efer', EFER],
  ['msr_tsc_aux', TSC_AUX],
] as const;

/** 32-bit fields and their slots. */
const PLAIN32 = [
  ['tr_sel', TR_SEL],
  ['tr_limit', TR_LIMIT],
  ['tr_arbytes', TR_ATTR],
  ['ldtr_sel', LDTR_SEL],
  ['ldtr_limit', LDTR_LIMIT],
  ['ldtr_arbytes', LDTR_ATTR],
  ['idtr_limit', IDTR_LIMIT],
  ['gdtr_limit', GDTR_LIMIT],
] as const;

const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;

function loadCpu(hv: Hypervisor, v: Vcpu, record: Uint8Array): void {
  const r = hvm_hw_cpu.read(new DataView(record.buffer, record.byteOffset), 0);
  const c: VcpuContext = v.context;
  if ((v.s.flags & VCPUF_initialised) === 0) {
    c.clear();
    initialiseFpu(c);
  }
  if ((r.flags & XEN_X86_FPU_INITIALISED) !== 0) unpackFxsave(hv.memories, c, r.fpu_regs);
  for (const [field, slot] of PLAIN) c.set(slot, r[field]);
  for (const [field, slot] of PLAIN32) c.setLow(slot, r[field]);
  for (const [seg, name] of SEGMENTS.entries()) {
    c.setLow(SEG_SEL + seg, r[`${name}_sel`]);
    c.set(SEG_BASE + seg, r[`${name}_base`]);
    c.setLow(SEG_LIMIT + seg, r[`${name}_limit`]);
    c.setLow(SEG_ATTR + seg, r[`${name}_arbytes`]);
  }
  c.setFlags(Number(r.rflags & 0xffffffffn));
  c.set(CR0, r.cr0 | 0x10n);
  c.setLow(CPL, (r.ss_arbytes >>> 5) & 3);
  v.s.flags = (v.s.flags | VCPUF_initialised) & ~VCPUF_down;
  attachContext(hv, v);
}

/**
 * Load records of the HVM save format: HEADER first, END last; false when they do not hold together (nothing is
 * changed then). CPU records set registers, and their vCPU is up when the domain is unpaused.
 */
export function loadHvmContext(hv: Hypervisor, of: Domain, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cpus: { v: Vcpu; record: Uint8Array }[] = [];
  let at = 0;
  for (let index = 0; ; index++) {
    if (at + hvm_save_descriptor.size > bytes.length) return false;
    const { typecode, instance, length } = hvm_save_descriptor.read(view, at);
    at += hvm_save_descriptor.size;
    if (at + length > bytes.length) return false;
    if (index === 0) {
      if (typecode !== HVM_SAVE_CODE.HEADER || length !== hvm_save_header.size) return false;
      const header = hvm_save_header.read(view, at);
      if (header.magic !== HVM_FILE_MAGIC || header.version !== HVM_FILE_VERSION) return false;
    } else if (typecode === HVM_SAVE_CODE.END) break;
    else if (typecode === HVM_SAVE_CODE.CPU) {
      const v = hv.vcpu(of, instance);
      if (v === undefined || length !== hvm_hw_cpu.size) return false;
      cpus.push({ v, record: bytes.slice(at, at + length) });
    }
    at += length;
  }
  for (const { v, record } of cpus) loadCpu(hv, v, record);
  return true;
}

/** The domain's records: HEADER, a CPU record for each vCPU that was initialised, END. */
export function saveHvmContext(hv: Hypervisor, of: Domain): Uint8Array {
  const cpus = [...hv.vcpus(of)].filter((v) => (v.s.flags & VCPUF_initialised) !== 0);
  const d = hvm_save_descriptor.size;
  const out = new Uint8Array(d + hvm_save_header.size + cpus.length * (d + hvm_hw_cpu.size) + d);
  const view = new DataView(out.buffer);
  hvm_save_descriptor.write(view, 0, { typecode: HVM_SAVE_CODE.HEADER, instance: 0, length: hvm_save_header.size });
  hvm_save_header.write(view, d, { magic: HVM_FILE_MAGIC, version: HVM_FILE_VERSION, gtsc_khz: 1_000_000 });
  let at = d + hvm_save_header.size;
  for (const v of cpus) {
    hvm_save_descriptor.write(view, at, { typecode: HVM_SAVE_CODE.CPU, instance: v.id, length: hvm_hw_cpu.size });
    at += d;
    const c = v.context;
    const fields: Record<string, bigint | number | Uint8Array> = {
      fpu_regs: packFxsave(hv.memories, c),
      rflags: BigInt(readFlags(c)),
      tsc: hv.now(),
      flags: XEN_X86_FPU_INITIALISED,
    };
    for (const [field, slot] of PLAIN) fields[field] = c.get(slot);
    for (const [field, slot] of PLAIN32) fields[field] = c.low(slot);
    for (const [seg, name] of SEGMENTS.entries()) {
      fields[`${name}_sel`] = c.low(SEG_SEL + seg);
      fields[`${name}_base`] = c.get(SEG_BASE + seg);
      fields[`${name}_limit`] = c.low(SEG_LIMIT + seg);
      fields[`${name}_arbytes`] = c.low(SEG_ATTR + seg);
    }
    hvm_hw_cpu.write(view, at, fields);
    at += hvm_hw_cpu.size;
  }
  hvm_save_descriptor.write(view, at, { typecode: HVM_SAVE_CODE.END, instance: 0, length: 0 });
  return out;
}
