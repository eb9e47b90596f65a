import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NEVER, VCPUF_blocked, VCPUF_down, VCPUF_initialised, VCPUF_nmi_pending, VCPUF_wait_sipi } from '../../domain.ts';
import type { Vcpu } from '../../hypervisor.ts';
import { TestMachine } from '../../testing/test-machine.ts';
import { runTimers } from '../../time/timers.ts';
import {
  acceptInterrupt,
  acknowledge,
  pendingInterrupt,
  readMmio,
  readTscDeadline,
  readX2apic,
  setTscDeadline,
  timerDeadline,
  writeApicBase,
  writeMmio,
  writeX2apic,
} from './lapic.ts';

const BASE = 0xfee00000n;
const X2 = BASE | 0xc00n;

function machine(vcpus = 1) {
  const m = new TestMachine(1024);
  const d = m.guest({ vcpus });
  const v = m.vcpu(d);
  const { hv } = m;
  writeMmio(hv, v, 0xf0, 0x1ff);
  return { m, hv, d, v };
}

test('after reset: id, version, masked local vectors, switched off', () => {
  const m = new TestMachine(1024);
  const d = m.guest({ vcpus: 2 });
  const v = m.vcpu(d, 1);
  assert.equal(readMmio(m.hv, v, 0x20), 2 << 24);
  assert.equal(readMmio(m.hv, v, 0x30), 0x50014);
  assert.equal(readMmio(m.hv, v, 0xf0), 0xff);
  for (let at = 0x320; at <= 0x370; at += 0x10) assert.equal(readMmio(m.hv, v, at), 0x10000);
  assert.equal(v.s.apic_base, BASE | 0x800n);
  assert.equal(m.vcpu(d, 0).s.apic_base, BASE | 0x900n);
  acceptInterrupt(m.hv, v, 0x40);
  assert.equal(pendingInterrupt(v), -1, 'nothing arrives while it is off');
});

test('interrupts are taken by priority, nest, and end in order', () => {
  const { hv, v } = machine();
  for (const vector of [0x41, 0x81, 0x42]) acceptInterrupt(hv, v, vector);
  assert.equal(pendingInterrupt(v), 0x81);
  acknowledge(v, 0x81);
  assert.equal(pendingInterrupt(v), -1, 'lower classes wait');
  acceptInterrupt(hv, v, 0x8f);
  assert.equal(pendingInterrupt(v), -1, 'so does the same class');
  acceptInterrupt(hv, v, 0x91);
  assert.equal(pendingInterrupt(v), 0x91);
  acknowledge(v, 0x91);
  writeMmio(hv, v, 0xb0, 0);
  writeMmio(hv, v, 0xb0, 0);
  assert.equal(pendingInterrupt(v), 0x8f);
  acknowledge(v, 0x8f);
  writeMmio(hv, v, 0xb0, 0);
  assert.equal(pendingInterrupt(v), 0x42);
  writeMmio(hv, v, 0x80, 0x40);
  assert.equal(pendingInterrupt(v), -1, 'task priority holds them');
  assert.equal(readMmio(hv, v, 0xa0), 0x40);
});

test('against a model: what is pending is the highest requested class above the processor priority', () => {
  const { hv, v } = machine();
  const requested = new Set<number>();
  const serving = new Set<number>();
  let tpr = 0;
  const top = (set: Set<number>): number => Math.max(-1, ...set);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('irq' as const), n: fc.integer({ min: 16, max: 255 }) }),
    fc.record({ kind: fc.constant('take' as const), n: fc.constant(0) }),
    fc.record({ kind: fc.constant('eoi' as const), n: fc.constant(0) }),
    fc.record({ kind: fc.constant('tpr' as const), n: fc.nat(255) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      for (const { kind, n } of steps) {
        if (kind === 'irq') {
          acceptInterrupt(hv, v, n);
          requested.add(n);
        } else if (kind === 'tpr') {
          writeMmio(hv, v, 0x80, n);
          tpr = n;
        } else if (kind === 'eoi') {
          writeMmio(hv, v, 0xb0, 0);
          serving.delete(top(serving));
        } else {
          const vector = pendingInterrupt(v);
          if (vector >= 0) {
            acknowledge(v, vector);
            requested.delete(vector);
            serving.add(vector);
          }
        }
        const ppr = Math.max(tpr >>> 4, top(serving) >>> 4 > 15 ? 0 : Math.max(0, top(serving)) >>> 4);
        const best = top(requested);
        assert.equal(pendingInterrupt(v), best >= 0 && best >>> 4 > ppr ? best : -1);
      }
    }),
    { numRuns: 100, seed: 3 },
  );
});

test('interprocessor interrupts: shorthands, physical and logical destinations, INIT and start-up', () => {
  const { m, hv, d, v } = machine(3);
  const others = [1, 2].map((id) => m.vcpu(d, id));
  for (const o of others) writeMmio(hv, o, 0xf0, 0x1ff);
  const all = [v, ...others];
  const pending = (): number[] => all.map((x) => pendingInterrupt(x));
  const clear = (): void => {
    for (const x of all)
      for (let vector = pendingInterrupt(x); vector >= 0; vector = pendingInterrupt(x)) {
        acknowledge(x, vector);
        writeMmio(hv, x, 0xb0, 0);
      }
  };
  const send = (low: number, high = 0): number[] => {
    writeMmio(hv, v, 0x310, high << 24);
    writeMmio(hv, v, 0x300, low);
    const seen = pending();
    clear();
    return seen;
  };
  assert.deepEqual(send(0x50 | (1 << 18)), [0x50, -1, -1]);
  assert.deepEqual(send(0x50 | (2 << 18)), [0x50, 0x50, 0x50]);
  assert.deepEqual(send(0x50 | (3 << 18)), [-1, 0x50, 0x50]);
  assert.deepEqual(send(0x50, 4), [-1, -1, 0x50], 'APIC id 4 is vCPU 2');
  assert.deepEqual(send(0x50, 0xff), [0x50, 0x50, 0x50]);
  assert.deepEqual(send(0x50, 3), [-1, -1, -1]);
  for (const [i, x] of all.entries()) writeMmio(hv, x, 0xd0, 1 << (24 + i));
  assert.deepEqual(send(0x50 | 0x800, 0b110), [-1, 0x50, 0x50], 'flat logical');
  assert.deepEqual(send(5 | (2 << 18)), [-1, -1, -1], 'vectors below 16 are refused');
  writeMmio(hv, v, 0x280, 0);
  assert.equal(readMmio(hv, v, 0x280), 0x20, 'send illegal vector');
  send(0x400 | (3 << 18));
  assert.ok(others.every((o) => (o.s.flags & VCPUF_nmi_pending) !== 0));
  const [one] = others as [Vcpu];
  send(0x4500, 2);
  assert.equal(one.s.flags & (VCPUF_down | VCPUF_wait_sipi), VCPUF_down | VCPUF_wait_sipi);
  send(0x4608, 2);
  assert.equal(one.s.flags & (VCPUF_down | VCPUF_wait_sipi | VCPUF_initialised), VCPUF_initialised);
  assert.equal(one.context.low(52 + 1), 0x800, 'CS = vector << 8');
});

test('timer: one shot, periodic, TSC deadline', () => {
  const { m, hv, v } = machine();
  writeMmio(hv, v, 0x3e0, 0b1011); // divide by 1
  writeMmio(hv, v, 0x320, 0x40);
  writeMmio(hv, v, 0x380, 1000);
  assert.equal(timerDeadline(hv, v), m.time + 10_000n, '100 MHz');
  m.time += 4_000n;
  assert.equal(readMmio(hv, v, 0x390), 600);
  m.time += 6_000n;
  runTimers(hv);
  assert.equal(pendingInterrupt(v), 0x40);
  assert.equal(timerDeadline(hv, v), NEVER);
  assert.equal(readMmio(hv, v, 0x390), 0);
  acknowledge(v, 0x40);
  writeMmio(hv, v, 0xb0, 0);
  writeMmio(hv, v, 0x3e0, 0b0000); // divide by 2
  writeMmio(hv, v, 0x320, 0x20041);
  writeMmio(hv, v, 0x380, 100);
  const start = m.time;
  m.time += 2_000n * 3n + 1n; // three periods late: one interrupt, the rhythm stays
  runTimers(hv);
  assert.equal(pendingInterrupt(v), 0x41);
  assert.equal(timerDeadline(hv, v), start + 8_000n);
  acknowledge(v, 0x41);
  writeMmio(hv, v, 0xb0, 0);
  writeMmio(hv, v, 0x320, 0x40042);
  assert.equal(timerDeadline(hv, v), NEVER);
  writeMmio(hv, v, 0x380, 5);
  assert.equal(timerDeadline(hv, v), NEVER, 'the initial count means nothing in deadline mode');
  setTscDeadline(hv, v, m.time + 500n, m.time);
  assert.equal(readTscDeadline(hv, v), m.time + 500n);
  m.time += 500n;
  runTimers(hv);
  assert.equal(pendingInterrupt(v), 0x42);
  assert.equal(readTscDeadline(hv, v), 0n);
  setTscDeadline(hv, v, 1n, m.time);
  assert.equal(timerDeadline(hv, v), m.time, 'a deadline that has passed is now');
  setTscDeadline(hv, v, 0n, m.time);
  assert.equal(timerDeadline(hv, v), NEVER);
});

test('x2APIC: the same registers by MSR, reserved bits and illegal switches are #GP', () => {
  const { m, hv, d, v } = machine(2);
  assert.equal(readX2apic(hv, v, 0x802), undefined, 'not in x2APIC mode');
  assert.equal(writeApicBase(hv, v, X2), true);
  assert.equal(readX2apic(hv, v, 0x802), 0n);
  assert.equal(readX2apic(hv, v, 0x80d), 1n);
  assert.equal(readMmio(hv, v, 0x30), 0, 'no page of registers now');
  for (const [msr, value] of [
    [0x808, 0x100n],
    [0x80b, 1n],
    [0x80d, 1n],
    [0x80f, 0x400n],
    [0x828, 1n],
    [0x831, 0n],
    [0x832, 0x80000n],
    [0x83e, 4n],
    [0x83f, 0x100n],
    [0x802, 0n],
    [0x810, 0n],
    [0x830, 0x100000n],
    [0x808, 1n << 32n],
  ] as const)
    assert.equal(writeX2apic(hv, v, msr, value), false, `0x${msr.toString(16)} <- 0x${value.toString(16)}`);
  for (const msr of [0x80e, 0x831, 0x800, 0x83f, 0x80b]) assert.equal(readX2apic(hv, v, msr), undefined);
  assert.equal(writeX2apic(hv, v, 0x83f, 0x55n), true);
  assert.equal(pendingInterrupt(v), 0x55);
  const other = m.vcpu(d, 1);
  writeMmio(hv, other, 0xf0, 0x1ff);
  assert.equal(writeX2apic(hv, v, 0x830, (2n << 32n) | 0x60n), true);
  assert.equal(pendingInterrupt(other), 0x60);
  assert.equal(writeApicBase(hv, v, BASE | 0x800n), false, 'not back to xAPIC');
  assert.equal(writeApicBase(hv, v, BASE | 0x400n), false, 'x2APIC needs the APIC on');
  assert.equal(writeApicBase(hv, v, BASE), true);
  assert.equal(writeApicBase(hv, v, X2), false, 'not from off');
  assert.equal(writeApicBase(hv, v, 0xfee10000n | 0x800n), false, 'the page cannot be moved');
  assert.equal(writeApicBase(hv, v, BASE | 0x800n), true);
  assert.equal(readMmio(hv, v, 0xf0), 0xff, 'switching on resets');
  assert.equal(writeApicBase(hv, v, 1n << 60n), false);
});

test('an interrupt wakes a blocked vCPU', () => {
  const { hv, v } = machine();
  v.s.flags |= VCPUF_blocked;
  acceptInterrupt(hv, v, 0x30);
  assert.equal(v.s.flags & VCPUF_blocked, 0);
});

test('any register and value: no host exception, and reads stay 32 bits', () => {
  const { hv, v } = machine();
  fc.assert(
    fc.property(
      fc.nat(0xfff),
      fc.bigInt(0n, 0xffffffffn),
      fc.integer({ min: 0x800, max: 0x8ff }),
      fc.bigInt(0n, (1n << 64n) - 1n),
      (offset, value, msr, wide) => {
        writeMmio(hv, v, offset, Number(value));
        const read = readMmio(hv, v, offset);
        assert.ok(read >= 0 && read <= 0xffffffff);
        writeApicBase(hv, v, wide);
        writeX2apic(hv, v, msr, wide);
        writeX2apic(hv, v, msr, value);
        readX2apic(hv, v, msr);
      },
    ),
    { numRuns: 3000, seed: 11 },
  );
});
