import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUIET_AT, QUIET_CALL, QUIET_WORD } from '../../machine/layout.ts';
import { EEXIST, EINVAL, ENOENT, ENOSPC, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import * as E from '../../spec/xen/event-channel.ts';
import { DOMID_SELF, __HYPERVISOR_event_channel_op as EVENT, shared_info, VIRQ_DEBUG, VIRQ_DOM_EXC, VIRQ_TIMER } from '../../spec/xen/xen.ts';
import { isPending, sendGlobalVirq, sendVcpuVirq } from '../events/deliver.ts';
import type { Domain } from '../hypervisor.ts';
import { findBroken } from '../testing/invariants.ts';
import { TestMachine } from '../testing/test-machine.ts';

const alloc = (m: TestMachine, by: Domain, dom: number, remote_dom: number) =>
  m.op(by, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom, remote_dom });
const bind = (m: TestMachine, by: Domain, remote_dom: number, remote_port: number) =>
  m.op(by, EVENT, E.EVTCHNOP_bind_interdomain, E.evtchn_bind_interdomain, { remote_dom, remote_port });
const send = (m: TestMachine, by: Domain, port: number) => m.op(by, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port }).result;
const close = (m: TestMachine, by: Domain, port: number) => m.op(by, EVENT, E.EVTCHNOP_close, E.evtchn_close, { port }).result;
const status = (m: TestMachine, by: Domain, dom: number, port: number) => m.op(by, EVENT, E.EVTCHNOP_status, E.evtchn_status, { dom, port });

test('interdomain: bound, notified both ways, and unbound again when one end closes', () => {
  const m = new TestMachine();
  const d = m.guest();
  const theirs = alloc(m, m.dom0, d.id, 0);
  assert.deepEqual([theirs.result, theirs.port], [0, 1]);
  assert.equal(send(m, d, theirs.port), 0, 'nobody there yet: dropped');
  const ours = bind(m, m.dom0, d.id, theirs.port);
  assert.equal(ours.result, 0);
  assert.ok(isPending(m.hv, m.dom0, ours.local_port), 'the binder looks at once');
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(send(m, m.dom0, ours.local_port), 0);
  assert.ok(isPending(m.hv, d, theirs.port));
  const seen = status(m, d, DOMID_SELF, theirs.port);
  assert.deepEqual([seen.status, seen.u.interdomain.dom, seen.u.interdomain.port], [E.EVTCHNSTAT_interdomain, 0, ours.local_port]);
  assert.equal(bind(m, m.dom0, d.id, theirs.port).result, -EINVAL, 'bound already');
  assert.equal(close(m, m.dom0, ours.local_port), 0);
  assert.equal(status(m, d, DOMID_SELF, theirs.port).status, E.EVTCHNSTAT_unbound);
  assert.equal(close(m, m.dom0, ours.local_port), -EINVAL);
  assert.equal(bind(m, m.dom0, d.id, theirs.port).result, 0, 'and can be bound anew');
  assert.deepEqual(findBroken(m.hv), []);
});

test('a notification that waits is not told again: the processor answers until the other end took it, where nobody traces', () => {
  const m = new TestMachine();
  const d = m.guest();
  const c = m.vcpu(d).context;
  const { port } = alloc(m, m.dom0, d.id, 0);
  const armed = (): number => c.number(QUIET_AT);
  m.hv.quietCalls = true;
  assert.equal(send(m, d, port), 0);
  assert.equal(armed(), 0, 'an unbound port');
  const { local_port } = bind(m, m.dom0, d.id, port);
  assert.equal(send(m, d, port), 0);
  const at = m.dom0.s.shared_info * 4096 + shared_info.offsets.evtchn_pending;
  assert.deepEqual(
    [c.get(QUIET_AT), c.get(QUIET_CALL), c.get(QUIET_WORD)],
    [(1n << BigInt(32 + local_port)) | BigInt(at), (BigInt(E.EVTCHNOP_send) << 32n) | BigInt(EVENT), (1n << 32n) | BigInt(port)],
  );
  assert.notEqual(m.memories.frameView.getUint32(at, true) & (1 << local_port), 0);
  c.set(QUIET_AT, 0n);
  m.hv.quietCalls = false;
  assert.equal(send(m, d, port), 0);
  assert.equal(armed(), 0);
});

test('when a domain dies, the other ends of its channels are unbound', () => {
  const m = new TestMachine();
  const d = m.guest();
  const { local_port } = bind(m, m.dom0, d.id, alloc(m, m.dom0, d.id, 0).port);
  m.destroy(d);
  const seen = status(m, m.dom0, DOMID_SELF, local_port);
  assert.deepEqual([seen.status, seen.u.unbound.dom], [E.EVTCHNSTAT_unbound, d.id]);
  assert.equal(send(m, m.dom0, local_port), 0);
  assert.equal(close(m, m.dom0, local_port), 0);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a domain bound to itself', () => {
  const m = new TestMachine();
  const d = m.guest();
  const a = alloc(m, d, DOMID_SELF, DOMID_SELF).port;
  const b = bind(m, d, DOMID_SELF, a).local_port;
  assert.notEqual(a, b);
  assert.equal(send(m, d, b), 0);
  assert.ok(isPending(m.hv, d, a));
  assert.equal(close(m, d, a), 0);
  assert.deepEqual(findBroken(m.hv), []);
});

test('alloc_unbound and bind_interdomain refuse', () => {
  const m = new TestMachine();
  const a = m.guest();
  const b = m.guest();
  assert.equal(alloc(m, a, 99, 0).result, -ESRCH);
  assert.equal(alloc(m, a, b.id, 0).result, -EPERM);
  assert.equal(bind(m, a, 99, 1).result, -ESRCH);
  assert.equal(bind(m, a, b.id, 1).result, -EINVAL, 'no such port');
  const { port } = alloc(m, b, DOMID_SELF, 0);
  assert.equal(bind(m, a, b.id, port).result, -EINVAL, 'meant for another');
  assert.equal(bind(m, m.dom0, b.id, 100_000).result, -EINVAL);
  assert.deepEqual(findBroken(m.hv), []);
});

test('ports run out at the limit given at creation, and at the ABI limit', () => {
  const m = new TestMachine();
  const d = m.guest();
  d.s.max_evtchn_port = 5;
  for (let port = 1; port <= 5; port++) assert.equal(alloc(m, d, DOMID_SELF, 0).port, port);
  assert.equal(alloc(m, d, DOMID_SELF, 0).result, -ENOSPC);
  assert.equal(close(m, d, 3), 0);
  assert.equal(alloc(m, d, DOMID_SELF, 0).port, 3);
  d.s.max_evtchn_port = 0xffffffff;
  for (let port = 6; port < E.EVTCHN_2L_NR_CHANNELS; port++) assert.equal(alloc(m, d, DOMID_SELF, 0).result, 0);
  assert.equal(alloc(m, d, DOMID_SELF, 0).result, -ENOSPC);
});

test('virtual interrupts: per vCPU or global, bound once', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const bindVirq = (virq: number, vcpu: number) => m.op(d, EVENT, E.EVTCHNOP_bind_virq, E.evtchn_bind_virq, { virq, vcpu });
  const timer = bindVirq(VIRQ_TIMER, 1);
  assert.equal(timer.result, 0);
  assert.equal(bindVirq(VIRQ_TIMER, 1).result, -EEXIST);
  assert.equal(bindVirq(VIRQ_TIMER, 0).result, 0);
  assert.equal(bindVirq(24, 0).result, -EINVAL);
  assert.equal(bindVirq(VIRQ_DOM_EXC, 1).result, -EINVAL, 'global ones on vCPU 0 only');
  assert.equal(bindVirq(VIRQ_DEBUG, 2).result, -ENOENT);
  const global = bindVirq(VIRQ_DOM_EXC, 0);
  sendVcpuVirq(m.hv, m.vcpu(d, 1), VIRQ_TIMER);
  assert.ok(isPending(m.hv, d, timer.port));
  sendGlobalVirq(m.hv, d, VIRQ_DOM_EXC);
  assert.ok(isPending(m.hv, d, global.port));
  const seen = status(m, d, DOMID_SELF, timer.port);
  assert.deepEqual([seen.status, seen.vcpu, seen.u.virq], [E.EVTCHNSTAT_virq, 1, VIRQ_TIMER]);
  const move = (port: number, vcpu: number) => m.op(d, EVENT, E.EVTCHNOP_bind_vcpu, E.evtchn_bind_vcpu, { port, vcpu }).result;
  assert.equal(move(global.port, 1), 0);
  assert.equal(move(timer.port, 0), -EINVAL);
  assert.equal(move(global.port, 2), -ENOENT);
  assert.equal(move(4000, 0), -EINVAL);
  assert.equal(send(m, d, timer.port), -EINVAL);
  assert.equal(close(m, d, timer.port), 0);
  assert.equal(bindVirq(VIRQ_TIMER, 1).result, 0);
  assert.equal(close(m, d, global.port), 0, 'closed although it notifies another vCPU now');
  assert.equal(bindVirq(VIRQ_DOM_EXC, 0).result, 0);
});

test('bind_ipi, status, reset and what they refuse', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const ipi = m.op(d, EVENT, E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi, { vcpu: 1 });
  assert.deepEqual([ipi.result, status(m, d, DOMID_SELF, ipi.port).vcpu], [0, 1]);
  assert.equal(m.op(d, EVENT, E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi, { vcpu: 2 }).result, -ENOENT);
  assert.equal(status(m, d, 99, 1).result, -ESRCH);
  assert.equal(status(m, d, 0, 100_000).result, -EINVAL);
  alloc(m, m.dom0, DOMID_SELF, 0);
  assert.equal(status(m, d, 0, 1).result, -EPERM);
  assert.equal(status(m, d, DOMID_SELF, 77).status, E.EVTCHNSTAT_closed);
  const reset = (by: Domain, dom: number) => m.op(by, EVENT, E.EVTCHNOP_reset, E.evtchn_reset, { dom }).result;
  assert.equal(reset(d, 0), -EPERM);
  assert.equal(reset(d, 99), -ESRCH);
  assert.equal(reset(m.dom0, d.id), -EINVAL, 'a running domain is not reset by others');
  assert.equal(reset(d, DOMID_SELF), 0);
  assert.equal(d.s.active_evtchns, 0);
  assert.equal(m.hypercall(d, EVENT, [99, 0]), -ENOSYS);
  assert.equal(m.hypercall(d, EVENT, [E.EVTCHNOP_bind_pirq, 0]), -ENOSYS);
});

test('the FIFO ABI is set up with pages of the guest that stay while it uses them', () => {
  const m = new TestMachine();
  const free = m.hv.frames.free;
  const d = m.guest({ vcpus: 2 });
  const init = (control_gfn: number, offset: number, vcpu: number) =>
    m.op(d, EVENT, E.EVTCHNOP_init_control, E.evtchn_init_control, { control_gfn, offset, vcpu });
  const expand = (array_gfn: number) => m.op(d, EVENT, E.EVTCHNOP_expand_array, E.evtchn_expand_array, { array_gfn }).result;
  assert.equal(expand(41), -EOPNOTSUPP);
  assert.equal(init(40, 4, 0).result, -EINVAL);
  assert.equal(init(40, 4096 - 64, 0).result, -EINVAL);
  assert.equal(init(40, 0, 2).result, -ENOENT);
  assert.equal(init(0x9999, 0, 0).result, -EINVAL);
  const first = init(40, 0, 0);
  assert.deepEqual([first.result, first.link_bits], [0, 17]);
  assert.equal(init(40, 128, 0).result, -EINVAL, 'once only');
  assert.equal(init(40, 128, 1).result, 0);
  assert.equal(expand(0x9999), -EINVAL);
  assert.equal(expand(41), 0);
  assert.equal(m.hv.frames.count(d.p2m.lookup(40)?.mfn as never), 3);
  assert.deepEqual(findBroken(m.hv), []);
  for (let i = 0; i < 127; i++) assert.equal(expand(41), 0);
  assert.equal(expand(41), -ENOSPC);
  const priority = (port: number, value: number) => m.op(d, EVENT, E.EVTCHNOP_set_priority, E.evtchn_set_priority, { port, priority: value }).result;
  const { port } = alloc(m, d, DOMID_SELF, 0);
  assert.equal(priority(port, 15), 0);
  assert.equal(priority(port, 16), -EINVAL);
  assert.equal(priority(99_999, 1), -EINVAL);
  m.destroy(d);
  assert.equal(m.hv.frames.free, free);
  assert.deepEqual(findBroken(m.hv), []);
});

test('port 0 of every domain is there, and closed for good', () => {
  const m = new TestMachine();
  const a = m.guest();
  assert.deepEqual([status(m, a, DOMID_SELF, 0).result, status(m, a, DOMID_SELF, 0).status], [0, E.EVTCHNSTAT_closed]);
  assert.equal(status(m, m.dom0, a.id, 0).result, 0);
  assert.equal(status(m, a, 0, 0).result, -EPERM);
});
