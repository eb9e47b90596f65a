/**
 * CPUID leaves by which a guest finds Xen. They begin at XEN_CPUID_FIRST_LEAF, or 0x100 higher when Viridian leaves are in the way.
 *
 * Base + 0: eax = highest leaf, ebx/ecx/edx = "XenVMMXenVMM".
 * Base + 1: eax = version, major << 16 | minor.
 * Base + 2: eax = number of hypercall pages, ebx = MSR that places one, ecx, edx = feature bits.
 * Base + 3: time. Sub-leaf 0: eax bit 0 TSC emulated, bit 1 host TSC reliable, bit 2 RDTSCP; ebx tsc_mode; ecx guest TSC kHz; edx incarnation.
 *   Sub-leaf 1: eax, ebx TSC offset low and high; ecx multiplier; edx shift. Sub-leaf 2: eax host TSC kHz.
 * Base + 4: HVM. eax = XEN_HVM_CPUID_* bits, ebx = vCPU id, ecx = domain id.
 * Base + 5: PV. ebx bits 0..7 = machine address width.
 * @see xen/include/public/arch-x86/cpuid.h
 */

export const XEN_CPUID_FIRST_LEAF = 0x40000000;
export const XEN_CPUID_SIGNATURE_EBX = 0x566e6558;
export const XEN_CPUID_SIGNATURE_ECX = 0x65584d4d;
export const XEN_CPUID_SIGNATURE_EDX = 0x4d4d566e;
export const XEN_CPUID_MAX_NUM_LEAVES = 5;
/** Leaf base + 2, ecx. */
export const XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1;
/** Leaf base + 4, eax. */
export const XEN_HVM_CPUID_APIC_ACCESS_VIRT = 1;
export const XEN_HVM_CPUID_X2APIC_VIRT = 2;
export const XEN_HVM_CPUID_IOMMU_MAPPINGS = 4;
export const XEN_HVM_CPUID_VCPU_ID_PRESENT = 8;
export const XEN_HVM_CPUID_DOMID_PRESENT = 0x10;
export const XEN_HVM_CPUID_EXT_DEST_ID = 0x20;
export const XEN_HVM_CPUID_UPCALL_VECTOR = 0x40;
/** Leaf base + 5, ebx. */
export const XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK = 0xff;
