import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dom0Kernel, type HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { VCPUF_down, VCPUF_nmi_pending } from '../../hypervisor/domain.ts';
import { findBroken } from '../../hypervisor/testing/invariants.ts';
import { TestMachine } from '../../hypervisor/testing/test-machine.ts';
import { RIP, VEC, VEC_STRIDE, XCR0 } from '../../machine/layout.ts';
import { AMD_X86_64_V3 } from '../../spec/x86/cpu-models.ts';
import { vcpu_guest_context } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EINVAL, ENODATA, ENOENT, ENOMEM, ENOSYS, ESRCH } from '../../spec/xen/errno.ts';
import { HVM_SAVE_CODE, hvm_hw_cpu, hvm_hw_lapic_regs, hvm_hw_mtrr } from '../../spec/xen/hvm/save.ts';
import { physinfo } from './host-info.ts';
import { hvmRecord, sendTrigger, setVcpuAffinity, vcpuAffinity, vcpuContext, vcpuExtState } from './vcpus.ts';
import { Xc } from './xc.ts';

function setUp(): { m: TestMachine; xc: Xc } {
  const m = new TestMachine();
  return { m, xc: new Xc(new Dom0Kernel(m.memories, m.door)) };
}

const fails = (errno: number, action: () => unknown): void =>
  assert.throws(action, (error: HypercallError) => {
    assert.equal(error.errno, errno);
    return true;
  });

test('affinity: everywhere at first; what is set comes back as far as it is in force', () => {
  const { m, xc } = setUp();
  const d = m.guest({ vcpus: 2 });
  assert.deepEqual(vcpuAffinity(xc, d.id, 1), { hard: 1n, soft: 1n });
  assert.deepEqual(setVcpuAffinity(xc, d.id, 1, { hard: 0xffn, soft: 0n }), { hard: 1n, soft: 0n });
  assert.deepEqual(vcpuAffinity(xc, d.id, 1), { hard: 1n, soft: 0n });
  assert.deepEqual(vcpuAffinity(xc, d.id, 0), { hard: 1n, soft: 1n }, 'the other vCPU keeps its own');
  fails(EINVAL, () => setVcpuAffinity(xc, d.id, 1, { hard: 2n })); // no such pCPU
  fails(EINVAL, () => setVcpuAffinity(xc, d.id, 1, { hard: 0n, soft: 1n }));
  assert.deepEqual(vcpuAffinity(xc, d.id, 1), { hard: 1n, soft: 0n }, 'a refusal changes nothing');
  assert.deepEqual(setVcpuAffinity(xc, 0, 0, { hard: 1n, force: true }).hard, 1n);
  fails(EINVAL, () => vcpuAffinity(xc, d.id, 2));
  fails(ESRCH, () => vcpuAffinity(xc, 99, 0));
});

test('triggers: an NMI comes, a PVH domain has no buttons, Xen neither resets nor INITs', () => {
  const { m, xc } = setUp();
  const d = m.guest();
  sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_NMI, 0);
  assert.notEqual(m.vcpu(d).s.flags & VCPUF_nmi_pending, 0);
  sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_POWER, 0);
  sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_SLEEP, 0);
  fails(ENOSYS, () => sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_RESET, 0));
  fails(ENOSYS, () => sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_INIT, 0));
  fails(ESRCH, () => sendTrigger(xc, d.id, D.XEN_DOMCTL_SENDTRIGGER_NMI, 1));
});

test("getvcpucontext and setvcpucontext: a vCPU's registers as a dump holds them", () => {
  const { m, xc } = setUp();
  const d = m.guest({ vcpus: 2 });
  const c = m.vcpu(d).context;
  for (let slot = 0; slot < 16; slot++) c.set(slot, BigInt(slot + 0x100));
  c.set(RIP, 0x1234n);
  const bytes = vcpuContext(xc, d.id, 0);
  const { user_regs, ctrlreg, flags } = vcpu_guest_context.read(new DataView(bytes.buffer), 0);
  assert.deepEqual([user_regs.rax, user_regs.rsp, user_regs.r15, user_regs.rip], [0x100n, 0x104n, 0x10fn, 0x1234n]);
  assert.deepEqual([ctrlreg[0], flags & 0x21n], [0x11n, 0x21n]);
  fails(ENODATA, () => vcpuContext(xc, d.id, 1));
  fails(EINVAL, () => vcpuContext(xc, d.id, 2));
  vcpu_guest_context.write(new DataView(bytes.buffer), 0, { user_regs: { rax: 7n, rip: 0x4321n }, flags: 1n });
  xc.kernel.withMemory(bytes.length, (ctxt) => {
    xc.kernel.copyIn(ctxt, bytes);
    xc.domctl('setvcpucontext', D.XEN_DOMCTL_setvcpucontext, d.id, D.xen_domctl_vcpucontext, { vcpu: 0, ctxt });
  });
  assert.deepEqual([c.get(0), c.get(4), c.get(RIP)], [7n, 0x104n, 0x4321n]);
  assert.notEqual(m.vcpu(d).s.flags & VCPUF_down, 0, 'not online, it says');
});

test('getvcpuextstate: x87, SSE and AVX registers as XSAVE writes them, and back', () => {
  const { m, xc } = setUp();
  m.hv.model = AMD_X86_64_V3;
  const d = m.guest();
  const c = m.vcpu(d).context;
  c.setLow(XCR0, 7);
  const ymm3 = c.address + VEC + 3 * VEC_STRIDE;
  const value = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
  m.memories.stateBytes.set(value, ymm3);
  const state = vcpuExtState(xc, d.id, 0);
  const view = new DataView(state.buffer);
  assert.equal(state.length, 16 + 576 + 256);
  assert.deepEqual([view.getBigUint64(0, true), view.getBigUint64(8, true), view.getBigUint64(16 + 512, true)], [7n, 7n, 7n]);
  assert.deepEqual(state.slice(16 + 160 + 48, 16 + 160 + 64), value.slice(0, 16));
  assert.deepEqual(state.slice(16 + 576 + 48, 16 + 576 + 64), value.slice(16));
  m.memories.stateBytes.fill(0, ymm3, ymm3 + 32);
  const put = (bytes: Uint8Array): void =>
    xc.kernel.withMemory(bytes.length, (buffer) => {
      xc.kernel.copyIn(buffer, bytes);
      xc.domctl('setvcpuextstate', D.XEN_DOMCTL_setvcpuextstate, d.id, D.xen_domctl_vcpuextstate, { vcpu: 0, size: bytes.length, buffer });
    });
  put(state);
  assert.deepEqual(m.memories.stateBytes.slice(ymm3, ymm3 + 32), value);
  const compacted = state.slice();
  new DataView(compacted.buffer).setBigUint64(16 + 520, 1n << 63n, true);
  fails(EINVAL, () => put(compacted));
  const unknown = state.slice();
  new DataView(unknown.buffer).setBigUint64(16 + 512, 1n << 40n, true);
  fails(EINVAL, () => put(unknown));
});

test('gethvmcontext_partial: one record', () => {
  const { m, xc } = setUp();
  const d = m.guest({ vcpus: 2 });
  m.vcpu(d).context.set(RIP, 0x77n);
  const cpu = hvmRecord(xc, d.id, HVM_SAVE_CODE.CPU, 0);
  assert.equal(hvm_hw_cpu.read(new DataView(cpu.buffer), 0).rip, 0x77n);
  const mtrr = hvmRecord(xc, d.id, HVM_SAVE_CODE.MTRR, 0);
  assert.equal(hvm_hw_mtrr.read(new DataView(mtrr.buffer), 0).msr_mtrr_def_type, 0xc06n);
  const lapic = hvmRecord(xc, d.id, HVM_SAVE_CODE.LAPIC_REGS, 0);
  assert.equal(lapic.length, hvm_hw_lapic_regs.size);
  assert.equal(new DataView(lapic.buffer).getUint32(0x30, true), 0x50014, 'its version register');
  fails(ENODATA, () => hvmRecord(xc, d.id, HVM_SAVE_CODE.CPU, 1));
  fails(ENOENT, () => hvmRecord(xc, d.id, HVM_SAVE_CODE.CPU, 2));
  fails(EINVAL, () => hvmRecord(xc, d.id, HVM_SAVE_CODE.PIT, 0));
});

test('claims: what is promised to one domain no other gets', () => {
  const { m, xc } = setUp();
  const free = m.hv.frames.free;
  const first = m.guest({ pages: 0 });
  const second = m.guest({ pages: 16 });
  const left = m.hv.frames.free;
  xc.maxMem(first.id, left * 4);
  xc.claimPages(first.id, left - 10);
  assert.equal(physinfo(xc).outstanding_pages, left - 10);
  assert.equal(xc.info(first.id)?.outstanding_pages, left - 10);
  fails(EINVAL, () => xc.claimPages(first.id, 5)); // one claim at a time
  fails(ENOMEM, () => xc.claimPages(second.id, 16 + 11));
  fails(EINVAL, () => xc.claimPages(second.id, 16)); // not more than it has
  assert.throws(() => xc.populate(second.id, 0x100, 11));
  assert.equal(xc.info(second.id)?.tot_pages, 26, 'all but what is promised');
  xc.populate(first.id, 0, 20);
  assert.equal(physinfo(xc).outstanding_pages, left - 30, 'what was allocated is no longer promised');
  assert.deepEqual(findBroken(m.hv), []);
  xc.claimPages(first.id, 0);
  assert.equal(physinfo(xc).outstanding_pages, 0);
  xc.claimPages(first.id, 30);
  m.destroy(first);
  assert.equal(physinfo(xc).outstanding_pages, 0, 'a claim dies with its domain');
  m.destroy(second);
  assert.equal(m.hv.frames.free, free);
});
