import { CR4, XCR0 } from '../../../machine/layout.ts';
import { type CpuidResult, cpuid } from '../../../spec/x86/cpu-models.ts';
import * as X from '../../../spec/xen/arch-x86/cpuid.ts';
import { XEN_MAJOR, XEN_MINOR } from '../../hypercalls/xen-version.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { TSC_KHZ, TSC_SHIFT, TSC_TO_SYSTEM_MUL } from '../../time/pvclock.ts';
import { domainModel } from './cpu-policy.ts';
import { apicId } from './lapic.ts';

const OSXSAVE = 1 << 18;
const PKE = 1 << 22;
const NOTHING: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/** The hypervisor's leaves, `leaf` relative to their base. @see xen/include/public/arch-x86/cpuid.h */
function xenLeaf(v: Vcpu, leaf: number, subleaf: number): CpuidResult {
  switch (leaf) {
    case 0:
      return {
        eax: X.XEN_CPUID_FIRST_LEAF + X.XEN_CPUID_MAX_NUM_LEAVES,
        ebx: X.XEN_CPUID_SIGNATURE_EBX,
        ecx: X.XEN_CPUID_SIGNATURE_ECX,
        edx: X.XEN_CPUID_SIGNATURE_EDX,
      };
    case 1:
      return { ...NOTHING, eax: (XEN_MAJOR << 16) | XEN_MINOR };
    case 2:
      return { ...NOTHING, eax: 1, ebx: X.XEN_CPUID_FIRST_LEAF };
    case 3:
      if (subleaf === 0) return { eax: 0x2, ebx: v.domain.s.tsc_mode, ecx: TSC_KHZ, edx: v.domain.s.tsc_incarnation };
      if (subleaf === 1) return { eax: 0, ebx: 0, ecx: TSC_TO_SYSTEM_MUL, edx: TSC_SHIFT };
      return subleaf === 2 ? { ...NOTHING, eax: TSC_KHZ } : NOTHING;
    case 4:
      return {
        ...NOTHING,
        eax: X.XEN_HVM_CPUID_X2APIC_VIRT | X.XEN_HVM_CPUID_VCPU_ID_PRESENT | X.XEN_HVM_CPUID_DOMID_PRESENT | X.XEN_HVM_CPUID_UPCALL_VECTOR,
        ebx: v.id,
        ecx: v.domain.id,
      };
    default:
      return NOTHING;
  }
}

/** CPUID as the vCPU sees it. */
export function guestCpuid(hv: Hypervisor, v: Vcpu, leaf: number, subleaf: number): CpuidResult {
  if (leaf >>> 8 === X.XEN_CPUID_FIRST_LEAF >>> 8) return xenLeaf(v, leaf & 0xff, subleaf);
  const cr4 = v.context.low(CR4);
  return cpuid(domainModel(hv, v.domain), leaf, subleaf, {
    apicId: apicId(v),
    vcpus: v.domain.s.max_vcpus,
    apicEnabled: (v.s.apic_base & 0x800n) !== 0n,
    osxsave: (cr4 & OSXSAVE) !== 0,
    ospke: (cr4 & PKE) !== 0,
    xcr0: v.context.low(XCR0),
  });
}
