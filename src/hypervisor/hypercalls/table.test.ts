import assert from 'node:assert/strict';
import { test } from 'node:test';
import { E2BIG, EFAULT, EINVAL, ENOBUFS, ENOSYS, EPERM } from '../../spec/xen/errno.ts';
import * as F from '../../spec/xen/features.ts';
import * as N from '../../spec/xen/version.ts';
import * as X from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import { ARGUMENT_GPA, LIST_GPA, TestMachine } from '../testing/test-machine.ts';

test('xen_version: what every caller gets, and what only domain 0 does', () => {
  const m = new TestMachine();
  const d = m.guest();
  const version = (by: Domain, cmd: number, va: number | bigint = ARGUMENT_GPA) => m.hypercall(by, X.__HYPERVISOR_xen_version, [cmd, va]);
  assert.equal(version(d, N.XENVER_version), (4 << 16) | 17);
  assert.equal(version(d, N.XENVER_capabilities), 0);
  assert.equal(version(d, N.XENVER_commandline), 0);
  assert.equal(new TextDecoder().decode(m.peek(d, ARGUMENT_GPA, 8)), '<denied>');
  const { submap } = m.op(d, X.__HYPERVISOR_xen_version, N.XENVER_get_features, N.xen_feature_info, { submap_idx: 0 });
  assert.ok((submap & (1 << F.XENFEAT_hvm_callback_vector)) !== 0);
  assert.equal(submap & (1 << F.XENFEAT_dom0), 0);
  assert.equal(m.op(d, X.__HYPERVISOR_xen_version, N.XENVER_get_features, N.xen_feature_info, { submap_idx: 1 }).result, -EINVAL);
  assert.equal(version(d, N.XENVER_build_id), -EPERM);
  m.poke(m.dom0, ARGUMENT_GPA, new Uint8Array(4));
  assert.equal(version(m.dom0, N.XENVER_build_id), -EINVAL);
  m.poke(m.dom0, ARGUMENT_GPA, Uint8Array.of(1, 0, 0, 0));
  assert.equal(version(m.dom0, N.XENVER_build_id), -ENOBUFS);
  assert.ok(version(m.dom0, N.XENVER_build_id, 0) > 0);
  assert.equal(version(d, N.XENVER_extraversion, 1n << 50n), -EFAULT);
  assert.equal(version(d, 99), -ENOSYS);
});

test('console_io reaches the host as it comes; reading is not for guests', () => {
  const m = new TestMachine();
  const d = m.guest();
  m.poke(d, ARGUMENT_GPA, new TextEncoder().encode('hello\n'));
  const io = (by: Domain, cmd: number, count: number, va: number | bigint = ARGUMENT_GPA) => m.hypercall(by, X.__HYPERVISOR_console_io, [cmd, count, va]);
  assert.equal(io(d, X.CONSOLEIO_write, 6), 0);
  assert.deepEqual(m.console, [{ domid: d.id, text: 'hello\n' }]);
  assert.equal(io(d, X.CONSOLEIO_write, 0x80000000), -E2BIG);
  assert.equal(io(d, X.CONSOLEIO_write, 6, 1n << 50n), -EFAULT);
  assert.equal(io(d, X.CONSOLEIO_read, 6), -EPERM);
  assert.equal(io(m.dom0, X.CONSOLEIO_read, 6), 0);
  assert.equal(io(d, 7, 6), -ENOSYS);
});

test('multicall: each entry its own result, none inside another, long ones go on by themselves', () => {
  const m = new TestMachine();
  const d = m.guest();
  const entries = (list: { op: number; args: (number | bigint)[] }[]) => {
    for (const [i, { op, args }] of list.entries())
      m.put(d, LIST_GPA + i * X.multicall_entry.size, X.multicall_entry, { op, args: args.map(BigInt), result: 99n });
    const result = m.hypercall(d, X.__HYPERVISOR_multicall, [LIST_GPA, list.length]);
    return [result, ...list.map((_, i) => Number(BigInt.asIntN(64, m.get(d, LIST_GPA + i * X.multicall_entry.size, X.multicall_entry).result)))];
  };
  assert.deepEqual(entries([]), [0]);
  assert.deepEqual(
    entries([
      { op: X.__HYPERVISOR_xen_version, args: [N.XENVER_version] },
      { op: X.__HYPERVISOR_multicall, args: [LIST_GPA, 1] },
      { op: X.__HYPERVISOR_domctl, args: [0] },
      { op: 999, args: [] },
      { op: 2 ** 50, args: [] },
    ]),
    [0, (4 << 16) | 17, -EINVAL, -EPERM, -ENOSYS, -ENOSYS],
  );
  assert.equal(m.hypercall(d, X.__HYPERVISOR_multicall, [1n << 50n, 1]), -EFAULT);
  // an entry that stops in the middle: its arguments are rewritten and the list goes on
  m.poke(d, 0x6000, new TextEncoder().encode('x'.repeat(4096)));
  assert.deepEqual(
    entries([
      { op: X.__HYPERVISOR_console_io, args: [X.CONSOLEIO_write, 4096, 0x6000] },
      { op: X.__HYPERVISOR_vm_assist, args: [0, 5] },
    ]),
    [0, 0, 0],
  );
  assert.equal(d.s.assists, 1n << 5n);
});

test('unknown hypercalls are ENOSYS, vm_assist knows one assist', () => {
  const m = new TestMachine();
  const d = m.guest();
  for (const nr of [0, 1, 2, 3, 11, 14, 23, 26, 27, 30, 37, 38, 43, 48, 56, 1000, 0xffffffff]) assert.equal(m.hypercall(d, nr, []), -ENOSYS);
  const assist = (cmd: number, type: number) => m.hypercall(d, X.__HYPERVISOR_vm_assist, [cmd, type]);
  assert.equal(assist(0, 5), 0);
  assert.equal(assist(1, 5), 0);
  assert.equal(assist(0, 2), -EINVAL);
  assert.equal(assist(0, 64), -EINVAL);
  assert.equal(assist(2, 5), -ENOSYS);
  assert.equal(m.hypercall(d, X.__HYPERVISOR_physdev_op, [12, ARGUMENT_GPA]), -ENOSYS);
});
