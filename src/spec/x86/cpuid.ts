/**
 * CPUID as data: which bit of which leaf announces what. Names are those of Linux's /proc/cpuinfo where it has one.
 * @see AMD64 APM vol. 3, appendix E; Intel SDM vol. 2A, CPUID
 */

export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';

/** One announced feature. */
export interface CpuidFeature {
  readonly name: string;
  readonly leaf: number;
  readonly subleaf: number;
  readonly register: CpuidRegister;
  /** Bit number, 0..31. */
  readonly bit: number;
  /** What it announces. */
  readonly about: string;
}

/** Features of one register of one leaf: bit, name, meaning. */
function word<const Name extends string>(
  leaf: number,
  subleaf: number,
  register: CpuidRegister,
  ...bits: (readonly [bit: number, name: Name, about: string])[]
): (CpuidFeature & { readonly name: Name })[] {
  return bits.map(([bit, name, about]) => ({ name, leaf, subleaf, register, bit, about }));
}

export const CPUID_FEATURES = [
  ...word(
    0x1,
    0,
    'edx',
    [0, 'fpu', 'x87'],
    [1, 'vme', 'virtual-8086 extensions: CR4.VME, VIF, interrupt redirection bitmap'],
    [2, 'de', 'I/O breakpoints, CR4.DE'],
    [3, 'pse', '4 MiB pages'],
    [4, 'tsc', 'RDTSC, CR4.TSD'],
    [5, 'msr', 'RDMSR and WRMSR'],
    [6, 'pae', 'physical address extension'],
    [7, 'mce', 'machine check exception, CR4.MCE'],
    [8, 'cx8', 'CMPXCHG8B'],
    [9, 'apic', 'local APIC (follows the enable bit of the APIC base MSR)'],
    [11, 'sep', 'SYSENTER and SYSEXIT'],
    [12, 'mtrr', 'memory type range registers'],
    [13, 'pge', 'global pages'],
    [14, 'mca', 'machine check banks'],
    [15, 'cmov', 'CMOVcc, FCMOVcc, FCOMI'],
    [16, 'pat', 'page attribute table'],
    [17, 'pse36', '4 MiB pages above 4 GiB'],
    [19, 'clflush', 'CLFLUSH'],
    [23, 'mmx', 'MMX'],
    [24, 'fxsr', 'FXSAVE and FXRSTOR, CR4.OSFXSR'],
    [25, 'sse', 'SSE'],
    [26, 'sse2', 'SSE2'],
    [28, 'ht', 'EBX[23:16] of this leaf counts logical processors'],
  ),
  ...word(
    0x1,
    0,
    'ecx',
    [0, 'pni', 'SSE3'],
    [1, 'pclmulqdq', 'PCLMULQDQ'],
    [3, 'monitor', 'MONITOR and MWAIT'],
    [5, 'vmx', 'Intel virtualisation'],
    [9, 'ssse3', 'SSSE3'],
    [12, 'fma', 'FMA3'],
    [13, 'cx16', 'CMPXCHG16B'],
    [15, 'pdcm', 'performance capabilities MSR'],
    [17, 'pcid', 'process-context identifiers'],
    [19, 'sse4_1', 'SSE4.1'],
    [20, 'sse4_2', 'SSE4.2'],
    [21, 'x2apic', 'x2APIC mode'],
    [22, 'movbe', 'MOVBE'],
    [23, 'popcnt', 'POPCNT'],
    [24, 'tsc_deadline_timer', 'APIC timer by TSC deadline'],
    [25, 'aes', 'AES instructions'],
    [26, 'xsave', 'XSAVE, XGETBV, CR4.OSXSAVE'],
    [27, 'osxsave', 'CR4.OSXSAVE is set (never part of a model)'],
    [28, 'avx', 'AVX'],
    [29, 'f16c', 'half precision conversions'],
    [30, 'rdrand', 'RDRAND'],
    [31, 'hypervisor', 'runs under a hypervisor; leaves at 0x40000000'],
  ),
  ...word(0x6, 0, 'eax', [2, 'arat', 'APIC timer runs in every power state']),
  ...word(
    0x7,
    0,
    'ebx',
    [0, 'fsgsbase', 'RDFSBASE and friends, CR4.FSGSBASE'],
    [1, 'tsc_adjust', 'TSC_ADJUST MSR'],
    [3, 'bmi1', 'BMI1'],
    [4, 'hle', 'hardware lock elision'],
    [5, 'avx2', 'AVX2'],
    [7, 'smep', 'CR4.SMEP'],
    [8, 'bmi2', 'BMI2'],
    [9, 'erms', 'REP MOVSB and STOSB are fast'],
    [10, 'invpcid', 'INVPCID'],
    [11, 'rtm', 'restricted transactional memory'],
    [16, 'avx512f', 'AVX-512 foundation'],
    [17, 'avx512dq', 'AVX-512 double and quadword'],
    [18, 'rdseed', 'RDSEED'],
    [19, 'adx', 'ADCX and ADOX'],
    [20, 'smap', 'CR4.SMAP, STAC, CLAC'],
    [21, 'avx512ifma', 'AVX-512 52-bit multiply'],
    [23, 'clflushopt', 'CLFLUSHOPT'],
    [24, 'clwb', 'CLWB'],
    [25, 'intel_pt', 'processor trace'],
    [28, 'avx512cd', 'AVX-512 conflict detection'],
    [29, 'sha_ni', 'SHA instructions'],
    [30, 'avx512bw', 'AVX-512 byte and word'],
    [31, 'avx512vl', 'AVX-512 shorter vectors'],
  ),
  ...word(
    0x7,
    0,
    'ecx',
    [1, 'avx512vbmi', 'AVX-512 byte permutes'],
    [2, 'umip', 'CR4.UMIP'],
    [3, 'pku', 'protection keys, CR4.PKE'],
    [4, 'ospke', 'CR4.PKE is set (never part of a model)'],
    [5, 'waitpkg', 'UMONITOR, UMWAIT, TPAUSE'],
    [6, 'avx512_vbmi2', 'AVX-512 byte compress'],
    [7, 'shstk', 'shadow stacks, CR4.CET'],
    [8, 'gfni', 'Galois field instructions'],
    [9, 'vaes', 'AES on wide vectors'],
    [10, 'vpclmulqdq', 'PCLMULQDQ on wide vectors'],
    [11, 'avx512_vnni', 'AVX-512 dot products'],
    [12, 'avx512_bitalg', 'AVX-512 bit algorithms'],
    [14, 'avx512_vpopcntdq', 'AVX-512 population count'],
    [16, 'la57', '5-level paging'],
    [22, 'rdpid', 'RDPID'],
    [25, 'cldemote', 'CLDEMOTE'],
    [27, 'movdiri', 'MOVDIRI'],
    [28, 'movdir64b', 'MOVDIR64B'],
  ),
  ...word(
    0x7,
    0,
    'edx',
    [4, 'fsrm', 'short REP MOVSB is fast'],
    [10, 'md_clear', 'VERW clears buffers'],
    [14, 'serialize', 'SERIALIZE'],
    [20, 'ibt', 'indirect branch tracking, CR4.CET'],
    [26, 'spec_ctrl', 'SPEC_CTRL and PRED_CMD MSRs (Intel)'],
    [27, 'intel_stibp', 'STIBP (Intel)'],
    [28, 'flush_l1d', 'FLUSH_CMD MSR'],
    [29, 'arch_capabilities', 'ARCH_CAPABILITIES MSR'],
    [31, 'intel_ssbd', 'SSBD (Intel)'],
  ),
  ...word(0x7, 2, 'edx', [4, 'bhi_ctrl', 'SPEC_CTRL.BHI_DIS_S: no branch history of user mode in the kernel']),
  ...word(
    0xd,
    1,
    'eax',
    [0, 'xsaveopt', 'XSAVEOPT'],
    [1, 'xsavec', 'XSAVEC and the compacted format'],
    [2, 'xgetbv1', 'XGETBV with ECX = 1'],
    [3, 'xsaves', 'XSAVES and the XSS MSR'],
  ),
  ...word(
    0x8000_0001,
    0,
    'edx',
    [11, 'syscall', 'SYSCALL and SYSRET'],
    [20, 'nx', 'no-execute pages, EFER.NXE'],
    [22, 'mmxext', "AMD's additions to MMX (part of SSE)"],
    [25, 'fxsr_opt', 'fast FXSAVE, EFER.FFXSR'],
    [26, 'pdpe1gb', '1 GiB pages'],
    [27, 'rdtscp', 'RDTSCP and the TSC_AUX MSR'],
    [29, 'lm', 'long mode'],
    [30, '3dnowext', '3DNow! extensions'],
    [31, '3dnow', '3DNow!'],
  ),
  ...word(
    0x8000_0001,
    0,
    'ecx',
    [0, 'lahf_lm', 'LAHF and SAHF in 64-bit mode'],
    [1, 'cmp_legacy', 'the logical processors are cores, not threads'],
    [2, 'svm', 'AMD virtualisation'],
    [3, 'extapic', 'extended APIC registers'],
    [4, 'cr8_legacy', 'LOCK MOV CR0 is MOV CR8'],
    [5, 'abm', 'LZCNT'],
    [6, 'sse4a', 'SSE4a'],
    [7, 'misalignsse', 'misaligned SSE mode'],
    [8, '3dnowprefetch', 'PREFETCH and PREFETCHW'],
    [9, 'osvw', 'OS-visible workaround MSRs'],
    [11, 'xop', 'XOP'],
    [16, 'fma4', 'FMA4'],
    [21, 'tbm', 'TBM'],
    [22, 'topoext', 'topology leaves 0x8000001D and 1E'],
    [23, 'perfctr_core', 'core performance counters'],
    [29, 'mwaitx', 'MONITORX and MWAITX'],
  ),
  ...word(0x8000_0007, 0, 'edx', [8, 'invtsc', 'the TSC has a constant rate in every power state']),
  ...word(
    0x8000_0008,
    0,
    'ebx',
    [0, 'clzero', 'CLZERO'],
    [2, 'xsaveerptr', 'FXSAVE always saves the error pointers'],
    [3, 'invlpgb', 'INVLPGB and TLBSYNC'],
    [4, 'rdpru', 'RDPRU'],
    [9, 'wbnoinvd', 'WBNOINVD'],
    [12, 'ibpb', 'indirect branch prediction barrier'],
    [14, 'ibrs', 'indirect branch restricted speculation'],
    [15, 'stibp', 'single thread indirect branch predictors'],
    [24, 'ssbd', 'speculative store bypass disable'],
    [25, 'virt_ssbd', 'the same by a virtual MSR'],
    [26, 'amd_ssb_no', 'not affected by speculative store bypass'],
    [29, 'btc_no', 'not affected by branch type confusion (Retbleed)'],
    [30, 'ibpb_ret', 'the barrier covers returns'],
  ),
  ...word(
    0x8000_0021,
    0,
    'eax',
    [0, 'no_nested_data_bp', 'no nested data breakpoints'],
    [2, 'lfence_rdtsc', 'LFENCE always serialises'],
    [6, 'null_sel_clr_base', 'loading a null selector clears the base'],
    [8, 'autoibrs', 'automatic IBRS, EFER.AIBRSE'],
    [27, 'sbpb', 'selective branch predictor barrier'],
    [28, 'ibpb_brtype', 'the barrier covers branch types'],
    [29, 'srso_no', 'not affected by speculative return stack overflow'],
  ),
  ...word(
    0x8000_0021,
    0,
    'ecx',
    [1, 'tsa_sq_no', 'not affected by transient scheduler attacks on the store queue'],
    [2, 'tsa_l1_no', 'not affected by transient scheduler attacks on the L1 cache'],
  ),
] as const;

export type CpuFeature = (typeof CPUID_FEATURES)[number]['name'];

const byName: ReadonlyMap<string, CpuidFeature> = new Map(CPUID_FEATURES.map((feature) => [feature.name, feature]));

/** The row of a feature; undefined for a name that is not in the table (names may come from configuration). */
export function cpuidFeature(name: string): CpuidFeature | undefined {
  return byName.get(name);
}

/**
 * What the levels of x86-64 demand beyond the level before. `osxsave` and `osfxsr` are the system's part and left out.
 * @see System V ABI, AMD64 supplement, 3.1.1 "Micro-architecture levels"
 */
export const X86_64_LEVELS = {
  v1: ['cmov', 'cx8', 'fpu', 'fxsr', 'mmx', 'syscall', 'sse', 'sse2', 'lm'],
  v2: ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3'],
  v3: ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave'],
  v4: ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl'],
} as const satisfies Record<string, readonly CpuFeature[]>;

/** Bits of CR4 and the feature that makes each writable (undefined: always there in long-mode processors). */
export const CR4_BITS: readonly { readonly bit: number; readonly name: string; readonly feature: CpuFeature | undefined }[] = [
  { bit: 0, name: 'VME', feature: 'vme' },
  { bit: 1, name: 'PVI', feature: 'vme' },
  { bit: 2, name: 'TSD', feature: 'tsc' },
  { bit: 3, name: 'DE', feature: 'de' },
  { bit: 4, name: 'PSE', feature: 'pse' },
  { bit: 5, name: 'PAE', feature: 'pae' },
  { bit: 6, name: 'MCE', feature: 'mce' },
  { bit: 7, name: 'PGE', feature: 'pge' },
  { bit: 8, name: 'PCE', feature: undefined },
  { bit: 9, name: 'OSFXSR', feature: 'fxsr' },
  { bit: 10, name: 'OSXMMEXCPT', feature: 'sse' },
  { bit: 11, name: 'UMIP', feature: 'umip' },
  { bit: 12, name: 'LA57', feature: 'la57' },
  { bit: 16, name: 'FSGSBASE', feature: 'fsgsbase' },
  { bit: 17, name: 'PCIDE', feature: 'pcid' },
  { bit: 18, name: 'OSXSAVE', feature: 'xsave' },
  { bit: 20, name: 'SMEP', feature: 'smep' },
  { bit: 21, name: 'SMAP', feature: 'smap' },
  { bit: 22, name: 'PKE', feature: 'pku' },
  { bit: 23, name: 'CET', feature: 'shstk' },
];

/** Bits of EFER and the feature that makes each writable. LMA is the processor's own. */
export const EFER_BITS: readonly { readonly bit: number; readonly name: string; readonly feature: CpuFeature }[] = [
  { bit: 0, name: 'SCE', feature: 'syscall' },
  { bit: 8, name: 'LME', feature: 'lm' },
  { bit: 10, name: 'LMA', feature: 'lm' },
  { bit: 11, name: 'NXE', feature: 'nx' },
  { bit: 12, name: 'SVME', feature: 'svm' },
  { bit: 14, name: 'FFXSR', feature: 'fxsr_opt' },
  { bit: 21, name: 'AIBRSE', feature: 'autoibrs' },
];

/** XSAVE state components: bit of XCR0, place in the standard format, and the feature that brings it. Bytes. */
export const XSAVE_COMPONENTS: readonly {
  readonly bit: number;
  readonly name: string;
  readonly feature: CpuFeature;
  readonly offset: number;
  readonly size: number;
}[] = [
  { bit: 0, name: 'x87', feature: 'fpu', offset: 0, size: 160 },
  { bit: 1, name: 'SSE', feature: 'sse', offset: 160, size: 256 },
  { bit: 2, name: 'AVX', feature: 'avx', offset: 576, size: 256 },
];
/** Bytes of the legacy area and the XSAVE header, which every XSAVE area has. */
export const XSAVE_LEGACY_AND_HEADER = 576;
