import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPL, EXC, EXIT_A, EXIT_CPUID, EXIT_LEN, EXIT_MSR, EXIT_TRIPLE, EXIT_UNIMPLEMENTED, RAX, RCX, RDX, RIP } from '../machine/layout.ts';
import { CPU_MODELS } from '../spec/x86/cpu-models.ts';
import { MSR_MISC_FEATURES_ENABLES, MSR_PLATFORM_INFO } from '../spec/x86/msr.ts';
import { HVM_PARAM_TRIPLE_FAULT_REASON } from '../spec/xen/hvm/params.ts';
import { SHUTDOWN_crash, SHUTDOWN_reboot } from '../spec/xen/sched.ts';
import { domain as domainStruct } from './domain.ts';
import { handleExit } from './exits.ts';
import { TestMachine } from './testing/test-machine.ts';
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
