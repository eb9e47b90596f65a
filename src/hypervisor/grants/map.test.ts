import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EFAULT, EINVAL, ENXIO } from '../../spec/xen/errno.ts';
import { EVTCHNOP_alloc_unbound, evtchn_alloc_unbound } from '../../spec/xen/event-channel.ts';
import * as G from '../../spec/xen/grant-table.ts';
import {
  XENMAPSPACE_gmfn,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  XENMEM_decrease_reservation,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  xen_add_to_physmap,
  xen_memory_reservation,
  xen_remove_from_physmap,
} from '../../spec/xen/memory.ts';
import {
  DOMID_SELF,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_grant_table_op as GRANT,
  __HYPERVISOR_memory_op as MEMORY,
} from '../../spec/xen/xen.ts';
import { entryFlags, grant, MAP_GFN, map, revoke, unmap } from '../testing/grants.ts';
import { findBroken } from '../testing/invariants.ts';
import { LIST_GPA, TestMachine } from '../testing/test-machine.ts';
import { PINS_MAX } from './active.ts';
import { entryAt } from './table.ts';

const IN_USE = G.GTF_reading | G.GTF_writing;

for (const version of [1, 2]) {
  test(`GNTTABOP_map_grant_ref, version ${version}: the page is shown, the entry says so, and unmapping undoes it`, () => {
    const m = new TestMachine();
    const from = m.guest();
    const to = m.guest();
    m.op(from, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version }, 1);
    grant(m, from, 9, to.id, 7);
    const used = m.hv.heap.used;
    const mapped = map(m, to, from.id, 9);
    const mfn = from.p2m.lookup(7)?.mfn as never;
    assert.equal(mapped.status, G.GNTST_okay);
    assert.equal(mapped.dev_bus_addr, BigInt(mfn) * 4096n);
    assert.deepEqual({ ...to.p2m.lookup(MAP_GFN) }, { mfn, type: 2, writable: true });
    assert.equal(entryFlags(m, from, 9) & IN_USE, IN_USE);
    assert.equal(m.hv.frames.count(mfn), 2);
    m.poke(to, MAP_GFN * 4096 + 5, Uint8Array.of(42));
    assert.equal(m.peek(from, 7 * 4096 + 5, 1)[0], 42);
    assert.deepEqual(findBroken(m.hv), []);
    assert.equal(unmap(m, to, mapped.handle).status, G.GNTST_okay);
    assert.equal(to.p2m.lookup(MAP_GFN), undefined);
    assert.equal(entryFlags(m, from, 9) & IN_USE, 0);
    assert.equal(m.hv.frames.count(mfn), 1);
    assert.equal(unmap(m, to, mapped.handle).status, G.GNTST_bad_handle, 'a handle is good once');
    assert.deepEqual(findBroken(m.hv), []);
    assert.ok(m.hv.heap.used >= used);
  });

  test(`a read-only mapping, version ${version}`, () => {
    const m = new TestMachine();
    const from = m.guest();
    m.op(from, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version }, 1);
    grant(m, from, 9, 0, 7, G.GTF_readonly);
    assert.equal(map(m, m.dom0, from.id, 9).status, G.GNTST_general_error, 'a read-only grant is not mapped writable');
    assert.equal(entryFlags(m, from, 9) & IN_USE, 0);
    const mapped = map(m, m.dom0, from.id, 9, MAP_GFN, G.GNTMAP_host_map | G.GNTMAP_readonly);
    assert.equal(mapped.status, G.GNTST_okay);
    assert.deepEqual({ ...m.dom0.p2m.lookup(MAP_GFN) }, { mfn: from.p2m.lookup(7)?.mfn, type: 3, writable: false });
    assert.equal(entryFlags(m, from, 9) & IN_USE, G.GTF_reading);
    // The owner makes it writable while it is mapped: a second, writable mapping is possible then.
    grant(m, from, 9, 0, 7, version === 1 ? G.GTF_reading : 0);
    const second = map(m, m.dom0, from.id, 9, MAP_GFN + 1);
    assert.equal(second.status, G.GNTST_okay);
    assert.equal(entryFlags(m, from, 9) & IN_USE, IN_USE);
    assert.equal(unmap(m, m.dom0, second.handle, MAP_GFN + 1).status, G.GNTST_okay);
    assert.equal(entryFlags(m, from, 9) & IN_USE, G.GTF_reading, 'the reader is still there');
    assert.equal(unmap(m, m.dom0, mapped.handle).status, G.GNTST_okay);
    assert.equal(entryFlags(m, from, 9) & IN_USE, 0);
    assert.deepEqual(findBroken(m.hv), []);
  });
}

test('GNTTABOP_map_grant_ref refuses', () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest({ maptrackFrames: 1 });
  const other = m.guest();
  grant(m, from, 9, to.id, 7);
  const status = (dom: number, ref: number, gfn = MAP_GFN, flags = G.GNTMAP_host_map, by = to) => map(m, by, dom, ref, gfn, flags).status;
  assert.equal(status(from.id, 9, MAP_GFN, 0), G.GNTST_bad_gntref, 'neither host nor device map');
  assert.equal(status(from.id, 9, MAP_GFN, G.GNTMAP_host_map | G.GNTMAP_device_map), G.GNTST_general_error);
  assert.equal(status(from.id, 9, MAP_GFN, G.GNTMAP_host_map | G.GNTMAP_contains_pte), G.GNTST_general_error);
  assert.equal(status(from.id, 9, MAP_GFN, G.GNTMAP_host_map | G.GNTMAP_application_map), G.GNTST_general_error);
  assert.equal(status(from.id, 9, MAP_GFN, G.GNTMAP_host_map | 0x10000), G.GNTST_general_error);
  assert.equal(status(99, 9), G.GNTST_bad_domain);
  assert.equal(status(DOMID_SELF, 9), G.GNTST_bad_domain);
  assert.equal(status(from.id, 512), G.GNTST_bad_gntref);
  assert.equal(status(from.id, 0xffffffff), G.GNTST_bad_gntref);
  assert.equal(status(from.id, 10), G.GNTST_general_error, 'not granted');
  assert.equal(status(from.id, 9, MAP_GFN, G.GNTMAP_host_map, other), G.GNTST_general_error, 'granted to another');
  grant(m, from, 11, to.id, 7, G.GTF_sub_page);
  assert.equal(status(from.id, 11), G.GNTST_general_error, 'a part of a page');
  grant(m, from, 12, to.id, 0x7777);
  assert.equal(status(from.id, 12), G.GNTST_bad_page, 'no page there');
  assert.equal(entryFlags(m, from, 12) & IN_USE, 0);
  assert.equal(status(from.id, 9, 2 ** 30), G.GNTST_general_error, 'beyond guest-physical space');
  assert.equal(entryFlags(m, from, 9) & IN_USE, 0);
  const first = map(m, to, from.id, 9);
  assert.equal(first.status, G.GNTST_okay);
  assert.equal(status(from.id, 9), G.GNTST_general_error, 'a mapping stands there');
  // What is mapped of others is not one's own to give.
  grant(m, to, 9, other.id, MAP_GFN);
  assert.equal(status(to.id, 9, MAP_GFN, G.GNTMAP_host_map, other), G.GNTST_bad_page);
  assert.deepEqual(findBroken(m.hv), []);
  for (let i = 1; i < PINS_MAX; i++) assert.equal(status(from.id, 9, MAP_GFN + i), G.GNTST_okay);
  assert.equal(status(from.id, 9, MAP_GFN + PINS_MAX), G.GNTST_general_error, 'pin count at its limit');
  grant(m, from, 13, to.id, 8);
  for (let i = PINS_MAX; i < 256; i++) assert.equal(status(from.id, 13, MAP_GFN + i), G.GNTST_okay);
  grant(m, from, 14, to.id, 8);
  assert.equal(status(from.id, 14, MAP_GFN + 999), G.GNTST_no_space, 'maptrack is full');
  assert.deepEqual(findBroken(m.hv), []);
});

test('a reference in use by one domain is not for another, whatever its entry says now', () => {
  const m = new TestMachine();
  for (const version of [1, 2]) {
    const from = m.guest();
    const [first, second] = [m.guest(), m.guest()];
    m.op(from, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version }, 1);
    grant(m, from, 9, first.id, 7);
    const { handle } = map(m, first, from.id, 9);
    grant(m, from, 9, second.id, 8);
    for (const flags of [G.GNTMAP_host_map, G.GNTMAP_host_map | G.GNTMAP_readonly])
      assert.equal(map(m, second, from.id, 9, MAP_GFN, flags).status, G.GNTST_general_error);
    const source = { u: { ref: 9 }, domid: from.id, offset: 0 };
    const dest = { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 };
    assert.equal(m.op(second, GRANT, G.GNTTABOP_copy, G.gnttab_copy, { source, dest, len: 1, flags: G.GNTCOPY_source_gref }, 1).status, G.GNTST_general_error);
    assert.equal(unmap(m, first, handle).status, G.GNTST_okay);
    const after = map(m, second, from.id, 9);
    assert.equal(after.status, G.GNTST_okay);
    assert.equal(second.p2m.lookup(MAP_GFN)?.mfn, from.p2m.lookup(8)?.mfn);
    assert.deepEqual(findBroken(m.hv), []);
    for (const d of [from, first, second]) m.destroy(d);
  }
});

test('GNTTABOP_unmap_grant_ref refuses, and null changes nothing', () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  grant(m, from, 9, to.id, 7);
  const { handle } = map(m, to, from.id, 9);
  assert.equal(unmap(m, to, 12345).status, G.GNTST_bad_handle);
  assert.equal(unmap(m, to, 0xffffffff).status, G.GNTST_bad_handle);
  assert.equal(unmap(m, to, handle, 3).status, G.GNTST_general_error, 'RAM stands there');
  assert.equal(unmap(m, to, handle, 0).status, G.GNTST_okay);
  assert.notEqual(to.p2m.lookup(MAP_GFN), undefined);
  assert.equal(unmap(m, from, handle).status, G.GNTST_bad_handle, "another domain's handle");
  assert.equal(unmap(m, to, handle).status, G.GNTST_okay);
  assert.deepEqual(findBroken(m.hv), []);
});

test('revoking while mapped does not take the page from under the mapping; the page outlives its place', () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  grant(m, from, 9, to.id, 7);
  const { handle } = map(m, to, from.id, 9);
  const mfn = from.p2m.lookup(7)?.mfn as never;
  const pages = from.s.tot_pages;
  revoke(m, from, 9);
  m.poke(from, LIST_GPA, new Uint8Array(new BigUint64Array([7n]).buffer));
  const given = m.op(from, MEMORY, XENMEM_decrease_reservation, xen_memory_reservation, { extent_start: LIST_GPA, nr_extents: 1, domid: DOMID_SELF }).result;
  assert.equal(given, 1);
  assert.equal(from.s.tot_pages, pages, 'still its page as long as it is mapped');
  assert.equal(m.hv.frames.owner(mfn), from.id);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(unmap(m, to, handle).status, G.GNTST_okay);
  assert.equal(from.s.tot_pages, pages - 1);
  assert.equal(m.hv.frames.owner(mfn), undefined);
  assert.deepEqual(findBroken(m.hv), []);
});

test("a grant mapping's gfn is changed by unmapping only", () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  grant(m, from, 9, to.id, 7);
  map(m, to, from.id, 9);
  assert.notEqual(m.op(to, MEMORY, XENMEM_remove_from_physmap, xen_remove_from_physmap, { domid: DOMID_SELF, gpfn: MAP_GFN }).result, 0);
  m.poke(to, LIST_GPA, new Uint8Array(new BigUint64Array([BigInt(MAP_GFN)]).buffer));
  assert.equal(m.op(to, MEMORY, XENMEM_decrease_reservation, xen_memory_reservation, { extent_start: LIST_GPA, nr_extents: 1, domid: DOMID_SELF }).result, 0);
  for (const [space, idx] of [
    [XENMAPSPACE_shared_info, 0],
    [XENMAPSPACE_grant_table, 0],
    [XENMAPSPACE_gmfn, 9],
  ] as const)
    assert.equal(m.op(to, MEMORY, XENMEM_add_to_physmap, xen_add_to_physmap, { domid: DOMID_SELF, space, idx, gpfn: MAP_GFN }).result, -ENXIO);
  assert.deepEqual(findBroken(m.hv), []);
});

test('RAM where a grant is mapped is given back', () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  const pages = to.s.tot_pages;
  grant(m, from, 9, to.id, 7);
  assert.deepEqual(findBroken(m.hv), []);
  const { handle, status } = map(m, to, from.id, 9, 20);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(status, G.GNTST_okay);
  assert.equal(to.s.tot_pages, pages - 1);
  assert.equal(unmap(m, to, handle, 20).status, G.GNTST_okay);
  assert.equal(to.p2m.lookup(20), undefined);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a dead domain waits for its mapped pages to come back, and is gone then', () => {
  const m = new TestMachine();
  const used = m.hv.heap.used;
  const free = m.hv.frames.free;
  const from = m.guest();
  const to = m.guest();
  grant(m, from, 9, to.id, 7);
  const { handle } = map(m, to, from.id, 9);
  m.poke(to, MAP_GFN * 4096, Uint8Array.of(1, 2, 3));
  const id = from.id;
  m.destroy(from);
  assert.equal(m.hv.domain(id)?.s.is_dying, 2);
  assert.equal(m.hv.domain(id)?.s.tot_pages, 1);
  assert.deepEqual([...m.peek(to, MAP_GFN * 4096, 3)], [1, 2, 3]);
  assert.equal(map(m, to, id, 9, MAP_GFN + 1).status, G.GNTST_okay, 'what is pinned can be pinned again');
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(unmap(m, to, handle + 1, MAP_GFN + 1).status, G.GNTST_okay);
  assert.equal(unmap(m, to, handle).status, G.GNTST_okay);
  assert.equal(m.hv.domain(id), undefined);
  assert.deepEqual(findBroken(m.hv), []);
  m.destroy(to);
  assert.equal(m.hv.frames.free, free);
  assert.equal(m.hv.heap.used, used);
});

test('a hypercall does not answer into a page that its caller may only read', () => {
  const m = new TestMachine();
  const d = m.guest();
  grant(m, d, 9, 0, 7, G.GTF_readonly);
  map(m, m.dom0, d.id, 9, MAP_GFN, G.GNTMAP_host_map | G.GNTMAP_readonly);
  const before = m.peek(d, 7 * 4096, 64);
  assert.equal(m.hypercall(m.dom0, GRANT, [G.GNTTABOP_query_size, MAP_GFN * 4096, 1]), -EFAULT);
  assert.deepEqual(m.peek(d, 7 * 4096, 64), before);
});

test('nothing is given to a zombie any more', () => {
  const m = new TestMachine();
  const free = m.hv.frames.free;
  const d = m.guest();
  grant(m, d, 9, 0, 7);
  const { handle } = map(m, m.dom0, d.id, 9);
  m.destroy(d);
  const domid = d.id;
  m.poke(m.dom0, LIST_GPA, new Uint8Array(new BigUint64Array([5n]).buffer));
  assert.equal(m.op(m.dom0, MEMORY, XENMEM_populate_physmap, xen_memory_reservation, { extent_start: LIST_GPA, nr_extents: 1, domid }).result, 0);
  assert.equal(m.op(m.dom0, MEMORY, XENMEM_add_to_physmap, xen_add_to_physmap, { domid, space: XENMAPSPACE_shared_info, idx: 0, gpfn: 5 }).result, -EINVAL);
  assert.equal(m.op(m.dom0, EVENT, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom: domid, remote_dom: 0 }).result, -EINVAL);
  assert.equal(
    m.op(m.dom0, GRANT, G.GNTTABOP_setup_table, G.gnttab_setup_table, { dom: domid, nr_frames: 4, frame_list: LIST_GPA }, 1).status,
    G.GNTST_general_error,
  );
  assert.equal(m.destroy(d), 0, 'being destroyed again is no error');
  assert.deepEqual(findBroken(m.hv), []);
  unmap(m, m.dom0, handle);
  assert.equal(m.hv.domain(domid), undefined);
  assert.equal(m.hv.frames.free, free);
});

test("a dying domain's own mappings are given back, and release the dead domain they were of", () => {
  const m = new TestMachine();
  const used = m.hv.heap.used;
  const free = m.hv.frames.free;
  const from = m.guest();
  const to = m.guest();
  for (let ref = 8; ref < 40; ref++) grant(m, from, ref, to.id, ref);
  for (let ref = 8; ref < 40; ref++) assert.equal(map(m, to, from.id, ref, MAP_GFN + ref).status, G.GNTST_okay);
  m.destroy(from);
  assert.equal([...m.hv.domains()].length, 3);
  m.destroy(to);
  assert.equal([...m.hv.domains()].length, 1);
  assert.equal(m.hv.frames.free, free);
  assert.equal(m.hv.heap.used, used);
  assert.deepEqual(findBroken(m.hv), []);
});

test('an entry that changes between look and pin is refused', () => {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  grant(m, from, 9, to.id, 7);
  // Atomics see the guest's other vCPU write each time: the entry is unstable.
  const real = Atomics.compareExchange;
  const at = entryAt(m.hv, from, 9) / 4;
  let tries = 0;
  const flip = ((words: Int32Array, index: number, expected: number, value: number) => {
    if (index === at) {
      tries++;
      words[index] = (words[index] as number) ^ 0x20;
    }
    return real(words, index, expected, value);
  }) as typeof Atomics.compareExchange;
  Atomics.compareExchange = flip;
  try {
    assert.equal(map(m, to, from.id, 9).status, G.GNTST_general_error);
  } finally {
    Atomics.compareExchange = real;
  }
  assert.equal(tries, 5);
  assert.deepEqual(findBroken(m.hv), []);
});
