/**
 * Records of an HVM or PVH domain's state, as gethvmcontext gives and sethvmcontext takes them: a descriptor, then the record, the last one END.
 * @see xen/include/public/hvm/save.h, arch-x86/hvm/save.h
 */
import { array, bytes, pad, s64, struct, u8, u16, u32, u64, union } from '../../../base/struct.ts';

/** Before every record; length does not count the descriptor. */
export const hvm_save_descriptor = struct('hvm_save_descriptor', { typecode: u16, instance: u16, length: u32 });

/** Type codes of the records. */
export const HVM_SAVE_CODE = {
  END: 0,
  HEADER: 1,
  CPU: 2,
  PIC: 3,
  IOAPIC: 4,
  LAPIC: 5,
  LAPIC_REGS: 6,
  PCI_IRQ: 7,
  ISA_IRQ: 8,
  PCI_LINK: 9,
  PIT: 10,
  RTC: 11,
  HPET: 12,
  PMTIMER: 13,
  MTRR: 14,
  VIRIDIAN_DOMAIN: 15,
  CPU_XSAVE: 16,
  VIRIDIAN_VCPU: 17,
  VMCE_VCPU: 18,
  TSC_ADJUST: 19,
  CPU_MSR: 20,
} as const;
export const HVM_SAVE_CODE_MAX = 20;
export const CPU_XSAVE_CODE = 16;
export const CPU_MSR_CODE = 20;

export const HVM_FILE_MAGIC = 0x54381286;
export const HVM_FILE_VERSION = 1;
/** Record HEADER, always first. */
export const hvm_save_header = struct('hvm_save_header', {
  magic: u32,
  version: u32,
  changeset: u64,
  /** eax of CPUID leaf 1 where it was saved. */
  cpuid: u32,
  gtsc_khz: u32,
});

/** Record CPU. */
export const hvm_hw_cpu = struct('hvm_hw_cpu', {
  /** FXSAVE area. */
  fpu_regs: bytes(512),
  rax: u64,
  rbx: u64,
  rcx: u64,
  rdx: u64,
  rbp: u64,
  rsi: u64,
  rdi: u64,
  rsp: u64,
  r8: u64,
  r9: u64,
  r10: u64,
  r11: u64,
  r12: u64,
  r13: u64,
  r14: u64,
  r15: u64,
  rip: u64,
  rflags: u64,
  cr0: u64,
  cr2: u64,
  cr3: u64,
  cr4: u64,
  dr0: u64,
  dr1: u64,
  dr2: u64,
  dr3: u64,
  dr6: u64,
  dr7: u64,
  cs_sel: u32,
  ds_sel: u32,
  es_sel: u32,
  fs_sel: u32,
  gs_sel: u32,
  ss_sel: u32,
  tr_sel: u32,
  ldtr_sel: u32,
  cs_limit: u32,
  ds_limit: u32,
  es_limit: u32,
  fs_limit: u32,
  gs_limit: u32,
  ss_limit: u32,
  tr_limit: u32,
  ldtr_limit: u32,
  idtr_limit: u32,
  gdtr_limit: u32,
  cs_base: u64,
  ds_base: u64,
  es_base: u64,
  fs_base: u64,
  gs_base: u64,
  ss_base: u64,
  tr_base: u64,
  ldtr_base: u64,
  idtr_base: u64,
  gdtr_base: u64,
  cs_arbytes: u32,
  ds_arbytes: u32,
  es_arbytes: u32,
  fs_arbytes: u32,
  gs_arbytes: u32,
  ss_arbytes: u32,
  tr_arbytes: u32,
  ldtr_arbytes: u32,
  sysenter_cs: u64,
  sysenter_esp: u64,
  sysenter_eip: u64,
  shadow_gs: u64,
  /** Obsolete. */
  msr_flags: u64,
  msr_lstar: u64,
  msr_star: u64,
  msr_cstar: u64,
  msr_syscall_mask: u64,
  msr_efer: u64,
  msr_tsc_aux: u64,
  /** What RDTSC would give. */
  tsc: u64,
  /** Bits 0..7 vector, 8..10 type, 11 has an error code, 31 valid. */
  pending_event: u32,
  error_code: u32,
  /** XEN_X86_FPU_INITIALISED. */
  flags: u32,
  pad0: pad(4, 4),
});
export const XEN_X86_FPU_INITIALISED = 1;

/** Record LAPIC: what the registers do not tell. */
export const hvm_hw_lapic = struct('hvm_hw_lapic', {
  apic_base_msr: u64,
  /** Bit 0 disabled by software, bit 1 by the APIC base MSR. */
  disabled: u32,
  timer_divisor: u32,
  /** TSC deadline. */
  tdt_msr: u64,
});

/** Record LAPIC_REGS: the register page's first KiB. */
export const hvm_hw_lapic_regs = struct('hvm_hw_lapic_regs', { data: bytes(1024) });

/** Record MTRR. */
export const MTRR_VCNT = 8;
export const NUM_FIXED_MSR = 11;
export const hvm_hw_mtrr = struct('hvm_hw_mtrr', {
  msr_pat_cr: u64,
  /** Base and mask in turn. */
  msr_mtrr_var: array(u64, MTRR_VCNT * 2),
  msr_mtrr_fixed: array(u64, NUM_FIXED_MSR),
  msr_mtrr_cap: u64,
  msr_mtrr_def_type: u64,
});

/** Header of an XSAVE area. */
export const hvm_hw_cpu_xsave_hdr = struct('hvm_hw_cpu_xsave_hdr', { xstate_bv: u64, xcomp_bv: u64, reserved: array(u64, 6) });
/** Record CPU_XSAVE; longer when components beyond SSE are in use. */
export const hvm_hw_cpu_xsave = struct('hvm_hw_cpu_xsave', {
  xfeature_mask: u64,
  xcr0: u64,
  xcr0_accum: u64,
  save_area: struct({ fpu_sse: bytes(512), xsave_hdr: hvm_hw_cpu_xsave_hdr }),
});

/** Record VMCE_VCPU. */
export const hvm_vmce_vcpu = struct('hvm_vmce_vcpu', { caps: u64, mci_ctl2_bank0: u64, mci_ctl2_bank1: u64, mcg_ext_ctl: u64 });
/** Record TSC_ADJUST. */
export const hvm_tsc_adjust = struct('hvm_tsc_adjust', { tsc_adjust: u64 });

/** Record CPU_MSR: `count` entries. */
export const hvm_one_msr = struct('hvm_one_msr', { index: u32, _rsvd: u32, val: u64 });
export const hvm_msr = struct('hvm_msr', { count: u32, msr: array(hvm_one_msr, 0) });

/** Record PCI_LINK. */
export const hvm_hw_pci_link = struct('hvm_hw_pci_link', { route: array(u8, 4), pad0: pad(4) });
/** Record PMTIMER. */
export const hvm_hw_pmtimer = struct('hvm_hw_pmtimer', { tmr_val: u32, pm1a_sts: u16, pm1a_en: u16 });
/** Record RTC. */
export const RTC_CMOS_SIZE = 14;
export const hvm_hw_rtc = struct('hvm_hw_rtc', {
  cmos_data: array(u8, RTC_CMOS_SIZE),
  cmos_index: u8,
  pad0: pad(1),
  rtc_offset: s64,
});
/** Record IOAPIC. */
export const VIOAPIC_NUM_PINS = 48;
export const vioapic_redir_entry = union('vioapic_redir_entry', { bits: u64 });
export const hvm_hw_vioapic = struct('hvm_hw_vioapic', {
  base_address: u64,
  ioregsel: u32,
  id: u32,
  redirtbl: array(vioapic_redir_entry, VIOAPIC_NUM_PINS),
});
