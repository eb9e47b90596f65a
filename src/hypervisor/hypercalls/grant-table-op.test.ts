import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EBUSY, EFAULT, EINVAL, ENOSYS, EPERM, ERANGE, ESRCH } from '../../spec/xen/errno.ts';
import * as G from '../../spec/xen/grant-table.ts';
import { XENMAPIDX_grant_table_status, XENMAPSPACE_grant_table, XENMEM_add_to_physmap, xen_add_to_physmap } from '../../spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_grant_table_op as GRANT, __HYPERVISOR_memory_op as MEMORY } from '../../spec/xen/xen.ts';
import { entryAt } from '../grants/table.ts';
import type { Domain } from '../hypervisor.ts';
import { entryFlags, grant, MAP_GFN, map, unmap } from '../testing/grants.ts';
import { findBroken } from '../testing/invariants.ts';
import { ARGUMENT_GPA, LIST_GPA, TestMachine } from '../testing/test-machine.ts';

const setVersion = (m: TestMachine, by: Domain, version: number) => m.op(by, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version }, 1);
const querySize = (m: TestMachine, by: Domain, dom: number, count = 1) => m.op(by, GRANT, G.GNTTABOP_query_size, G.gnttab_query_size, { dom }, count);
const gfns = (m: TestMachine, of: Domain, n: number): bigint[] => [...new BigUint64Array(m.peek(of, LIST_GPA, n * 8).buffer)];

test('query_size and get_version', () => {
  const m = new TestMachine();
  const d = m.guest();
  const { status, nr_frames, max_nr_frames } = querySize(m, d, DOMID_SELF);
  assert.deepEqual([status, nr_frames, max_nr_frames], [G.GNTST_okay, 1, 64]);
  assert.equal(querySize(m, d, DOMID_SELF, 2).result, -EINVAL);
  assert.equal(querySize(m, d, 99).status, G.GNTST_bad_domain);
  assert.equal(querySize(m, d, 0).status, G.GNTST_permission_denied);
  assert.equal(querySize(m, m.dom0, d.id).status, G.GNTST_okay);
  assert.equal(m.hypercall(d, GRANT, [G.GNTTABOP_query_size, 0x7fffffff000, 1]), -EFAULT);
  const version = (by: Domain, dom: number) => m.op(by, GRANT, G.GNTTABOP_get_version, G.gnttab_get_version, { dom }, 1);
  assert.equal(version(d, DOMID_SELF).version, 1);
  assert.equal(version(d, 99).result, -ESRCH);
  assert.equal(version(d, 0).result, -EPERM);
});

test('setup_table grows the table and lists where its frames are', () => {
  const m = new TestMachine();
  const d = m.guest();
  const setup = (by: Domain, dom: number, nr_frames: number, frame_list: number, count = 1) =>
    m.op(by, GRANT, G.GNTTABOP_setup_table, G.gnttab_setup_table, { dom, nr_frames, frame_list }, count);
  m.op(d, MEMORY, XENMEM_add_to_physmap, xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_grant_table, idx: 0, gpfn: 0x900 });
  assert.equal(setup(d, DOMID_SELF, 3, LIST_GPA).status, G.GNTST_okay);
  assert.equal(d.s.grants.nr_frames, 3);
  assert.deepEqual(gfns(m, d, 3), [0x900n, 0xffffffffffffffffn, 0xffffffffffffffffn]);
  assert.equal(setup(d, DOMID_SELF, 65, LIST_GPA).status, G.GNTST_general_error);
  assert.equal(setup(d, DOMID_SELF, 2, 0x7fffffff000).status, G.GNTST_bad_virt_addr);
  assert.equal(setup(d, 99, 2, LIST_GPA).status, G.GNTST_bad_domain);
  assert.equal(setup(d, 0, 2, LIST_GPA).status, G.GNTST_permission_denied);
  assert.equal(setup(d, DOMID_SELF, 2, LIST_GPA, 0).result, -EINVAL);
  assert.deepEqual(findBroken(m.hv), []);
});

test('set_version keeps the reserved entries, in use or not, and clears the others', () => {
  const m = new TestMachine();
  const d = m.guest();
  grant(m, d, 1, 0, 9);
  const console = map(m, m.dom0, d.id, 1);
  assert.equal(console.status, G.GNTST_okay);
  grant(m, d, 20, 0, 9);
  assert.deepEqual([setVersion(m, d, 2).result, d.s.grants.version, d.s.grants.nr_status_frames], [0, 2, 1]);
  assert.equal(entryFlags(m, d, 1), G.GTF_permit_access | G.GTF_reading | G.GTF_writing);
  assert.equal(G.grant_entry_v2.read(m.memories.frameView, entryAt(m.hv, d, 1)).full_page.frame, 9);
  assert.equal(entryFlags(m, d, 20), 0);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(unmap(m, m.dom0, console.handle).status, G.GNTST_okay);
  assert.equal(entryFlags(m, d, 1), G.GTF_permit_access);
  // back again
  assert.equal(setVersion(m, d, 1).result, 0);
  assert.equal(d.s.grants.nr_status_frames, 0);
  assert.equal(entryFlags(m, d, 1), G.GTF_permit_access);
  assert.equal(map(m, m.dom0, d.id, 1).status, G.GNTST_okay);
  assert.deepEqual(findBroken(m.hv), []);
});

test('set_version refuses, and always tells the version in force', () => {
  const m = new TestMachine();
  const d = m.guest();
  const old = m.guest({ grantVersion: 1 });
  const answer = (of: Domain, version: number) => {
    const { result, version: now } = setVersion(m, of, version);
    return [result, now];
  };
  assert.deepEqual(answer(d, 3), [-EINVAL, 1]);
  assert.deepEqual(answer(d, 0), [-EINVAL, 1]);
  assert.deepEqual(answer(old, 2), [-ENOSYS, 1]);
  assert.deepEqual(answer(d, 1), [0, 1]);
  grant(m, d, 9, 0, 9);
  const { handle } = map(m, m.dom0, d.id, 9);
  assert.deepEqual(answer(d, 2), [-EBUSY, 1]);
  unmap(m, m.dom0, handle);
  assert.deepEqual(answer(d, 2), [0, 2]);
  G.grant_entry_v2.write(m.memories.frameView, entryAt(m.hv, d, 3), { full_page: { hdr: { flags: G.GTF_permit_access, domid: 0 }, frame: 2 ** 33 } });
  assert.deepEqual(answer(d, 1), [-ERANGE, 2]);
  G.grant_entry_v2.write(m.memories.frameView, entryAt(m.hv, d, 3), { hdr: { flags: G.GTF_transitive, domid: 0 } });
  assert.deepEqual(answer(d, 1), [-ERANGE, 2]);
  assert.equal(m.hypercall(d, GRANT, [G.GNTTABOP_set_version, 0x7fffffff000, 1]), -EFAULT);
  assert.deepEqual(findBroken(m.hv), []);
});

test('status frames: shown by add_to_physmap, listed for domain 0, gone with version 2', () => {
  const m = new TestMachine();
  const d = m.guest();
  const add = (idx: number, gpfn: number) =>
    m.op(d, MEMORY, XENMEM_add_to_physmap, xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_grant_table, idx, gpfn }).result;
  assert.equal(add(XENMAPIDX_grant_table_status, 0x900), -EINVAL, 'version 1 has none');
  setVersion(m, d, 2);
  assert.equal(add(XENMAPIDX_grant_table_status, 0x900), 0);
  assert.equal(add(XENMAPIDX_grant_table_status + 1, 0x901), 0, 'grows the table to what needs it');
  assert.deepEqual([d.s.grants.nr_frames, d.s.grants.nr_status_frames], [16, 2]);
  const list = (dom: number, nr_frames: number) =>
    m.op(m.dom0, GRANT, G.GNTTABOP_get_status_frames, G.gnttab_get_status_frames, { dom, nr_frames, frame_list: LIST_GPA }, 1);
  assert.equal(list(d.id, 2).status, G.GNTST_okay);
  assert.deepEqual(gfns(m, m.dom0, 2), [0x900n, 0x901n]);
  assert.equal(list(d.id, 3).status, G.GNTST_general_error);
  assert.equal(list(99, 1).status, G.GNTST_bad_domain);
  setVersion(m, d, 1);
  assert.equal(d.p2m.lookup(0x900), undefined);
  assert.deepEqual(findBroken(m.hv), []);
});

test('swap_grant_ref', () => {
  const m = new TestMachine();
  const d = m.guest();
  for (const version of [1, 2]) {
    setVersion(m, d, version);
    const swap = (ref_a: number, ref_b: number) => m.op(d, GRANT, G.GNTTABOP_swap_grant_ref, G.gnttab_swap_grant_ref, { ref_a, ref_b }, 1).status;
    grant(m, d, 9, 0, 11);
    grant(m, d, 10, 0, 12, G.GTF_readonly);
    assert.equal(swap(9, 10), G.GNTST_okay);
    assert.equal(entryFlags(m, d, 9), G.GTF_permit_access | G.GTF_readonly);
    assert.equal(entryFlags(m, d, 10), G.GTF_permit_access);
    assert.equal(swap(9, 9), G.GNTST_okay);
    assert.equal(swap(9, 100_000), G.GNTST_bad_gntref);
    const { handle } = map(m, m.dom0, d.id, 10);
    assert.equal(swap(9, 10), G.GNTST_eagain);
    assert.equal(swap(10, 9), G.GNTST_eagain);
    unmap(m, m.dom0, handle);
  }
});

test('what only domain 0, or nobody, may do', () => {
  const m = new TestMachine();
  const d = m.guest();
  for (const cmd of [
    G.GNTTABOP_dump_table,
    G.GNTTABOP_transfer,
    G.GNTTABOP_unmap_and_replace,
    G.GNTTABOP_get_status_frames,
    G.GNTTABOP_cache_flush,
    99,
    0x1000,
  ])
    assert.equal(m.hypercall(d, GRANT, [cmd, ARGUMENT_GPA, 1]), -ENOSYS);
  assert.equal(m.hypercall(d, GRANT, [G.GNTTABOP_copy, ARGUMENT_GPA, 0x80000000]), -EINVAL);
  assert.equal(m.hypercall(m.dom0, GRANT, [G.GNTTABOP_dump_table, ARGUMENT_GPA, 1]), -ENOSYS);
  assert.equal(m.hypercall(m.dom0, GRANT, [G.GNTTABOP_cache_flush, ARGUMENT_GPA, 1]), -ENOSYS);
  assert.equal(m.hypercall(m.dom0, GRANT, [0x1000, ARGUMENT_GPA, 1]), -EINVAL);
  const give = (mfn: number) => m.op(m.dom0, GRANT, G.GNTTABOP_transfer, G.gnttab_transfer, { mfn, domid: d.id, ref: 9 }, 1).status;
  assert.equal(give(5), G.GNTST_general_error);
  assert.equal(give(0x99999), G.GNTST_bad_page);
  grant(m, d, 9, 0, 11);
  const { handle } = map(m, m.dom0, d.id, 9);
  const replace = (new_addr: bigint) =>
    m.op(m.dom0, GRANT, G.GNTTABOP_unmap_and_replace, G.gnttab_unmap_and_replace, { host_addr: BigInt(MAP_GFN) * 4096n, new_addr, handle }, 1).status;
  assert.equal(replace(4096n), G.GNTST_general_error);
  assert.equal(replace(0n), G.GNTST_okay);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a list longer than one call handles goes on by itself', () => {
  const m = new TestMachine();
  const d = m.guest({ pages: 700 });
  const size = G.gnttab_map_grant_ref.size;
  const count = 5000;
  const gpa = 0x100000;
  grant(m, d, 9, 0, 11);
  for (let i = 0; i < count; i++) m.put(m.dom0, gpa + i * size, G.gnttab_map_grant_ref, { ref: 9, dom: 99, flags: G.GNTMAP_host_map, status: 55 });
  assert.equal(m.hypercall(m.dom0, GRANT, [G.GNTTABOP_map_grant_ref, gpa, count]), 0);
  for (const i of [0, 4095, 4096, 4999]) assert.equal(m.get(m.dom0, gpa + i * size, G.gnttab_map_grant_ref).status, G.GNTST_bad_domain);
});
