import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFLAGS_SYS } from '../../machine/layout.ts';
import {
  XEN_DOMCTL_getdomaininfo,
  XEN_DOMCTL_resumedomain,
  XEN_DOMINF_shutdown,
  XEN_DOMINF_shutdownmask,
  XEN_DOMINF_shutdownshift,
  xen_domctl_getdomaininfo,
} from '../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, ENOSPC, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import {
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_bind_virq,
  EVTCHNOP_send,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_bind_virq,
  evtchn_send,
} from '../../spec/xen/event-channel.ts';
import { HVMOP_set_evtchn_upcall_vector, xen_hvm_evtchn_upcall_vector } from '../../spec/xen/hvm/hvm-op.ts';
import * as C from '../../spec/xen/sched.ts';
import { __HYPERVISOR_hvm_op, DOMID_SELF, __HYPERVISOR_event_channel_op as EVENT, __HYPERVISOR_sched_op as SCHED, VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { writeMmio } from '../arch/x86/lapic.ts';
import { NEVER, VCPUF_blocked, VCPUF_polling } from '../domain.ts';
import { isPending } from '../events/deliver.ts';
import type { Domain } from '../hypervisor.ts';
import { LIST_GPA, TestMachine } from '../testing/test-machine.ts';
import { nextDeadline, runTimers } from '../time/timers.ts';

const asleep = (m: TestMachine, d: Domain): boolean => (m.vcpu(d).s.flags & VCPUF_blocked) !== 0;

test('shutdown: the first reason counts, domain 0 hears of it, resume forgets it', () => {
  const m = new TestMachine();
  const d = m.guest();
  const exc = m.op(m.dom0, EVENT, EVTCHNOP_bind_virq, evtchn_bind_virq, { virq: VIRQ_DOM_EXC, vcpu: 0 }).port;
  const op = (cmd: number, reason: number) => m.op(d, SCHED, cmd, C.sched_shutdown, { reason }).result;
  assert.equal(op(C.SCHEDOP_shutdown_code, C.SHUTDOWN_crash), 0);
  assert.equal(d.s.is_shut_down, 0);
  assert.equal(op(C.SCHEDOP_shutdown, C.SHUTDOWN_reboot), 0);
  const { flags } = m.domctl(d.id, XEN_DOMCTL_getdomaininfo, xen_domctl_getdomaininfo, {}).out as { flags: number };
  assert.ok((flags & XEN_DOMINF_shutdown) !== 0);
  assert.equal((flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask, C.SHUTDOWN_crash);
  assert.ok(isPending(m.hv, m.dom0, exc));
  m.domctl(d.id, XEN_DOMCTL_resumedomain);
  assert.equal(d.s.is_shut_down, 0);
  assert.equal(op(C.SCHEDOP_shutdown, 0x102), 0);
  assert.equal(d.s.shutdown_code, C.SHUTDOWN_suspend, 'eight bits');
  assert.equal(m.hypercall(d, SCHED, [C.SCHEDOP_shutdown, 0x7fffffff000]), -EFAULT);
});

test('remote_shutdown and pin_override are not for guests', () => {
  const m = new TestMachine();
  const d = m.guest();
  const other = m.guest();
  const remote = (by: Domain, domain_id: number) => m.op(by, SCHED, C.SCHEDOP_remote_shutdown, C.sched_remote_shutdown, { domain_id, reason: 3 }).result;
  assert.equal(remote(d, other.id), -EPERM);
  assert.equal(remote(d, 99), -ESRCH);
  assert.equal(remote(m.dom0, DOMID_SELF), -ESRCH);
  assert.equal(other.s.is_shut_down, 0);
  assert.equal(remote(m.dom0, other.id), 0);
  assert.equal(other.s.shutdown_code, 3);
  const pin = (by: Domain, pcpu: number) => m.op(by, SCHED, C.SCHEDOP_pin_override, C.sched_pin_override, { pcpu }).result;
  assert.equal(pin(d, 0), -EPERM);
  assert.equal(pin(m.dom0, 0), 0);
  assert.equal(pin(m.dom0, -1), 0);
  assert.equal(pin(m.dom0, 1), -EINVAL);
  assert.equal(m.hypercall(d, SCHED, [99, 0]), -ENOSYS);
  assert.equal(m.hypercall(d, SCHED, [C.SCHEDOP_yield, 0]), 0);
});

test('poll sleeps until its port is pending, or the timeout', () => {
  const m = new TestMachine();
  const d = m.guest();
  const peer = m.op(d, EVENT, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: DOMID_SELF }).port;
  const poll = (ports: number[], timeout = 0n, nr = ports.length) => {
    m.poke(d, LIST_GPA, new Uint8Array(new Uint32Array(ports).buffer));
    return m.op(d, SCHED, C.SCHEDOP_poll, C.sched_poll, { ports: LIST_GPA, nr_ports: nr, timeout }).result;
  };
  assert.equal(poll([1], 0n, 129), -EINVAL);
  assert.equal(poll([4000]), -EINVAL);
  assert.equal(m.op(d, SCHED, C.SCHEDOP_poll, C.sched_poll, { ports: 0x7fffffff000, nr_ports: 1 }).result, -EFAULT);
  assert.equal(poll([peer], m.time + 1000n), 0);
  assert.ok(asleep(m, d));
  assert.equal(nextDeadline(m.hv), m.time + 1000n);
  m.time += 1000n;
  runTimers(m.hv);
  assert.equal(m.vcpu(d).s.flags & (VCPUF_blocked | VCPUF_polling), 0);
  assert.equal(m.vcpu(d).s.poll_deadline, NEVER);
  assert.equal(poll([peer], m.time), 0);
  assert.ok(!asleep(m, d), 'the timeout has passed');
  assert.equal(poll([peer], 1n << 63n), 0);
  assert.ok(!asleep(m, d), 'so it has in the upper half');
});

test('poll wakes when the event comes; block sleeps unless an interrupt can be taken', () => {
  const m = new TestMachine();
  const d = m.guest();
  const port = m.op(d, EVENT, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: 0 }).port;
  const bound = m.op(m.dom0, EVENT, EVTCHNOP_bind_interdomain, evtchn_bind_interdomain, { remote_dom: d.id, remote_port: port }).local_port;
  m.poke(d, LIST_GPA, new Uint8Array(new Uint32Array([port]).buffer));
  assert.equal(m.op(d, SCHED, C.SCHEDOP_poll, C.sched_poll, { ports: LIST_GPA, nr_ports: 1 }).result, 0);
  assert.ok(asleep(m, d));
  m.op(m.dom0, EVENT, EVTCHNOP_send, evtchn_send, { port: bound });
  assert.ok(!asleep(m, d));
  assert.equal(m.hypercall(d, SCHED, [C.SCHEDOP_block, 0]), 0);
  assert.ok(asleep(m, d), 'events without an upcall interrupt do not wake');
  m.vcpu(d).s.flags &= ~VCPUF_blocked;
  writeMmio(m.hv, m.vcpu(d), 0xf0, 0x1ff);
  m.op(d, __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector, xen_hvm_evtchn_upcall_vector, { vcpu: 0, vector: 0xf3 });
  m.vcpu(d).context.setLow(EFLAGS_SYS, 1 << 9);
  m.hypercall(d, SCHED, [C.SCHEDOP_block, 0]);
  assert.ok(!asleep(m, d), 'the upcall waits');
});

test('watchdogs', () => {
  const m = new TestMachine();
  const d = m.guest();
  const set = (id: number, timeout: number) => m.op(d, SCHED, C.SCHEDOP_watchdog, C.sched_watchdog, { id, timeout }).result;
  assert.equal(set(1, 10), -EINVAL, 'not armed');
  assert.equal(set(3, 10), -EINVAL);
  assert.equal(set(0, 10), 1);
  assert.equal(set(0, 20), 2);
  assert.equal(set(0, 30), -ENOSPC);
  m.time += 9_000_000_000n;
  runTimers(m.hv);
  assert.equal(d.s.is_shut_down, 0);
  assert.equal(set(1, 10), 0);
  assert.equal(set(2, 0), 0);
  m.time += 9_000_000_000n;
  runTimers(m.hv);
  assert.equal(d.s.is_shut_down, 0);
  m.time += 1_000_000_000n;
  runTimers(m.hv);
  assert.equal(d.s.shutdown_code, C.SHUTDOWN_watchdog);
  assert.ok(m.log.some((line) => line.includes(`Watchdog timer fired for domain ${d.id}`)));
});
