import { EFAULT, EINVAL, ENOBUFS, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import * as S from '../../../spec/xen/sysctl.ts';
import { featureset } from '../../arch/x86/cpu-policy.ts';
import { fail, ok } from '../call.ts';
import { writePolicy } from '../policy-lists.ts';
import { sysctlOperation } from './operation.ts';

/** There is one processor: what it has, what any guest may have and what each has by default are the same. PV guests do not exist. */
const POLICIES: ReadonlySet<number> = new Set([
  S.XEN_SYSCTL_cpu_policy_raw,
  S.XEN_SYSCTL_cpu_policy_host,
  S.XEN_SYSCTL_cpu_policy_hvm_max,
  S.XEN_SYSCTL_cpu_policy_hvm_default,
]);
const FEATURESETS: ReadonlySet<number> = new Set([
  S.XEN_SYSCTL_cpu_featureset_raw,
  S.XEN_SYSCTL_cpu_featureset_host,
  S.XEN_SYSCTL_cpu_featureset_hvm,
  S.XEN_SYSCTL_cpu_featureset_hvm_max,
]);

/**
 * The machine's processor as CPUID leaves and MSRs; null lists ask for the room they need.
 * @xen sysctl 29 get_cpu_policy #Y
 * Fails: EINVAL reserved bits, no such policy; EOPNOTSUPP a PV one; ENOBUFS no room; EFAULT.
 */
export const getCpuPolicy = sysctlOperation(S.xen_sysctl_cpu_policy, ({ hv, memory }, arg) => {
  if (arg._rsvd !== 0 || arg.index > S.XEN_SYSCTL_cpu_policy_hvm_default) return fail(EINVAL);
  if (!POLICIES.has(arg.index)) return fail(EOPNOTSUPP);
  const counts = writePolicy(memory, arg, hv.model);
  return typeof counts === 'number' ? fail(counts) : ok(counts);
});

/**
 * The machine's processor as Xen's feature words; a null list asks how many there are.
 * @xen sysctl 26 get_cpu_featureset #Y
 * Fails: EINVAL no such set; EOPNOTSUPP a PV one; EFAULT; ENOBUFS fewer words than there are were asked for (and given).
 */
export const getCpuFeatureset = sysctlOperation(S.xen_sysctl_cpu_featureset, ({ hv, memory }, arg) => {
  if (arg.index > S.XEN_SYSCTL_cpu_featureset_hvm_max) return fail(EINVAL);
  if (!FEATURESETS.has(arg.index)) return fail(EOPNOTSUPP);
  const words = featureset(hv.model);
  if (arg.features === 0n) return ok({ nr_features: words.length });
  const given = Uint32Array.from(words.slice(0, arg.nr_features));
  if (!memory.write(arg.features, new Uint8Array(given.buffer))) return fail(EFAULT);
  return given.length < words.length ? { ...fail(ENOBUFS), out: { nr_features: given.length } } : ok({ nr_features: words.length });
});

/**
 * How a toolstack could show a PV guest fewer features by means of the processor.
 * @xen sysctl 25 get_cpu_levelling_caps #Y
 */
export const getCpuLevellingCaps = sysctlOperation(S.xen_sysctl_cpu_levelling_caps, () => ok({ caps: 0 }));
