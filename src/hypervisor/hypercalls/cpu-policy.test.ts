import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fields, Struct, Update } from '../../base/struct.ts';
import { AMD_X86_64_V3 } from '../../spec/x86/cpu-models.ts';
import { XEN_CPUID_NO_SUBLEAF, xen_cpuid_leaf, xen_msr_entry } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import { E2BIG, EEXIST, EFAULT, EINVAL, ENOBUFS, EOPNOTSUPP, ERANGE } from '../../spec/xen/errno.ts';
import * as S from '../../spec/xen/sysctl.ts';
import { __HYPERVISOR_sysctl } from '../../spec/xen/xen.ts';
import { guestCpuid } from '../arch/x86/cpuid.ts';
import type { Domain } from '../hypervisor.ts';
import { findBroken } from '../testing/invariants.ts';
import { ARGUMENT_GPA, LIST_GPA, TestMachine } from '../testing/test-machine.ts';

const MSRS_GPA = LIST_GPA + 0x2000;

function sysctl<F extends Fields>(m: TestMachine, cmd: number, member: Struct<F>, fields: Update<F>) {
  m.put(m.dom0, ARGUMENT_GPA, S.xen_sysctl, { cmd, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
  m.put(m.dom0, ARGUMENT_GPA + S.xen_sysctl.offsets.u, member, fields);
  const result = m.hypercall(m.dom0, __HYPERVISOR_sysctl, [ARGUMENT_GPA]);
  return { ...m.get(m.dom0, ARGUMENT_GPA + S.xen_sysctl.offsets.u, member), result };
}
const systemPolicy = (m: TestMachine, index: number, fields: object) => sysctl(m, S.XEN_SYSCTL_get_cpu_policy, S.xen_sysctl_cpu_policy, { index, ...fields });
const domainPolicy = (m: TestMachine, d: Domain, cmd: number, fields: Update<(typeof D.xen_domctl_cpu_policy)['fields']>) => {
  const { result, out } = m.domctl(d.id, cmd, D.xen_domctl_cpu_policy, fields);
  return { ...(out as NonNullable<typeof out>), result };
};
const leavesAt = (m: TestMachine, count: number) => Array.from({ length: count }, (_, i) => m.get(m.dom0, LIST_GPA + i * xen_cpuid_leaf.size, xen_cpuid_leaf));

test('the machine’s policy: room first, then every leaf as a guest reads it', () => {
  const m = new TestMachine();
  m.hv.model = AMD_X86_64_V3;
  const guest = m.guest();
  const room = systemPolicy(m, S.XEN_SYSCTL_cpu_policy_hvm_default, {});
  assert.deepEqual([room.result, room.nr_leaves, room.nr_msrs], [0, 160, 2]);
  const given = systemPolicy(m, S.XEN_SYSCTL_cpu_policy_host, { nr_leaves: room.nr_leaves, nr_msrs: room.nr_msrs, leaves: LIST_GPA, msrs: MSRS_GPA });
  assert.equal(given.result, 0);
  const leaves = leavesAt(m, given.nr_leaves);
  assert.equal(leaves[0]?.a, AMD_X86_64_V3.maxLeaf);
  for (const { leaf, subleaf, a, b, c } of leaves) {
    if (leaf >>> 16 === 0x4000 || leaf === 1 || leaf === 0xb) continue; // (they tell of the vCPU that asks)
    const seen = guestCpuid(m.hv, m.vcpu(guest), leaf, subleaf === XEN_CPUID_NO_SUBLEAF ? 0 : subleaf);
    assert.deepEqual([a, c], [seen.eax, seen.ecx], `leaf 0x${leaf.toString(16)}.${subleaf}`);
    if (leaf !== 0xd) assert.equal(b, seen.ebx, `leaf 0x${leaf.toString(16)}.${subleaf}`);
  }
  assert.deepEqual(new Set(leaves.map(({ leaf, subleaf }) => `${leaf}.${subleaf}`)).size, leaves.length, 'each once');
  assert.deepEqual(
    [0, 1].map((i) => m.get(m.dom0, MSRS_GPA + i * xen_msr_entry.size, xen_msr_entry).idx),
    [0xce, 0x10a],
  );
});

test('policies that there are not, and lists that do not fit', () => {
  const m = new TestMachine();
  const whole = { nr_leaves: 160, nr_msrs: 2, leaves: LIST_GPA, msrs: MSRS_GPA };
  assert.equal(systemPolicy(m, 6, whole).result, -EINVAL);
  assert.equal(systemPolicy(m, S.XEN_SYSCTL_cpu_policy_pv_max, whole).result, -EOPNOTSUPP);
  assert.equal(systemPolicy(m, S.XEN_SYSCTL_cpu_policy_host, { ...whole, nr_leaves: 3 }).result, -ENOBUFS);
  assert.equal(systemPolicy(m, S.XEN_SYSCTL_cpu_policy_host, { ...whole, nr_msrs: 1 }).result, -ENOBUFS);
  assert.equal(systemPolicy(m, S.XEN_SYSCTL_cpu_policy_host, { ...whole, leaves: 1n << 50n }).result, -EFAULT);
});

test('the feature words', () => {
  const m = new TestMachine();
  const words = (fields: object) =>
    sysctl(m, S.XEN_SYSCTL_get_cpu_featureset, S.xen_sysctl_cpu_featureset, { index: S.XEN_SYSCTL_cpu_featureset_hvm, ...fields });
  assert.deepEqual([words({}).result, words({}).nr_features], [0, 16]);
  assert.equal(words({ nr_features: 16, features: LIST_GPA }).result, 0);
  const edx = new DataView(m.peek(m.dom0, LIST_GPA, 4).buffer).getUint32(0, true);
  assert.ok((edx & (1 << 15)) !== 0, 'CMOV');
  assert.deepEqual([words({ nr_features: 2, features: LIST_GPA }).result, words({ nr_features: 2, features: LIST_GPA }).nr_features], [-ENOBUFS, 2]);
  assert.equal(words({ index: S.XEN_SYSCTL_cpu_featureset_pv }).result, -EOPNOTSUPP);
  assert.equal(words({ index: 99 }).result, -EINVAL);
});

test('a domain’s policy: what is taken away is not seen, and no longer told', () => {
  const m = new TestMachine();
  m.hv.model = AMD_X86_64_V3;
  const d = m.guest();
  const read = () => domainPolicy(m, d, D.XEN_DOMCTL_get_cpu_policy, { nr_leaves: 160, nr_msrs: 2, leaves: LIST_GPA, msrs: MSRS_GPA });
  const { nr_leaves, nr_msrs } = read();
  const at = leavesAt(m, nr_leaves).findIndex(({ leaf }) => leaf === 1);
  const whole = m.get(m.dom0, LIST_GPA + at * xen_cpuid_leaf.size, xen_cpuid_leaf);
  // without AVX, with a feature that the model lacks, without HT and OSXSAVE (which are not a policy's to say)
  m.put(m.dom0, LIST_GPA + at * xen_cpuid_leaf.size, xen_cpuid_leaf, { ...whole, c: (whole.c & ~(1 << 28)) | (1 << 30) });
  const set = domainPolicy(m, d, D.XEN_DOMCTL_set_cpu_policy, { nr_leaves, nr_msrs, leaves: LIST_GPA, msrs: MSRS_GPA });
  assert.deepEqual([set.result, set.err_leaf, set.err_msr], [0, 0xffffffff, 0xffffffff]);
  const seen = guestCpuid(m.hv, m.vcpu(d), 1, 0);
  assert.equal((seen.ecx ^ whole.c) >>> 0, 1 << 28);
  assert.equal(guestCpuid(m.hv, m.vcpu(d), 0xd, 0).eax & 4, 0, 'XCR0 has no AVX state either');
  read();
  assert.equal(m.get(m.dom0, LIST_GPA + at * xen_cpuid_leaf.size, xen_cpuid_leaf).c, seen.ecx);
  assert.notEqual(guestCpuid(m.hv, m.vcpu(m.guest()), 1, 0).ecx, seen.ecx, 'other domains keep theirs');
  assert.deepEqual(findBroken(m.hv), []);
});

test('a policy that cannot be: which leaf or MSR it is', () => {
  const m = new TestMachine();
  const d = m.guest();
  const set = (leaf: object, msr?: object) => {
    m.put(m.dom0, LIST_GPA, xen_cpuid_leaf, { subleaf: XEN_CPUID_NO_SUBLEAF, ...leaf });
    m.put(m.dom0, MSRS_GPA, xen_msr_entry, msr ?? {});
    const { result, err_leaf, err_subleaf, err_msr } = domainPolicy(m, d, D.XEN_DOMCTL_set_cpu_policy, {
      nr_leaves: 1,
      nr_msrs: msr === undefined ? 0 : 1,
      leaves: LIST_GPA,
      msrs: MSRS_GPA,
    });
    return [result, err_leaf, err_subleaf, err_msr];
  };
  const NONE = 0xffffffff;
  assert.deepEqual(set({ leaf: 0x20 }), [-ERANGE, 0x20, NONE, NONE]);
  assert.deepEqual(set({ leaf: 7, subleaf: 3 }), [-ERANGE, 7, 3, NONE]);
  assert.deepEqual(set({ leaf: 0, a: 0x20 }), [-EINVAL, 0, NONE, NONE]);
  assert.deepEqual(set({ leaf: 0x80000000, a: 0x80000022 }), [-EINVAL, 0x80000000, NONE, NONE]);
  assert.deepEqual(set({ leaf: 2 }, { idx: 0x10 }), [-ERANGE, NONE, NONE, 0x10]);
  assert.deepEqual(set({ leaf: 2 }, { idx: 0xce, flags: 1 }), [-EINVAL, NONE, NONE, 0xce]);
  assert.deepEqual(set({ leaf: 2 }, { idx: 0x10a, val: 1n << 40n }), [-EINVAL, NONE, NONE, 0x10a]);
  const policy = (fields: Update<(typeof D.xen_domctl_cpu_policy)['fields']>, of = d) => domainPolicy(m, of, D.XEN_DOMCTL_set_cpu_policy, fields).result;
  assert.equal(policy({ nr_leaves: 161, leaves: LIST_GPA }), -E2BIG);
  assert.equal(policy({ nr_leaves: 1, leaves: 1n << 50n }), -EFAULT);
  assert.equal(policy({}, m.dom0), -EINVAL);
  m.vcpu(d).s.retired_seen = 1n;
  assert.equal(policy({}), -EEXIST);
});

test('TSC, paging pool, scheduler and word size of a domain', () => {
  const m = new TestMachine();
  const d = m.guest();
  assert.equal(m.domctl(d.id, D.XEN_DOMCTL_get_address_size, D.xen_domctl_address_size, {}).out?.size, 64);
  const tsc = (fields: Update<(typeof D.xen_domctl_tsc_info)['fields']>) => m.domctl(d.id, D.XEN_DOMCTL_settscinfo, D.xen_domctl_tsc_info, fields).result;
  assert.equal(tsc({ tsc_mode: 1, incarnation: 7 }), 0);
  const { out } = m.domctl(d.id, D.XEN_DOMCTL_gettscinfo, D.xen_domctl_tsc_info, {});
  assert.deepEqual([out?.tsc_mode, out?.gtsc_khz, out?.incarnation, out?.elapsed_nsec], [1, 1_000_000, 7, m.time]);
  assert.equal(guestCpuid(m.hv, m.vcpu(d), 0x40000003, 0).ebx, 1);
  assert.equal(tsc({ tsc_mode: 3 }), -EINVAL);
  assert.equal(tsc({ gtsc_khz: 2_000_000 }), -EOPNOTSUPP);
  assert.equal(tsc({ elapsed_nsec: 5n }), -EOPNOTSUPP);
  assert.equal(tsc({ tsc_mode: 2, gtsc_khz: 2_000_000 }), 0);
  const pool = (cmd: number, size?: number) => m.domctl(d.id, cmd, D.xen_domctl_paging_mempool, size === undefined ? {} : { size });
  assert.equal(pool(D.XEN_DOMCTL_get_paging_mempool_size).out?.size, 1 << 20);
  assert.equal(pool(D.XEN_DOMCTL_set_paging_mempool_size, 64 << 20).result, 0);
  assert.equal(pool(D.XEN_DOMCTL_get_paging_mempool_size).out?.size, 64 << 20);
  assert.equal(pool(D.XEN_DOMCTL_set_paging_mempool_size, 4097).result, -EINVAL);
  assert.equal(m.domctl(0, D.XEN_DOMCTL_get_paging_mempool_size, D.xen_domctl_paging_mempool, {}).result, -EOPNOTSUPP);
  const sched = (cmd: number, credit2: object, sched_id = D.XEN_SCHEDULER_CREDIT2) =>
    m.domctl(d.id, D.XEN_DOMCTL_scheduler_op, D.xen_domctl_scheduler_op, { sched_id, cmd, u: { credit2 } });
  assert.deepEqual(sched(D.XEN_DOMCTL_SCHEDOP_getinfo, {}).out?.u.credit2, { weight: 256, cap: 0 });
  assert.equal(sched(D.XEN_DOMCTL_SCHEDOP_putinfo, { weight: 512, cap: 0xffff }).result, 0);
  assert.deepEqual(sched(D.XEN_DOMCTL_SCHEDOP_getinfo, {}).out?.u.credit2, { weight: 512, cap: 0 });
  assert.equal(sched(D.XEN_DOMCTL_SCHEDOP_getvcpuinfo, {}).result, -EINVAL);
  assert.equal(sched(D.XEN_DOMCTL_SCHEDOP_getinfo, {}, D.XEN_SCHEDULER_CREDIT).result, -EINVAL);
});
