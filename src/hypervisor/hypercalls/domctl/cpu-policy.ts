import { xen_cpuid_leaf, xen_msr_entry } from '../../../spec/xen/arch-x86/xen.ts';
import { XEN_CPUID_INPUT_UNUSED, xen_domctl_cpu_policy } from '../../../spec/xen/domctl.ts';
import { E2BIG, EEXIST, EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import { domainModel, POLICY_LEAVES_MAX, POLICY_MSRS_MAX, setPolicy } from '../../arch/x86/cpu-policy.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import { writePolicy } from '../policy-lists.ts';
import type { Domctl } from './operation.ts';

/**
 * The processor that a domain sees, as CPUID leaves and MSRs; null lists ask for the room they need.
 * @xen domctl 82 get_cpu_policy #Y
 * Fails: ENOBUFS no room; EFAULT.
 */
export const getCpuPolicy: Domctl<(typeof xen_domctl_cpu_policy)['fields']> = {
  argument: xen_domctl_cpu_policy,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    const counts = writePolicy(memory, arg, domainModel(hv, of as Domain));
    return typeof counts === 'number' ? fail(counts) : ok(counts);
  },
};

/**
 * Take features away from the processor that a domain will see.
 * @xen domctl 83 set_cpu_policy #P[features and their leaves; cache, topology and brand leaves stay the model's]
 * Fails: EINVAL the caller itself; EEXIST it has run; E2BIG; EFAULT; ERANGE a leaf or MSR that policies do not have;
 * EINVAL a highest leaf or an MSR's bits beyond the machine's. err_leaf, err_subleaf and err_msr say which.
 */
export const setCpuPolicy: Domctl<(typeof xen_domctl_cpu_policy)['fields']> = {
  argument: xen_domctl_cpu_policy,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    if (d === caller) return fail(EINVAL);
    for (const v of hv.vcpus(d)) if (v.s.retired_seen !== 0n) return fail(EEXIST);
    if (arg.nr_leaves > POLICY_LEAVES_MAX || arg.nr_msrs > POLICY_MSRS_MAX) return fail(E2BIG);
    const leaves = memory.read(arg.leaves, arg.nr_leaves * xen_cpuid_leaf.size);
    const msrs = memory.read(arg.msrs, arg.nr_msrs * xen_msr_entry.size);
    if (leaves === undefined || msrs === undefined) return fail(EFAULT);
    const wrong = setPolicy(
      hv,
      d,
      Array.from({ length: arg.nr_leaves }, (_, i) => xen_cpuid_leaf.read(new DataView(leaves.buffer), i * xen_cpuid_leaf.size)),
      Array.from({ length: arg.nr_msrs }, (_, i) => xen_msr_entry.read(new DataView(msrs.buffer), i * xen_msr_entry.size)),
    );
    const [err_leaf, err_subleaf] = wrong?.leaf ?? [XEN_CPUID_INPUT_UNUSED, XEN_CPUID_INPUT_UNUSED];
    const out = { err_leaf, err_subleaf, err_msr: wrong?.msr ?? XEN_CPUID_INPUT_UNUSED };
    return wrong === undefined ? ok(out) : { ...fail(wrong.errno), out };
  },
};
