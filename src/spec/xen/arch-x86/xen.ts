/**
 * What x86 adds to the public ABI: registers, per-vCPU and shared parts, the domain configuration of emulated devices.
 * Layouts are the 64-bit ones.
 * @see xen/include/public/arch-x86/xen.h, xen-x86_64.h
 */
import { array, bytes, pad, struct, u8, u16, u32, u64, u64n } from '../../../base/struct.ts';

/** unsigned long of frame numbers. */
export const xen_pfn_t = u64n;
/** unsigned long of counts; bit masks and register values are u64 instead. */
export const xen_ulong_t = u64n;

/** vCPUs that have a vcpu_info inside shared_info. */
export const XEN_LEGACY_MAX_VCPUS = 32;

/** Xen's part of a PV guest's GDT. */
export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_BYTE = 57344;
export const FIRST_RESERVED_GDT_ENTRY = 7168;

/** set_trap_table entry. Written by the guest. */
export const trap_info = struct('trap_info', {
  vector: u8,
  /** Bits 0..1 privilege level, bit 2 mask events on entry. */
  flags: u8,
  cs: u16,
  address: u64,
});

/** General registers, as the toolstack exchanges them. */
export const cpu_user_regs = struct('cpu_user_regs', {
  r15: u64,
  r14: u64,
  r13: u64,
  r12: u64,
  rbp: u64,
  rbx: u64,
  r11: u64,
  r10: u64,
  r9: u64,
  r8: u64,
  rax: u64,
  rcx: u64,
  rdx: u64,
  rsi: u64,
  rdi: u64,
  error_code: u32,
  entry_vector: u32,
  rip: u64,
  cs: u16,
  _pad0: pad(2),
  saved_upcall_mask: u8,
  _pad1: pad(3),
  rflags: u64,
  rsp: u64,
  ss: u16,
  _pad2: pad(6),
  es: u16,
  _pad3: pad(6),
  ds: u16,
  _pad4: pad(6),
  fs: u16,
  _pad5: pad(6),
  gs: u16,
  _pad6: pad(6),
});

/** State of a PV vCPU: VCPUOP_initialise and the get/set vcpucontext domctls. */
export const vcpu_guest_context = struct('vcpu_guest_context', {
  /** FXSAVE area. */
  fpu_ctxt: bytes(512),
  /** VGCF_*. */
  flags: u64,
  user_regs: cpu_user_regs,
  trap_ctxt: array(trap_info, 256),
  ldt_base: u64,
  ldt_ents: u64n,
  gdt_frames: array(u64n, 16),
  gdt_ents: u64n,
  kernel_ss: u64,
  kernel_sp: u64,
  /** CR0..CR7; [1] holds the user page table. */
  ctrlreg: array(u64, 8),
  debugreg: array(u64, 8),
  event_callback_eip: u64,
  failsafe_callback_eip: u64,
  syscall_callback_eip: u64,
  vm_assist: u64,
  fs_base: u64,
  gs_base_kernel: u64,
  gs_base_user: u64,
});
/** Flags of vcpu_guest_context. */
export const VGCF_I387_VALID = 1;
export const VGCF_IN_KERNEL = 4;
export const VGCF_i387_valid = 1;
export const VGCF_in_kernel = 4;
export const VGCF_failsafe_disables_events = 8;
export const VGCF_syscall_disables_events = 0x10;
export const VGCF_online = 0x20;
/** The guest left by SYSCALL. */
export const VGCF_in_syscall = 0x100;

/** Tail of shared_info: where a PV guest keeps its p2m table. Written by the guest (nmi_reason by Xen). */
export const arch_shared_info = struct('arch_shared_info', {
  max_pfn: u64n,
  pfn_to_mfn_frame_list_list: u64n,
  nmi_reason: u64,
  p2m_cr3: u64,
  p2m_vaddr: u64,
  p2m_generation: u64,
});

/** x86 part of vcpu_info: CR2 of the last page fault of a PV guest. Written by Xen. */
export const arch_vcpu_info = struct('arch_vcpu_info', { cr2: u64, pad: pad(8, 8) });

/** Which devices Xen emulates for an HVM or PVH domain. Written by the toolstack. */
export const xen_arch_domainconfig = struct('xen_arch_domainconfig', { emulation_flags: u32, misc_flags: u32 });
/** Bits of emulation_flags; a PVH domU has the local APIC only. */
export const XEN_X86_EMU_LAPIC = 1;
export const XEN_X86_EMU_HPET = 2;
export const XEN_X86_EMU_PM = 4;
export const XEN_X86_EMU_RTC = 8;
export const XEN_X86_EMU_IOAPIC = 0x10;
export const XEN_X86_EMU_PIC = 0x20;
export const XEN_X86_EMU_VGA = 0x40;
export const XEN_X86_EMU_IOMMU = 0x80;
export const XEN_X86_EMU_PIT = 0x100;
export const XEN_X86_EMU_USE_PIRQ = 0x200;
export const XEN_X86_EMU_VPCI = 0x400;
export const XEN_X86_EMU_ALL = 2047;
/** Bits of misc_flags: unknown MSRs read as zero. */
export const XEN_X86_MSR_RELAXED = 1;
export const XEN_X86_MISC_FLAGS_MAX = 1;

/** One CPUID leaf of a policy. */
export const xen_cpuid_leaf = struct('xen_cpuid_leaf', { leaf: u32, subleaf: u32, a: u32, b: u32, c: u32, d: u32 });
export const XEN_CPUID_NO_SUBLEAF = 0xffffffff;
/** One MSR of a policy. */
export const xen_msr_entry = struct('xen_msr_entry', { idx: u32, flags: u32, val: u64 });

/** Port of the debug console. */
export const XEN_HVM_DEBUGCONS_IOPORT = 0xe9;

/** Selectors in Xen's part of a PV guest's GDT. */
export const FLAT_RING3_CS32 = 0xe023;
export const FLAT_RING3_CS64 = 0xe033;
export const FLAT_RING3_DS32 = 0xe02b;
export const FLAT_RING3_DS64 = 0;
export const FLAT_RING3_SS32 = 0xe02b;
export const FLAT_RING3_SS64 = 0xe02b;

/** Xen's hole in a PV address space, and the machine-to-physical table at its start. */
export const __HYPERVISOR_VIRT_START = 0xffff800000000000n;
export const __HYPERVISOR_VIRT_END = 0xffff880000000000n;
export const __MACH2PHYS_VIRT_START = 0xffff800000000000n;
export const __MACH2PHYS_VIRT_END = 0xffff804000000000n;

/** set_segment_base: which base. */
export const SEGBASE_FS = 0;
export const SEGBASE_GS_USER = 1;
export const SEGBASE_GS_KERNEL = 2;
export const SEGBASE_GS_USER_SEL = 3;

/** What lies on a PV kernel's stack at the iret hypercall, top first. Written by the guest. */
export const iret_context = struct('iret_context', {
  rax: u64,
  r11: u64,
  rcx: u64,
  flags: u64,
  rip: u64,
  cs: u64,
  rflags: u64,
  rsp: u64,
  ss: u64,
});
