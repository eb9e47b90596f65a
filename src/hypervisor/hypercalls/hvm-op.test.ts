import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EEXIST, EFAULT, EINVAL, ENODEV, ENOENT, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import * as H from '../../spec/xen/hvm/hvm-op.ts';
import * as P from '../../spec/xen/hvm/params.ts';
import { DOMID_SELF, __HYPERVISOR_hvm_op as HVM, vcpu_info } from '../../spec/xen/xen.ts';
import { pendingInterrupt, writeMmio } from '../arch/x86/lapic.ts';
import type { Domain } from '../hypervisor.ts';
import { ARGUMENT_GPA, TestMachine } from '../testing/test-machine.ts';

const set = (m: TestMachine, by: Domain, domid: number, index: number, value: bigint) =>
  m.op(by, HVM, H.HVMOP_set_param, H.xen_hvm_param, { domid, index, value }).result;
const get = (m: TestMachine, by: Domain, domid: number, index: number) => m.op(by, HVM, H.HVMOP_get_param, H.xen_hvm_param, { domid, index });

test('which parameters a domain may read and set of itself', () => {
  const m = new TestMachine();
  const d = m.guest();
  const readable: number[] = [];
  const writable: number[] = [];
  for (let index = 0; index < P.HVM_NR_PARAMS; index++) {
    const { result } = get(m, d, DOMID_SELF, index);
    if (result === 0) readable.push(index);
    else assert.ok(result === -EPERM || result === -EINVAL, `${index}: ${result}`);
    if (![-EPERM, -EINVAL].includes(set(m, d, DOMID_SELF, index, 0n))) writable.push(index);
  }
  // 37 takes no 0: it is a size.
  assert.deepEqual(readable, [0, 1, 2, 15, 17, 18, 19, 34, 35, 36, 37]);
  assert.deepEqual(
    [...writable, 37].sort((a, b) => a - b),
    [0, 2, 15, 18, 19, 34, 36, 37],
  );
});

test('set_param and get_param refuse', () => {
  const m = new TestMachine();
  const d = m.guest();
  const other = m.guest();
  assert.equal(set(m, d, DOMID_SELF, P.HVM_NR_PARAMS, 0n), -EINVAL);
  assert.equal(set(m, d, 99, 0, 0n), -ESRCH);
  assert.equal(set(m, d, 0, 0, 0n), -EINVAL, 'domain 0 is not HVM');
  assert.equal(set(m, d, other.id, P.HVM_PARAM_CALLBACK_IRQ, 0n), -EPERM);
  assert.equal(get(m, d, other.id, P.HVM_PARAM_STORE_PFN).result, -EPERM);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_PAE_ENABLED, 1n), -EINVAL, 'deprecated for everybody');
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_STORE_PFN, 0xfefffn), 0);
  assert.equal(get(m, d, DOMID_SELF, P.HVM_PARAM_STORE_PFN).value, 0xfefffn);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_IOREQ_PFN, 5n), 0);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_IOREQ_PFN, 6n), -EEXIST);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_IOREQ_PFN, 5n), 0);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_TIMER_MODE, 4n), -EINVAL);
  assert.equal(set(m, m.dom0, d.id, P.HVM_PARAM_TRIPLE_FAULT_REASON, 6n), -EINVAL);
  assert.equal(set(m, d, DOMID_SELF, P.HVM_PARAM_X87_FIP_WIDTH, 3n), -EINVAL);
  assert.equal(set(m, d, DOMID_SELF, P.HVM_PARAM_ACPI_IOPORTS_LOCATION, 1n), -ENODEV);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_set_param, 0x7fffffff000]), -EFAULT);
});

test('the callback vector is set by parameter, and only a vector', () => {
  const m = new TestMachine();
  const d = m.guest();
  set(m, d, DOMID_SELF, P.HVM_PARAM_CALLBACK_IRQ, (2n << 56n) | 0xf3n);
  assert.deepEqual([d.s.callback_type, d.s.callback_vector], [2, 0xf3]);
  set(m, d, DOMID_SELF, P.HVM_PARAM_CALLBACK_IRQ, (2n << 56n) | 0x0fn);
  assert.deepEqual([d.s.callback_type, d.s.callback_vector], [0, 0]);
  set(m, d, DOMID_SELF, P.HVM_PARAM_CALLBACK_IRQ, 5n);
  assert.equal(d.s.callback_type, 0);
});

test('set_evtchn_upcall_vector: an upcall that came before is given then', () => {
  const m = new TestMachine();
  const d = m.guest({ vcpus: 2 });
  const vector = (vcpu: number, value: number, by = d) =>
    m.op(by, HVM, H.HVMOP_set_evtchn_upcall_vector, H.xen_hvm_evtchn_upcall_vector, { vcpu, vector: value }).result;
  assert.equal(vector(0, 15), -EINVAL);
  assert.equal(vector(2, 32), -ENOENT);
  assert.equal(vector(0, 32, m.dom0), -EINVAL);
  const v = m.vcpu(d);
  writeMmio(m.hv, v, 0xf0, 0x1ff);
  m.memories.frameBytes[v.s.info + vcpu_info.offsets.evtchn_upcall_pending] = 1;
  assert.equal(vector(0, 0xf3), 0);
  assert.equal(pendingInterrupt(v), 0xf3);
});

test('the other operations', () => {
  const m = new TestMachine();
  const d = m.guest();
  const other = m.guest();
  m.cpu.asked.length = 0;
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_flush_tlbs, 0]), 0);
  assert.deepEqual(m.cpu.asked, ['flush']);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_flush_tlbs, 8]), -EINVAL);
  const dying = (domid: number) => m.op(d, HVM, H.HVMOP_pagetable_dying, H.xen_hvm_pagetable_dying, { domid }).result;
  assert.equal(dying(DOMID_SELF), -EINVAL, 'as Linux probes it');
  assert.equal(dying(other.id), -EOPNOTSUPP);
  assert.equal(dying(99), -ESRCH);
  assert.equal(m.op(d, HVM, H.HVMOP_get_time, H.xen_hvm_get_time, {}).now, m.time);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_get_time, 0x7fffffff000]), -EFAULT);
  const type = (domid: number, pfn: number) => m.op(d, HVM, H.HVMOP_get_mem_type, H.xen_hvm_get_mem_type, { domid, pfn });
  assert.equal(type(DOMID_SELF, 5).mem_type, H.HVMMEM_ram_rw);
  assert.equal(type(DOMID_SELF, 0x9999).mem_type, H.HVMMEM_mmio_dm);
  assert.equal(type(other.id, 5).result, -EPERM);
  assert.equal(m.op(d, HVM, H.HVMOP_xentrace, H.xen_hvm_xentrace, { event: 1, extra_bytes: 28 }).result, 0);
  assert.equal(m.op(d, HVM, H.HVMOP_xentrace, H.xen_hvm_xentrace, { event: 1, extra_bytes: 29 }).result, -EINVAL);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_guest_request_vm_event, 0]), 0);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_guest_request_vm_event, ARGUMENT_GPA]), -EINVAL);
  assert.equal(m.hypercall(d, HVM, [H.HVMOP_altp2m, ARGUMENT_GPA]), -EOPNOTSUPP);
  assert.equal(m.hypercall(d, HVM, [2, ARGUMENT_GPA]), -ENOSYS);
});
