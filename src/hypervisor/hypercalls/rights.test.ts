import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyKind, Fields, Struct } from '../../base/struct.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH, errnoName } from '../../spec/xen/errno.ts';
import * as E from '../../spec/xen/event-channel.ts';
import * as G from '../../spec/xen/grant-table.ts';
import * as H from '../../spec/xen/hvm/hvm-op.ts';
import * as M from '../../spec/xen/memory.ts';
import * as C from '../../spec/xen/sched.ts';
import * as S from '../../spec/xen/sysctl.ts';
import * as X from '../../spec/xen/xen.ts';
import { DOMDYING_dead } from '../lifecycle/reap.ts';
import { grant, map } from '../testing/grants.ts';
import { findBroken, fingerprint } from '../testing/invariants.ts';
import { GUEST_OPERATIONS } from '../testing/operations.ts';
import { ARGUMENT_GPA, TestMachine } from '../testing/test-machine.ts';
import { DOMCTLS } from './domctl.ts';
import { EVENT_CHANNEL_OPERATIONS } from './event-channel-op.ts';
import { GRANT_LISTS, GRANT_SINGLES } from './grant-table-op.ts';
import { HVM_OPERATIONS } from './hvm-op.ts';
import { MEMORY_OPERATIONS } from './memory-op.ts';
import { type Reach, RIGHTS } from './rights.ts';
import { SCHED_OPERATIONS } from './sched-op.ts';
import { SYSCTLS } from './sysctl.ts';
import { HYPERCALLS } from './table.ts';
import { VCPU_OPERATIONS } from './vcpu-op.ts';
import { VERSION_OPERATIONS } from './xen-version.ts';

const IMPLEMENTED: ReadonlyMap<number, readonly number[]> = new Map([
  [X.__HYPERVISOR_memory_op, [...MEMORY_OPERATIONS.keys()]],
  [X.__HYPERVISOR_xen_version, [...VERSION_OPERATIONS.keys()]],
  [X.__HYPERVISOR_grant_table_op, [...GRANT_LISTS.keys(), ...GRANT_SINGLES.keys()]],
  [X.__HYPERVISOR_event_channel_op, [...EVENT_CHANNEL_OPERATIONS.keys()]],
  [X.__HYPERVISOR_sched_op, [...SCHED_OPERATIONS.keys()]],
  [X.__HYPERVISOR_vcpu_op, [...VCPU_OPERATIONS.keys()]],
  [X.__HYPERVISOR_hvm_op, [...HVM_OPERATIONS.keys()]],
  [X.__HYPERVISOR_console_io, [X.CONSOLEIO_write, X.CONSOLEIO_read]],
]);

test('every hypercall and operation that is implemented has its row, and no row is of none', () => {
  const ascending = (all: Iterable<number>): number[] => [...all].sort((a, b) => a - b);
  const guests = [...HYPERCALLS].filter(([, { who }]) => who === 'any').map(([nr]) => nr);
  assert.deepEqual(ascending(RIGHTS.keys()), ascending(guests));
  for (const [nr, rows] of RIGHTS) {
    if (typeof rows === 'string') assert.equal(IMPLEMENTED.get(nr), undefined, `hypercall ${nr} has operations`);
    else assert.deepEqual(ascending(rows.keys()), ascending(IMPLEMENTED.get(nr) ?? []), `operations of hypercall ${nr}`);
  }
});

test('an operation without a row is none for a guest, even if it is implemented', () => {
  const m = new TestMachine();
  const d = m.guest();
  for (const [nr, rows] of RIGHTS) {
    if (typeof rows === 'string') continue;
    for (const cmd of [63, 200, 4000]) {
      if (rows.has(cmd)) continue;
      const vcpu = nr === X.__HYPERVISOR_vcpu_op;
      assert.equal(m.hypercall(d, nr, vcpu ? [cmd, 0, ARGUMENT_GPA] : [cmd, ARGUMENT_GPA, 1]), -ENOSYS, `${nr}.${cmd}`);
    }
  }
  const rows = RIGHTS.get(X.__HYPERVISOR_event_channel_op) as Map<number, Reach>;
  const reach = rows.get(E.EVTCHNOP_status) as Reach;
  const status = (by: typeof d) => m.op(by, X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_status, E.evtchn_status, { dom: X.DOMID_SELF, port: 0 }).result;
  assert.equal(status(d), 0);
  rows.delete(E.EVTCHNOP_status);
  try {
    assert.deepEqual([status(d), status(m.dom0)], [-ENOSYS, 0]);
  } finally {
    rows.set(E.EVTCHNOP_status, reach);
  }
});

/** Where a struct names the domain that it is about. */
function domainField(kind: AnyKind): number | undefined {
  if (kind === M.xen_memory_exchange) return M.xen_memory_exchange.offsets.in + M.xen_memory_reservation.offsets.domid;
  const { offsets } = kind as Struct<Fields>;
  for (const name of ['domid', 'dom', 'remote_dom', 'domain_id']) {
    const found = (offsets as Record<string, number> | undefined)?.[name];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whom an operation is tried on. */
type Target = 'DOMID_SELF' | 'its own id' | 'another' | 'domain 0' | 'dying' | 'DOMID_IO' | 'DOMID_XEN' | 'DOMID_COW' | 'DOMID_INVALID' | 'DOMID_IDLE' | 'none';
const ABSENT: readonly Target[] = ['DOMID_IO', 'DOMID_XEN', 'DOMID_COW', 'DOMID_INVALID', 'DOMID_IDLE', 'none'];

/** Errnos where Xen checks something else first, or answers in another way: for another domain, for domain 0, for none, for itself. */
interface Refusal {
  readonly other: number;
  readonly dom0?: number;
  readonly none: number;
  readonly self?: number;
}
const key = (nr: number, cmd: number): string => `${nr}.${cmd}`;
const REFUSALS: ReadonlyMap<string, Refusal> = new Map([
  // These say how many extents they did.
  ...[M.XENMEM_increase_reservation, M.XENMEM_decrease_reservation, M.XENMEM_populate_physmap].map(
    (cmd) => [key(X.__HYPERVISOR_memory_op, cmd), { other: 0, none: 0 }] as const,
  ),
  [key(X.__HYPERVISOR_memory_op, M.XENMEM_claim_pages), { other: -EPERM, none: -EINVAL, self: -EINVAL }],
  [key(X.__HYPERVISOR_memory_op, M.XENMEM_acquire_resource), { other: -EPERM, none: -ESRCH, self: -ESRCH }],
  [key(X.__HYPERVISOR_memory_op, M.XENMEM_get_pod_target), { other: -EPERM, dom0: -EINVAL, none: -ESRCH, self: -EPERM }],
  [key(X.__HYPERVISOR_memory_op, M.XENMEM_set_pod_target), { other: -EPERM, dom0: -EINVAL, none: -ESRCH, self: -EPERM }],
  [key(X.__HYPERVISOR_memory_op, M.XENMEM_machine_memory_map), { other: -ENOSYS, none: -ENOSYS }],
  // PVH domains have no such page tables; status frames are asked for by PV guests.
  [key(X.__HYPERVISOR_hvm_op, H.HVMOP_pagetable_dying), { other: -EOPNOTSUPP, none: -ESRCH }],
  [key(X.__HYPERVISOR_hvm_op, H.HVMOP_get_param), { other: -EPERM, dom0: -EINVAL, none: -ESRCH }],
  [key(X.__HYPERVISOR_hvm_op, H.HVMOP_set_param), { other: -EPERM, dom0: -EINVAL, none: -ESRCH }],
  [key(X.__HYPERVISOR_grant_table_op, G.GNTTABOP_get_status_frames), { other: -ENOSYS, none: -ENOSYS }],
  // The port that is meant does not exist, or is kept for others.
  [key(X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_bind_interdomain), { other: -EINVAL, none: -ESRCH }],
  [key(X.__HYPERVISOR_event_channel_op, E.EVTCHNOP_status), { other: -EPERM, none: -ESRCH }],
  [key(X.__HYPERVISOR_sched_op, C.SCHEDOP_remote_shutdown), { other: -EPERM, none: -ESRCH, self: -ESRCH }],
]);

test('each operation that names a domain, by a guest: on itself, on another, on domain 0, on one that dies, on none', () => {
  const m = new TestMachine(800);
  const d = m.guest();
  const other = m.guest();
  // a zombie: domain 0 shows a page of it
  const dying = m.guest();
  grant(m, dying, 9, 0, 7);
  map(m, m.dom0, dying.id, 9);
  m.destroy(dying);
  assert.equal(m.hv.domain(dying.id)?.s.is_dying, DOMDYING_dead);
  const ids: Readonly<Record<Target, number>> = {
    DOMID_SELF: X.DOMID_SELF,
    'its own id': d.id,
    another: other.id,
    'domain 0': 0,
    dying: dying.id,
    DOMID_IO: X.DOMID_IO,
    DOMID_XEN: X.DOMID_XEN,
    DOMID_COW: X.DOMID_COW,
    DOMID_INVALID: X.DOMID_INVALID,
    DOMID_IDLE: X.DOMID_IDLE,
    none: 999,
  };
  const argumentPage = Math.floor(m.at(d, ARGUMENT_GPA) / 4096);
  let tried = 0;
  for (const { nr, cmd, struct, form } of GUEST_OPERATIONS) {
    const at = domainField(struct);
    const rows = RIGHTS.get(nr);
    const reach = typeof rows === 'object' ? rows.get(cmd) : rows;
    assert.ok(reach !== undefined, `${nr}.${cmd} has no row`);
    if (at === undefined) {
      assert.notEqual(reach, 'self', `${nr}.${cmd} names no domain`);
      continue;
    }
    const make = (target: Target): { result: number; status: number } => {
      const bytes = new Uint8Array(struct.size);
      const view = new DataView(bytes.buffer);
      view.setUint16(at, ids[target], true);
      // one element, where a list is meant, and a mapping that is asked for
      const { nr_extents, flags } = (struct as Struct<Fields>).offsets as Record<string, number>;
      if (nr_extents !== undefined && cmd !== M.XENMEM_claim_pages) view.setBigUint64(nr_extents, 1n, true);
      if (struct === G.gnttab_map_grant_ref) view.setUint32(flags as number, G.GNTMAP_host_map, true);
      if (struct === M.xen_memory_exchange) {
        const one = { domid: ids[target], nr_extents: 1 };
        M.xen_memory_exchange.write(view, 0, { in: one, out: one });
      }
      m.poke(d, ARGUMENT_GPA, bytes);
      const result = m.hypercall(d, nr, [cmd, ARGUMENT_GPA, form === 'cmd,pointer,count' ? 1 : 0]);
      const { status } = (struct as Struct<Fields>).offsets as Record<string, number>;
      const back = m.peek(d, ARGUMENT_GPA, struct.size);
      return {
        result,
        status: nr === X.__HYPERVISOR_grant_table_op && status !== undefined && result === 0 ? new DataView(back.buffer).getInt16(status, true) : 0,
      };
    };
    const say = (target: Target, { result, status }: { result: number; status: number }): string =>
      `${nr}.${cmd} on ${target}: ${result < 0 ? errnoName(-result) : result}, status ${status}`;
    const refusal = REFUSALS.get(key(nr, cmd)) ?? { other: -EPERM, none: -ESRCH };
    const before = fingerprint(m.hv, [argumentPage]);
    for (const target of ['another', 'domain 0', 'dying', ...ABSENT] as const) {
      const answer = make(target);
      const absent = ABSENT.includes(target);
      if (nr === X.__HYPERVISOR_grant_table_op && answer.result === 0) {
        const expected: readonly number[] = absent
          ? [G.GNTST_bad_domain]
          : reach === 'self'
            ? [G.GNTST_permission_denied]
            : [G.GNTST_bad_gntref, G.GNTST_general_error, G.GNTST_permission_denied, G.GNTST_bad_domain];
        assert.ok(expected.includes(answer.status), say(target, answer));
      } else {
        const wanted = absent ? refusal.none : target === 'domain 0' ? (refusal.dom0 ?? refusal.other) : refusal.other;
        assert.equal(answer.result, wanted, say(target, answer));
      }
      tried++;
    }
    if (reach !== 'peer') assert.equal(fingerprint(m.hv, [argumentPage]), before, `${nr}.${cmd} was refused and changed something`);
    const [self, own] = [make('DOMID_SELF'), make('its own id')];
    if (reach === 'nobody') {
      assert.equal(self.result, refusal.self ?? refusal.other, say('DOMID_SELF', self));
      assert.equal(
        own.result,
        cmd === M.XENMEM_claim_pages || refusal.self === -ESRCH ? refusal.other : (refusal.self ?? refusal.other),
        say('its own id', own),
      );
    } else if (reach === 'self') {
      for (const [target, answer] of [
        ['DOMID_SELF', self],
        ['its own id', own],
      ] as const) {
        assert.ok(![-EPERM, -ESRCH].includes(answer.result) || cmd === H.HVMOP_get_param || cmd === H.HVMOP_set_param, say(target, answer));
        assert.ok(![G.GNTST_bad_domain, G.GNTST_permission_denied].includes(answer.status as never), say(target, answer));
      }
      assert.equal(self.status, own.status, `${nr}.${cmd}`);
    }
    assert.deepEqual(findBroken(m.hv), [], `${nr}.${cmd}`);
  }
  assert.ok(tried > 200, `${tried}`);
});

test('operations for domain 0 alone: every domctl and sysctl, of every guest, on every domain', () => {
  const m = new TestMachine(800);
  const d = m.guest();
  const other = m.guest();
  const page = Math.floor(m.at(d, ARGUMENT_GPA) / 4096);
  const before = fingerprint(m.hv, [page]);
  for (const cmd of [...DOMCTLS.keys(), 0, 999]) {
    for (const domain of [d.id, other.id, 0, X.DOMID_SELF, X.DOMID_XEN, X.DOMID_IO, X.DOMID_INVALID, 999])
      assert.equal(m.domctl(domain, cmd, D.xen_domctl_getdomaininfo, {}, d).result, -EPERM, `domctl ${cmd} on ${domain}`);
  }
  for (const cmd of [...SYSCTLS.keys(), 0, 999]) {
    m.put(d, ARGUMENT_GPA, S.xen_sysctl, { cmd, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
    assert.equal(m.hypercall(d, X.__HYPERVISOR_sysctl, [ARGUMENT_GPA]), -EPERM, `sysctl ${cmd}`);
  }
  for (const nr of [X.__HYPERVISOR_platform_op, X.__HYPERVISOR_hypfs_op]) assert.equal(m.hypercall(d, nr, [0, ARGUMENT_GPA]), -EPERM);
  assert.equal(fingerprint(m.hv, [page]), before);
});
