/**
 * Numbers of model-specific registers that guests touch, and the bits of those with fields. Names are Linux's.
 * @see AMD64 APM vol. 2, appendix A; Intel SDM vol. 4
 */

export const MSR_IA32_TSC = 0x10;
export const MSR_IA32_APICBASE = 0x1b;
export const MSR_IA32_FEAT_CTL = 0x3a;
export const MSR_IA32_TSC_ADJUST = 0x3b;
export const MSR_IA32_SPEC_CTRL = 0x48;
export const MSR_IA32_PRED_CMD = 0x49;
export const MSR_IA32_UCODE_WRITE = 0x79;
/** Intel: microcode revision. AMD: the same number, patch level. */
export const MSR_IA32_UCODE_REV = 0x8b;
export const MSR_AMD64_PATCH_LEVEL = 0x8b;
export const MSR_PLATFORM_INFO = 0xce;
export const MSR_IA32_MPERF = 0xe7;
export const MSR_IA32_APERF = 0xe8;
export const MSR_MTRRcap = 0xfe;
export const MSR_IA32_ARCH_CAPABILITIES = 0x10a;
export const MSR_IA32_FLUSH_CMD = 0x10b;
export const MSR_MISC_FEATURES_ENABLES = 0x140;
export const MSR_IA32_SYSENTER_CS = 0x174;
export const MSR_IA32_SYSENTER_ESP = 0x175;
export const MSR_IA32_SYSENTER_EIP = 0x176;
export const MSR_IA32_MCG_CAP = 0x179;
export const MSR_IA32_MCG_STATUS = 0x17a;
export const MSR_IA32_MCG_CTL = 0x17b;
export const MSR_IA32_MISC_ENABLE = 0x1a0;
export const MSR_IA32_DEBUGCTLMSR = 0x1d9;
/** Base of the first variable MTRR; base and mask alternate. */
export const MSR_MTRRphysBase0 = 0x200;
export const MSR_MTRRphysMask0 = 0x201;
export const MSR_MTRRfix64K_00000 = 0x250;
export const MSR_MTRRfix16K_80000 = 0x258;
export const MSR_MTRRfix16K_A0000 = 0x259;
/** First of eight 4 KiB ranges, 0x268..0x26f. */
export const MSR_MTRRfix4K_C0000 = 0x268;
export const MSR_IA32_CR_PAT = 0x277;
export const MSR_MTRRdefType = 0x2ff;
/** First machine check bank: CTL, STATUS, ADDR, MISC, then the next bank. */
export const MSR_IA32_MC0_CTL = 0x400;
export const MSR_IA32_TSC_DEADLINE = 0x6e0;
/** x2APIC: register page offset >> 4 is added. 0x800..0x8ff. */
export const MSR_X2APIC_FIRST = 0x800;
export const MSR_X2APIC_LAST = 0x8ff;
export const MSR_IA32_XSS = 0xda0;

/** Xen: writing a page address with the page number in the low 12 bits places the hypercall page. */
export const MSR_XEN_HYPERCALL_PAGE = 0x4000_0000;

export const MSR_EFER = 0xc000_0080;
export const MSR_STAR = 0xc000_0081;
export const MSR_LSTAR = 0xc000_0082;
export const MSR_CSTAR = 0xc000_0083;
export const MSR_SYSCALL_MASK = 0xc000_0084;
export const MSR_FS_BASE = 0xc000_0100;
export const MSR_GS_BASE = 0xc000_0101;
export const MSR_KERNEL_GS_BASE = 0xc000_0102;
export const MSR_TSC_AUX = 0xc000_0103;

export const MSR_K7_EVNTSEL0 = 0xc001_0000;
export const MSR_K7_PERFCTR0 = 0xc001_0004;
export const MSR_AMD64_SYSCFG = 0xc001_0010;
export const MSR_K7_HWCR = 0xc001_0015;
export const MSR_K8_TOP_MEM1 = 0xc001_001a;
export const MSR_K8_TOP_MEM2 = 0xc001_001d;
export const MSR_AMD64_NB_CFG = 0xc001_001f;
export const MSR_AMD64_PATCH_LOADER = 0xc001_0020;
export const MSR_AMD_PSTATE_DEF_BASE = 0xc001_0064;
export const MSR_K8_TSEG_ADDR = 0xc001_0112;
export const MSR_VM_CR = 0xc001_0114;
export const MSR_AMD64_VIRT_SPEC_CTRL = 0xc001_011f;
export const MSR_AMD64_SEV = 0xc001_0131;
export const MSR_AMD64_OSVW_ID_LENGTH = 0xc001_0140;
export const MSR_AMD64_OSVW_STATUS = 0xc001_0141;
export const MSR_AMD64_LS_CFG = 0xc001_1020;
export const MSR_AMD64_DC_CFG = 0xc001_1022;
export const MSR_AMD64_FP_CFG = 0xc001_1028;
export const MSR_AMD64_DE_CFG = 0xc001_1029;
export const MSR_AMD64_BU_CFG2 = 0xc001_102a;

/** APIC base MSR: boot processor, x2APIC mode, enabled; the page address is above bit 12. */
export const APICBASE_BSP = 1 << 8;
export const APICBASE_EXTD = 1 << 10;
export const APICBASE_ENABLE = 1 << 11;

/** Memory types of MTRRs and the PAT. */
export const MEMORY_TYPE_UC = 0;
export const MEMORY_TYPE_WC = 1;
export const MEMORY_TYPE_WT = 4;
export const MEMORY_TYPE_WP = 5;
export const MEMORY_TYPE_WB = 6;
export const MEMORY_TYPE_UC_MINUS = 7;
/** The PAT after reset: WB, WT, UC-, UC, twice. */
export const PAT_RESET = 0x0007_0406_0007_0406n;
