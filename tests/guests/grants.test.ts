import { test } from 'node:test';
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTMAP_host_map,
  GNTTABOP_copy,
  GNTTABOP_get_version,
  GNTTABOP_map_grant_ref,
  GNTTABOP_query_size,
  GNTTABOP_set_version,
  GNTTABOP_setup_table,
  GNTTABOP_swap_grant_ref,
  GNTTABOP_transfer,
  GNTTABOP_unmap_grant_ref,
  GTF_permit_access,
  GTF_readonly,
  gnttab_copy,
  gnttab_get_version,
  gnttab_map_grant_ref,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  gnttab_unmap_grant_ref,
} from '../../src/spec/xen/grant-table.ts';
import { XENMAPSPACE_grant_table, XENMEM_add_to_physmap, xen_add_to_physmap } from '../../src/spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_grant_table_op as GRANT, __HYPERVISOR_memory_op as MEMORY } from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';
import type { TestGuest } from './kit/test-guest.ts';

/**
 * Grant table of the domain's own: set up, entries granted to domain 0 and to itself, copies by frame and by reference,
 * and what is refused. References 0 and 1 are the toolstack's (console and xenstore).
 */
const SHIFT = { shift: 12 };
const STATUS = gnttab_copy.offsets.status;

/** Write a version 1 entry: to `domid`, for the page at a label. */
function grant(g: TestGuest, ref: number, flags: number, domid: number, label: string): void {
  g.a
    .lea(R.ax, label)
    .shr(R.ax, 12)
    .store32(at('table', ref * 8 + 4), R.ax);
  g.a.storei16(at('table', ref * 8 + 2), domid).storei16(at('table', ref * 8), flags);
}

test('grant table', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    const size = g.struct(gnttab_query_size, { dom: DOMID_SELF });
    g.call('query_size', GRANT, GNTTABOP_query_size, size, 1).showMemory('frames', size, 4).showMemory('at most', size, 8).showMemory('status', size, 12, 2);
    g.call('query_size of two', GRANT, GNTTABOP_query_size, size, 2);
    const foreign = g.struct(gnttab_query_size, { dom: 0 });
    g.call("query_size of domain 0's", GRANT, GNTTABOP_query_size, foreign, 1).showMemory('status', foreign, 12, 2);
    const version = g.struct(gnttab_get_version, { dom: DOMID_SELF });
    g.call('get_version', GRANT, GNTTABOP_get_version, version, 1).showMemory('version', version, gnttab_get_version.offsets.version);
    g.page('table');
    const place = g.struct(xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_grant_table, idx: 0 }, { gpfn: { label: 'table', ...SHIFT } });
    g.call('table in its place', MEMORY, XENMEM_add_to_physmap, place);
    g.showMemory('flags of the console grant', 'table', 0, 2).showMemory('its domain', 'table', 2, 2).showMemory('its frame', 'table', 4);
    const frames = g.space(8 * 64);
    const setup = g.struct(gnttab_setup_table, { dom: DOMID_SELF, nr_frames: 2 }, { frame_list: frames });
    g.call('setup_table', GRANT, GNTTABOP_setup_table, setup, 1).showMemory('status', setup, gnttab_setup_table.offsets.status, 2);
    a.load(R.ax, at(frames)).lea(R.cx, 'table').shr(R.cx, 12).sub(R.ax, R.cx);
    g.showDecimal('first frame is off by');
    const much = g.struct(gnttab_setup_table, { dom: DOMID_SELF, nr_frames: 100_000 }, { frame_list: frames });
    g.call('setup_table, too many', GRANT, GNTTABOP_setup_table, much, 1).showMemory('status', much, gnttab_setup_table.offsets.status, 2);
    // entries
    g.define((x) => x.text('the bytes that were granted\0').space(4096 - 28), 'source', 4096);
    g.page('dest');
    grant(g, 8, GTF_permit_access, 0, 'source');
    g.rdomid(R.r14).show('own domid', R.r14);
    for (const [ref, flags, label] of [
      [9, GTF_permit_access, 'source'],
      [10, GTF_permit_access | GTF_readonly, 'source'],
      [11, GTF_permit_access, 'dest'],
      [12, 0, 'dest'],
    ] as const) {
      grant(g, ref, flags, 0, label);
      a.mov(R.ax, R.r14)
        .db(0x66)
        .operation([0x89], R.ax, at('table', ref * 8 + 2), false);
    }
    const copy = (
      name: string,
      source: { ref: number } | { label: string },
      dest: { ref: number } | { label: string },
      offsets = [0, 0],
      length = 28,
    ): void => {
      const flags = ('ref' in source ? GNTCOPY_source_gref : 0) | ('ref' in dest ? GNTCOPY_dest_gref : 0);
      const end = (e: { ref: number } | { label: string }, offset: number) => ({ u: 'ref' in e ? { ref: e.ref } : { gmfn: 0n }, domid: DOMID_SELF, offset });
      const element = g.struct(gnttab_copy, { source: end(source, offsets[0] ?? 0), dest: end(dest, offsets[1] ?? 0), len: length, flags, status: 99 });
      for (const [e, offset] of [
        [source, 0],
        [dest, gnttab_copy.offsets.dest],
      ] as const) {
        if ('label' in e) a.lea(R.ax, e.label).shr(R.ax, 12).store(at(element, offset), R.ax);
      }
      g.hypercall(GRANT, GNTTABOP_copy, element, 1);
      a.load16(R.cx, at(element, STATUS)).operation([0x0f, 0xbf], R.cx, R.cx);
      g.print(`${name}: ${''}`).a.push(R.ax).call('putdec');
      g.print(' status').a.mov(R.ax, R.cx);
      g.showDecimal('').a.pop(R.ax);
    };
    copy('own page to own page', { label: 'source' }, { label: 'dest' }, [4, 100], 5);
    a.lea(R.si, 'dest').addi(R.si, 100).call('puts').call('newline');
    copy('by reference to own page', { ref: 9 }, { label: 'dest' });
    a.lea(R.si, 'dest').call('puts').call('newline').storei8(at('dest'), 0x54);
    copy('own page to reference', { label: 'dest' }, { ref: 9 });
    copy('by reference to reference', { ref: 9 }, { ref: 11 }, [0, 200]);
    a.lea(R.si, 'dest').addi(R.si, 200).call('puts').call('newline');
    copy('to a read-only reference', { label: 'dest' }, { ref: 10 });
    copy('from a read-only reference', { ref: 10 }, { label: 'dest' });
    copy('reference for domain 0', { ref: 8 }, { label: 'dest' });
    copy('reference not in use', { ref: 12 }, { label: 'dest' });
    copy('reference beyond the table', { ref: 100_000 }, { label: 'dest' });
    copy('beyond the page', { label: 'source' }, { label: 'dest' }, [4090, 0], 10);
    copy('nothing', { label: 'source' }, { label: 'dest' }, [4096, 0], 0);
    g.showMemory('flags after all that', 'table', 9 * 8, 2);
    // mapping one's own grant
    const map = g.struct(gnttab_map_grant_ref, { host_addr: 0x900000n, flags: GNTMAP_host_map, ref: 11, dom: DOMID_SELF });
    g.call('map of DOMID_SELF', GRANT, GNTTABOP_map_grant_ref, map, 1).showMemory('status', map, gnttab_map_grant_ref.offsets.status, 2);
    a.mov(R.ax, R.r14).db(0x66).operation([0x89], R.ax, at(map, gnttab_map_grant_ref.offsets.dom), false);
    g.call('map', GRANT, GNTTABOP_map_grant_ref, map, 1).showMemory('status', map, gnttab_map_grant_ref.offsets.status, 2);
    a.movi(R.si, 0x900000).addi(R.si, 200).call('puts').call('newline').storei8({ base: R.si }, 0x42);
    g.showMemory('the page sees the write', 'dest', 200, 1).showMemory('flags while mapped', 'table', 11 * 8, 2);
    const swap = g.struct(gnttab_swap_grant_ref, { ref_a: 11, ref_b: 12 });
    g.call('swap of a reference in use', GRANT, GNTTABOP_swap_grant_ref, swap, 1).showMemory('status', swap, 8, 2);
    const unmap = g.struct(gnttab_unmap_grant_ref, { host_addr: 0x900000n });
    a.load32(R.ax, at(map, gnttab_map_grant_ref.offsets.handle)).store32(at(unmap, gnttab_unmap_grant_ref.offsets.handle), R.ax);
    g.call('unmap', GRANT, GNTTABOP_unmap_grant_ref, unmap, 1).showMemory('status', unmap, gnttab_unmap_grant_ref.offsets.status, 2);
    g.call('unmap again', GRANT, GNTTABOP_unmap_grant_ref, unmap, 1).showMemory('status', unmap, gnttab_unmap_grant_ref.offsets.status, 2);
    a.movi(R.si, 0x900000).load(R.ax, { base: R.si });
    g.show('nothing is there now').showMemory('flags after', 'table', 11 * 8, 2);
    g.call('swap', GRANT, GNTTABOP_swap_grant_ref, swap, 1)
      .showMemory('status', swap, 8, 2)
      .showMemory('flags', 'table', 12 * 8, 2);
    g.call('transfer', GRANT, GNTTABOP_transfer, swap, 1)
      .call('dump_table', GRANT, 3, swap, 1)
      .call('a count below zero', GRANT, GNTTABOP_copy, swap, 0xffffffff);
    const set = g.struct(gnttab_set_version, { version: 3 });
    g.call('set_version 3', GRANT, GNTTABOP_set_version, set, 1).showMemory('version', set);
  });
  assertConsole(
    run,
    `
    query_size 0
    frames 1
    at most 40
    status 0
    query_size of two -22
    query_size of domain 0's 0
    status fff8
    get_version 0
    version 1
    table in its place 0
    flags of the console grant 1
    its domain 0
    its frame fefff
    setup_table 0
    status 0
    first frame is off by 0
    setup_table, too many 0
    status ffff
    own domid 1
    own page to own page: 0 status 0
    bytes
    by reference to own page: 0 status 0
    the bytes that were granted
    own page to reference: 0 status 0
    by reference to reference: 0 status 0
    The bytes that were granted
    to a read-only reference: 0 status -1
    from a read-only reference: 0 status 0
    reference for domain 0: 0 status -1
    reference not in use: 0 status -1
    reference beyond the table: 0 status -3
    beyond the page: 0 status -10
    nothing: 0 status 0
    flags after all that 1
    map of DOMID_SELF 0
    status fffe
    map 0
    status 0
    The bytes that were granted
    the page sees the write 42
    flags while mapped 19
    swap of a reference in use 0
    status fff4
    unmap 0
    status 0
    unmap again 0
    status fffc
    nothing is there now ffffffffffffffff
    flags after 1
    swap 0
    status 0
    flags 1
    transfer -38
    dump_table -38
    a count below zero -22
    set_version 3 -22
    version 1
`,
  );
});
