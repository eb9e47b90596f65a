import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { XENHEAP_END } from '../../machine/layout.ts';
import * as G from '../../spec/xen/grant-table.ts';
import { XENMEM_decrease_reservation, XENMEM_populate_physmap, xen_memory_reservation } from '../../spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_grant_table_op as GRANT, __HYPERVISOR_memory_op as MEMORY } from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import { grant, MAP_GFN, map, revoke, unmap } from '../testing/grants.ts';
import { findBroken } from '../testing/invariants.ts';
import { LIST_GPA, TestMachine } from '../testing/test-machine.ts';

const step = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('grant' as const),
      by: fc.nat(2),
      ref: fc.integer({ min: 8, max: 13 }),
      to: fc.nat(2),
      gfn: fc.integer({ min: 8, max: 15 }),
      ro: fc.boolean(),
    }),
    weight: 5,
  },
  { arbitrary: fc.record({ kind: fc.constant('revoke' as const), by: fc.nat(2), ref: fc.integer({ min: 8, max: 13 }) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constant('map' as const),
      by: fc.nat(2),
      of: fc.nat(2),
      ref: fc.integer({ min: 8, max: 13 }),
      at: fc.nat(7),
      ro: fc.boolean(),
    }),
    weight: 8,
  },
  { arbitrary: fc.record({ kind: fc.constant('unmap' as const), by: fc.nat(2), which: fc.nat(20) }), weight: 5 },
  {
    arbitrary: fc.record({ kind: fc.constant('copy' as const), by: fc.nat(2), of: fc.nat(2), ref: fc.integer({ min: 8, max: 13 }), into: fc.boolean() }),
    weight: 3,
  },
  { arbitrary: fc.record({ kind: fc.constant('balloon' as const), by: fc.nat(2), gfn: fc.integer({ min: 8, max: 15 }), out: fc.boolean() }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('version' as const), by: fc.nat(2), version: fc.integer({ min: 1, max: 2 }) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('destroy' as const), by: fc.nat(2) }), weight: 1 },
);

/** What the model keeps of a mapping. */
interface Held {
  readonly handle: number;
  readonly gfn: number;
  readonly mfn: number;
}

function run(m: TestMachine, domains: (Domain | undefined)[], steps: readonly unknown[]): void {
  const held: Held[][] = [[], [], []];
  for (const raw of steps) {
    const s = raw as {
      kind: string;
      by: number;
      of: number;
      ref: number;
      to: number;
      gfn: number;
      ro: boolean;
      at: number;
      which: number;
      into: boolean;
      out: boolean;
      version: number;
    };
    const by = domains[s.by];
    if (by === undefined) continue;
    const mine = held[s.by] as Held[];
    if (s.kind === 'grant') grant(m, by, s.ref, domains[s.to]?.id ?? 99, s.gfn, s.ro ? G.GTF_readonly : 0);
    else if (s.kind === 'revoke') revoke(m, by, s.ref);
    else if (s.kind === 'map') {
      const of = domains[s.of];
      const gfn = MAP_GFN + s.at;
      const granted = of?.p2m;
      const answer = map(m, by, of?.id ?? 99, s.ref, gfn, G.GNTMAP_host_map | (s.ro ? G.GNTMAP_readonly : 0));
      if (answer.status === G.GNTST_okay) {
        assert.ok(granted !== undefined);
        mine.push({ handle: answer.handle, gfn, mfn: Number(answer.dev_bus_addr / 4096n) });
      }
    } else if (s.kind === 'unmap') {
      const one = mine[s.which % Math.max(1, mine.length)];
      if (one === undefined) continue;
      assert.equal(by.p2m.lookup(one.gfn)?.mfn, one.mfn, 'a mapping shows its page until it is taken away');
      assert.equal(unmap(m, by, one.handle, one.gfn).status, G.GNTST_okay);
      mine.splice(mine.indexOf(one), 1);
      assert.equal(by.p2m.lookup(one.gfn), undefined);
    } else if (s.kind === 'copy') {
      const end = { u: { ref: s.ref }, domid: domains[s.of]?.id ?? 99, offset: 0 };
      const own = { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 };
      m.op(
        by,
        GRANT,
        G.GNTTABOP_copy,
        G.gnttab_copy,
        { source: s.into ? own : end, dest: s.into ? end : own, len: 64, flags: s.into ? G.GNTCOPY_dest_gref : G.GNTCOPY_source_gref },
        1,
      );
    } else if (s.kind === 'balloon') {
      m.poke(by, LIST_GPA, new Uint8Array(new BigUint64Array([BigInt(s.gfn)]).buffer));
      m.op(by, MEMORY, s.out ? XENMEM_decrease_reservation : XENMEM_populate_physmap, xen_memory_reservation, {
        extent_start: LIST_GPA,
        nr_extents: 1,
        domid: DOMID_SELF,
      });
    } else if (s.kind === 'version') {
      m.op(by, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version: s.version }, 1);
    } else if (by !== m.dom0) {
      m.destroy(by);
      domains[s.by] = undefined;
      held[s.by] = [];
    }
    assert.deepEqual(findBroken(m.hv), []);
  }
  for (const [i, mine] of held.entries()) for (const one of mine) assert.equal(unmap(m, domains[i] as Domain, one.handle, one.gfn).status, G.GNTST_okay);
  for (const d of domains) if (d !== undefined && d !== m.dom0) m.destroy(d);
  assert.deepEqual(
    [...m.hv.domains()].map((d) => d.id),
    [0],
    'no zombie is left',
  );
}

test('three domains grant, map, copy, balloon and die in any order: the books stay right and nothing is left', () => {
  const m = new TestMachine(2048);
  const left = (): number => m.hv.frames.free + m.dom0.s.tot_pages + m.dom0.s.grants.nr_status_frames;
  const before = left();
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      run(m, [m.guest({ pages: 24 }), m.guest({ pages: 24 }), m.dom0], steps);
      assert.deepEqual(findBroken(m.hv), []);
      assert.equal(left(), before);
    }),
    { numRuns: 60, seed: 2026 },
  );
});

test('the same with memory and heap used up: errors, never a wrong count', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 40 }), fc.nat(6), fc.nat(40_000), (steps, frames, heap) => {
      const m = new TestMachine(1024);
      const domains = [m.guest({ pages: 24 }), m.guest({ pages: 24 }), m.dom0];
      while (m.hv.frames.free > frames) {
        const mfn = m.hv.frames.allocate(0);
        assert.ok(mfn !== undefined);
        m.dom0.s.tot_pages += 1;
        m.dom0.p2m.set(0x20000 + m.hv.frames.free, mfn, 0, true);
      }
      m.hv.header.heap_next = XENHEAP_END - heap;
      run(m, domains, steps);
      assert.deepEqual(findBroken(m.hv), []);
    }),
    { numRuns: 25, seed: 77 },
  );
});
