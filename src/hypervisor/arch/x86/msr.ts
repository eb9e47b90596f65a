import {
  CSTAR,
  EFER,
  KERNEL_GS_BASE,
  LSTAR,
  MISC_FEATURES,
  SEG_BASE,
  SFMASK,
  STAR,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
  TSC_AUX,
} from '../../../machine/layout.ts';
import type { CpuModel } from '../../../spec/x86/cpu-models.ts';
import * as M from '../../../spec/x86/msr.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { guestTsc, moveTsc } from '../../time/pvclock.ts';
import { writeHypercallPage } from './hypercall-page.ts';
import { readTscDeadline, readX2apic, setTscDeadline, writeApicBase, writeX2apic } from './lapic.ts';

/**
 * MSRs that come to the hypervisor. Most of those a kernel uses all the time are the core's own (FS_BASE, LSTAR, ...)
 * and come here only from tools. Unknown ones are #GP, as on Xen without msr_relaxed.
 */

const FIXED = [M.MSR_MTRRfix64K_00000, M.MSR_MTRRfix16K_80000, M.MSR_MTRRfix16K_A0000, ...Array.from({ length: 8 }, (_, i) => M.MSR_MTRRfix4K_C0000 + i)];
const VARIABLE_RANGES = 8;
/** Bit of PLATFORM_INFO that announces CPUID faulting, and the bit of MISC_FEATURES_ENABLES that turns it on: CPUID outside CPL 0 is then #GP. */
const PLATFORM_CPUID_FAULTING = 1n << 31n;
export const CPUID_FAULTING = 1n;
/** Fixed ranges, write combining, 8 variable ranges. */
export const MTRR_CAP = 0x508n;

/** Plain slots of the context. */
const IN_CONTEXT: ReadonlyMap<number, number> = new Map([
  [M.MSR_STAR, STAR],
  [M.MSR_LSTAR, LSTAR],
  [M.MSR_CSTAR, CSTAR],
  [M.MSR_SYSCALL_MASK, SFMASK],
  [M.MSR_FS_BASE, SEG_BASE + 4],
  [M.MSR_GS_BASE, SEG_BASE + 5],
  [M.MSR_KERNEL_GS_BASE, KERNEL_GS_BASE],
  [M.MSR_TSC_AUX, TSC_AUX],
  [M.MSR_IA32_SYSENTER_CS, SYSENTER_CS],
  [M.MSR_IA32_SYSENTER_ESP, SYSENTER_ESP],
  [M.MSR_IA32_SYSENTER_EIP, SYSENTER_EIP],
  [M.MSR_EFER, EFER],
]);

/** MSRs that read 0 and drop writes: performance counters off, microcode, machine checks absent. */
const ZERO = new Set([
  M.MSR_IA32_UCODE_WRITE,
  M.MSR_AMD64_PATCH_LOADER,
  M.MSR_IA32_MCG_CAP,
  M.MSR_IA32_MCG_STATUS,
  M.MSR_IA32_DEBUGCTLMSR,
  M.MSR_AMD64_SYSCFG,
  M.MSR_K8_TSEG_ADDR,
  M.MSR_AMD64_BU_CFG2,
  M.MSR_AMD64_LS_CFG,
  M.MSR_AMD64_DC_CFG,
  M.MSR_AMD64_FP_CFG,
  M.MSR_VM_CR,
  M.MSR_K8_TOP_MEM1,
  M.MSR_K8_TOP_MEM2,
  M.MSR_IA32_FEAT_CTL,
]);

/** Values after reset. */
export function createMsrs(v: Vcpu): void {
  v.s.pat = M.PAT_RESET;
  v.s.mtrr_deftype = 0xc06n;
  v.s.misc_enable = 1n;
}

/** RDMSR: the value, undefined is #GP. */
export function readMsr(hv: Hypervisor, v: Vcpu, model: CpuModel, msr: number): bigint | undefined {
  const slot = IN_CONTEXT.get(msr);
  if (slot !== undefined) return v.context.get(slot);
  if (msr >= M.MSR_X2APIC_FIRST && msr <= M.MSR_X2APIC_LAST) return readX2apic(hv, v, msr);
  switch (msr) {
    case M.MSR_XEN_HYPERCALL_PAGE:
      return 0n; // write-only, in effect
    case M.MSR_IA32_TSC:
      return guestTsc(hv, v);
    case M.MSR_IA32_TSC_ADJUST:
      return v.s.tsc_adjust;
    case M.MSR_IA32_TSC_DEADLINE:
      return readTscDeadline(hv, v);
    case M.MSR_IA32_APICBASE:
      return v.s.apic_base;
    case M.MSR_IA32_CR_PAT:
      return v.s.pat;
    case M.MSR_MTRRcap:
      return MTRR_CAP;
    case M.MSR_MTRRdefType:
      return v.s.mtrr_deftype;
    case M.MSR_IA32_MISC_ENABLE:
      return v.s.misc_enable;
    case M.MSR_PLATFORM_INFO:
      return PLATFORM_CPUID_FAULTING;
    case M.MSR_MISC_FEATURES_ENABLES:
      return v.context.get(MISC_FEATURES);
    default:
  }
  const fixed = FIXED.indexOf(msr);
  if (fixed >= 0) return v.s.mtrr_fixed.get(fixed);
  if (msr >= M.MSR_MTRRphysBase0 && msr < M.MSR_MTRRphysBase0 + 2 * VARIABLE_RANGES) return v.s.mtrr_variable.get(msr - M.MSR_MTRRphysBase0);
  const ofModel = model.msrs.get(msr);
  if (ofModel !== undefined) return ofModel;
  return ZERO.has(msr) ? 0n : undefined;
}

const PAT_TYPES = new Set([M.MEMORY_TYPE_UC, M.MEMORY_TYPE_WC, M.MEMORY_TYPE_WT, M.MEMORY_TYPE_WP, M.MEMORY_TYPE_WB, M.MEMORY_TYPE_UC_MINUS]);

function validPat(value: bigint): boolean {
  for (let i = 0n; i < 8n; i++) if (!PAT_TYPES.has(Number((value >> (i * 8n)) & 0xffn))) return false;
  return true;
}

/** WRMSR: false is #GP. */
export function writeMsr(hv: Hypervisor, v: Vcpu, model: CpuModel, msr: number, value: bigint): boolean {
  const slot = IN_CONTEXT.get(msr);
  if (slot !== undefined) {
    v.context.set(slot, value);
    hv.cpu.stateChanged(v.context.address);
    return true;
  }
  if (msr >= M.MSR_X2APIC_FIRST && msr <= M.MSR_X2APIC_LAST) return writeX2apic(hv, v, msr, value);
  switch (msr) {
    case M.MSR_XEN_HYPERCALL_PAGE:
      return writeHypercallPage(hv, v, model.vendor, value);
    case M.MSR_IA32_TSC:
    case M.MSR_IA32_TSC_ADJUST: {
      const deadline = readTscDeadline(hv, v);
      moveTsc(hv, v, value - (msr === M.MSR_IA32_TSC ? guestTsc(hv, v) : v.s.tsc_adjust));
      if (deadline !== 0n) setTscDeadline(hv, v, deadline, guestTsc(hv, v));
      return true;
    }
    case M.MSR_IA32_TSC_DEADLINE:
      setTscDeadline(hv, v, value, guestTsc(hv, v));
      return true;
    case M.MSR_IA32_APICBASE:
      return writeApicBase(hv, v, value);
    case M.MSR_IA32_CR_PAT:
      if (!validPat(value)) return false;
      v.s.pat = value;
      return true;
    case M.MSR_MTRRdefType:
      if ((value & ~0xcffn) !== 0n) return false;
      v.s.mtrr_deftype = value;
      return true;
    case M.MSR_IA32_MISC_ENABLE:
      v.s.misc_enable = value;
      return true;
    case M.MSR_IA32_UCODE_REV:
      return true;
    case M.MSR_PLATFORM_INFO:
      return false;
    case M.MSR_MISC_FEATURES_ENABLES:
      if ((value & ~CPUID_FAULTING) !== 0n) return false;
      v.context.set(MISC_FEATURES, value);
      return true;
    default:
  }
  const fixed = FIXED.indexOf(msr);
  if (fixed >= 0) {
    v.s.mtrr_fixed.set(fixed, value);
    return true;
  }
  if (msr >= M.MSR_MTRRphysBase0 && msr < M.MSR_MTRRphysBase0 + 2 * VARIABLE_RANGES) {
    v.s.mtrr_variable.set(msr - M.MSR_MTRRphysBase0, value);
    return true;
  }
  return model.msrs.has(msr) || ZERO.has(msr);
}
