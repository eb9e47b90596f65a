import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_CODE_BITS } from '../../machine/layout.ts';
import * as G from '../../spec/xen/grant-table.ts';
import { DOMID_SELF, __HYPERVISOR_grant_table_op as GRANT } from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import { entryFlags, grant, MAP_GFN, map } from '../testing/grants.ts';
import { findBroken } from '../testing/invariants.ts';
import { ARGUMENT_GPA, TestMachine } from '../testing/test-machine.ts';
import { entryAt } from './table.ts';

type Copy = Parameters<typeof G.gnttab_copy.write>[2];
const copy = (m: TestMachine, by: Domain, fields: Copy): number => m.op(by, GRANT, G.GNTTABOP_copy, G.gnttab_copy, fields, 1).status;
const text = (m: TestMachine, of: Domain, gpa: number, length: number): string => new TextDecoder().decode(m.peek(of, gpa, length));

function pair(version = 1) {
  const m = new TestMachine();
  const from = m.guest();
  const to = m.guest();
  for (const d of [from, to]) m.op(d, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version }, 1);
  m.poke(from, 7 * 4096, new TextEncoder().encode('hello grant copy'));
  grant(m, from, 9, to.id, 7, G.GTF_readonly);
  grant(m, from, 10, to.id, 8);
  return { m, from, to };
}

for (const version of [1, 2]) {
  test(`GNTTABOP_copy, version ${version}: from a grant to a page, from a page to a grant, from grant to grant`, () => {
    const { m, from, to } = pair(version);
    const source = { u: { ref: 9 }, domid: from.id, offset: 6 };
    assert.equal(copy(m, to, { source, dest: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 4091 }, len: 5, flags: G.GNTCOPY_source_gref }), G.GNTST_okay);
    assert.equal(text(m, to, 20 * 4096 + 4091, 5), 'grant');
    const dest = { u: { ref: 10 }, domid: from.id, offset: 100 };
    m.poke(to, 21 * 4096, new TextEncoder().encode('back'));
    assert.equal(copy(m, to, { source: { u: { gmfn: 21 }, domid: DOMID_SELF, offset: 0 }, dest, len: 4, flags: G.GNTCOPY_dest_gref }), G.GNTST_okay);
    assert.equal(text(m, from, 8 * 4096 + 100, 4), 'back');
    assert.equal(copy(m, to, { source: { ...source, offset: 0 }, dest, len: 5, flags: 3 }), G.GNTST_okay);
    assert.equal(text(m, from, 8 * 4096 + 100, 5), 'hello');
    assert.equal(entryFlags(m, from, 9) & (G.GTF_reading | G.GTF_writing), 0);
    assert.equal(entryFlags(m, from, 10) & (G.GTF_reading | G.GTF_writing), 0);
    assert.equal(copy(m, to, { source, dest: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 }, len: 0, flags: G.GNTCOPY_source_gref }), G.GNTST_okay);
    assert.deepEqual(findBroken(m.hv), []);
  });
}

test('GNTTABOP_copy refuses', () => {
  const { m, from, to } = pair();
  const own = { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 };
  const source = { u: { ref: 9 }, domid: from.id, offset: 0 };
  const S = G.GNTCOPY_source_gref;
  const D = G.GNTCOPY_dest_gref;
  assert.equal(copy(m, to, { source: { ...own, domid: from.id }, dest: own, len: 1, flags: 0 }), G.GNTST_permission_denied);
  assert.equal(copy(m, to, { source, dest: { ...own, domid: from.id }, len: 1, flags: S }), G.GNTST_permission_denied);
  assert.equal(copy(m, to, { source: { ...own, domid: to.id }, dest: own, len: 1, flags: 0 }), G.GNTST_permission_denied, 'only DOMID_SELF names frames');
  assert.equal(copy(m, to, { source: { ...source, domid: 99 }, dest: own, len: 1, flags: S }), G.GNTST_bad_domain);
  assert.equal(copy(m, to, { source: { ...source, u: { ref: 512 } }, dest: own, len: 1, flags: S }), G.GNTST_bad_gntref);
  assert.equal(copy(m, to, { source: { ...source, u: { ref: 11 } }, dest: own, len: 1, flags: S }), G.GNTST_general_error);
  assert.equal(copy(m, to, { source: own, dest: source, len: 1, flags: D }), G.GNTST_general_error, 'a read-only grant is not written');
  assert.equal(copy(m, to, { source, dest: { ...own, u: { gmfn: 0x9999 } }, len: 1, flags: S }), G.GNTST_bad_page);
  assert.equal(copy(m, to, { source, dest: { ...own, u: { gmfn: 2 ** 60 } }, len: 1, flags: S }), G.GNTST_bad_page);
  assert.equal(copy(m, to, { source: { ...source, offset: 4000 }, dest: own, len: 97, flags: S }), G.GNTST_bad_copy_arg);
  assert.equal(copy(m, to, { source, dest: { ...own, offset: 65535 }, len: 65535, flags: S }), G.GNTST_bad_copy_arg);
  map(m, to, from.id, 10);
  assert.equal(copy(m, to, { source, dest: { ...own, u: { gmfn: MAP_GFN } }, len: 1, flags: S }), G.GNTST_bad_page, "a mapping is not the caller's page");
  assert.deepEqual(findBroken(m.hv), []);
});

test('copying a page that is mapped too leaves the mapping its pins', () => {
  const { m, from, to } = pair();
  map(m, to, from.id, 10);
  const dest = { u: { ref: 10 }, domid: from.id, offset: 0 };
  assert.equal(copy(m, to, { source: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 }, dest, len: 4096, flags: G.GNTCOPY_dest_gref }), G.GNTST_okay);
  assert.equal(entryFlags(m, from, 10) & (G.GTF_reading | G.GTF_writing), G.GTF_reading | G.GTF_writing);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a part of a page: only its bytes can be copied', () => {
  const { m, from, to } = pair(2);
  G.grant_entry_v2.write(m.memories.frameView, entryAt(m.hv, from, 12), {
    sub_page: { hdr: { flags: G.GTF_permit_access | G.GTF_sub_page, domid: to.id }, page_off: 6, length: 5, frame: 7 },
  });
  const get = (offset: number, len: number) =>
    copy(m, to, {
      source: { u: { ref: 12 }, domid: from.id, offset },
      dest: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 },
      len,
      flags: G.GNTCOPY_source_gref,
    });
  assert.equal(get(6, 5), G.GNTST_okay);
  assert.equal(text(m, to, 20 * 4096, 5), 'grant');
  assert.equal(get(5, 2), G.GNTST_general_error);
  assert.equal(get(10, 2), G.GNTST_general_error);
  assert.equal(get(11, 0), G.GNTST_okay);
  assert.equal(map(m, to, from.id, 12).status, G.GNTST_general_error);
  assert.deepEqual(findBroken(m.hv), []);
});

test('a transitive grant: one step, not to oneself, not to be mapped', () => {
  const { m, from, to } = pair(2);
  const end = m.guest();
  m.op(end, GRANT, G.GNTTABOP_set_version, G.gnttab_set_version, { version: 2 }, 1);
  const lead = (of: Domain, ref: number, to: Domain, trans_domid: number, gref: number) =>
    G.grant_entry_v2.write(m.memories.frameView, entryAt(m.hv, of, ref), { transitive: { hdr: { flags: G.GTF_transitive, domid: to.id }, trans_domid, gref } });
  const get = (by: Domain, of: Domain, ref: number) =>
    copy(m, by, {
      source: { u: { ref }, domid: of.id, offset: 0 },
      dest: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 },
      len: 5,
      flags: G.GNTCOPY_source_gref,
    });
  lead(to, 15, end, from.id, 9); // `from` granted 9 to `to`, which leads `end` to it
  assert.equal(get(end, to, 15), G.GNTST_okay);
  assert.equal(text(m, end, 20 * 4096, 5), 'hello');
  assert.equal(map(m, end, to.id, 15).status, G.GNTST_general_error);
  grant(m, to, 21, to.id, 5);
  lead(to, 16, end, to.id, 21);
  assert.equal(get(end, to, 16), G.GNTST_general_error, 'to oneself');
  lead(to, 17, end, 99, 9);
  assert.equal(get(end, to, 17), G.GNTST_general_error, 'to nobody');
  lead(to, 18, end, from.id, 3);
  assert.equal(get(end, to, 18), G.GNTST_general_error, 'to what was not granted');
  lead(end, 19, from, to.id, 15);
  assert.equal(get(from, end, 19), G.GNTST_general_error, 'two steps');
  lead(to, 20, from, from.id, 9);
  assert.equal(get(from, to, 20), G.GNTST_okay, 'back to where it came from');
  for (const ref of [15, 16, 17, 18, 20]) assert.equal(entryFlags(m, to, ref) & (G.GTF_reading | G.GTF_writing), 0);
  assert.equal(entryFlags(m, from, 9) & (G.GTF_reading | G.GTF_writing), 0);
  assert.deepEqual(findBroken(m.hv), []);
});

test('the status of each element of a list is its own; a list that cannot be read ends with EFAULT', () => {
  const { m, from, to } = pair();
  const gpa = 0x5000;
  for (const [i, ref] of [9, 99, 9].entries()) {
    m.put(to, gpa + i * G.gnttab_copy.size, G.gnttab_copy, {
      source: { u: { ref }, domid: from.id, offset: 0 },
      dest: { u: { gmfn: 30 + i }, domid: DOMID_SELF, offset: 0 },
      len: 5,
      flags: G.GNTCOPY_source_gref,
      status: 77,
    });
  }
  assert.equal(m.hypercall(to, GRANT, [G.GNTTABOP_copy, gpa, 3]), 0);
  assert.deepEqual(
    [0, 1, 2].map((i) => m.get(to, gpa + i * G.gnttab_copy.size, G.gnttab_copy).status),
    [0, G.GNTST_general_error, 0],
  );
  assert.equal(text(m, to, 32 * 4096, 5), 'hello');
  assert.equal(m.hypercall(to, GRANT, [G.GNTTABOP_copy, 64 * 4096 - G.gnttab_copy.size, 2]), -14);
  assert.equal(m.hypercall(to, GRANT, [G.GNTTABOP_copy, gpa, 0]), 0);
});

test('what is written into a page with translated code drops it', () => {
  const { m, from, to } = pair();
  const mfn = from.p2m.lookup(8)?.mfn as number;
  m.memories.stateView.setUint32(FRAME_CODE_BITS + mfn * 8, 1, true);
  m.cpu.asked.length = 0;
  const dest = { u: { ref: 10 }, domid: from.id, offset: 0 };
  assert.equal(copy(m, to, { source: { u: { gmfn: 20 }, domid: DOMID_SELF, offset: 0 }, dest, len: 4, flags: G.GNTCOPY_dest_gref }), G.GNTST_okay);
  assert.ok(m.cpu.asked.includes(`written ${mfn}`));
  const argument = to.p2m.lookup(ARGUMENT_GPA / 4096)?.mfn as number;
  m.memories.stateView.setUint32(FRAME_CODE_BITS + argument * 8, 1, true);
  m.cpu.asked.length = 0;
  m.op(to, GRANT, G.GNTTABOP_query_size, G.gnttab_query_size, { dom: DOMID_SELF }, 1);
  assert.ok(m.cpu.asked.includes(`written ${argument}`), 'answers of hypercalls too');
});
