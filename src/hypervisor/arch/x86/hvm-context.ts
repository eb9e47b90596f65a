import type { Fields, Struct, Update } from '../../../base/struct.ts';
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
  hvm_hw_cpu_xsave,
  hvm_hw_lapic,
  hvm_hw_lapic_regs,
  hvm_hw_mtrr,
  hvm_save_descriptor,
  hvm_save_header,
  hvm_tsc_adjust,
  XEN_X86_FPU_INITIALISED,
} from '../../../spec/xen/hvm/save.ts';
import { VCPUF_down, VCPUF_initialised } from '../../domain.ts';
import type { Domain, Hypervisor, Vcpu } from '../../hypervisor.ts';
import { guestTsc, moveTsc, TSC_KHZ } from '../../time/pvclock.ts';
import { readFlags } from './flags.ts';
import { packFxsave, unpackFxsave } from './fxsave.ts';
import { lapicPage, lapicSummary } from './lapic.ts';
import { MTRR_CAP } from './msr.ts';
import { attachContext, initialiseFpu } from './vcpu-state.ts';
import { enabledComponents, packXsave, unpackXsave, xfeatureMask } from './xsave-area.ts';

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

function loadMtrr(_hv: Hypervisor, v: Vcpu, content: Uint8Array): boolean {
  if (content.length !== hvm_hw_mtrr.size) return false;
  const r = hvm_hw_mtrr.read(new DataView(content.buffer), 0);
  v.s.pat = r.msr_pat_cr;
  for (const [i, value] of r.msr_mtrr_var.entries()) v.s.mtrr_variable.set(i, value);
  for (const [i, value] of r.msr_mtrr_fixed.entries()) v.s.mtrr_fixed.set(i, value);
  v.s.mtrr_deftype = r.msr_mtrr_def_type;
  return true;
}

function loadTscAdjust(hv: Hypervisor, v: Vcpu, content: Uint8Array): boolean {
  if (content.length !== hvm_tsc_adjust.size) return false;
  moveTsc(hv, v, hvm_tsc_adjust.read(new DataView(content.buffer), 0).tsc_adjust - v.s.tsc_adjust);
  return true;
}

/** What is loaded after the CPU records, by type; others are passed over. */
const loaders: ReadonlyMap<number, (hv: Hypervisor, v: Vcpu, content: Uint8Array) => boolean> = new Map([
  [HVM_SAVE_CODE.MTRR, loadMtrr],
  [HVM_SAVE_CODE.TSC_ADJUST, loadTscAdjust],
  [HVM_SAVE_CODE.CPU_XSAVE, (hv, v, content) => unpackXsave(hv, v, content.slice(hvm_hw_cpu_xsave.offsets.save_area))],
]);

/**
 * Load records of the HVM save format: HEADER first, END last; false when they do not hold together (nothing is
 * changed then), or a record of another known kind is not one. CPU records set registers, and their vCPU is up when the domain
 * is unpaused.
 */
export function loadHvmContext(hv: Hypervisor, of: Domain, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const cpus: { v: Vcpu; record: Uint8Array }[] = [];
  const others: (() => boolean)[] = [];
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
    } else {
      const v = hv.vcpu(of, instance);
      const load = v === undefined ? undefined : loaders.get(typecode);
      const content = bytes.slice(at, at + length);
      if (v !== undefined && load !== undefined) others.push(() => load(hv, v, content));
    }
    at += length;
  }
  for (const { v, record } of cpus) loadCpu(hv, v, record);
  return others.every((load) => load());
}

/** What a record holds of one vCPU, or of the domain. */
export interface HvmRecord {
  readonly typecode: number;
  readonly instance: number;
  readonly content: Uint8Array;
}

function record<F extends Fields>(typecode: number, instance: number, kind: Struct<F>, fields: Update<F>): HvmRecord {
  const content = new Uint8Array(kind.size);
  kind.write(new DataView(content.buffer), 0, fields);
  return { typecode, instance, content };
}

function cpuRecord(hv: Hypervisor, v: Vcpu): HvmRecord {
  const c = v.context;
  const fields: Record<string, bigint | number | Uint8Array> = {
    fpu_regs: packFxsave(hv.memories, c),
    rflags: BigInt(readFlags(c)),
    tsc: guestTsc(hv, v),
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
  return record(HVM_SAVE_CODE.CPU, v.id, hvm_hw_cpu, fields);
}

function xsaveRecord(hv: Hypervisor, v: Vcpu): HvmRecord {
  const head = hvm_hw_cpu_xsave.offsets.save_area;
  const area = packXsave(hv, v);
  const content = new Uint8Array(head + area.length);
  const components = enabledComponents(v);
  hvm_hw_cpu_xsave.write(new DataView(content.buffer), 0, { xfeature_mask: xfeatureMask(hv), xcr0: components, xcr0_accum: components });
  content.set(area, head);
  return { typecode: HVM_SAVE_CODE.CPU_XSAVE, instance: v.id, content };
}

function mtrrRecord(v: Vcpu): HvmRecord {
  return record(HVM_SAVE_CODE.MTRR, v.id, hvm_hw_mtrr, {
    msr_pat_cr: v.s.pat,
    msr_mtrr_var: [...v.s.mtrr_variable],
    msr_mtrr_fixed: [...v.s.mtrr_fixed],
    msr_mtrr_cap: MTRR_CAP,
    msr_mtrr_def_type: v.s.mtrr_deftype,
  });
}

/** The domain's records but for the last, in Xen's order: HEADER, then kind by kind those of each vCPU; registers of those that were initialised. */
export function hvmRecords(hv: Hypervisor, of: Domain): HvmRecord[] {
  const all = hv.vcpus(of).filter((v) => v.s.lapic !== 0);
  const cpus = all.filter((v) => (v.s.flags & VCPUF_initialised) !== 0);
  return [
    record(HVM_SAVE_CODE.HEADER, 0, hvm_save_header, { magic: HVM_FILE_MAGIC, version: HVM_FILE_VERSION, gtsc_khz: TSC_KHZ }),
    ...cpus.map((v) => cpuRecord(hv, v)),
    ...all.map((v) => record(HVM_SAVE_CODE.LAPIC, v.id, hvm_hw_lapic, lapicSummary(v))),
    ...all.map((v) => record(HVM_SAVE_CODE.LAPIC_REGS, v.id, hvm_hw_lapic_regs, { data: lapicPage(v) })),
    ...all.map(mtrrRecord),
    ...(xfeatureMask(hv) === 0 ? [] : cpus.map((v) => xsaveRecord(hv, v))),
    ...all.map((v) => record(HVM_SAVE_CODE.TSC_ADJUST, v.id, hvm_tsc_adjust, { tsc_adjust: v.s.tsc_adjust })),
  ];
}

/** All records of a domain, END last. */
export function saveHvmContext(hv: Hypervisor, of: Domain): Uint8Array {
  const records = [...hvmRecords(hv, of), { typecode: HVM_SAVE_CODE.END, instance: 0, content: new Uint8Array(0) }];
  const d = hvm_save_descriptor.size;
  const out = new Uint8Array(records.reduce((sum, { content }) => sum + d + content.length, 0));
  let at = 0;
  for (const { typecode, instance, content } of records) {
    hvm_save_descriptor.write(new DataView(out.buffer), at, { typecode, instance, length: content.length });
    out.set(content, at + d);
    at += d + content.length;
  }
  return out;
}
