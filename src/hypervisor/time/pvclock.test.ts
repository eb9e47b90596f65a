import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XEN_DOMCTL_settimeoffset, xen_domctl_settimeoffset } from '../../spec/xen/domctl.ts';
import { RUNSTATE_blocked, RUNSTATE_runnable, RUNSTATE_running, vcpu_runstate_info } from '../../spec/xen/vcpu.ts';
import { __HYPERVISOR_vm_assist, shared_info, vcpu_info, vcpu_time_info } from '../../spec/xen/xen.ts';
import { TestMachine } from '../testing/test-machine.ts';
import { TSC_KHZ, TSC_SHIFT, TSC_TO_SYSTEM_MUL, updateTime } from './pvclock.ts';
import { runstateInfo, setRunstate } from './runstate.ts';

/** System time as a guest computes it from its time info and TSC. @see xen/include/public/xen.h, vcpu_time_info */
function guestTime(info: { tsc_timestamp: bigint; system_time: bigint; tsc_to_system_mul: number; tsc_shift: number }, tsc: bigint): bigint {
  const delta = tsc - info.tsc_timestamp;
  const shifted = info.tsc_shift < 0 ? delta >> BigInt(-info.tsc_shift) : delta << BigInt(info.tsc_shift);
  return info.system_time + ((shifted * BigInt(info.tsc_to_system_mul)) >> 32n);
}

test('a guest that computes time from the TSC gets machine time, to the nanosecond', () => {
  const m = new TestMachine(1024);
  const v = m.vcpu(m.guest());
  fc.assert(
    fc.property(fc.bigInt(0n, 1n << 50n), fc.bigInt(0n, 1n << 40n), (start, later) => {
      m.time = start;
      updateTime(m.hv, v);
      const info = vcpu_time_info.read(m.memories.frameView, v.s.info + vcpu_info.offsets.time);
      assert.equal(info.version % 2, 0);
      assert.equal(guestTime(info, start + later), start + later);
    }),
    { numRuns: 200, seed: 6 },
  );
});

test('a guest that computes the TSC frequency gets the one CPUID tells', () => {
  // Linux: (1000000 << 32) / mul, then shifted the other way
  const base = (1_000_000n << 32n) / BigInt(TSC_TO_SYSTEM_MUL);
  assert.equal(TSC_SHIFT < 0 ? base << BigInt(-TSC_SHIFT) : base >> BigInt(TSC_SHIFT), BigInt(TSC_KHZ));
});

test('the version changes with every update, and goes round', () => {
  const m = new TestMachine(1024);
  const v = m.vcpu(m.guest());
  const at = v.s.info + vcpu_info.offsets.time;
  m.memories.frameView.setUint32(at, 0xfffffffe, true);
  updateTime(m.hv, v);
  assert.equal(m.memories.frameView.getUint32(at, true), 0);
});

test('the wall clock at system time 0, with the offset the toolstack gave', () => {
  const m = new TestMachine(1024);
  const d = m.guest();
  const wall = () => {
    const { wc_sec, wc_sec_hi, wc_nsec, wc_version } = shared_info.read(m.memories.frameView, d.s.shared_info * 4096);
    return [wc_sec + wc_sec_hi * 2 ** 32, wc_nsec, wc_version % 2];
  };
  assert.deepEqual(wall(), [1_700_000_000, 5, 0]);
  m.domctl(d.id, XEN_DOMCTL_settimeoffset, xen_domctl_settimeoffset, { time_offset_seconds: -3600n });
  assert.deepEqual(wall(), [1_699_996_400, 5, 0]);
  assert.equal(m.domctl(d.id, XEN_DOMCTL_settimeoffset, xen_domctl_settimeoffset, { time_offset_seconds: 1n << 40n }).result, -22);
});

test('runstate times add up to the time that passed, and the area follows', () => {
  const m = new TestMachine(1024);
  const d = m.guest();
  const v = m.vcpu(d);
  v.s.runstate_area = 0x5000n;
  const start = m.time;
  const first = runstateInfo(m.hv, v).time.reduce((a, b) => a + b, 0n);
  for (const [state, ns] of [
    [RUNSTATE_running, 100n],
    [RUNSTATE_blocked, 1000n],
    [RUNSTATE_runnable, 10n],
    [RUNSTATE_running, 1n],
  ] as const) {
    setRunstate(m.hv, v, state);
    m.time += ns;
  }
  const { time, state } = runstateInfo(m.hv, v);
  assert.equal(state, RUNSTATE_running);
  assert.deepEqual([time[RUNSTATE_running], time[RUNSTATE_runnable], time[RUNSTATE_blocked]], [101n, 10n, 1000n]);
  assert.equal(time.reduce((a, b) => a + b, 0n) - first, m.time - start);
  assert.equal(m.get(d, 0x5000, vcpu_runstate_info).state, RUNSTATE_running);
  assert.equal(m.hypercall(d, __HYPERVISOR_vm_assist, [0, 5]), 0);
  setRunstate(m.hv, v, RUNSTATE_blocked);
  setRunstate(m.hv, v, RUNSTATE_running);
  assert.equal(m.get(d, 0x5000, vcpu_runstate_info).state_entry_time, m.time, 'the update flag is off again');
});
