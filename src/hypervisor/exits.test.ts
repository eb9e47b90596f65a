import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BUDGET,
  CPL,
  EFLAGS_SYS,
  EXC,
  EXIT_A,
  EXIT_B,
  EXIT_CPUID,
  EXIT_HLT,
  EXIT_LEN,
  EXIT_MMIO,
  EXIT_MSR,
  EXIT_TRIPLE,
  EXIT_UNIMPLEMENTED,
  MMIO_COUNT,
  MMIO_KEY,
  MMIO_LOG_ENTRIES,
  NMI_BLOCKED,
  RAX,
  RCX,
  RDX,
  RETIRED_BASE,
  RIP,
  TSC_OFFSET,
  WANT_WINDOW,
  WINDOW_NMI,
} from '../machine/layout.ts';
import { CPU_MODELS } from '../spec/x86/cpu-models.ts';
import { MSR_IA32_TSC, MSR_IA32_TSC_ADJUST, MSR_IA32_TSC_DEADLINE, MSR_MISC_FEATURES_ENABLES, MSR_PLATFORM_INFO } from '../spec/x86/msr.ts';
import { HVM_PARAM_TRIPLE_FAULT_REASON } from '../spec/xen/hvm/params.ts';
import { SHUTDOWN_crash, SHUTDOWN_reboot } from '../spec/xen/sched.ts';
import { vcpu_info, vcpu_time_info, XEN_PVCLOCK_TSC_STABLE_BIT } from '../spec/xen/xen.ts';
import { deliverPending } from './arch/x86/interrupts.ts';
import { raiseNmi } from './arch/x86/nmi.ts';
import { domain as domainStruct, VCPUF_blocked, VCPUF_nmi_pending } from './domain.ts';
import { handleExit } from './exits.ts';
import { TestMachine } from './testing/test-machine.ts';
import { updateTime } from './time/pvclock.ts';
import { nextDeadline } from './time/timers.ts';
import { Trace } from './trace.ts';

const model = CPU_MODELS.get('AMD x86-64-v2');
assert.ok(model);

function exit(m: TestMachine, reason: number, prepare: (v: ReturnType<TestMachine['vcpu']>) => void = () => {}) {
  const d = m.guest();
  const v = m.vcpu(d);
  prepare(v);
  handleExit({ hv: m.hv, model: model as NonNullable<typeof model>, trace: new Trace(new Set(), () => {}), rowName: (row) => `ROW${row}` }, v, reason);
  return d;
}

test('an instruction that is not implemented stops the domain with its name', () => {
  const m = new TestMachine();
  const d = exit(m, EXIT_UNIMPLEMENTED, (v) => {
    v.context.setLow(EXIT_A, 77);
    v.context.setLow(RIP, 0x1234);
  });
  assert.equal(d.s.is_shut_down, 1);
  assert.equal(d.s.shutdown_code, SHUTDOWN_crash);
  assert.deepEqual(m.log, [`(XEN) domain ${d.id} crashed: instruction not implemented: ROW77 at rip 0x1234`]);
});

test('an instruction with more accesses to no memory than are noted stops the domain, instead of starting again for ever', () => {
  const m = new TestMachine();
  const d = exit(m, EXIT_MMIO, (v) => {
    v.context.setLow(EXIT_A, 0xff000000);
    v.context.setLow(EXIT_B, 8);
    v.context.setLow(MMIO_COUNT, MMIO_LOG_ENTRIES);
    v.context.set(MMIO_KEY, v.context.get(RETIRED_BASE) - v.context.get(BUDGET));
  });
  assert.equal(d.s.shutdown_code, SHUTDOWN_crash);
  assert.match(m.log.at(-1) ?? '', /crashed: an instruction makes more than 21 accesses/);
});

test('a triple fault restarts the domain, unless it is to count as a crash', () => {
  const m = new TestMachine();
  assert.equal(exit(m, EXIT_TRIPLE).s.shutdown_code, SHUTDOWN_reboot);
  const d = exit(m, EXIT_TRIPLE, (v) => {
    const at = v.domain.address + domainStruct.offsets.hvm_params + HVM_PARAM_TRIPLE_FAULT_REASON * 8;
    m.memories.stateView.setBigUint64(at, BigInt(SHUTDOWN_crash), true);
  });
  assert.equal(d.s.shutdown_code, SHUTDOWN_crash);
  assert.equal(m.log.at(-1), `(XEN) domain ${d.id} crashed: triple fault`);
});

test('CPUID faulting: announced, switched on by its MSR, and then only level 0 may ask', () => {
  const m = new TestMachine();
  const v = m.vcpu(m.guest());
  const c = v.context;
  const go = (reason: number): void =>
    handleExit({ hv: m.hv, model: model as NonNullable<typeof model>, trace: new Trace(new Set(), () => {}), rowName: String }, v, reason);
  c.setLow(EXIT_LEN, 2);
  c.setLow(EXIT_A, 0);
  c.setLow(RCX, MSR_PLATFORM_INFO);
  go(EXIT_MSR);
  assert.equal(c.low(RAX) >>> 31, 1);
  c.setLow(EXIT_A, 1);
  c.setLow(RCX, MSR_MISC_FEATURES_ENABLES);
  c.setLow(RAX, 1);
  c.setLow(RDX, 0);
  go(EXIT_MSR);
  const ask = (level: number): number => {
    c.setLow(CPL, level);
    c.setLow(RAX, 0);
    c.setLow(RIP, 0x1000);
    go(EXIT_CPUID);
    return c.number(RIP);
  };
  assert.equal(ask(0), 0x1002);
  c.setLow(EXC, 0);
  assert.equal(ask(3), 0x1000, '#GP: the instruction is not done');
  assert.equal(c.low(RAX), 0);
});

/** A vCPU whose MSRs are read and written as an instruction does. */
function withMsrs(m: TestMachine, v: ReturnType<TestMachine['vcpu']>) {
  const c = v.context;
  const go = (msr: number, write: number): void => {
    c.setLow(EXIT_A, write);
    c.setLow(RCX, msr);
    handleExit({ hv: m.hv, model: model as NonNullable<typeof model>, trace: new Trace(new Set(), () => {}), rowName: String }, v, EXIT_MSR);
  };
  return {
    read: (msr: number): bigint => {
      go(msr, 0);
      return (BigInt(c.low(RDX)) << 32n) | BigInt(c.low(RAX));
    },
    write: (msr: number, value: bigint): void => {
      c.set(RAX, value & 0xffffffffn);
      c.set(RDX, value >> 32n);
      go(msr, 1);
    },
  };
}

test('TSC and TSC_ADJUST move together; system time and armed deadlines follow', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const [v, other] = [m.vcpu(d), m.vcpu(d, 1)];
  updateTime(m.hv, v);
  updateTime(m.hv, other);
  const { read, write } = withMsrs(m, v);
  const info = (of: typeof v) => vcpu_time_info.read(m.memories.frameView, of.s.info + vcpu_info.offsets.time);
  assert.deepEqual([read(MSR_IA32_TSC), read(MSR_IA32_TSC_ADJUST)], [m.time, 0n]);
  v.context.set(TSC_OFFSET, 77n);
  write(MSR_IA32_TSC, 5n);
  assert.deepEqual([read(MSR_IA32_TSC), BigInt.asIntN(64, read(MSR_IA32_TSC_ADJUST))], [5n, 5n - m.time]);
  assert.equal(BigInt.asIntN(64, v.context.get(TSC_OFFSET)), 77n + 5n - m.time, 'the running slice too');
  assert.equal(info(v).tsc_timestamp - (m.time - info(v).system_time), 5n);
  assert.deepEqual([info(v).flags, info(other).flags], [0, 0], 'the two do not agree any more');
  write(MSR_IA32_TSC_ADJUST, 1000n);
  m.time += 10n;
  assert.equal(read(MSR_IA32_TSC), m.time + 1000n);
  write(MSR_IA32_TSC_ADJUST, 0n);
  assert.deepEqual([read(MSR_IA32_TSC), info(v).flags, info(other).flags], [m.time, XEN_PVCLOCK_TSC_STABLE_BIT, XEN_PVCLOCK_TSC_STABLE_BIT]);

  // timer in deadline mode: 5,000 ticks ahead stay a TSC value, not a distance
  write(0x80f, 0x1ffn);
  write(0x1b, 0xfee00d00n);
  write(0x80f, 0x1ffn);
  write(0x832, 0x40050n);
  write(MSR_IA32_TSC_DEADLINE, m.time + 5000n);
  assert.equal(nextDeadline(m.hv), m.time + 5000n);
  write(MSR_IA32_TSC, m.time + 4000n);
  assert.deepEqual([nextDeadline(m.hv), read(MSR_IA32_TSC_DEADLINE)], [m.time + 1000n, m.time + 5000n]);
});

test('an NMI that waits for IRET does not end HLT; one that may come does', () => {
  const m = new TestMachine();
  const v = m.vcpu(m.guest());
  v.context.setLow(EFLAGS_SYS, 1 << 9);
  const halt = (): boolean => {
    handleExit({ hv: m.hv, model: model as NonNullable<typeof model>, trace: new Trace(new Set(), () => {}), rowName: String }, v, EXIT_HLT);
    return (v.s.flags & VCPUF_blocked) !== 0;
  };
  raiseNmi(v);
  assert.equal(halt(), false);
  v.context.setLow(NMI_BLOCKED, 1);
  assert.equal(halt(), true);
  raiseNmi(v);
  assert.ok((v.s.flags & VCPUF_blocked) !== 0, 'it sleeps on');
  deliverPending(m.hv, v);
  assert.deepEqual([v.context.low(WANT_WINDOW), v.context.low(EXC)], [WINDOW_NMI, 0]);
  v.context.setLow(NMI_BLOCKED, 0);
  deliverPending(m.hv, v);
  assert.deepEqual([v.context.low(WANT_WINDOW), v.s.flags & VCPUF_nmi_pending], [0, 0]);
});
