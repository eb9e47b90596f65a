import type { CpuModel } from '../../spec/x86/cpu-models.ts';
import { xen_cpuid_leaf, xen_msr_entry } from '../../spec/xen/arch-x86/xen.ts';
import { EFAULT, ENOBUFS } from '../../spec/xen/errno.ts';
import { POLICY_LEAVES_MAX, POLICY_MSRS_MAX, policyLeaves, policyMsrs } from '../arch/x86/cpu-policy.ts';
import type { CallerMemory } from '../guest-memory.ts';

/** Where a caller wants a policy, or (null handles) how much room it needs. */
export interface PolicyLists {
  readonly nr_leaves: number;
  readonly nr_msrs: number;
  readonly leaves: bigint;
  readonly msrs: bigint;
}

/** Write a model's leaves and MSRs to the caller's lists; the counts, or an errno: ENOBUFS no room; EFAULT. */
export function writePolicy(memory: CallerMemory, lists: PolicyLists, model: CpuModel): { readonly nr_leaves: number; readonly nr_msrs: number } | number {
  let nr_leaves = POLICY_LEAVES_MAX;
  let nr_msrs = POLICY_MSRS_MAX;
  if (lists.leaves !== 0n) {
    const leaves = policyLeaves(model);
    nr_leaves = leaves.length;
    if (nr_leaves > lists.nr_leaves) return ENOBUFS;
    const bytes = new Uint8Array(nr_leaves * xen_cpuid_leaf.size);
    for (const [i, leaf] of leaves.entries()) xen_cpuid_leaf.write(new DataView(bytes.buffer), i * xen_cpuid_leaf.size, leaf);
    if (!memory.write(lists.leaves, bytes)) return EFAULT;
  }
  if (lists.msrs !== 0n) {
    const msrs = policyMsrs(model);
    nr_msrs = msrs.length;
    if (nr_msrs > lists.nr_msrs) return ENOBUFS;
    const bytes = new Uint8Array(nr_msrs * xen_msr_entry.size);
    for (const [i, msr] of msrs.entries()) xen_msr_entry.write(new DataView(bytes.buffer), i * xen_msr_entry.size, msr);
    if (!memory.write(lists.msrs, bytes)) return EFAULT;
  }
  return { nr_leaves, nr_msrs };
}
