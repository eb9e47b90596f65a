import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as D from '../spec/xen/domctl.ts';
import { EINVAL } from '../spec/xen/errno.ts';
import { SCHEDOP_yield } from '../spec/xen/sched.ts';
import { __HYPERVISOR_sched_op } from '../spec/xen/xen.ts';
import { NEVER, VCPUF_blocked } from './domain.ts';
import type { Domain } from './hypervisor.ts';
import { beginSlice, endSlice, nextBudget, runnable } from './scheduler.ts';
import { TestMachine } from './testing/test-machine.ts';

const less = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const share = (m: TestMachine, d: Domain, fields: { weight?: number; cap?: number }) =>
  m.domctl(d.id, D.XEN_DOMCTL_scheduler_op, D.xen_domctl_scheduler_op, {
    sched_id: D.XEN_SCHEDULER_CREDIT2,
    cmd: D.XEN_DOMCTL_SCHEDOP_putinfo,
    u: { credit2: { weight: fields.weight ?? 0, cap: fields.cap ?? 0xffff } },
  }).result;

/** Let the pCPU run for so many ns of machine time; `behave` may block the vCPU in its slice (ns until then). What each domain ran. */
function run(m: TestMachine, ns: bigint, behave: (d: Domain) => bigint = () => NEVER): Map<number, bigint> {
  const ran = new Map<number, bigint>();
  const end = m.time + ns;
  while (m.time < end) {
    endSlice(m.hv);
    const v = beginSlice(m.hv);
    if (v === undefined) {
      const wake = nextBudget(m.hv);
      m.time = less(wake, end);
      continue;
    }
    m.hv.header.current = v.address;
    const works = behave(v.domain);
    const slice = m.hv.header.quantum_end - m.time;
    assert.ok(slice > 0n);
    const took = less(works, slice);
    m.time += took;
    ran.set(v.domain.id, (ran.get(v.domain.id) ?? 0n) + took);
  }
  return ran;
}

/** Parts of a whole in percent. */
const percent = (ran: Map<number, bigint>, of: bigint): Record<number, number> =>
  Object.fromEntries([...ran].map(([id, ns]) => [id, Math.round(Number((ns * 1000n) / of) / 10)]));

test('weights: who is always runnable runs in proportion to them', () => {
  const m = new TestMachine(2048);
  const [a, b, c] = [m.guest(), m.guest(), m.guest()];
  assert.deepEqual(percent(run(m, 3_000_000_000n), 3_000_000_000n), { 1: 33, 2: 33, 3: 33 });
  for (const [d, weight] of [
    [a, 128],
    [b, 256],
    [c, 1024],
  ] as const)
    assert.equal(share(m, d, { weight }), 0);
  assert.deepEqual(percent(run(m, 14_000_000_000n), 14_000_000_000n), { 1: 9, 2: 18, 3: 73 });
  assert.equal(share(m, a, { weight: 65535 }), 0);
  assert.ok((percent(run(m, 2_000_000_000n), 2_000_000_000n)[1] as number) >= 95, 'the largest weight leaves little');
});

test('a domain alone runs all the time; two vCPUs of one count as two', () => {
  const m = new TestMachine(2048);
  const d = m.guest({ vcpus: 2 });
  assert.deepEqual(percent(run(m, 1_000_000_000n), 1_000_000_000n), { 1: 100 });
  assert.equal(m.hv.header.quantum_end - m.hv.header.sched_since, 10_000_000n, 'slices of 10 ms then');
  const second = m.vcpu(d, 1);
  second.s.flags = m.vcpu(d).s.flags;
  m.guest();
  assert.deepEqual(percent(run(m, 3_000_000_000n), 3_000_000_000n), { 1: 67, 2: 33 });
});

test('caps: no more than so much of each period, also when nobody else wants the pCPU', () => {
  const m = new TestMachine(2048);
  const [a, b] = [m.guest(), m.guest()];
  b.s.pause_count = 1;
  assert.equal(share(m, a, { cap: 25 }), 0);
  assert.deepEqual(percent(run(m, 2_000_000_000n), 2_000_000_000n), { 1: 25 });
  b.s.pause_count = 0;
  assert.deepEqual(percent(run(m, 2_000_000_000n), 2_000_000_000n), { 1: 25, 2: 75 });
  assert.equal(share(m, b, { cap: 30 }), 0);
  assert.deepEqual(percent(run(m, 2_000_000_000n), 2_000_000_000n), { 1: 25, 2: 30 });
  assert.equal(share(m, a, { cap: 0 }), 0);
  assert.deepEqual(percent(run(m, 2_000_000_000n), 2_000_000_000n), { 1: 70, 2: 30 });
  assert.equal(share(m, a, { cap: 101 }), -EINVAL);
  assert.equal(nextBudget(m.hv) >= m.time, true);
});

test('one that mostly sleeps runs soon when it wakes, and does not save up what it did not use', () => {
  const m = new TestMachine(2048);
  const [sleeper] = [m.guest(), m.guest()];
  const v = m.vcpu(sleeper);
  v.s.flags |= VCPUF_blocked;
  assert.ok(!runnable(v));
  run(m, 1_000_000_000n);
  v.s.flags &= ~VCPUF_blocked;
  endSlice(m.hv);
  assert.equal(beginSlice(m.hv), v, 'it has more credit than who ran');
  const ran = run(m, 1_000_000_000n);
  assert.ok((percent(ran, 1_000_000_000n)[sleeper.id] as number) <= 53);
});

test('SCHEDOP_yield: another one runs next, whatever the credit, but only once', () => {
  const m = new TestMachine(2048);
  const [a, b] = [m.guest(), m.guest()];
  const decide = (): number | undefined => {
    endSlice(m.hv);
    const v = beginSlice(m.hv);
    if (v !== undefined) m.hv.header.current = v.address;
    return v?.domain.id;
  };
  m.vcpu(a).s.credit = 9_000_000n;
  m.vcpu(b).s.credit = 1_000_000n;
  assert.equal(decide(), a.id);
  assert.equal(m.hypercall(a, __HYPERVISOR_sched_op, [SCHEDOP_yield]), 0);
  assert.ok(m.hv.header.quantum_end <= m.time, 'its slice has ended');
  assert.equal(decide(), b.id);
  assert.equal(decide(), a.id);
  b.s.pause_count = 1;
  m.hypercall(a, __HYPERVISOR_sched_op, [SCHEDOP_yield]);
  assert.equal(decide(), a.id, 'nobody else can run');
  b.s.pause_count = 0;
  assert.equal(decide(), a.id, 'it let others go first once, and has the most credit');
});

test('the decision does not depend on how often it is asked whether a slice has ended', () => {
  const order = (step: bigint): number[] => {
    const m = new TestMachine(2048);
    const [a] = [m.guest(), m.guest(), m.guest()];
    share(m, a, { weight: 700, cap: 40 });
    const seen: number[] = [];
    while (m.time < 1_000_000_000n) {
      if (m.hv.header.sched_since !== NEVER && m.time < m.hv.header.quantum_end) {
        const left = m.hv.header.quantum_end - m.time;
        m.time += left < step ? left : step;
        continue;
      }
      endSlice(m.hv);
      const v = beginSlice(m.hv);
      if (v === undefined) throw new Error('somebody can run');
      m.hv.header.current = v.address;
      seen.push(v.domain.id, Number(m.time));
    }
    return seen;
  };
  assert.deepEqual(order(7_001n), order(10_000_000n));
});
