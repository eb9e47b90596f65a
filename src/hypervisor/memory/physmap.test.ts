import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, EIO, ENOENT, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import * as M from '../../spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_memory_op as MEMORY } from '../../spec/xen/xen.ts';
import { entryAt } from '../grants/table.ts';
import type { Domain } from '../hypervisor.ts';
import { findBroken } from '../testing/invariants.ts';
import { LIST_GPA, TestMachine } from '../testing/test-machine.ts';
import { p2m_shared } from './p2m.ts';
import { populate } from './reservation.ts';

const quads = (...values: (number | bigint)[]): Uint8Array => new Uint8Array(new BigUint64Array(values.map((v) => BigInt.asUintN(64, BigInt(v)))).buffer);

test('XENMEM_add_to_physmap: shared info, grant table and own pages', () => {
  const m = new TestMachine();
  const d = m.guest();
  const add = (fields: Parameters<typeof m.op<(typeof M.xen_add_to_physmap)['fields']>>[4]) =>
    m.op(d, MEMORY, M.XENMEM_add_to_physmap, M.xen_add_to_physmap, fields).result;
  const pages = d.s.tot_pages;
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_shared_info, idx: 0, gpfn: 100 }), 0);
  assert.equal(d.p2m.lookup(100)?.mfn, d.s.shared_info);
  assert.equal(d.p2m.lookup(100)?.type, p2m_shared);
  // A Xen page has one place: it moves, and what stood at the new place is freed.
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_shared_info, idx: 0, gpfn: 20 }), 0);
  assert.equal(d.p2m.lookup(100), undefined);
  assert.equal(d.s.tot_pages, pages - 1);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_shared_info, idx: 1, gpfn: 100 }), -EINVAL);
  // The highest grant frame first, as Linux does.
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_grant_table, idx: 3, gpfn: 103 }), 0);
  assert.equal(d.s.grants.nr_frames, 4);
  for (const idx of [2, 1, 0]) assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_grant_table, idx, gpfn: 100 + idx }), 0);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_grant_table, idx: 64, gpfn: 200 }), -EINVAL);
  d.s.grants.max_frames = 5;
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_grant_table, idx: 5, gpfn: 200 }), -EINVAL, "beyond the domain's limit");
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_grant_table, idx: M.XENMAPIDX_grant_table_status, gpfn: 200 }), -EINVAL);
  const moved = d.p2m.lookup(5)?.mfn;
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn, idx: 5, gpfn: 300 }), 0);
  assert.equal(d.p2m.lookup(300)?.mfn, moved);
  assert.equal(d.p2m.lookup(5), undefined);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn, idx: 5, gpfn: 301 }), -EINVAL);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn_range, idx: 6, gpfn: 400, size: 4 }), 0);
  assert.notEqual(d.p2m.lookup(403), undefined);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn_foreign, idx: 6, gpfn: 400 }), -ENOSYS);
  assert.equal(add({ domid: DOMID_SELF, space: 99, idx: 6, gpfn: 400 }), -EINVAL);
  assert.equal(add({ domid: 999, space: M.XENMAPSPACE_gmfn, idx: 6, gpfn: 400 }), -ESRCH);
  assert.equal(add({ domid: 0, space: M.XENMAPSPACE_gmfn, idx: 6, gpfn: 400 }), -EPERM);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn, idx: 10, gpfn: 2 ** 40 }), -EINVAL);
  assert.equal(add({ domid: DOMID_SELF, space: M.XENMAPSPACE_gmfn, idx: 10, gpfn: -1 }), -EINVAL);
  assert.deepEqual(findBroken(m.hv), []);
});

test('XENMEM_add_to_physmap_batch: pages of other domains, each with its own error', () => {
  const m = new TestMachine();
  const d = m.guest();
  const batch = (caller = m.dom0, foreign: number = d.id) => {
    m.poke(caller, LIST_GPA, quads(1, 2, 1000));
    m.poke(caller, LIST_GPA + 64, quads(0x10000, 0x10001, 0x10002));
    const { result } = m.op(caller, MEMORY, M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch, {
      domid: DOMID_SELF,
      space: M.XENMAPSPACE_gmfn_foreign,
      size: 3,
      u: { foreign_domid: foreign },
      idxs: LIST_GPA,
      gpfns: LIST_GPA + 64,
      errs: LIST_GPA + 128,
    });
    return [result, ...new Int32Array(m.peek(caller, LIST_GPA + 128, 12).buffer)];
  };
  assert.deepEqual(batch(), [0, 0, 0, -EINVAL]);
  assert.equal(m.dom0.p2m.lookup(0x10000)?.mfn, d.p2m.lookup(1)?.mfn);
  assert.equal(m.hv.frames.count(d.p2m.lookup(1)?.mfn as never), 2);
  assert.deepEqual(findBroken(m.hv), []);
  assert.deepEqual(batch(m.dom0, 77), [0, -ESRCH, -ESRCH, -ESRCH]);
  assert.deepEqual(batch(d, 0), [0, -EPERM, -EPERM, -EPERM]);
  const remove = (gpfn: number) => m.op(m.dom0, MEMORY, M.XENMEM_remove_from_physmap, M.xen_remove_from_physmap, { domid: DOMID_SELF, gpfn }).result;
  assert.equal(remove(0x10000), 0);
  assert.equal(remove(0x10000), -ENOENT);
  assert.equal(remove(0x10001), 0);
  assert.deepEqual(findBroken(m.hv), []);
});

test("XENMEM_acquire_resource: domain 0 sees a domain's grant table", () => {
  const m = new TestMachine();
  const d = m.guest();
  const acquire = (by: Domain, fields: Parameters<typeof M.xen_mem_acquire_resource.write>[2], gfns: number[] = []) => {
    m.poke(by, LIST_GPA, quads(...gfns));
    return m.op(by, MEMORY, M.XENMEM_acquire_resource, M.xen_mem_acquire_resource, {
      domid: d.id,
      type: M.XENMEM_resource_grant_table,
      id: M.XENMEM_resource_grant_table_id_shared,
      nr_frames: gfns.length,
      frame_list: gfns.length === 0 ? 0 : LIST_GPA,
      ...fields,
    });
  };
  const size = acquire(m.dom0, {});
  assert.deepEqual([size.result, size.nr_frames], [0, 64]);
  assert.equal(acquire(m.dom0, { id: M.XENMEM_resource_grant_table_id_status }).nr_frames, 8);
  assert.equal(acquire(m.dom0, {}, [0x10000, 0x10001]).result, 0);
  assert.equal(d.s.grants.nr_frames, 2, 'grown to what is asked for');
  m.poke(m.dom0, 0x10000 * 4096 + 8, Uint8Array.of(1, 0, 0, 0));
  assert.equal(m.memories.frameBytes[entryAt(m.hv, d, 1)], 1, 'the toolstack seeds the reserved grants so');
  assert.equal(acquire(m.dom0, { frame: 63 }, [0x10002, 0x10003]).result, -EINVAL, 'beyond the last frame');
  assert.equal(acquire(m.dom0, {}, [0x10004, 2 ** 40]).result, -EIO);
  assert.equal(acquire(m.dom0, {}, [2 ** 40]).result, -EINVAL);
  assert.equal(acquire(m.dom0, { id: M.XENMEM_resource_grant_table_id_status }, [0x10005]).result, -EINVAL, 'version 1 has none');
  assert.equal(acquire(m.dom0, { type: M.XENMEM_resource_ioreq_server }).result, -EINVAL);
  assert.equal(acquire(m.dom0, { id: 7 }).result, -EINVAL);
  assert.equal(acquire(m.dom0, { pad: 1 }).result, -EINVAL);
  assert.equal(acquire(m.dom0, { frame: 2 ** 32 }).result, -EINVAL);
  assert.equal(acquire(m.dom0, { nr_frames: 1 }).result, -EINVAL, 'a count without a list');
  assert.equal(acquire(m.dom0, { domid: 99 }).result, -ESRCH);
  assert.equal(acquire(m.dom0, { domid: 0 }).result, -EPERM);
  assert.equal(acquire(d, { domid: 0 }, [0x900]).result, -EPERM);
  assert.equal(acquire(m.dom0, { frame_list: 1n << 50n, nr_frames: 1 }).result, -EFAULT);
  assert.deepEqual(findBroken(m.hv), []);
});

test("a page shown to a domain for another one's sake is given back when it dies", () => {
  const m = new TestMachine();
  const [d, helper] = [m.guest(), m.guest()];
  m.poke(m.dom0, LIST_GPA, quads(7));
  m.poke(m.dom0, LIST_GPA + 64, quads(0x900));
  const { result } = m.op(m.dom0, MEMORY, M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch, {
    domid: helper.id,
    space: M.XENMAPSPACE_gmfn_foreign,
    size: 1,
    u: { foreign_domid: d.id },
    idxs: LIST_GPA,
    gpfns: LIST_GPA + 64,
    errs: LIST_GPA + 128,
  });
  assert.equal(result, 0);
  assert.equal(helper.p2m.lookup(0x900)?.mfn, d.p2m.lookup(7)?.mfn);
  m.destroy(helper);
  assert.deepEqual(findBroken(m.hv), []);
  m.destroy(d);
  assert.equal([...m.hv.domains()].length, 1);
});

test('populate_physmap and decrease_reservation answer how many extents are done', () => {
  const m = new TestMachine();
  const d = m.guest();
  const change = (op: number, gfns: number[], order = 0, caller = d, domid: number = DOMID_SELF) => {
    m.poke(caller, LIST_GPA, quads(...gfns));
    return m.op(caller, MEMORY, op, M.xen_memory_reservation, { extent_start: LIST_GPA, nr_extents: gfns.length, extent_order: order, domid }).result;
  };
  const pages = d.s.tot_pages;
  assert.equal(change(M.XENMEM_populate_physmap, [100, 101, 102]), 3);
  assert.equal(d.s.tot_pages, pages + 3);
  assert.equal(change(M.XENMEM_populate_physmap, [200, 101, 202]), 1, 'stops at the gfn that is taken');
  assert.equal(change(M.XENMEM_populate_physmap, [1024], 9), 1);
  assert.equal(change(M.XENMEM_decrease_reservation, [1024], 9), 1);
  assert.equal(change(M.XENMEM_decrease_reservation, [100, 101, 102, 200, 999]), 4);
  assert.equal(d.s.tot_pages, pages);
  assert.equal(change(M.XENMEM_populate_physmap, [500], 10), 0);
  assert.equal(change(M.XENMEM_populate_physmap, [500], 0, d, 0), 0, "not another domain's");
  assert.equal(change(M.XENMEM_populate_physmap, [500], 0, m.dom0, d.id), 1);
  d.s.max_pages = d.s.tot_pages + 1;
  assert.equal(change(M.XENMEM_populate_physmap, [600, 601]), 1, 'stops at the limit');
  assert.equal(m.op(d, MEMORY, M.XENMEM_current_reservation, M.xen_memory_domain, { domid: DOMID_SELF }).result, d.s.tot_pages);
  assert.equal(m.op(d, MEMORY, M.XENMEM_maximum_reservation, M.xen_memory_domain, { domid: DOMID_SELF }).result, d.s.max_pages);
  assert.equal(m.op(d, MEMORY, M.XENMEM_maximum_gpfn, M.xen_memory_domain, { domid: 0 }).result, -EPERM);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a list longer than one call handles goes on by itself', () => {
  const m = new TestMachine(16384);
  const d = m.guest({ pages: 64 });
  const count = 9000;
  const gfns = Array.from({ length: count }, (_, i) => 100_000 + i);
  const listGpa = 0x100000;
  assert.equal(m.op(m.dom0, MEMORY, M.XENMEM_current_reservation, M.xen_memory_domain, { domid: d.id }).result, 64);
  m.poke(m.dom0, listGpa, quads(...gfns));
  const { result } = m.op(m.dom0, MEMORY, M.XENMEM_populate_physmap, M.xen_memory_reservation, { extent_start: listGpa, nr_extents: count, domid: d.id });
  assert.equal(result, count);
  assert.equal(d.s.tot_pages, 64 + count);
});

test('a destroyed domain leaves nothing behind', () => {
  const m = new TestMachine();
  const used = m.hv.heap.used;
  const free = m.hv.frames.free;
  for (let round = 0; round < 3; round++) {
    const d = m.guest({ vcpus: 2 });
    assert.equal(m.destroy(d), 0);
    assert.equal(m.hv.domain(d.id), undefined);
    assert.equal(m.hv.heap.used, used);
    assert.equal(m.hv.frames.free, free);
  }
  assert.deepEqual(findBroken(m.hv), []);
});

test('a page that domain 0 still shows keeps its dead owner as a zombie', () => {
  const m = new TestMachine();
  const free = m.hv.frames.free;
  const d = m.guest();
  m.poke(m.dom0, LIST_GPA, quads(1));
  m.poke(m.dom0, LIST_GPA + 64, quads(0x10000));
  m.op(m.dom0, MEMORY, M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch, {
    domid: DOMID_SELF,
    space: M.XENMAPSPACE_gmfn_foreign,
    size: 1,
    u: { foreign_domid: d.id },
    idxs: LIST_GPA,
    gpfns: LIST_GPA + 64,
    errs: LIST_GPA + 128,
  });
  const id = d.id;
  assert.equal(m.destroy(d), 0);
  const zombie = m.hv.domain(id);
  assert.equal(zombie?.s.tot_pages, 1);
  assert.equal(zombie?.s.is_dying, 2);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(m.op(m.dom0, MEMORY, M.XENMEM_remove_from_physmap, M.xen_remove_from_physmap, { domid: DOMID_SELF, gpfn: 0x10000 }).result, 0);
  assert.equal(m.hv.domain(id), undefined);
  assert.equal(m.hv.frames.free, free);
  assert.deepEqual(findBroken(m.hv), []);
});

test('XENMEM_maximum_gpfn: the highest gfn that ever had a page, placed alone or in a run', () => {
  const m = new TestMachine();
  const d = m.guest();
  for (const [gfn, order] of [
    [0x5000, 0],
    [0x7000, 3],
  ] as const) {
    assert.ok(populate(m.hv, d, gfn, order));
    assert.equal(m.op(d, MEMORY, M.XENMEM_maximum_gpfn, M.xen_memory_domain, { domid: DOMID_SELF }).result, gfn + 2 ** order - 1);
  }
});

test('many foreign pages at once: where one page is not as the others, the rest of the list goes on', () => {
  const m = new TestMachine(16384);
  const count = 1500; // across the borders of leaves on both sides
  const d = m.guest({ pages: 2000 });
  const other = m.guest();
  const WINDOW = 0x10000 + 700;
  const show = (from: number, first: number, gfns: readonly number[]): number[] => {
    const idxs = 0x20000;
    m.poke(m.dom0, idxs, quads(...gfns));
    m.poke(m.dom0, idxs + 0x8000, quads(...gfns.map((_, i) => first + i)));
    const { result } = m.op(m.dom0, MEMORY, M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch, {
      domid: DOMID_SELF,
      space: M.XENMAPSPACE_gmfn_foreign,
      size: gfns.length,
      u: { foreign_domid: from },
      idxs,
      gpfns: idxs + 0x8000,
      errs: idxs + 0x10000,
    });
    assert.equal(result, 0);
    return gfns.map((_, i) => new DataView(m.memories.frames.buffer).getInt32(m.dom0.p2m.maddr(idxs + 0x10000 + i * 4), true));
  };
  const gfns = Array.from({ length: count }, (_, i) => 300 + i);
  const shows = (gfn: number) => m.dom0.p2m.lookup(gfn);
  // a page of somebody else's who dies meanwhile: taking it out of the window ends that domain
  show(other.id, WINDOW + 40, [1]);
  m.destroy(other);
  assert.deepEqual(new Set(show(d.id, WINDOW, gfns)), new Set([0]));
  assert.equal(m.hv.domain(other.id), undefined);
  for (const i of [0, 40, 723, 724, count - 1]) assert.deepEqual(shows(WINDOW + i), { ...d.p2m.lookup(300 + i), type: 1 });
  assert.equal(m.op(m.dom0, MEMORY, M.XENMEM_maximum_gpfn, M.xen_memory_domain, { domid: DOMID_SELF }).result, WINDOW + count - 1);
  assert.deepEqual(findBroken(m.hv), []);
  // the same window shows others instead, but for one that does not exist
  const errors = show(d.id, WINDOW, [...gfns.slice(1, 30), 5000, ...gfns.slice(30)]);
  assert.deepEqual(
    errors.flatMap((errno, i) => (errno === 0 ? [] : [[i, errno]])),
    [[29, -EINVAL]],
  );
  assert.equal(shows(WINDOW)?.mfn, d.p2m.lookup(301)?.mfn);
  assert.equal(shows(WINDOW + 29)?.mfn, d.p2m.lookup(329)?.mfn, 'as it was');
  assert.deepEqual(findBroken(m.hv), []);
  m.destroy(d);
  assert.equal(m.hv.domain(d.id)?.s.tot_pages, new Set(Array.from({ length: count }, (_, i) => shows(WINDOW + i)?.mfn)).size);
  assert.deepEqual(findBroken(m.hv), []);
});
