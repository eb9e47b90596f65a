import { type CpuModel, cpuid, withFeatures } from '../../../spec/x86/cpu-models.ts';
import { CPUID_FEATURES } from '../../../spec/x86/cpuid.ts';
import { MSR_IA32_ARCH_CAPABILITIES, MSR_PLATFORM_INFO } from '../../../spec/x86/msr.ts';
import { XEN_CPUID_FIRST_LEAF, XEN_CPUID_MAX_NUM_LEAVES } from '../../../spec/xen/arch-x86/cpuid.ts';
import { XEN_CPUID_NO_SUBLEAF } from '../../../spec/xen/arch-x86/xen.ts';
import { E2BIG, EINVAL, ERANGE } from '../../../spec/xen/errno.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';

/**
 * What processor a domain sees, as a toolstack asks and says it: the machine's model, less the features that were taken
 * away before the domain ran. Topology is the hypervisor's own: APIC ids 0, 2, 4, ...
 */

/** One leaf of a policy; subleaf XEN_CPUID_NO_SUBLEAF where a leaf has only one. */
export interface PolicyLeaf {
  readonly leaf: number;
  readonly subleaf: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export interface PolicyMsr {
  readonly idx: number;
  readonly flags: number;
  readonly val: bigint;
}

/** Leaves and MSRs that a policy may have: room to ask for. Stops: lists without end. */
export const POLICY_LEAVES_MAX = 160;
export const POLICY_MSRS_MAX = 2;
/** Highest basic leaf of a policy, and the highest extended one in its low 16 bits. @see xen/lib/x86/cpuid.h, CPUID_GUEST_NR_* */
const BASIC_MAX = 0xd;
const EXTENDED_MAX = 0x21;
/** Leaves with subleaves, and how many a policy may have of each. */
const SUBLEAVES: ReadonlyMap<number, number> = new Map([
  [4, 6],
  [7, 3],
  [0xb, 2],
  [0xd, 63],
]);

/** A vCPU that has done nothing yet, in a domain of one. */
const FRESH = { apicId: 0, vcpus: 1, apicEnabled: true, osxsave: false, ospke: false, xcr0: 1 } as const;
/** Features that follow the vCPU's state or the number of vCPUs: a policy's word on them does not count. */
const FOLLOWS: ReadonlySet<string> = new Set(['osxsave', 'ospke', 'ht', 'cmp_legacy']);

/** The leaves that describe a model. */
export function policyLeaves(model: CpuModel): PolicyLeaf[] {
  const found: PolicyLeaf[] = [];
  const take = (leaf: number, subleaf: number): void => {
    const { eax, ebx, ecx, edx } = cpuid(model, leaf, subleaf === XEN_CPUID_NO_SUBLEAF ? 0 : subleaf, FRESH);
    found.push({ leaf, subleaf, a: eax, b: ebx, c: ecx, d: edx });
  };
  for (let leaf = 0; leaf <= Math.min(model.maxLeaf, BASIC_MAX); leaf++) {
    const most = SUBLEAVES.get(leaf);
    if (most === undefined) take(leaf, XEN_CPUID_NO_SUBLEAF);
    for (let subleaf = 0; subleaf < (most ?? 0); subleaf++) {
      const { eax, ebx, ecx, edx } = cpuid(model, leaf, subleaf, FRESH);
      if (subleaf === 0 || (leaf === 0xd && subleaf === 1) || (eax | ebx | ecx) !== 0) take(leaf, subleaf);
      else if (edx !== 0 && leaf === 7) take(leaf, subleaf);
    }
  }
  const none = { a: 0, b: 0, c: 0, d: 0 };
  found.push({ ...none, leaf: XEN_CPUID_FIRST_LEAF, subleaf: XEN_CPUID_NO_SUBLEAF, a: XEN_CPUID_FIRST_LEAF + XEN_CPUID_MAX_NUM_LEAVES });
  found.push({ ...none, leaf: XEN_CPUID_FIRST_LEAF + 0x100, subleaf: XEN_CPUID_NO_SUBLEAF });
  for (let leaf = 0x80000000; leaf <= Math.min(model.maxExtendedLeaf, 0x80000000 + EXTENDED_MAX); leaf++) take(leaf, XEN_CPUID_NO_SUBLEAF);
  return found;
}

/** The MSRs that describe a model. */
export function policyMsrs(model: CpuModel): PolicyMsr[] {
  return [MSR_PLATFORM_INFO, MSR_IA32_ARCH_CAPABILITIES].map((idx) => ({ idx, flags: 0, val: model.msrs.get(idx) ?? 0n }));
}

/** Registers of Xen's feature words, in its order: leaf, subleaf, register. @see xen/include/public/arch-x86/cpufeatureset.h */
const FEATURE_WORDS = [
  [1, 0, 'edx'],
  [1, 0, 'ecx'],
  [0x80000001, 0, 'edx'],
  [0x80000001, 0, 'ecx'],
  [0xd, 1, 'eax'],
  [7, 0, 'ebx'],
  [7, 0, 'ecx'],
  [0x80000007, 0, 'edx'],
  [0x80000008, 0, 'ebx'],
  [7, 0, 'edx'],
  [7, 1, 'eax'],
  [0x80000021, 0, 'eax'],
  [7, 1, 'ebx'],
  [7, 2, 'edx'],
  [7, 1, 'ecx'],
  [7, 1, 'edx'],
] as const;

/** A model's features as Xen's feature words. */
export const featureset = (model: CpuModel): number[] => FEATURE_WORDS.map(([leaf, subleaf, register]) => cpuid(model, leaf, subleaf, FRESH)[register]);

// ---- a domain's own ------------------------------------------------------------------------------------------------

const models = new WeakMap<CpuModel, Map<string, CpuModel>>();

/** The processor that a domain sees. */
export function domainModel(hv: Hypervisor, d: Domain): CpuModel {
  const words = [...d.s.removed_features];
  if (words.every((word) => word === 0)) return hv.model;
  let known = models.get(hv.model);
  if (known === undefined) {
    known = new Map();
    models.set(hv.model, known);
  }
  const key = words.join(' ');
  let model = known.get(key);
  if (model === undefined) {
    const remove = CPUID_FEATURES.filter((_, i) => ((words[i >>> 5] as number) & (1 << (i & 31))) !== 0).map(({ name }) => name);
    model = withFeatures(hv.model, { remove });
    known.set(key, model);
  }
  return model;
}

/** What is wrong with a policy: an errno, and the leaf or MSR that it is about. */
export interface PolicyError {
  readonly errno: number;
  readonly leaf?: readonly [leaf: number, subleaf: number];
  readonly msr?: number;
}

/** Is there such a leaf in policies? */
function knownLeaf({ leaf, subleaf }: PolicyLeaf): boolean {
  if (leaf <= BASIC_MAX) {
    const most = SUBLEAVES.get(leaf);
    return most === undefined ? subleaf === XEN_CPUID_NO_SUBLEAF : subleaf < most;
  }
  const low = leaf & 0xffff;
  if (leaf >>> 16 === 0x4000) return subleaf === XEN_CPUID_NO_SUBLEAF && (low === 0 || low === 0x100);
  return leaf >>> 16 === 0x8000 && low <= EXTENDED_MAX && subleaf === XEN_CPUID_NO_SUBLEAF;
}

/**
 * Give a domain a policy: features of the model that its leaves lack are taken away. Features that the model lacks stay
 * away, as Xen does. Leaves that are not named stay as they are. Undefined: done.
 */
export function setPolicy(hv: Hypervisor, d: Domain, leaves: readonly PolicyLeaf[], msrs: readonly PolicyMsr[]): PolicyError | undefined {
  if (leaves.length > POLICY_LEAVES_MAX || msrs.length > POLICY_MSRS_MAX) return { errno: E2BIG };
  const words = [...d.s.removed_features];
  for (const each of leaves) {
    const at = [each.leaf, each.subleaf] as const;
    if (!knownLeaf(each)) return { errno: ERANGE, leaf: at };
    if (each.leaf === 0 && each.a > hv.model.maxLeaf) return { errno: EINVAL, leaf: at };
    if (each.leaf === 0x80000000 && each.a > hv.model.maxExtendedLeaf) return { errno: EINVAL, leaf: at };
    const given = { eax: each.a, ebx: each.b, ecx: each.c, edx: each.d };
    const subleaf = each.subleaf === XEN_CPUID_NO_SUBLEAF ? 0 : each.subleaf;
    for (const [i, { name, leaf, subleaf: sub, register, bit }] of CPUID_FEATURES.entries()) {
      if (leaf !== each.leaf || sub !== subleaf || FOLLOWS.has(name)) continue;
      const removed = hv.model.features.has(name) && (given[register] & (1 << bit)) === 0;
      const word = (words[i >>> 5] as number) & ~(1 << (i & 31));
      words[i >>> 5] = (removed ? word | (1 << (i & 31)) : word) >>> 0;
    }
  }
  const ours = new Map(policyMsrs(hv.model).map(({ idx, val }) => [idx, val]));
  for (const { idx, flags, val } of msrs) {
    const has = ours.get(idx);
    if (has === undefined) return { errno: ERANGE, msr: idx };
    if (flags !== 0 || (val & ~has) !== 0n) return { errno: EINVAL, msr: idx };
  }
  for (const [i, word] of words.entries()) d.s.removed_features.set(i, word);
  return undefined;
}
