import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XENHEAP_END } from '../../machine/layout.ts';
import { XEN_X86_EMU_LAPIC } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import { E2BIG, EEXIST, EFAULT, EINVAL, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import { EVTCHNOP_bind_virq, evtchn_bind_virq } from '../../spec/xen/event-channel.ts';
import { __HYPERVISOR_event_channel_op, VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { clearPending, isPending } from '../events/deliver.ts';
import { p2m_shared } from '../memory/p2m.ts';
import { findBroken } from '../testing/invariants.ts';
import { LIST_GPA, TestMachine } from '../testing/test-machine.ts';

type Create = Parameters<typeof D.xen_domctl_createdomain.write>[2];
const GOOD: Create = {
  flags: D.XEN_DOMCTL_CDF_hvm | D.XEN_DOMCTL_CDF_hap,
  max_vcpus: 2,
  max_evtchn_port: 0xffffffff,
  max_grant_frames: -1,
  max_maptrack_frames: -1,
  grant_opts: 2,
  arch: { emulation_flags: XEN_X86_EMU_LAPIC },
};
const create = (m: TestMachine, fields: Create, id = 0) => m.domctl(id, D.XEN_DOMCTL_createdomain, D.xen_domctl_createdomain, { ...GOOD, ...fields });

test('createdomain: ids chosen or asked for, and what it refuses', () => {
  const m = new TestMachine();
  const used = m.hv.heap.used;
  const free = m.hv.frames.free;
  assert.deepEqual([create(m, {}).domain, create(m, {}).domain], [1, 2]);
  assert.deepEqual([create(m, {}, 77).result, m.hv.domain(77)?.id], [0, 77]);
  assert.equal(create(m, {}, 77).result, -EEXIST);
  for (const [fields, errno] of [
    [{ flags: 1 << 20 }, EINVAL],
    [{ max_vcpus: 0 }, EINVAL],
    [{ max_vcpus: 129 }, EINVAL],
    [{ flags: 0 }, EOPNOTSUPP],
    [{ arch: { emulation_flags: 0xffffffff } }, EINVAL],
    [{ max_grant_frames: 65 }, EINVAL],
    [{ max_grant_frames: 0 }, EINVAL],
    [{ max_maptrack_frames: 1025 }, EINVAL],
    [{ grant_opts: 0 }, EINVAL],
    [{ grant_opts: 3 }, EINVAL],
  ] as const)
    assert.equal(create(m, fields).result, -errno, JSON.stringify(fields));
  const made = m.hv.domain(77);
  assert.equal(made?.s.pause_count, 1, 'born paused');
  assert.equal(made?.s.grants.nr_frames, 1);
  for (const id of [1, 2, 77]) m.domctl(id, D.XEN_DOMCTL_destroydomain);
  assert.deepEqual([m.hv.heap.used, m.hv.frames.free], [used, free]);
  assert.deepEqual(findBroken(m.hv), []);
});

test('createdomain and max_vcpus with the heap used up at one place or another leave nothing behind', () => {
  const answers = new Set<string>();
  for (let room = 0; room < 120_000; room += 5_000) {
    const m = new TestMachine(1024);
    const free = m.hv.frames.free;
    m.hv.header.heap_next = XENHEAP_END - room;
    const used = m.hv.heap.used;
    const { result, domain } = create(m, {});
    if (result === 0) {
      const vcpus = m.domctl(domain, D.XEN_DOMCTL_max_vcpus, D.xen_domctl_max_vcpus, { max: 2 }).result;
      answers.add(`vcpus ${vcpus}`);
      assert.equal(m.domctl(domain, D.XEN_DOMCTL_destroydomain).result, 0);
    } else answers.add(`domain ${result}`);
    assert.equal(m.hv.frames.free, free);
    assert.equal(m.hv.heap.used, used);
    assert.deepEqual(findBroken(m.hv), []);
  }
  assert.deepEqual([...answers].sort(), [`domain -${ENOMEM}`, `vcpus -${ENOMEM}`, 'vcpus 0']);
});

test('pause, unpause, destroy: not of oneself, domain 0 hears of the end', () => {
  const m = new TestMachine();
  const d = m.guest();
  const { port } = m.op(m.dom0, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, evtchn_bind_virq, { virq: VIRQ_DOM_EXC, vcpu: 0 });
  const on = (id: number, cmd: number) => m.domctl(id, cmd).result;
  assert.equal(on(0, D.XEN_DOMCTL_pausedomain), -EINVAL);
  assert.equal(on(0, D.XEN_DOMCTL_destroydomain), -EINVAL);
  assert.equal(on(99, D.XEN_DOMCTL_destroydomain), -ESRCH);
  assert.equal(on(d.id, D.XEN_DOMCTL_pausedomain), 0);
  assert.equal(on(d.id, D.XEN_DOMCTL_unpausedomain), 0);
  assert.equal(on(d.id, D.XEN_DOMCTL_unpausedomain), -EINVAL);
  assert.equal(m.domctl(d.id, D.XEN_DOMCTL_pausedomain, undefined, undefined, d).result, -EPERM);
  clearPending(m.hv, m.dom0, port);
  assert.equal(on(d.id, D.XEN_DOMCTL_destroydomain), 0);
  assert.ok(isPending(m.hv, m.dom0, port));
  assert.equal(on(d.id, D.XEN_DOMCTL_destroydomain), -ESRCH);
});

test('a domain of many pages is destroyed in pieces, by one call', () => {
  const m = new TestMachine(65536);
  const free = m.hv.frames.free;
  const d = m.guest({ pages: 40_000 });
  assert.equal(m.destroy(d), 0);
  assert.equal(m.hv.frames.free, free);
});

test('getdomaininfo gives the domain or the next one; limits, handle and vCPU info', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const info = (id: number) => m.domctl(id, D.XEN_DOMCTL_getdomaininfo, D.xen_domctl_getdomaininfo, {});
  assert.equal(info(1).domain, d.id);
  assert.equal(info(d.id + 1).result, -ESRCH);
  m.domctl(d.id, D.XEN_DOMCTL_max_mem, D.xen_domctl_max_mem, { max_memkb: 4096 });
  m.domctl(d.id, D.XEN_DOMCTL_setdomainhandle, D.xen_domctl_setdomainhandle, { handle: Uint8Array.from({ length: 16 }, (_, i) => i) });
  const { out } = info(d.id);
  assert.deepEqual([out?.max_pages, out?.tot_pages, out?.handle[15], out?.max_vcpu_id], [1024, 64, 15, 1]);
  const vcpu = (id: number) => m.domctl(d.id, D.XEN_DOMCTL_getvcpuinfo, D.xen_domctl_getvcpuinfo, { vcpu: id });
  assert.deepEqual([vcpu(0).out?.online, vcpu(1).out?.online, vcpu(2).result], [1, 0, -ESRCH]);
  assert.equal(m.domctl(d.id, D.XEN_DOMCTL_max_vcpus, D.xen_domctl_max_vcpus, { max: 3 }).result, -EINVAL);
});

test('getpageframeinfo3 tells RAM from what is none', () => {
  const m = new TestMachine();
  const d = m.guest();
  const types = (frames: readonly number[], num = frames.length) => {
    m.poke(m.dom0, LIST_GPA, new Uint8Array(new BigUint64Array(frames.map(BigInt)).buffer));
    const { result } = m.domctl(d.id, D.XEN_DOMCTL_getpageframeinfo3, D.xen_domctl_getpageframeinfo3, { num, array: LIST_GPA });
    return [result, ...new BigUint64Array(m.peek(m.dom0, LIST_GPA, frames.length * 8).buffer)];
  };
  m.hv.setEntry(d, 0x1000, d.s.shared_info as never, p2m_shared);
  const none = BigInt(D.XEN_DOMCTL_PFINFO_XTAB);
  assert.deepEqual(types([0, 63, 64, 0x1000, 2 ** 50]), [0, 0n, 0n, none, none, none]);
  assert.deepEqual(types([7], 1025), [-E2BIG, 7n]);
  assert.equal(m.domctl(d.id, D.XEN_DOMCTL_getpageframeinfo3, D.xen_domctl_getpageframeinfo3, { num: 1, array: 1n << 50n }).result, -EFAULT);
  m.hv.setEntry(d, 0x1000, undefined);
});

test('gethvmcontext and sethvmcontext bring registers round; broken records change nothing', () => {
  const m = new TestMachine();
  const d = m.guest();
  const context = (cmd: number, size: number, buffer: number) => m.domctl(d.id, cmd, D.xen_domctl_hvmcontext, { size, buffer });
  const size = context(D.XEN_DOMCTL_gethvmcontext, 0, 0).out?.size ?? 0;
  assert.ok(size > 1000);
  assert.equal(context(D.XEN_DOMCTL_gethvmcontext, size - 1, LIST_GPA).result, -ENOSPC);
  m.vcpu(d).context.set(3, 0x1234n);
  assert.equal(context(D.XEN_DOMCTL_gethvmcontext, size, LIST_GPA).result, 0);
  m.vcpu(d).context.set(3, 0n);
  assert.equal(context(D.XEN_DOMCTL_sethvmcontext, size, LIST_GPA).result, 0);
  assert.equal(m.vcpu(d).context.get(3), 0x1234n);
  const good = m.peek(m.dom0, LIST_GPA, size);
  for (let at = 0; at < size; at += 7) {
    const bad = good.slice();
    bad[at] = (bad[at] as number) ^ 0xff;
    m.poke(m.dom0, LIST_GPA, bad);
    const { result } = context(D.XEN_DOMCTL_sethvmcontext, size, LIST_GPA);
    assert.ok(result === 0 || result === -EINVAL);
  }
  for (let length = 0; length < size; length += 13) assert.equal(context(D.XEN_DOMCTL_sethvmcontext, length, LIST_GPA).result, -EINVAL);
  assert.equal(context(D.XEN_DOMCTL_sethvmcontext, 9 << 20, LIST_GPA).result, -EINVAL);
});
