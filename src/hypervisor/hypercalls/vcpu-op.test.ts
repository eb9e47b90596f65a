import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, ENXIO, ETIME } from '../../spec/xen/errno.ts';
import { EVTCHNOP_bind_virq, evtchn_bind_virq } from '../../spec/xen/event-channel.ts';
import { VCPU_HVM_MODE_32B, VCPU_HVM_MODE_64B, vcpu_hvm_context } from '../../spec/xen/hvm/vcpu.ts';
import * as V from '../../spec/xen/vcpu.ts';
import { __HYPERVISOR_event_channel_op, __HYPERVISOR_set_timer_op, __HYPERVISOR_vcpu_op as VCPU, VIRQ_TIMER, vcpu_info } from '../../spec/xen/xen.ts';
import { NEVER, VCPUF_down, VCPUF_initialised } from '../domain.ts';
import { clearPending, isPending } from '../events/deliver.ts';
import { findBroken } from '../testing/invariants.ts';
import { ARGUMENT_GPA, TestMachine } from '../testing/test-machine.ts';
import { nextDeadline, runTimers } from '../time/timers.ts';

const FLAT32 = {
  eip: 0x1000,
  cr0: 1,
  cs_limit: 0xffffffff,
  ds_limit: 0xffffffff,
  ss_limit: 0xffffffff,
  es_limit: 0xffffffff,
  tr_limit: 0x67,
  cs_ar: 0xc9b,
  ds_ar: 0xc93,
  ss_ar: 0xc93,
  es_ar: 0xc93,
  tr_ar: 0x8b,
};

test('initialise, up, down, is_up', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 3 });
  const initialise = (id: number, fields: Parameters<typeof vcpu_hvm_context.write>[2]) => m.vcpuOp(d, VCPU, V.VCPUOP_initialise, id, vcpu_hvm_context, fields);
  const isUp = (id: number) => m.vcpuOp(d, VCPU, V.VCPUOP_is_up, id);
  assert.equal(isUp(0), 1);
  assert.equal(isUp(1), 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_up, 1), -EINVAL, 'not initialised');
  assert.equal(initialise(1, { mode: 7 }), -EINVAL);
  assert.equal(initialise(1, { mode: VCPU_HVM_MODE_32B, cpu_regs: { x86_32: { ...FLAT32, cs_ar: 0 } } }), -EINVAL);
  assert.equal(initialise(1, { mode: VCPU_HVM_MODE_64B, cpu_regs: { x86_64: { rip: 1, cr0: 1, cr4: 0x20, efer: 0x500 } } }), -EINVAL, 'paging is off');
  assert.equal(m.vcpu(d, 1).s.flags & VCPUF_initialised, 0);
  assert.equal(initialise(1, { mode: VCPU_HVM_MODE_32B, cpu_regs: { x86_32: FLAT32 } }), 0);
  assert.equal(initialise(1, { mode: VCPU_HVM_MODE_32B, cpu_regs: { x86_32: FLAT32 } }), -EEXIST);
  assert.equal(initialise(2, { mode: VCPU_HVM_MODE_64B, cpu_regs: { x86_64: { rip: 0x2000, cr0: 0x80000001, cr3: 0x5000, cr4: 0x20, efer: 0x100 } } }), 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_up, 1), 0);
  assert.equal(isUp(1), 1);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_down, 0), 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_down, 1), 0);
  assert.equal(d.s.is_shut_down, 1, 'with its last vCPU the domain powers off');
  assert.equal(d.s.shutdown_code, 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_is_up, 3), -ENOENT);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_is_up, 0xffffffff), -ENOENT);
  assert.equal(m.vcpuOp(d, VCPU, 99, 0), -ENOSYS);
});

test('register_vcpu_info: into a page of the domain, once, aligned, pending kept', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 40 });
  const register = (id: number, mfn: number, offset: number) => m.vcpuOp(d, VCPU, V.VCPUOP_register_vcpu_info, id, V.vcpu_register_vcpu_info, { mfn, offset });
  assert.equal(register(0, 20, 4096), -ENXIO);
  assert.equal(register(0, 20, 4096 - 32), -ENXIO, 'crosses the page');
  assert.equal(register(0, 20, 4), -ENXIO, 'not aligned');
  assert.equal(register(0, 0x9999, 64), -EINVAL);
  assert.equal(register(40, 20, 64), -ENOENT);
  m.memories.frameBytes[m.vcpu(d).s.info + vcpu_info.offsets.evtchn_upcall_mask] = 1;
  assert.equal(register(0, 20, 64), 0);
  const info = m.get(d, 20 * 4096 + 64, vcpu_info);
  assert.equal(info.evtchn_pending_sel, 0xffffffffffffffffn);
  assert.equal(info.evtchn_upcall_pending, 1);
  assert.equal(info.evtchn_upcall_mask, 1, 'what was there moved along');
  assert.equal(info.time.system_time, m.time);
  assert.equal(register(0, 20, 128), -EINVAL, 'once');
  assert.equal(m.vcpu(d, 39).s.info, 0, 'none in the shared page above 31');
  assert.equal(register(39, 20, 192), 0);
  m.vcpu(d, 1).s.flags &= ~VCPUF_down;
  assert.equal(register(1, 20, 256), -EINVAL, 'not of another vCPU that runs');
  assert.deepEqual(findBroken(m.hv), []);
});

test('timers: single shot, periodic, set_timer_op', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const { port } = m.op(d, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 });
  const fired = (): boolean => {
    runTimers(m.hv);
    const was = isPending(m.hv, d, port);
    clearPending(m.hv, d, port);
    return was;
  };
  const single = (timeout_abs_ns: bigint, flags = 0, id = 0) =>
    m.vcpuOp(d, VCPU, V.VCPUOP_set_singleshot_timer, id, V.vcpu_set_singleshot_timer, { timeout_abs_ns, flags });
  assert.equal(single(m.time + 1000n), 0);
  assert.equal(nextDeadline(m.hv), m.time + 1000n);
  assert.equal(fired(), false);
  m.time += 1000n;
  assert.equal(fired(), true);
  assert.equal(fired(), false, 'once');
  assert.equal(single(m.time - 1n), 0);
  assert.equal(fired(), true, 'a time that has passed is now');
  assert.equal(single(m.time - 1n, V.VCPU_SSHOTTMR_future), -ETIME);
  assert.equal(single((1n << 64n) - 5n), 0);
  assert.equal(fired(), true, "Xen's times are signed");
  assert.equal(single(5n, 0, 1), -EINVAL, 'not for another vCPU');
  assert.equal(single(m.time + 5n), 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_stop_singleshot_timer, 0), 0);
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_stop_singleshot_timer, 1), -EINVAL);
  assert.equal(m.vcpu(d).s.singleshot_deadline, NEVER);
  const periodic = (period_ns: bigint) => m.vcpuOp(d, VCPU, V.VCPUOP_set_periodic_timer, 0, V.vcpu_set_periodic_timer, { period_ns });
  assert.equal(periodic(999_999n), -EINVAL);
  assert.equal(periodic(1n << 62n), -EINVAL);
  assert.equal(periodic(1_000_000n), 0);
  const start = m.time;
  m.time += 3_500_000n;
  assert.equal(fired(), true);
  assert.equal(m.vcpu(d).s.periodic_deadline, start + 4_000_000n, 'missed ticks are one, the rhythm stays');
  assert.equal(m.vcpuOp(d, VCPU, V.VCPUOP_stop_periodic_timer, 0), 0);
  m.time += 10_000_000n;
  assert.equal(fired(), false);
  const old = (timeout: bigint) => m.hypercall(d, __HYPERVISOR_set_timer_op, [timeout]);
  assert.equal(old(m.time + 7n), 0);
  assert.equal(m.vcpu(d).s.singleshot_deadline, m.time + 7n);
  old(m.time + (1n << 51n));
  assert.equal(m.vcpu(d).s.singleshot_deadline, m.time + 100_000_000n, 'far away means soon');
  old(-5n);
  assert.equal(m.vcpu(d).s.singleshot_deadline, m.time + 100_000_000n);
  old(0n);
  assert.equal(m.vcpu(d).s.singleshot_deadline, NEVER);
});

test('runstate and time areas follow where the guest can be written to', () => {
  const m = new TestMachine();
  const d = m.guest();
  const area = (cmd: number, v: bigint) => m.vcpuOp(d, VCPU, cmd, 0, V.vcpu_register_runstate_memory_area, { addr: { v } });
  assert.equal(area(V.VCPUOP_register_runstate_memory_area, 0x5000n), 0);
  assert.equal(m.get(d, 0x5000, V.vcpu_runstate_info).state_entry_time, m.vcpu(d).s.runstate_entry);
  assert.equal(area(V.VCPUOP_register_runstate_memory_area, 0x7fffffff000n), 0, 'silently not written');
  assert.equal(area(V.VCPUOP_register_vcpu_time_memory_area, 0x5100n), 0);
  assert.equal(m.get(d, 0x5100, vcpu_info.fields.time).system_time, m.time);
  assert.equal(area(V.VCPUOP_register_vcpu_time_memory_area, 1n << 63n), 0);
  m.time += 5000n;
  const info = m.vcpuOp(d, VCPU, V.VCPUOP_get_runstate_info, 0, V.vcpu_runstate_info, {});
  assert.equal(info, 0);
  const seen = m.get(d, ARGUMENT_GPA, V.vcpu_runstate_info);
  assert.equal(seen.time.reduce((sum, t) => sum + t, 0n) + 0n, m.time - 1_000_000n, 'all time is accounted for');
  assert.equal(m.hypercall(d, VCPU, [V.VCPUOP_get_runstate_info, 0, 0x7fffffff000]), -EFAULT);
  assert.equal(m.hypercall(d, VCPU, [V.VCPUOP_send_nmi, 0, 8]), -EINVAL);
  assert.equal(m.hypercall(d, VCPU, [V.VCPUOP_send_nmi, 0, 0]), 0);
  assert.equal(m.hypercall(d, VCPU, [V.VCPUOP_get_physid, 0, ARGUMENT_GPA]), -EINVAL);
});
