import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Fields, Struct, Update } from '../../base/struct.ts';
import { FRAME_CODE_BITS } from '../../machine/layout.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import * as E from '../../spec/xen/event-channel.ts';
import * as M from '../../spec/xen/memory.ts';
import { SCHEDOP_block, SCHEDOP_remote_shutdown, sched_remote_shutdown } from '../../spec/xen/sched.ts';
import * as S from '../../spec/xen/sysctl.ts';
import * as X from '../../spec/xen/xen.ts';
import { findBroken } from '../testing/invariants.ts';
import { GUEST_OPERATIONS } from '../testing/operations.ts';
import { structImage } from '../testing/struct-values.ts';
import { TestMachine } from '../testing/test-machine.ts';
import { Dom0Kernel, type HypercallError } from './kernel.ts';
import { type Dom0Program, Privcmd } from './privcmd.ts';

function setUp() {
  const m = new TestMachine();
  const kernel = new Dom0Kernel(m.memories, m.door);
  const privcmd = new Privcmd(kernel);
  const program = privcmd.open();
  assert.ok(program !== undefined);
  return { m, kernel, privcmd, program };
}

/** A hypercall whose argument struct is the program's only buffer; the struct as it came back. */
function call<F extends Fields>(program: Dom0Program, nr: number, cmd: number | undefined, struct: Struct<F>, fields: Update<F>) {
  const bytes = new Uint8Array(struct.size);
  struct.write(new DataView(bytes.buffer), 0, fields);
  const at = BigInt(program.base + 16);
  const result = program.hypercall(nr, cmd === undefined ? [at] : [BigInt(cmd), at], [{ address: program.base + 16, bytes }]);
  return { ...struct.read(new DataView(bytes.buffer), 0), result };
}

test("pointers in a program's buffers lead to what it has there", () => {
  const { m, program } = setUp();
  const guest = m.guest();
  const { size } = D.xen_domctl_getdomaininfo;
  const argument = new Uint8Array(S.xen_sysctl.size);
  const list = new Uint8Array(4 * size);
  const [argumentAt, listAt] = [program.base, program.base + 5 * 4096 - 24]; // (the list crosses pages)
  S.xen_sysctl.write(new DataView(argument.buffer), 0, { cmd: S.XEN_SYSCTL_getdomaininfolist, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
  S.xen_sysctl_getdomaininfolist.write(new DataView(argument.buffer), S.xen_sysctl.offsets.u, { max_domains: 4, buffer: listAt });
  const result = program.hypercall(
    X.__HYPERVISOR_sysctl,
    [BigInt(argumentAt)],
    [
      { address: argumentAt, bytes: argument },
      { address: listAt, bytes: list },
    ],
  );
  assert.equal(result, 0);
  const { num_domains } = S.xen_sysctl_getdomaininfolist.read(new DataView(argument.buffer), S.xen_sysctl.offsets.u);
  assert.equal(num_domains, 2);
  const found = [0, 1].map((i) => D.xen_domctl_getdomaininfo.read(new DataView(list.buffer), i * size));
  assert.deepEqual(
    found.map(({ domain, tot_pages }) => [domain, tot_pages]),
    [
      [0, m.dom0.s.tot_pages],
      [guest.id, guest.s.tot_pages],
    ],
  );
  assert.deepEqual(findBroken(m.hv), []);
});

test('a pointer to what is no buffer is EFAULT; so is a buffer outside of the window', () => {
  const { m, program } = setUp();
  assert.equal(program.hypercall(X.__HYPERVISOR_xen_version, [1n, BigInt(program.base)], []), -EFAULT);
  const free = m.hv.frames.free;
  for (const address of [program.base - 4096, program.base + program.size - 8, 4096, 0, Number.MAX_SAFE_INTEGER]) {
    assert.equal(program.hypercall(X.__HYPERVISOR_xen_version, [0n, 0n], [{ address, bytes: new Uint8Array(16) }]), -EFAULT);
  }
  assert.equal(m.hv.frames.free, free);
});

test('when a program is gone, its pages and mappings are domain 0’s no longer, and its window is free', () => {
  const { m, privcmd, program } = setUp();
  const guest = m.guest();
  const before = [m.hv.frames.free, m.dom0.s.tot_pages];
  call(program, X.__HYPERVISOR_memory_op, M.XENMEM_maximum_gpfn, M.xen_memory_domain, { domid: guest.id });
  program.mapForeign(guest.id, [1, 2]);
  program.mapResource(guest.id, M.XENMEM_resource_grant_table, M.XENMEM_resource_grant_table_id_shared, 0, 1);
  assert.equal(m.hv.frames.free, (before[0] as number) - 1);
  const other = privcmd.open();
  assert.notEqual(other?.base, program.base);
  program.close();
  assert.deepEqual([m.hv.frames.free, m.dom0.s.tot_pages], before);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(privcmd.open()?.base, program.base);
});

test('so many programs, and no more', () => {
  const { privcmd } = setUp();
  let count = 1;
  let last = 0;
  for (let program = privcmd.open(); program !== undefined; program = privcmd.open()) {
    last = program.base + program.size;
    count++;
  }
  assert.equal(count, 224);
  assert.equal(last, 2 ** 36, 'up to the end of the p2m');
});

test("another domain's pages: read, written, missing", () => {
  const { m, program } = setUp();
  const guest = m.guest();
  m.poke(guest, 0x5000, Uint8Array.of(1, 2, 3));
  const { id, errors } = program.mapForeign(guest.id, [5, 1000, 6]);
  assert.equal(errors[0], 0);
  assert.notEqual(errors[1], 0);
  assert.equal(errors[2], 0);
  const bytes = program.readPages(id) as Uint8Array;
  assert.deepEqual([...bytes.subarray(0, 4)], [1, 2, 3, 0]);
  assert.ok(bytes.subarray(4096, 8192).every((byte) => byte === 0));
  bytes[2 * 4096 + 7] = 9;
  assert.equal(program.writePages(id, [1], bytes.subarray(4096, 8192)), EINVAL, 'no such page');
  assert.equal(program.writePages(id, [3], bytes.subarray(4096, 8192)), EINVAL, 'no such index');
  assert.equal(program.writePages(id, [2], bytes.subarray(2 * 4096)), 0);
  assert.deepEqual([...m.peek(guest, 0x6007, 1)], [9]);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(program.unmap(id), 0);
  assert.equal(program.unmap(id), EINVAL);
  assert.equal(program.readPages(id), undefined);
  assert.deepEqual(findBroken(m.hv), []);
});

test('code that is written over is translated anew, also while it stays mapped', () => {
  const { m, program } = setUp();
  const guest = m.guest();
  const mfn = guest.p2m.lookup(3)?.mfn;
  assert.ok(mfn !== undefined);
  m.memories.stateView.setUint32(FRAME_CODE_BITS + mfn * 8, 1, true);
  const { id } = program.mapForeign(guest.id, [3]);
  const before = m.cpu.asked.length;
  program.writePages(id, [0], new Uint8Array(4096));
  assert.ok(m.cpu.asked.slice(before).includes(`written ${mfn}`));
});

test('resources: their size, and the grant table', () => {
  const { m, kernel, program } = setUp();
  const guest = m.guest();
  assert.equal(kernel.resourceSize(guest.id, M.XENMEM_resource_grant_table, M.XENMEM_resource_grant_table_id_shared), guest.s.grants.max_frames);
  const { id } = program.mapResource(guest.id, M.XENMEM_resource_grant_table, M.XENMEM_resource_grant_table_id_shared, 0, 1);
  assert.equal(program.writePages(id, [0], new Uint8Array(4096).fill(1, 0, 8)), 0);
  const again = program.mapResource(guest.id, M.XENMEM_resource_grant_table, M.XENMEM_resource_grant_table_id_shared, 0, 1);
  assert.equal(program.readPages(again.id)?.[7], 1);
  const fails = (errno: number, action: () => unknown): void => assert.throws(action, (error: HypercallError) => error.errno === errno);
  fails(ESRCH, () => program.mapResource(77, M.XENMEM_resource_grant_table, 0, 0, 1));
  fails(EINVAL, () => program.mapResource(guest.id, 55, 0, 0, 1));
  assert.deepEqual(program.mapForeign(77, [0]).errors, [ESRCH]);
  assert.deepEqual(findBroken(m.hv), []);
});

test('what is the kernel’s own is refused; the same on another domain is not', () => {
  const { m, program } = setUp();
  const guest = m.guest();
  const memory = (cmd: number, domid: number) =>
    call(program, X.__HYPERVISOR_memory_op, cmd, M.xen_add_to_physmap, { domid, space: M.XENMAPSPACE_gmfn, idx: 1, gpfn: 99 }).result;
  for (const domid of [0, X.DOMID_SELF]) {
    assert.equal(memory(M.XENMEM_add_to_physmap, domid), -EPERM);
    assert.equal(call(program, X.__HYPERVISOR_memory_op, M.XENMEM_remove_from_physmap, M.xen_remove_from_physmap, { domid, gpfn: 1 }).result, -EPERM);
    assert.equal(call(program, X.__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, sched_remote_shutdown, { domain_id: domid }).result, -EPERM);
    assert.equal(call(program, X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_reset, E.evtchn_reset, { dom: domid }).result, -EPERM);
  }
  assert.equal(memory(M.XENMEM_add_to_physmap, guest.id), 0);
  assert.equal(call(program, X.__HYPERVISOR_sched_op, SCHEDOP_block, sched_remote_shutdown, {}).result, -EPERM);
  assert.equal(call(program, X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_close, E.evtchn_close, { port: 1 }).result, -EPERM);
  assert.equal(call(program, X.__HYPERVISOR_memory_op, M.XENMEM_acquire_resource, M.xen_mem_acquire_resource, { domid: guest.id }).result, -EPERM);
  assert.equal(program.hypercall(X.__HYPERVISOR_vcpu_op, [2n, 0n, 0n], []), -EPERM);
  assert.equal(program.hypercall(X.__HYPERVISOR_memory_op, [BigInt(M.XENMEM_remove_from_physmap), 4096n], []), -EFAULT, "not from the kernel's memory");
  assert.equal(call(program, X.__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, sched_remote_shutdown, { domain_id: guest.id, reason: 3 }).result, 0);
  assert.equal(guest.s.is_shut_down, 1);
});

test('a multicall has no right that its calls have not', () => {
  const { program } = setUp();
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const multicall = (...ops: [nr: number, cmd: number][]): number => {
    for (const [i, [op, cmd]] of ops.entries())
      X.multicall_entry.write(view, i * X.multicall_entry.size, { op, args: [BigInt(cmd), BigInt(program.base + 2048)] });
    return program.hypercall(X.__HYPERVISOR_multicall, [BigInt(program.base), BigInt(ops.length)], [{ address: program.base, bytes }]);
  };
  assert.equal(multicall([X.__HYPERVISOR_xen_version, 0], [X.__HYPERVISOR_xen_version, 7]), 0);
  assert.deepEqual(
    [0, 1].map((i) => X.multicall_entry.read(view, i * X.multicall_entry.size).result),
    [0x40011n, 4096n],
  );
  assert.equal(multicall([X.__HYPERVISOR_xen_version, 0], [X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_close]), -EPERM);
  assert.equal(multicall([X.__HYPERVISOR_multicall, 0]), -EINVAL);
  assert.equal(program.hypercall(X.__HYPERVISOR_multicall, [4096n, 1n], []), -EFAULT);
  assert.equal(program.hypercall(X.__HYPERVISOR_multicall, [BigInt(program.base), 1n << 40n], [{ address: program.base, bytes }]), -EINVAL);
});

/** Numbers of the commands that a header names with this prefix. */
const commands = (header: object, prefix: string, most: number): number[] =>
  Object.entries(header)
    .filter(([name, value]) => name.startsWith(prefix) && /^[a-z]+$/.test(name.charAt(prefix.length)) && typeof value === 'number' && value <= most)
    .map(([, value]) => value as number);

test('any domctl and sysctl with anything in it, also on domain 0', () => {
  const word = fc.constantFrom(0, 1, 2, 3, 5, 16, 64, 256, 4096, X.DOMID_SELF, 0xffff, 0x7fffffff, 0xffffffff);
  const high = fc.constantFrom(0, 0, 0, 1, 2, 64, 0xffffffff);
  const number = fc.tuple(word, high).map(([low, top]) => BigInt(low) | (BigInt(top) << 32n));
  const pointer = fc.constantFrom(0n, 0x1000n, 0x2_0000_0000n, 0x2_0000_0800n, 0x2_0000_1000n, 1n << 50n);
  const member = fc.array(fc.oneof({ arbitrary: number, weight: 3 }, { arbitrary: pointer, weight: 2 }), { minLength: 16, maxLength: 16 });
  const domctl = fc.record({
    nr: fc.constant(X.__HYPERVISOR_domctl),
    cmd: fc.constantFrom(...commands(D, 'XEN_DOMCTL_', 1003)),
    domain: fc.constantFrom(0, 1, 1, 2, 2, 5, X.DOMID_SELF, 0xffff),
    member,
  });
  const sysctl = fc.record({ nr: fc.constant(X.__HYPERVISOR_sysctl), cmd: fc.constantFrom(...commands(S, 'XEN_SYSCTL_', 40)), domain: fc.constant(0), member });
  fc.assert(
    fc.property(fc.array(fc.oneof(domctl, sysctl), { minLength: 20, maxLength: 60 }), (steps) => {
      const { m, kernel, program } = setUp();
      m.guest({ pages: 16 });
      m.guest({ pages: 16, vcpus: 2 });
      for (const { nr, cmd, domain, member } of steps) {
        const bytes = new Uint8Array(8192);
        const isDomctl = nr === X.__HYPERVISOR_domctl;
        bytes.set(new Uint8Array(BigUint64Array.from(member).buffer), isDomctl ? D.xen_domctl.offsets.u : S.xen_sysctl.offsets.u);
        const view = new DataView(bytes.buffer);
        view.setUint32(0, cmd, true);
        view.setUint32(4, isDomctl ? D.XEN_DOMCTL_INTERFACE_VERSION : S.XEN_SYSCTL_INTERFACE_VERSION, true);
        if (isDomctl) view.setUint16(8, domain, true);
        program.hypercall(nr, [BigInt(program.base)], [{ address: program.base, bytes }]);
      }
      assert.deepEqual(findBroken(m.hv), []);
      kernel.handleEvents();
      program.close();
      assert.deepEqual(findBroken(m.hv), []);
    }),
    { numRuns: 15 },
  );
});

test('whatever a program asks, domain 0’s kernel goes on', () => {
  const operations = GUEST_OPERATIONS.filter(({ form }) => form !== 'cmd,vcpu,pointer');
  fc.assert(
    fc.property(
      fc.array(
        fc.integer({ min: 0, max: operations.length - 1 }).chain((index) => {
          const operation = operations[index] as (typeof operations)[number];
          return structImage(operation.struct, [0n, 0x1000n, 0x2_0000_0000n, 0x2_0000_0800n]).map((bytes) => ({ operation, bytes }));
        }),
        { maxLength: 30 },
      ),
      (steps) => {
        const { m, kernel, program } = setUp();
        m.guest({ pages: 16 });
        m.guest({ pages: 16 });
        for (const { operation, bytes } of steps) {
          const image = new Uint8Array(4096);
          image.set(bytes);
          program.hypercall(operation.nr, [BigInt(operation.cmd), BigInt(program.base), 1n], [{ address: program.base, bytes: image }]);
        }
        assert.deepEqual(findBroken(m.hv), []);
        // what the kernel needs of domain 0 is there: argument memory, ports, mappings
        const guest = [...m.hv.domains()].find((d) => d.id !== 0 && d.s.is_dying === 0);
        if (guest?.p2m.lookup(1) !== undefined) kernel.unmap(kernel.mapForeign(guest.id, [1]));
        kernel.handleEvents();
        program.close();
        assert.deepEqual(findBroken(m.hv), []);
      },
    ),
    { numRuns: 25 },
  );
});
