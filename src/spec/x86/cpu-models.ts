/**
 * CPU models: what a guest sees of its processor. Data, and the pure function that turns it into CPUID answers.
 *
 * The default is an AMD one: its guests call the hypervisor with VMMCALL. It says of itself what makes Linux leave its costly
 * mitigations off, and why each bit is there is written beside it.
 * @see AMD64 APM vol. 3, appendix E
 */
import { CPUID_FEATURES, type CpuFeature, type CpuidRegister, CR4_BITS, cpuidFeature, EFER_BITS, XSAVE_COMPONENTS, XSAVE_LEGACY_AND_HEADER } from './cpuid.ts';
import {
  MSR_AMD64_DE_CFG,
  MSR_AMD64_NB_CFG,
  MSR_AMD64_PATCH_LEVEL,
  MSR_IA32_ARCH_CAPABILITIES,
  MSR_IA32_SPEC_CTRL,
  MSR_IA32_UCODE_REV,
  MSR_K7_HWCR,
} from './msr.ts';

export interface CpuModel {
  readonly name: string;
  readonly vendor: 'AuthenticAMD' | 'GenuineIntel';
  /** Displayed family, model and stepping (base and extended parts added up). */
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
  /** At most 47 characters. */
  readonly brand: string;
  readonly features: ReadonlySet<CpuFeature>;
  /** Bits of guest-physical and of virtual addresses. */
  readonly physicalAddressBits: number;
  readonly linearAddressBits: number;
  /** Highest leaf of the basic and of the extended range. */
  readonly maxLeaf: number;
  readonly maxExtendedLeaf: number;
  /** Leaves of plain numbers: cache and TLB descriptions. */
  readonly leaves: ReadonlyMap<number, CpuidResult>;
  /** MSRs that describe the model: a read gives the value, a write is dropped. */
  readonly msrs: ReadonlyMap<number, bigint>;
}

/** Four registers, unsigned 32 bits each. */
export interface CpuidResult {
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** What an answer depends on beside the model. */
export interface CpuidContext {
  /** APIC id of the asking vCPU. */
  readonly apicId: number;
  /** vCPUs of the domain; their APIC ids are 0, 2, 4, ... as Xen's. */
  readonly vcpus: number;
  /** Enable bit of the APIC base MSR. */
  readonly apicEnabled: boolean;
  /** CR4.OSXSAVE and CR4.PKE. */
  readonly osxsave: boolean;
  readonly ospke: boolean;
  /** Enabled XSAVE components. */
  readonly xcr0: number;
}

const NOTHING: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 };
type FeatureWords = Readonly<Record<CpuidRegister, number>>;
const wordsOfModels = new WeakMap<CpuModel, ReadonlyMap<string, FeatureWords>>();

/** The announced bits of one leaf. */
function featureWords(model: CpuModel, leaf: number, subleaf = 0): FeatureWords {
  let words = wordsOfModels.get(model);
  if (words === undefined) {
    const made = new Map<string, Record<CpuidRegister, number>>();
    for (const { name, leaf: at, subleaf: sub, register, bit } of CPUID_FEATURES) {
      if (!model.features.has(name)) continue;
      const key = `${at}.${sub}`;
      const word = made.get(key) ?? { ...NOTHING };
      word[register] = (word[register] | (1 << bit)) >>> 0;
      made.set(key, word);
    }
    words = made;
    wordsOfModels.set(model, words);
  }
  return words.get(`${leaf}.${subleaf}`) ?? NOTHING;
}

/** Four characters as a register. */
function text(from: string, at: number): number {
  let value = 0;
  for (let i = 3; i >= 0; i--) value = (value << 8) | (from.charCodeAt(at + i) || 0);
  return value >>> 0;
}

/** Bits that hold any APIC id of the domain (ids are twice the vCPU number, plus a thread that is never there). */
function apicIdBits(vcpus: number): number {
  return vcpus <= 1 ? 1 : 32 - Math.clz32(2 * vcpus - 1);
}

/** Components of XCR0 that the model has. */
export function xcr0Mask(model: CpuModel): number {
  if (!model.features.has('xsave')) return 0;
  return XSAVE_COMPONENTS.filter(({ feature }) => model.features.has(feature)).reduce((mask, { bit }) => mask | (1 << bit), 0);
}

/** Bits of CR4 the guest may set. */
export function cr4Mask(model: CpuModel): number {
  return CR4_BITS.filter(({ feature }) => feature === undefined || model.features.has(feature)).reduce((mask, { bit }) => mask | (1 << bit), 0) >>> 0;
}

/** Bits of EFER that exist (LMA among them, which the guest cannot change). */
export function eferMask(model: CpuModel): number {
  return EFER_BITS.filter(({ feature }) => model.features.has(feature)).reduce((mask, { bit }) => mask | (1 << bit), 0) >>> 0;
}

/** Bytes of a standard-format XSAVE area with these components. */
export function xsaveSize(components: number): number {
  return XSAVE_COMPONENTS.reduce(
    (end, { bit, offset, size }) => (bit >= 2 && components & (1 << bit) ? Math.max(end, offset + size) : end),
    XSAVE_LEGACY_AND_HEADER,
  );
}

/** Leaf 0xD: XSAVE. */
function xsaveLeaf(model: CpuModel, subleaf: number, xcr0: number): CpuidResult {
  const supported = xcr0Mask(model);
  if (supported === 0) return NOTHING;
  if (subleaf === 0) return { eax: supported, ebx: xsaveSize(xcr0), ecx: xsaveSize(supported), edx: 0 };
  if (subleaf === 1) {
    const { eax } = featureWords(model, 0xd, 1);
    return { ...NOTHING, eax, ebx: model.features.has('xsavec') ? xsaveSize(xcr0) : 0 };
  }
  const component = XSAVE_COMPONENTS.find(({ bit }) => bit === subleaf && subleaf >= 2 && (supported & (1 << bit)) !== 0);
  return component === undefined ? NOTHING : { ...NOTHING, eax: component.size, ebx: component.offset };
}

/** Leaf 0xB: a thread level with one thread, and a core level. */
function topologyLeaf(subleaf: number, { apicId, vcpus }: CpuidContext): CpuidResult {
  const edx = apicId >>> 0;
  if (subleaf === 0) return { eax: 1, ebx: 1, ecx: (1 << 8) | subleaf, edx };
  if (subleaf === 1) return { eax: apicIdBits(vcpus), ebx: vcpus, ecx: (2 << 8) | subleaf, edx };
  return { ...NOTHING, ecx: subleaf & 0xff, edx };
}

/** The highest subleaf of leaf 7 that announces something. */
const highestOfLeaf7 = (model: CpuModel): number => Math.max(...[0, 1, 2].filter((subleaf) => subleaf === 0 || featureWords(model, 7, subleaf) !== NOTHING));

/** Leaf 1. */
function versionLeaf(model: CpuModel, context: CpuidContext): CpuidResult {
  const family = Math.min(model.family, 0xf);
  const extendedModel = family === 0xf || family === 6 ? model.model >>> 4 : 0;
  const words = featureWords(model, 1);
  const logical = Math.min(2 * context.vcpus, 255);
  let { ecx, edx } = words;
  if (context.osxsave && model.features.has('xsave')) ecx |= 1 << 27;
  if (!context.apicEnabled) edx &= ~(1 << 9);
  if (context.vcpus > 1) edx |= 1 << 28;
  return {
    eax: ((model.family - family) << 20) | (extendedModel << 16) | (family << 8) | ((model.model & 0xf) << 4) | model.stepping,
    ebx: (((context.apicId & 0xff) << 24) | ((context.vcpus > 1 ? logical : 1) << 16) | (8 << 8)) >>> 0,
    ecx: ecx >>> 0,
    edx: edx >>> 0,
  };
}

/** Leaves 0x80000000 and up. */
function extendedLeaf(model: CpuModel, leaf: number, context: CpuidContext): CpuidResult {
  const amd = model.vendor === 'AuthenticAMD';
  const words = featureWords(model, leaf);
  switch (leaf) {
    case 0x8000_0000:
      return { eax: model.maxExtendedLeaf, ...(amd ? vendorRegisters(model.vendor) : { ebx: 0, ecx: 0, edx: 0 }) };
    case 0x8000_0001: {
      if (!amd) return { ...NOTHING, ecx: words.ecx, edx: words.edx };
      // AMD repeats the shared low features of leaf 1, and says that several processors are cores.
      const shared = 0x0183_f3ff;
      const version = versionLeaf(model, context);
      const legacy = context.vcpus > 1 ? 1 << 1 : 0;
      return { eax: version.eax, ebx: 0, ecx: (words.ecx | legacy) >>> 0, edx: (words.edx | (version.edx & shared)) >>> 0 };
    }
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004: {
      const at = (leaf - 0x8000_0002) * 16;
      return { eax: text(model.brand, at), ebx: text(model.brand, at + 4), ecx: text(model.brand, at + 8), edx: text(model.brand, at + 12) };
    }
    case 0x8000_0008: {
      const cores = context.vcpus > 1 ? Math.min(2 * context.vcpus, 256) - 1 : 0;
      return {
        eax: (model.linearAddressBits << 8) | model.physicalAddressBits,
        ebx: words.ebx,
        ecx: amd ? ((context.vcpus > 1 ? apicIdBits(context.vcpus) : 0) << 12) | cores : 0,
        edx: 0,
      };
    }
    default: {
      const plain = model.leaves.get(leaf) ?? NOTHING;
      return {
        eax: (plain.eax | words.eax) >>> 0,
        ebx: (plain.ebx | words.ebx) >>> 0,
        ecx: (plain.ecx | words.ecx) >>> 0,
        edx: (plain.edx | words.edx) >>> 0,
      };
    }
  }
}

function vendorRegisters(vendor: string): { ebx: number; ecx: number; edx: number } {
  return { ebx: text(vendor, 0), edx: text(vendor, 4), ecx: text(vendor, 8) };
}

/**
 * What CPUID gives for `leaf` (EAX) and `subleaf` (ECX). The hypervisor's own leaves at 0x40000000 are not the model's: they
 * read as zeros here. Leaves above the highest one read as zeros, as on AMD.
 */
export function cpuid(model: CpuModel, leaf: number, subleaf: number, context: CpuidContext): CpuidResult {
  const at = leaf >>> 0;
  if (at >= 0x8000_0000) return at <= model.maxExtendedLeaf ? extendedLeaf(model, at, context) : NOTHING;
  if (at > model.maxLeaf) return NOTHING;
  switch (at) {
    case 0:
      return { eax: model.maxLeaf, ...vendorRegisters(model.vendor) };
    case 1:
      return versionLeaf(model, context);
    case 7: {
      const words = featureWords(model, 7, subleaf >>> 0);
      if (subleaf !== 0) return words;
      const ospke = context.ospke && model.features.has('pku') ? 1 << 4 : 0;
      return { eax: highestOfLeaf7(model), ebx: words.ebx, ecx: (words.ecx | ospke) >>> 0, edx: words.edx };
    }
    case 0xb:
      return topologyLeaf(subleaf >>> 0, context);
    case 0xd:
      return xsaveLeaf(model, subleaf >>> 0, context.xcr0);
    default: {
      const words = featureWords(model, at);
      return { ...(model.leaves.get(at) ?? NOTHING), ...(words === NOTHING ? {} : words) };
    }
  }
}

/** A model with features added and taken away, as a domain's configuration asks. Throws on names that are not in the table. */
export function withFeatures(model: CpuModel, change: { readonly add?: readonly string[]; readonly remove?: readonly string[] }): CpuModel {
  const features = new Set(model.features);
  for (const name of change.add ?? []) features.add(known(name));
  for (const name of change.remove ?? []) features.delete(known(name));
  return { ...model, features };
}

function known(name: string): CpuFeature {
  if (cpuidFeature(name) === undefined) throw new RangeError(`no CPU feature is named ${name}`);
  if (name === 'osxsave' || name === 'ospke') throw new RangeError(`${name} follows CR4 and cannot be configured`);
  return name as CpuFeature;
}

/** x86-64-v2 without anything that concerns mitigations or virtualisation. */
const V2: readonly CpuFeature[] = [
  ...(['fpu', 'de', 'pse', 'tsc', 'msr', 'pae', 'cx8', 'apic', 'sep', 'pge', 'cmov', 'pat', 'pse36', 'clflush', 'mmx', 'fxsr', 'sse', 'sse2'] as const),
  ...(['pni', 'ssse3', 'cx16', 'sse4_1', 'sse4_2', 'popcnt', 'xsave'] as const),
  ...(['syscall', 'nx', 'mmxext', 'pdpe1gb', 'rdtscp', 'lm', 'lahf_lm'] as const),
];

/** What a guest under us always gets. */
const VIRTUAL: readonly CpuFeature[] = [
  'hypervisor',
  'x2apic',
  'tsc_deadline_timer',
  // our TSC has one rate; Linux then takes it as a clock source
  'invtsc',
  'arat',
  // REP MOVSB and STOSB are one helper call here
  'erms',
];

/**
 * What keeps Linux's mitigations away on AMD. Meltdown, L1TF, MDS, SWAPGS, ITLB multihit, MMIO stale data and BHI are excluded
 * for every AMD family; the rest by these. IBPB, IBRS, STIBP and SSBD are not announced, so that no context switch writes their MSRs.
 * @see Linux 6.1, arch/x86/kernel/cpu/common.c, cpu_set_bug_bits()
 */
const NOT_VULNERABLE: readonly CpuFeature[] = [
  // Spectre v2: Linux sets EFER.AIBRSE once and needs no retpolines
  'autoibrs',
  // Retbleed and speculative return stack overflow: no return thunks, no untraining at kernel entry
  'btc_no',
  'srso_no',
  // speculative store bypass
  'amd_ssb_no',
  // transient scheduler attacks: no VERW on the way to user mode
  'tsa_sq_no',
  'tsa_l1_no',
  // no x87 clean-up before each FXRSTOR
  'xsaveerptr',
  'lfence_rdtsc',
  'null_sel_clr_base',
  'no_nested_data_bp',
];

/** Caches and TLBs as leaves: 32 KiB L1, 1 MiB L2, 16 MiB L3, 64-byte lines. */
const AMD_CACHES: ReadonlyMap<number, CpuidResult> = new Map([
  [0x8000_0005, { eax: 0xff48_ff40, ebx: 0xff48_ff40, ecx: 0x2008_0140, edx: 0x2008_0140 }],
  [0x8000_0006, { eax: 0x5c00_2200, ebx: 0x6c00_4200, ecx: 0x0400_6140, edx: 0x0080_8140 }],
]);

/** The default: the family of AMD's fourth Zen generation, the first with automatic IBRS, cut to x86-64-v2. */
export const AMD_X86_64_V2: CpuModel = {
  name: 'AMD x86-64-v2',
  vendor: 'AuthenticAMD',
  family: 0x19,
  model: 0x11,
  stepping: 1,
  brand: 'Zendo virtual CPU, AMD x86-64-v2',
  features: new Set([...V2, ...VIRTUAL, ...NOT_VULNERABLE]),
  physicalAddressBits: 40,
  linearAddressBits: 48,
  maxLeaf: 0xd,
  maxExtendedLeaf: 0x8000_0021,
  leaves: AMD_CACHES,
  msrs: new Map([
    // a microcode level with every fix
    [MSR_AMD64_PATCH_LEVEL, 0x0a10_114cn],
    // TscFreqSel: the TSC counts at the P0 rate, else Linux calls it a firmware bug
    [MSR_K7_HWCR, 1n << 24n],
    // LFENCE serialises
    [MSR_AMD64_DE_CFG, 1n << 1n],
    // extended PCI configuration space by ports is on, so that Linux need not switch it on
    [MSR_AMD64_NB_CFG, 1n << 46n],
  ]),
};

/** What x86-64-v3 adds, and what processors of that level have beside it: cryptography, random numbers, protection of kernels. */
const V3: readonly CpuFeature[] = [
  ...(['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe'] as const),
  ...(['aes', 'pclmulqdq', 'sha_ni', 'adx', 'rdrand', 'rdseed', 'fsgsbase', 'rdpid', 'clflushopt', 'clwb'] as const),
  ...(['xsaveopt', 'xsavec', 'xgetbv1', 'smep', 'smap', 'umip', 'pcid', 'invpcid'] as const),
];

/** The same processor with all that x86-64-v3 asks for. */
export const AMD_X86_64_V3: CpuModel = {
  ...AMD_X86_64_V2,
  name: 'AMD x86-64-v3',
  brand: 'Zendo virtual CPU, AMD x86-64-v3',
  features: new Set([...AMD_X86_64_V2.features, ...V3, 'vaes', 'vpclmulqdq', 'gfni', 'sse4a', 'clzero']),
};

/** What Intel's processors do not have of what every guest gets on AMD. */
const NOT_INTEL: ReadonlySet<CpuFeature> = new Set([...NOT_VULNERABLE, 'mmxext']);
const intel = (features: ReadonlySet<CpuFeature>): ReadonlySet<CpuFeature> =>
  new Set([...[...features].filter((name) => !NOT_INTEL.has(name)), 'arch_capabilities' as const, 'bhi_ctrl' as const]);

/**
 * ARCH_CAPABILITIES: what keeps Linux's mitigations away on Intel. SPEC_CTRL's old bits are not announced (no IBPB at context switches); the MSR
 * takes what enhanced IBRS and BHI_DIS_S write once. SWAPGS fences stay, which cost little. Linux since 2025 does not believe BHI_NO: it
 * wants BHI_DIS_S (`bhi_ctrl`), or overwrites the branch history by a loop of 64 branches at each system call.
 * @see Linux 6.1, arch/x86/kernel/cpu/common.c, cpu_set_bug_bits(); Intel SDM vol. 4, table 2-2
 */
const ARCH_CAPABILITIES =
  (1n << 0n) | // RDCL_NO: no Meltdown, no L1TF
  (1n << 1n) | // IBRS_ALL: enhanced IBRS, no retpolines
  (1n << 3n) | // no L1D flush at VM entry
  (1n << 4n) | // SSB_NO
  (1n << 5n) | // MDS_NO
  (1n << 6n) | // IF_PSCHANGE_MC_NO
  (1n << 8n) | // TAA_NO
  (1n << 13n) | // SBDR_SSDP_NO, FBSDP_NO, PSDP_NO: no MMIO stale data
  (1n << 14n) |
  (1n << 15n) |
  (1n << 20n) | // BHI_NO
  (1n << 24n) | // PBRSB_NO
  (1n << 26n) | // GDS_NO
  (1n << 27n) | // RFDS_NO
  (1n << 62n); // ITS_NO

/** The family of Intel's Sapphire Rapids, which Linux lists under none of the older troubles, cut to x86-64-v2. Guests call the hypervisor with VMCALL. */
export const INTEL_X86_64_V2: CpuModel = {
  name: 'Intel x86-64-v2',
  vendor: 'GenuineIntel',
  family: 6,
  model: 0x8f,
  stepping: 8,
  brand: 'Zendo virtual CPU, Intel x86-64-v2',
  features: intel(AMD_X86_64_V2.features),
  physicalAddressBits: 40,
  linearAddressBits: 48,
  maxLeaf: 0xd,
  maxExtendedLeaf: 0x8000_0008,
  // 1 MiB L2 cache, 16 ways, 64-byte lines
  leaves: new Map([[0x8000_0006, { eax: 0, ebx: 0, ecx: 0x0400_8040, edx: 0 }]]),
  msrs: new Map([
    [MSR_IA32_ARCH_CAPABILITIES, ARCH_CAPABILITIES],
    [MSR_IA32_SPEC_CTRL, 0n],
    // microcode revision, in the upper half
    [MSR_IA32_UCODE_REV, 0x2b00_0603n << 32n],
  ]),
};

export const INTEL_X86_64_V3: CpuModel = {
  ...INTEL_X86_64_V2,
  name: 'Intel x86-64-v3',
  brand: 'Zendo virtual CPU, Intel x86-64-v3',
  features: new Set([...INTEL_X86_64_V2.features, ...V3, 'vaes', 'vpclmulqdq', 'gfni']),
};

/** Models by name. */
export const CPU_MODELS: ReadonlyMap<string, CpuModel> = new Map(
  [AMD_X86_64_V2, AMD_X86_64_V3, INTEL_X86_64_V2, INTEL_X86_64_V3].map((model) => [model.name, model]),
);
