import { test } from 'node:test';
import {
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_shared_info,
  XENMEM_add_to_physmap,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_maximum_gpfn,
  XENMEM_maximum_reservation,
  XENMEM_memory_map,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  xen_add_to_physmap,
  xen_memory_map,
  xen_memory_reservation,
  xen_remove_from_physmap,
} from '../../src/spec/xen/memory.ts';
import { __HYPERVISOR_multicall, DOMID_SELF, __HYPERVISOR_memory_op as MEMORY, multicall_entry } from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

/** The balloon (contents zeroed, frames counted), pages moved and removed, and a list of hypercalls. */
const AREA = 0x800000;
const GFN = BigInt(AREA / 4096);

test('memory', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    const self = g.define((x) => x.dd(DOMID_SELF));
    const peek = (name: string, address: number): void => {
      a.movi(R.si, address).load(R.ax, { base: R.si });
      g.show(name);
    };
    const poke = (address: number, value: number): void => void a.movi(R.di, address).storei({ base: R.di }, value);
    g.hypercall(MEMORY, XENMEM_current_reservation, self).a.mov(R.r12, R.ax);
    const change = (name: string): void => {
      g.hypercall(MEMORY, XENMEM_current_reservation, self).a.sub(R.ax, R.r12);
      g.showDecimal(name);
    };
    g.hypercall(MEMORY, XENMEM_maximum_reservation, self).a.sub(R.ax, R.r12);
    g.showDecimal('room').call(
      'of domain 0',
      MEMORY,
      XENMEM_current_reservation,
      g.define((x) => x.dd(0)),
    );
    g.call(
      'of no domain',
      MEMORY,
      XENMEM_current_reservation,
      g.define((x) => x.dd(77)),
    );
    // the balloon: 3 single pages and one extent of 2 MiB
    const list = g.define((x) => {
      for (const gfn of [GFN, GFN + 1n, GFN + 2n]) x.dq(gfn);
    });
    const single = g.struct(xen_memory_reservation, { nr_extents: 3n as never, extent_order: 0, domid: DOMID_SELF }, { extent_start: list });
    for (let i = 0; i < 3; i++) poke(AREA + i * 4096, 0x1111 * (i + 1));
    peek('before', AREA + 4096);
    g.call('decrease', MEMORY, XENMEM_decrease_reservation, single);
    change('pages');
    peek('absent', AREA + 4096);
    poke(AREA + 4096, 0x77);
    peek('a write there is dropped', AREA + 4096);
    g.call('decrease again', MEMORY, XENMEM_decrease_reservation, single);
    g.call('populate', MEMORY, XENMEM_populate_physmap, single);
    change('pages');
    for (let i = 0; i < 3; i++) peek('zeroed', AREA + i * 4096);
    poke(AREA + 4096, 0x88);
    peek('it holds', AREA + 4096);
    g.call('populate where RAM is', MEMORY, XENMEM_populate_physmap, single);
    const large = g.struct(xen_memory_reservation, { nr_extents: 1n as never, extent_order: 9, domid: DOMID_SELF }, { extent_start: list });
    g.call('decrease 2 MiB', MEMORY, XENMEM_decrease_reservation, large);
    change('pages');
    peek('absent', AREA + 0x1ff000);
    g.call('populate 2 MiB', MEMORY, XENMEM_populate_physmap, large);
    peek('zeroed', AREA + 0x1ff000);
    change('pages');
    const beyond = g.define((x) => x.dq(0x100000n));
    g.call(
      'populate beyond the limit',
      MEMORY,
      XENMEM_populate_physmap,
      g.struct(xen_memory_reservation, { nr_extents: 1n as never, extent_order: 9, domid: DOMID_SELF }, { extent_start: beyond }),
    );
    g.call(
      'order 30',
      MEMORY,
      XENMEM_populate_physmap,
      g.struct(xen_memory_reservation, { nr_extents: 1n as never, extent_order: 30, domid: DOMID_SELF }, { extent_start: beyond }),
    );
    g.call(
      "domain 0's memory",
      MEMORY,
      XENMEM_decrease_reservation,
      g.struct(xen_memory_reservation, { nr_extents: 1n as never, extent_order: 0, domid: 0 }, { extent_start: list }),
    );
    g.call('no list', MEMORY, XENMEM_decrease_reservation, g.struct(xen_memory_reservation, { nr_extents: 2n as never, extent_order: 0, domid: DOMID_SELF }));
    // moving pages
    poke(AREA, 0xabc);
    const physmap = (space: number, idx: bigint, gpfn: bigint) =>
      g.struct(xen_add_to_physmap, { domid: DOMID_SELF, space, idx: idx as never, gpfn: gpfn as never });
    g.call('move a page', MEMORY, XENMEM_add_to_physmap, physmap(XENMAPSPACE_gmfn, GFN, GFN + 0x1000n));
    peek('at the old place', AREA);
    peek('at the new place', AREA + 0x1000000);
    g.call('move it back', MEMORY, XENMEM_add_to_physmap, physmap(XENMAPSPACE_gmfn, GFN + 0x1000n, GFN));
    peek('at the old place', AREA);
    g.call('move what is not there', MEMORY, XENMEM_add_to_physmap, physmap(XENMAPSPACE_gmfn, GFN + 0x1000n, GFN));
    g.call('shared info 1', MEMORY, XENMEM_add_to_physmap, physmap(XENMAPSPACE_shared_info, 1n, GFN));
    g.call('a foreign page', MEMORY, XENMEM_add_to_physmap, physmap(XENMAPSPACE_gmfn_foreign, 1n, GFN));
    g.call('a space that is none', MEMORY, XENMEM_add_to_physmap, physmap(99, 0n, GFN));
    g.call('remove', MEMORY, XENMEM_remove_from_physmap, g.struct(xen_remove_from_physmap, { domid: DOMID_SELF, gpfn: GFN as never }));
    peek('removed', AREA);
    g.call('remove again', MEMORY, XENMEM_remove_from_physmap, g.struct(xen_remove_from_physmap, { domid: DOMID_SELF, gpfn: GFN as never }));
    g.call('maximum gpfn of no memory', MEMORY, XENMEM_maximum_gpfn, 0);
    // the memory map
    const map = g.space(20 * 8);
    const e820 = g.struct(xen_memory_map, { nr_entries: 8 }, { buffer: map });
    g.call('memory_map', MEMORY, XENMEM_memory_map, e820).showMemory('entries', e820);
    for (let i = 0; i < 2; i++)
      g.showMemory('  start', map, i * 20, 8)
        .showMemory('  size', map, i * 20 + 8, 8)
        .showMemory('  type', map, i * 20 + 16);
    // a list of calls: each has its own result
    const calls = [
      { op: MEMORY, args: [BigInt(XENMEM_maximum_gpfn), 0n, 0n, 0n, 0n, 0n] },
      { op: 63, args: [0n, 0n, 0n, 0n, 0n, 0n] },
      { op: __HYPERVISOR_multicall, args: [0n, 0n, 0n, 0n, 0n, 0n] },
      { op: 17, args: [0n, 0n, 0n, 0n, 0n, 0n] },
    ];
    const multi = g.define((x) => {
      for (const { op, args } of calls) for (const word of [BigInt(op), 0xddn, ...args]) x.dq(word);
    });
    g.call('multicall', __HYPERVISOR_multicall, multi, calls.length);
    for (let i = 0; i < calls.length; i++) {
      a.load(R.ax, at(multi, i * multicall_entry.size + multicall_entry.offsets.result));
      g.showDecimal('  result');
    }
    g.call('a list of no memory', __HYPERVISOR_multicall, 0x10, 1).call('an empty list', __HYPERVISOR_multicall, 0x10, 0);
  });
  assertConsole(
    run,
    `
    room 0
    of domain 0 -1
    of no domain -3
    before 2222
    decrease 3
    pages -3
    absent ffffffffffffffff
    a write there is dropped ffffffffffffffff
    decrease again 0
    populate 3
    pages 0
    zeroed 0
    zeroed 0
    zeroed 0
    it holds 88
    populate where RAM is 0
    decrease 2 MiB 1
    pages -512
    absent ffffffffffffffff
    populate 2 MiB 1
    zeroed 0
    pages 0
    populate beyond the limit 0
    order 30 0
    domain 0's memory 0
    no list 0
    move a page 0
    at the old place ffffffffffffffff
    at the new place abc
    move it back 0
    at the old place abc
    move what is not there -22
    shared info 1 -22
    a foreign page -38
    a space that is none -22
    remove 0
    removed ffffffffffffffff
    remove again -2
    maximum gpfn of no memory -14
    memory_map 0
    entries 3
      start 0
      size 1000000
      type 1
      start fc000000
      size 1000
      type 4
    multicall 0
      result -14
      result -38
      result -22
      result 262161
    a list of no memory -14
    an empty list 0
`,
  );
});
