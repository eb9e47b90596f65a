import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVTCHNOP_reset_cont } from '../../spec/xen/after-4.17.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EBUSY } from '../../spec/xen/errno.ts';
import * as E from '../../spec/xen/event-channel.ts';
import * as G from '../../spec/xen/grant-table.ts';
import * as M from '../../spec/xen/memory.ts';
import * as S from '../../spec/xen/sysctl.ts';
import * as X from '../../spec/xen/xen.ts';
import {
  DOMID_SELF,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_grant_table_op as GRANT,
  __HYPERVISOR_memory_op as MEMORY,
} from '../../spec/xen/xen.ts';
import { closeSome } from '../events/close.ts';
import { type Domain, Hypervisor } from '../hypervisor.ts';
import { relinquish } from '../lifecycle/destroy.ts';
import { grant, map } from '../testing/grants.ts';
import { findBroken, fingerprint } from '../testing/invariants.ts';
import { ARGUMENT_GPA, LIST_GPA, TestMachine } from '../testing/test-machine.ts';

/** Elements of each list: with a quantum of one, each but the last ends a part. */
const N = 7;
/** Where the pages stand that a call works on. */
const GFN = 0x100;

const longs = (m: TestMachine, of: Domain, gpa: number, values: readonly number[]): void =>
  m.poke(of, gpa, new Uint8Array(new BigUint64Array(values.map(BigInt)).buffer));
const from = (first: number, count = N): number[] => Array.from({ length: count }, (_, i) => first + i);

interface LongCall {
  readonly what: string;
  /** Make ready; the call itself, whose answer counts. */
  prepare?(m: TestMachine, d: Domain, other: Domain): void;
  run(m: TestMachine, d: Domain, other: Domain): unknown;
  /** Parts beside the first that it takes with a quantum of one (N - 1 when absent). */
  readonly more?: number;
  /** Its argument shows where it went on, so memory differs. */
  readonly rewrites?: boolean;
}

const reservation = (m: TestMachine, d: Domain, op: number) =>
  m.op(d, MEMORY, op, M.xen_memory_reservation, { domid: DOMID_SELF, nr_extents: N, extent_start: BigInt(LIST_GPA), extent_order: 0 }).result;

const populated = (m: TestMachine, d: Domain): void => {
  longs(m, d, LIST_GPA, from(GFN));
  assert.equal(reservation(m, d, M.XENMEM_populate_physmap), N);
};

/** Grants of N pages of `other` to `d`, and a list that maps them at GFN. */
function grantList(m: TestMachine, d: Domain, other: Domain): void {
  for (const i of from(0)) {
    grant(m, other, 8 + i, d.id, 16 + i);
    m.put(d, LIST_GPA + i * G.gnttab_map_grant_ref.size, G.gnttab_map_grant_ref, {
      host_addr: BigInt(GFN + i) * 4096n,
      flags: G.GNTMAP_host_map,
      ref: 8 + i,
      dom: other.id,
    });
  }
}
const mapped = (m: TestMachine, d: Domain, other: Domain): void => {
  grantList(m, d, other);
  assert.equal(m.hypercall(d, GRANT, [G.GNTTABOP_map_grant_ref, LIST_GPA, N]), 0);
};

const opened = (m: TestMachine, d: Domain, other: Domain): void => {
  for (const remote of [d.id, other.id, 0, d.id, other.id, 0, d.id])
    assert.equal(m.op(d, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: remote }).result, 0);
};

const LONG_CALLS: readonly LongCall[] = [
  {
    what: 'populate_physmap',
    prepare: (m, d) => longs(m, d, LIST_GPA, from(GFN)),
    run: (m, d) => reservation(m, d, M.XENMEM_populate_physmap),
  },
  { what: 'decrease_reservation', prepare: populated, run: (m, d) => reservation(m, d, M.XENMEM_decrease_reservation) },
  {
    what: 'populate_physmap that fails in the middle',
    prepare: (m, d) => longs(m, d, LIST_GPA, [...from(GFN, 3), GFN, ...from(GFN + 9, 3)]),
    run: (m, d) => reservation(m, d, M.XENMEM_populate_physmap),
    more: 3,
  },
  {
    what: 'add_to_physmap of a range',
    prepare: populated,
    run: (m, d) =>
      m.op(d, MEMORY, M.XENMEM_add_to_physmap, M.xen_add_to_physmap, {
        domid: DOMID_SELF,
        space: M.XENMAPSPACE_gmfn_range,
        size: N,
        idx: GFN,
        gpfn: GFN + 0x1000,
      }).result,
  },
  {
    what: 'add_to_physmap_batch',
    prepare: (m, d) => {
      populated(m, d);
      longs(m, d, LIST_GPA, from(GFN));
      longs(m, d, LIST_GPA + 0x100, [...from(GFN + 0x1000, 3), 2 ** 40, ...from(GFN + 0x1004, 3)]);
    },
    run: (m, d) =>
      m.op(d, MEMORY, M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch, {
        domid: DOMID_SELF,
        space: M.XENMAPSPACE_gmfn,
        size: N,
        idxs: BigInt(LIST_GPA),
        gpfns: BigInt(LIST_GPA + 0x100),
        errs: BigInt(LIST_GPA + 0x200),
      }).result,
  },
  {
    what: "acquire_resource of another's grant table",
    prepare: (m) => longs(m, m.dom0, LIST_GPA, from(0x1000)),
    run: (m, _d, other) =>
      m.op(m.dom0, MEMORY, M.XENMEM_acquire_resource, M.xen_mem_acquire_resource, {
        domid: other.id,
        type: M.XENMEM_resource_grant_table,
        id: M.XENMEM_resource_grant_table_id_shared,
        nr_frames: N,
        frame_list: BigInt(LIST_GPA),
      }).result,
  },
  { what: 'map_grant_ref', prepare: grantList, run: (m, d) => m.hypercall(d, GRANT, [G.GNTTABOP_map_grant_ref, LIST_GPA, N]) },
  {
    what: 'unmap_grant_ref',
    prepare(m, d, other) {
      mapped(m, d, other);
      const handles = from(0).map((i) => m.get(d, LIST_GPA + i * G.gnttab_map_grant_ref.size, G.gnttab_map_grant_ref).handle);
      for (const [i, handle] of handles.entries())
        m.put(d, LIST_GPA + i * G.gnttab_unmap_grant_ref.size, G.gnttab_unmap_grant_ref, { host_addr: BigInt(GFN + i) * 4096n, handle });
    },
    run: (m, d) => m.hypercall(d, GRANT, [G.GNTTABOP_unmap_grant_ref, LIST_GPA, N]),
  },
  {
    what: 'grant copy',
    prepare(m, d, other) {
      for (const i of from(0)) {
        grant(m, other, 8 + i, d.id, 16 + i);
        m.poke(other, (16 + i) * 4096, Uint8Array.of(i, i, i, i));
        m.put(d, LIST_GPA + i * G.gnttab_copy.size, G.gnttab_copy, {
          source: { u: { ref: 8 + i }, domid: other.id, offset: 0 },
          dest: { u: { gmfn: 0x20n + BigInt(i) }, domid: DOMID_SELF, offset: 0 },
          len: 4096,
          flags: G.GNTCOPY_source_gref,
        } as never);
      }
    },
    run: (m, d) => m.hypercall(d, GRANT, [G.GNTTABOP_copy, LIST_GPA, N]),
  },
  {
    what: 'multicall of long lists',
    prepare(m, d, other) {
      mapped(m, d, other);
      longs(m, d, LIST_GPA + 0x800, from(GFN + 0x20));
      m.put(d, LIST_GPA + 0x900, M.xen_memory_reservation, { domid: DOMID_SELF, nr_extents: N, extent_start: BigInt(LIST_GPA + 0x800), extent_order: 0 });
      const ops = [M.XENMEM_populate_physmap, M.XENMEM_decrease_reservation];
      for (const [i, op] of ops.entries())
        m.put(d, ARGUMENT_GPA + i * X.multicall_entry.size, X.multicall_entry, {
          op: MEMORY,
          args: [BigInt(op), BigInt(LIST_GPA + 0x900)] as never,
          result: 99n,
        });
    },
    run: (m, d) => [
      m.hypercall(d, X.__HYPERVISOR_multicall, [ARGUMENT_GPA, 2]),
      ...[0, 1].map((i) => m.get(d, ARGUMENT_GPA + i * X.multicall_entry.size, X.multicall_entry).result),
    ],
    more: 2 * N - 1,
    rewrites: true,
  },
  {
    what: 'EVTCHNOP_reset',
    prepare: opened,
    run: (m, d) => m.op(d, EVENT, E.EVTCHNOP_reset, E.evtchn_reset, { dom: DOMID_SELF }).result,
  },
  {
    what: 'console_io',
    prepare: (m, d) => m.poke(d, 0x6000, new TextEncoder().encode('0123456789abcdef'.repeat(1024))),
    run: (m, d) => [m.hypercall(d, X.__HYPERVISOR_console_io, [X.CONSOLEIO_write, 16384, 0x6000]), m.console.map(({ text }) => text).join('')],
    more: 3,
  },
  {
    what: 'debug_keys',
    prepare: (m) => m.poke(m.dom0, LIST_GPA, new TextEncoder().encode('zyxwvuz')),
    run(m) {
      m.put(m.dom0, ARGUMENT_GPA, S.xen_sysctl, { cmd: S.XEN_SYSCTL_debug_keys, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
      m.put(m.dom0, ARGUMENT_GPA + S.xen_sysctl.offsets.u, S.xen_sysctl_debug_keys, { keys: BigInt(LIST_GPA), nr_keys: N });
      return m.hypercall(m.dom0, X.__HYPERVISOR_sysctl, [ARGUMENT_GPA]);
    },
    rewrites: true,
  },
  {
    what: 'destroydomain: channels, mappings, pages',
    prepare(m, d, other) {
      opened(m, d, other);
      mapped(m, d, other);
    },
    run: (m, d) => m.destroy(d),
    // channels, then mappings, then pages (of which 7 gfns are grant mappings no more): each kind has its parts
    more: N - 1 + (N - 1) + 63,
    rewrites: true, // (the heap's free blocks)
  },
];

for (const call of LONG_CALLS) {
  test(`${call.what}: stopped after every element, the end is the same`, () => {
    const outcome = (quantum: number | undefined) => {
      const m = new TestMachine();
      const d = m.guest();
      const other = m.guest();
      for (const each of [d, other]) assert.ok(each.s.grants.nr_frames > 0);
      call.prepare?.(m, d, other);
      m.quantum = quantum;
      let parts = 0;
      m.between = () => void parts++;
      const answer = call.run(m, d, other);
      assert.deepEqual(findBroken(m.hv), []);
      return { m, parts, answer, left: [m.hv.frames.free, m.hv.heap.used] };
    };
    const whole = outcome(undefined);
    const cut = outcome(1);
    assert.equal(whole.parts, 0);
    assert.equal(cut.parts, call.more ?? N - 1);
    assert.deepEqual(cut.answer, whole.answer);
    assert.deepEqual(cut.left, whole.left);
    if (call.rewrites !== true) assert.equal(fingerprint(cut.m.hv), fingerprint(whole.m.hv));
  });
}

test('a domain can be destroyed in the middle of any long call of its own, and nothing is left of it', () => {
  for (const call of LONG_CALLS) {
    if (call.what.startsWith('destroydomain') || call.what === 'debug_keys' || call.what.startsWith('acquire')) continue;
    const m = new TestMachine();
    const before = [m.hv.frames.free, m.hv.heap.used];
    const d = m.guest();
    const other = m.guest();
    call.prepare?.(m, d, other);
    m.quantum = 1;
    let gone = false;
    class Gone extends Error {}
    m.between = () => {
      if (gone) return;
      gone = true;
      assert.equal(m.destroy(d), 0);
      throw new Gone();
    };
    assert.throws(() => call.run(m, d, other), Gone, call.what);
    assert.equal(m.hv.domain(d.id), undefined, call.what);
    assert.deepEqual(findBroken(m.hv), [], call.what);
    assert.equal(m.destroy(other), 0);
    assert.deepEqual(
      [m.hv.frames.free, m.hv.heap.used - (m.hv.header.conring === 0 ? 0 : 16384) - (m.hv.header.guest_console === 0 ? 0 : 65536)],
      before,
      call.what,
    );
  }
});

test('while a domain is destroyed part by part, nobody gives it anything or gets anything from it that stays', () => {
  const m = new TestMachine();
  const before = [m.hv.frames.free, m.hv.heap.used];
  const d = m.guest();
  const other = m.guest();
  opened(m, d, other);
  mapped(m, d, other);
  grant(m, d, 9, other.id, 40);
  m.quantum = 1;
  let part = 0;
  let shown = 0;
  m.between = () => {
    m.quantum = undefined;
    const { between } = m;
    m.between = () => {};
    const arguments0 = m.peek(m.dom0, ARGUMENT_GPA, 4096);
    part++;
    longs(m, m.dom0, LIST_GPA, [GFN + 0x400 + part]);
    assert.equal(
      m.op(m.dom0, MEMORY, M.XENMEM_populate_physmap, M.xen_memory_reservation, { domid: d.id, nr_extents: 1, extent_start: BigInt(LIST_GPA) }).result,
      0,
    );
    assert.notEqual(m.op(m.dom0, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom: d.id, remote_dom: 0 }).result, 0);
    assert.notEqual(m.op(m.dom0, MEMORY, M.XENMEM_claim_pages, M.xen_memory_reservation, { domid: d.id, nr_extents: 500 }).result, 0);
    // a page that it granted can be mapped as long as it has it, or somebody shows it
    if (map(m, other, d.id, 9, 0x900 + part).status === G.GNTST_okay) shown++;
    assert.equal((m.domctl(d.id, D.XEN_DOMCTL_getdomaininfo, D.xen_domctl_getdomaininfo).out?.flags ?? 0) & D.XEN_DOMINF_dying, 0, 'not before all is taken');
    m.poke(m.dom0, ARGUMENT_GPA, arguments0);
    m.between = between;
    m.quantum = 1;
  };
  assert.equal(m.destroy(d), 0);
  m.quantum = undefined;
  assert.ok(part > 60 && shown === part, `${part} ${shown}`);
  // it waits for the pages that are mapped
  assert.equal(d.s.tot_pages, 1);
  assert.deepEqual(findBroken(m.hv), []);
  assert.equal(m.destroy(other), 0);
  assert.equal(m.hv.domain(d.id), undefined);
  assert.deepEqual([m.hv.frames.free, m.hv.heap.used], before);
});

test('a reset of many channels on the FIFO ABI takes its parts; a second one meanwhile is EBUSY, and goes on with nothing when there is none', () => {
  const m = new TestMachine();
  const d = m.guest();
  m.op(d, EVENT, E.EVTCHNOP_init_control, E.evtchn_init_control, { control_gfn: 40n, offset: 0, vcpu: 0 });
  for (let page = 0; page < 2; page++) m.op(d, EVENT, E.EVTCHNOP_expand_array, E.evtchn_expand_array, { array_gfn: BigInt(41 + page) });
  const COUNT = 250;
  for (let i = 0; i < COUNT; i++) m.op(d, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: 0 });
  const { result: own } = m.op(d, EVENT, E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi, { vcpu: 0 });
  assert.equal(own, 0);
  const open = (): number => d.s.active_evtchns;
  assert.equal(open(), COUNT + 1);
  assert.equal(m.op(d, EVENT, EVTCHNOP_reset_cont, E.evtchn_reset, { dom: DOMID_SELF }).result, -EBUSY);
  const seen: number[] = [];
  m.quantum = 100;
  m.between = () => {
    seen.push(open());
    assert.equal(m.op(d, EVENT, E.EVTCHNOP_reset, E.evtchn_reset, { dom: DOMID_SELF }).result, -EBUSY);
  };
  assert.equal(m.op(d, EVENT, E.EVTCHNOP_reset, E.evtchn_reset, { dom: DOMID_SELF }).result, 0);
  assert.deepEqual(seen, [COUNT + 1 - 100, COUNT + 1 - 200]);
  assert.equal(open(), 0);
  assert.equal(d.s.fifo, 0);
  assert.deepEqual(findBroken(m.hv), []);
});

test('another view of the memories, as after a snapshot, goes on with a destruction and a reset where they stopped', () => {
  const m = new TestMachine();
  const before = [m.hv.frames.free, m.hv.heap.used];
  const d = m.guest();
  const other = m.guest();
  opened(m, d, other);
  mapped(m, d, other);
  opened(m, other, d);
  other.s.next_evtchn = 1; // what EVTCHNOP_reset begins with
  assert.equal(closeSome(m.hv, other, 3), false);
  for (let part = 0; part < 10; part++) assert.equal(relinquish(m.hv, d, 1), false);
  const thawed = new Hypervisor(m.memories, m.cpu, m.hv.host);
  const [d2, other2] = [thawed.domain(d.id), thawed.domain(other.id)];
  assert.ok(d2 !== undefined && other2 !== undefined);
  assert.deepEqual(findBroken(thawed), []);
  assert.equal(other2.s.active_evtchns, N - 3);
  assert.equal(closeSome(thawed, other2, 100), true);
  assert.equal(other2.s.active_evtchns, 0);
  while (!relinquish(thawed, d2, 5));
  assert.equal(thawed.domain(d.id), undefined);
  while (!relinquish(thawed, other2, 5));
  assert.deepEqual([thawed.frames.free, thawed.heap.used], before);
});
