import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, CR0, CR3, CR4, EFER, RETIRED_BASE, VEC, X87 } from '../../../machine/layout.ts';
import * as D from '../../../spec/xen/domctl.ts';
import { E2BIG, EBUSY, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { packFxsave, unpackFxsave } from '../../arch/x86/fxsave.ts';
import { loadHvmContext, saveHvmContext } from '../../arch/x86/hvm-context.ts';
import { STOP_BREAKPOINT, stopForDebugger } from '../../debug/stop.ts';
import { LIST_GPA, TestMachine } from '../../testing/test-machine.ts';
import { ZENDO_DOMCTL_breakpoints, zendo_domctl_breakpoints } from './breakpoints.ts';

const attach = (m: TestMachine, domid: number, enable = 1): number => m.domctl(domid, D.XEN_DOMCTL_setdebugging, D.xen_domctl_setdebugging, { enable }).result;

test('a debugger comes, sets breakpoints and steps, and leaves nothing behind', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const list = new BigUint64Array([0x1234n, 0xffff_ffff_8100_0000n]);
  m.poke(m.dom0, LIST_GPA, new Uint8Array(list.buffer));
  const set = (count: number, addresses = LIST_GPA, domid: number = d.id, caller = m.dom0): number =>
    m.domctl(domid, ZENDO_DOMCTL_breakpoints, zendo_domctl_breakpoints, { count, addresses }, caller).result;
  assert.equal(set(2), -EINVAL, 'no debugger');
  assert.equal(attach(m, 0), -EINVAL);
  assert.equal(attach(m, 99), -ESRCH);
  assert.equal(attach(m, d.id), 0);
  m.cpu.asked.length = 0;
  assert.equal(set(2), 0);
  const [first, second] = [m.vcpu(d, 0), m.vcpu(d, 1)];
  const addresses = '4660 18446744071578845184';
  assert.deepEqual(m.cpu.asked, [`breakpoints ${first.context.address} ${addresses}`, `breakpoints ${second.context.address} ${addresses}`]);
  assert.equal(set(1025), -E2BIG);
  assert.equal(set(1, 0x7fff_f000), -EFAULT);
  assert.equal(set(1, LIST_GPA, 0), -EINVAL);
  const ranges = (...words: bigint[]): number => {
    m.poke(m.dom0, LIST_GPA, new Uint8Array(BigUint64Array.from(words).buffer));
    return m.domctl(d.id, ZENDO_DOMCTL_breakpoints, zendo_domctl_breakpoints, { nr_ranges: words.length / 2, ranges: LIST_GPA }).result;
  };
  m.cpu.asked.length = 0;
  assert.equal(ranges(0x5000n, 8n), 0);
  assert.equal(m.cpu.asked[0], `breakpoints ${first.context.address} 20480+8`);
  assert.equal(ranges(0x5000n, 0n), -EINVAL);
  assert.equal(ranges(0x5000n, 65n), -EINVAL);
  assert.equal(ranges(...Array.from({ length: 34 }, () => 1n)), -E2BIG);
  const step = (op: number, vcpu: number): number => m.domctl(d.id, D.XEN_DOMCTL_debug_op, D.xen_domctl_debug_op, { op, vcpu }).result;
  assert.equal(step(D.XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON, 0), 0);
  assert.equal(first.s.single_step, 1);
  assert.equal(step(7, 0), -ENOSYS);
  assert.equal(step(1, 9), -EINVAL);
  m.cpu.asked.length = 0;
  assert.equal(attach(m, d.id, 0), 0);
  assert.equal(first.s.single_step, 0);
  assert.deepEqual(m.cpu.asked, [`breakpoints ${first.context.address} none`, `breakpoints ${second.context.address} none`]);
});

test('a stop pauses the domain and is told once', () => {
  const m = new TestMachine();
  const d = m.guest();
  const status = () => {
    const { out } = m.domctl(d.id, D.XEN_DOMCTL_gdbsx_domstatus, D.xen_domctl_gdbsx_domstatus, {});
    return [out?.paused, out?.vcpu_id, out?.vcpu_ev];
  };
  assert.deepEqual(status(), [0, 0xffffffff, 0]);
  stopForDebugger(m.hv, m.vcpu(d), STOP_BREAKPOINT);
  assert.equal(d.s.pause_count, 1);
  assert.deepEqual(status(), [1, 0, STOP_BREAKPOINT]);
  assert.deepEqual(status(), [1, 0xffffffff, 0]);
});

test('vCPUs are paused one by one while the domain is', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const call = (cmd: number, vcpu: number): number => m.domctl(d.id, cmd, D.xen_domctl_gdbsx_pauseunp_vcpu, { vcpu }).result;
  assert.equal(call(D.XEN_DOMCTL_gdbsx_pausevcpu, 1), -EBUSY);
  m.domctl(d.id, D.XEN_DOMCTL_pausedomain);
  assert.equal(call(D.XEN_DOMCTL_gdbsx_unpausevcpu, 1), -EINVAL);
  assert.equal(call(D.XEN_DOMCTL_gdbsx_pausevcpu, 1), 0);
  assert.equal(m.vcpu(d, 1).s.pause_count, 1);
  assert.equal(call(D.XEN_DOMCTL_gdbsx_pausevcpu, 5), -EINVAL);
  assert.equal(call(D.XEN_DOMCTL_gdbsx_unpausevcpu, 1), 0);
  assert.equal(m.vcpu(d, 1).s.pause_count, 0);
});

test('guest memory is read and written by virtual address, up to where it ends', () => {
  const m = new TestMachine();
  const d = m.guest({ pages: 8 });
  const c = m.vcpu(d).context;
  // 4-level tables at 0x1000..0x4000: virtual 0x7000 is gfn 5, 0x8000 is nothing
  const words = (gpa: number, value: bigint): void => m.poke(d, gpa, new Uint8Array(BigUint64Array.of(value).buffer));
  words(0x1000, 0x2003n);
  words(0x2000, 0x3003n);
  words(0x3000, 0x4003n);
  words(0x4000 + 7 * 8, 0x5003n);
  c.setLow(CR0, 0x80000011);
  c.setLow(CR3, 0x1000);
  c.setLow(CR4, 0x20);
  c.setLow(EFER, 0x500);
  const io = (gva: bigint, len: number, gwr: number, caller = m.dom0) =>
    m.domctl(d.id, D.XEN_DOMCTL_gdbsx_guestmemio, D.xen_domctl_gdbsx_memio, { pgd3val: 0n, gva, uva: BigInt(LIST_GPA), len, gwr }, caller);
  m.poke(d, 0x5ffc, Uint8Array.of(1, 2, 3, 4));
  assert.equal(io(0x7ffcn, 4, 0).out?.remain, 0);
  assert.deepEqual([...m.peek(m.dom0, LIST_GPA, 4)], [1, 2, 3, 4]);
  m.poke(m.dom0, LIST_GPA, Uint8Array.of(9, 8, 7, 6, 5, 4));
  const cut = io(0x7ffcn, 6, 1);
  assert.deepEqual([cut.result, cut.out?.remain], [0, 2]);
  assert.deepEqual([...m.peek(d, 0x5ffc, 4)], [9, 8, 7, 6]);
  assert.equal(io(0xffff_ffff_ffff_fffcn, 8, 0).out?.remain, 8);
  assert.equal(io(0x7000n, 0x7fff_ffff, 0).result, -EINVAL);
  assert.equal(io(0x7000n, 4, 0, d).result, -EPERM);
});

test('registers can be changed while a vCPU stands still, without harm to the rest', () => {
  const m = new TestMachine();
  const d = m.guest();
  const c = m.vcpu(d).context;
  const image = Uint8Array.from({ length: 512 }, (_, i) => (i >= 32 && i < 416 ? (i * 7) & 0xff : 0));
  for (let i = 0; i < 8; i++) image.fill(0, 42 + i * 16, 48 + i * 16); // ten bytes each
  new DataView(image.buffer).setUint16(0, 0x27f, true);
  new DataView(image.buffer).setUint16(2, 0x2800, true); // TOP = 5
  image[4] = 0xe0;
  new DataView(image.buffer).setUint32(24, 0x1f80, true);
  new DataView(image.buffer).setUint32(28, 0xffff, true);
  unpackFxsave(m.memories, c, image);
  assert.deepEqual(packFxsave(m.memories, c), image);
  assert.equal(m.memories.stateBytes[c.address + X87 + 5 * 16], image[32], 'ST(0) is the chip’s register 5');
  assert.equal(m.memories.stateBytes[c.address + VEC], image[160]);
  c.set(BUDGET, 77n);
  c.set(RETIRED_BASE, 1000n);
  const saved = saveHvmContext(m.hv, d);
  assert.ok(loadHvmContext(m.hv, d, saved));
  assert.deepEqual(saveHvmContext(m.hv, d), saved);
  assert.deepEqual([c.get(BUDGET), c.get(RETIRED_BASE)], [77n, 1000n]);
});
