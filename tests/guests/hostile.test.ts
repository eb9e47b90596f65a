import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EINVAL, ENOSYS, EPERM } from '../../src/spec/xen/errno.ts';
import { EVTCHNOP_alloc_unbound, EVTCHNOP_bind_interdomain, EVTCHNOP_reset, EVTCHNOP_send, EVTCHNOP_status } from '../../src/spec/xen/event-channel.ts';
import {
  GNTTABOP_copy,
  GNTTABOP_get_version,
  GNTTABOP_map_grant_ref,
  GNTTABOP_query_size,
  GNTTABOP_setup_table,
  gnttab_setup_table,
} from '../../src/spec/xen/grant-table.ts';
import { HVMOP_get_param, xen_hvm_param } from '../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN } from '../../src/spec/xen/hvm/params.ts';
import {
  XENMEM_add_to_physmap,
  XENMEM_current_reservation,
  XENMEM_decrease_reservation,
  XENMEM_memory_map,
  XENMEM_populate_physmap,
  XENMEM_remove_from_physmap,
  xen_memory_map,
  xen_memory_reservation,
} from '../../src/spec/xen/memory.ts';
import { SCHEDOP_poll, SCHEDOP_remote_shutdown, sched_poll } from '../../src/spec/xen/sched.ts';
import * as X from '../../src/spec/xen/xen.ts';
import { at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { PRESENT, USER, WRITE, window } from './kit/address-space.ts';
import { runGuest } from './kit/run-guest.ts';
import type { TestGuest } from './kit/test-guest.ts';

/**
 * A guest that means harm: every hypercall and sub-operation with a row of bad pointers, sizes and domains. Each gets an
 * errno, nothing else happens, and the machine is as usable as before.
 */

/** Where argument structs are said to be. */
const POINTERS: readonly [string, bigint | string][] = [
  ['null', 0n],
  ['absent', window(9)],
  ['not canonical', 1n << 63n],
  ['the last byte', (1n << 64n) - 1n],
  ['into an absent page', window(1, -2)],
  ['beyond RAM', 0xd000_0000n],
  ['read-only zeros', window(2)],
  ['read-only ones', window(3)],
  ['zeros', 'zeros'],
  ['ones', 'ones'],
  ['DOMID_SELF all over', 'selves'],
  ['code that ran', 'decoy'],
];
const READABLE = 6;
const [RO_ZEROS, ZEROS, SELVES, DECOY] = [6, 8, 10, 11];

/** How the registers are filled: cmd and pointer, cmd vCPU pointer, pointer and count, cmd count pointer. */
const SHAPES = { plain: 0, vcpu: 1, list: 2, console: 3 } as const;
const shapes = new Map<number, keyof typeof SHAPES>([
  [X.__HYPERVISOR_vcpu_op, 'vcpu'],
  [X.__HYPERVISOR_multicall, 'list'],
  [X.__HYPERVISOR_sysctl, 'list'],
  [X.__HYPERVISOR_domctl, 'list'],
  [X.__HYPERVISOR_platform_op, 'list'],
  [X.__HYPERVISOR_console_io, 'console'],
]);
const SUB_OPERATIONS = 32;
const NUMBERS = 64;
const NO_SUB_OPERATIONS = new Set<number>([
  X.__HYPERVISOR_multicall,
  X.__HYPERVISOR_set_timer_op,
  X.__HYPERVISOR_sysctl,
  X.__HYPERVISOR_domctl,
  X.__HYPERVISOR_platform_op,
]);

/** What would end the guest or put it to sleep, rightly: number, sub-operation, first and last pointer. */
const SKIPPED: readonly (readonly [number, number, number, number])[] = [
  [X.__HYPERVISOR_sched_op, 1, 0, 99], // block
  [X.__HYPERVISOR_sched_op, 2, READABLE, 99], // shutdown
  [X.__HYPERVISOR_sched_op, 3, RO_ZEROS, RO_ZEROS], // poll of nothing, for ever
  [X.__HYPERVISOR_sched_op, 3, ZEROS, ZEROS],
  [X.__HYPERVISOR_sched_op, 3, DECOY, DECOY],
  [X.__HYPERVISOR_sched_op, 6, RO_ZEROS, RO_ZEROS], // a watchdog that fires now
  [X.__HYPERVISOR_sched_op, 6, ZEROS, ZEROS],
  [X.__HYPERVISOR_vcpu_op, 2, 0, 99], // down
  [X.__HYPERVISOR_event_channel_op, EVTCHNOP_reset, SELVES, SELVES], // closes the console
];

/** Calls that are domain 0's. */
const PRIVILEGED = new Set<number>([X.__HYPERVISOR_platform_op, X.__HYPERVISOR_sysctl, X.__HYPERVISOR_domctl, X.__HYPERVISOR_hypfs_op]);

/** What each operation that exists answers to each pointer; the others answer ENOSYS. "-": skipped. */
const TABLE = `
  12.0 0 0 0 0 0 0 0 0 0 0 0 0
  12.1 0 0 0 0 0 0 0 0 0 0 0 0
  12.2 1048576 1048576 1048576 1048576 1048576 1048576 1048576 1048576 1048576 1048576 1048576 1048576
  12.3 -14 -14 -14 -14 -1 -14 -1 -3 -1 -3 4105 -3
  12.4 -14 -14 -14 -14 -1 -14 -1 -3 -1 -3 4105 -3
  12.6 0 0 0 0 0 0 0 0 0 0 0 0
  12.7 -14 -14 -14 -14 -14 -14 -1 -3 -1 -3 -22 -3
  12.9 -14 -14 -14 -14 -14 -14 -14 -14 0 -14 -14 -14
  12.10 -14 -14 -14 -14 -14 -14 -14 -14 -38 -38 -38 -38
  12.11 -14 -14 -14 -14 -14 -14 -14 -14 0 -1 -1 0
  12.13 -14 -14 -14 -14 -14 -14 -1 -22 -1 -22 -22 -3
  12.14 -14 -14 -14 -14 -1 -14 -1 -3 -1 -3 1044479 -3
  12.15 -14 -14 -14 -14 -14 -14 -1 -3 -1 -3 -2 -3
  12.16 -14 -14 -14 -14 -14 -14 -14 -14 -22 -3 -1 -22
  12.17 -14 -14 -14 -14 -14 -14 -14 -14 -22 -3 -1 -22
  12.18 0 0 0 0 0 0 0 0 0 0 0 0
  12.19 0 0 0 0 0 0 0 0 0 0 0 0
  12.23 -14 -14 -14 -14 -14 -14 -1 -3 -1 -3 -14 -3
  12.24 -14 -14 -14 -14 -14 -14 -1 -22 -1 -22 -22 -22
  12.26 -14 -14 -14 -14 -14 -14 -1 -3 -1 -3 -95 -3
  12.27 -14 -14 -14 -14 -14 -14 -14 -14 0 -22 -22 -22
  12.28 -14 -14 -14 -14 -14 -14 -1 -22 -1 -22 -22 -3
  13.0 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  15.0 0 0 0 0 0 0 0 0 0 0 0 0
  17.0 262161 262161 262161 262161 262161 262161 262161 262161 262161 262161 262161 262161
  17.1 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.2 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.3 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.4 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.5 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.6 -14 -14 -14 -14 -14 -14 -14 -14 0 -22 -22 -22
  17.7 4096 4096 4096 4096 4096 4096 4096 4096 4096 4096 4096 4096
  17.8 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.9 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  17.10 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1
  18.0 -14 -14 -14 -14 -14 -14 0 0 0 0 0 0
  18.1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1
  20.0 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  20.1 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  20.2 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  20.5 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  20.6 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  20.8 -14 -14 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22
  20.10 -14 -14 -14 -14 -14 -14 -14 -14 -1 -3 0 -3
  20.11 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  24.0 -14 -14 -14 -14 -14 -14 -17 -17 -17 -17 -17 -17
  24.1 0 0 0 0 0 0 0 0 0 0 0 0
  24.2 - - - - - - - - - - - -
  24.3 1 1 1 1 1 1 1 1 1 1 1 1
  24.4 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  24.5 -14 -14 -14 -14 -14 -14 0 0 0 0 0 0
  24.6 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 0
  24.7 0 0 0 0 0 0 0 0 0 0 0 0
  24.8 -14 -14 -14 -14 -14 -14 0 0 0 0 0 0
  24.9 0 0 0 0 0 0 0 0 0 0 0 0
  24.10 -14 -14 -14 -14 -14 -14 0 -6 -22 -6 -6 -22
  24.11 0 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22
  24.12 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22
  24.13 -14 -14 -14 -14 -14 -14 0 0 0 0 0 0
  29.0 0 0 0 0 0 0 0 0 0 0 0 0
  29.1 - - - - - - - - - - - -
  29.2 -14 -14 -14 -14 -14 -14 - - - - - -
  29.3 -14 -14 -14 -14 -14 -14 - -22 - -22 -22 -
  29.4 -14 -14 -14 -14 -14 -14 -1 -3 -1 -3 -3 -3
  29.5 -14 -14 -14 -14 -14 -14 0 0 0 0 0 0
  29.6 -14 -14 -14 -14 -14 -14 - -22 - -22 -22 -22
  29.7 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1
  32.0 -14 -14 -14 -14 -14 -14 -14 -14 -22 -3 -22 -3
  32.1 -14 -14 -14 -14 -14 -14 -14 -14 0 -22 -22 -22
  32.3 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 -22
  32.4 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 -22
  32.5 -14 -14 -14 -14 -14 -14 -14 -14 -1 -3 -22 -3
  32.6 -14 -14 -14 -14 -14 -14 -14 -14 -1 -3 0 -3
  32.7 -14 -14 -14 -14 -14 -14 -14 -14 0 -2 -2 -2
  32.8 -14 -14 -14 -14 -14 -14 -22 -2 -22 -2 -2 -2
  32.9 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 -22
  32.10 -14 -14 -14 -14 -1 -14 -1 -3 -1 -3 - -3
  32.11 -14 -14 -14 -14 -14 -14 -14 -14 0 -2 -2 -22
  32.12 -14 -14 -14 -14 -14 -14 0 -22 0 -22 -22 -22
  32.13 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 -22
  32.14 -14 -14 -14 -14 -1 -14 -1 -3 -1 -3 -16 -3
  34.0 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22 -22 -22
  34.1 -14 -14 -14 -14 -14 -14 -14 -14 -22 -22 -22 -22
  34.5 0 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22
  34.9 -14 -14 -14 -14 -14 -14 -95 -3 -95 -3 -22 -3
  34.10 -14 -14 -14 -14 -14 -14 -14 -14 0 0 0 0
  34.11 -14 -14 -14 -14 -14 -14 0 -22 0 -22 -22 0
  34.15 -14 -14 -14 -14 -14 -14 -14 -14 -1 -3 0 -3
  34.23 -14 -14 -14 -14 -14 -14 -22 -2 -22 -2 -2 -22
  34.24 0 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22 -22
  34.25 -95 -95 -95 -95 -95 -95 -95 -95 -95 -95 -95 -95
`;

/** Each domain id of DOMIDS, then sizes: what is not an error counts what was done (nothing). */
const AFTER = `
  domains
  current_reservation 4105 -1 4105 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  add_to_physmap -22 -1 -22 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  remove_from_physmap -2 -1 -2 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  status 0 -1 0 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  alloc_unbound 0 -1 0 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  bind_interdomain -22 -22 -22 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  remote_shutdown -3 -1 -1 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  get_param 0 -22 0 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  get_version 0 -1 0 -3 -3 -3 -3 -3 -3 -3 -3 -3 -3
  query_size 0 -8 0 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2
  setup_table 0 -8 0 -2 -2 -2 -2 -2 -2 -2 -2 -2 -2
  sizes
  console_io 0 0
  multicall 0 0
  grant copy 0 0
  grant map 0 0
  setup_table 0 0
  poll 0 0
  memory_map 0 0
  console_io 1 -14
  multicall 1 -14
  grant copy 1 -14
  grant map 1 -14
  setup_table 1 0
  poll 1 -22
  memory_map 1 -14
  console_io 7fffffff -14
  multicall 7fffffff -14
  grant copy 7fffffff -14
  grant map 7fffffff -14
  setup_table 7fffffff 0
  poll 7fffffff -22
  memory_map 7fffffff -14
  console_io 80000000 -7
  multicall 80000000 -14
  grant copy 80000000 -22
  grant map 80000000 -22
  setup_table 80000000 0
  poll 80000000 -22
  memory_map 80000000 -14
  console_io ffffffff -7
  multicall ffffffff -14
  grant copy ffffffff -22
  grant map ffffffff -22
  setup_table ffffffff 0
  poll ffffffff -22
  memory_map ffffffff -14
  decrease 2^63 extents 0
  populate 2^63 extents 0
  decrease 2^64-1 extents 0
  populate 2^64-1 extents 0
  decrease order 9 0
  populate order 9 0
  decrease order 52 0
  populate order 52 0
  decrease order 2^32-1 0
  populate order 2^32-1 0
  decrease a list at the end 0
  populate a list at the end 0
  memory_op go on 77
  memory_op far on -33
  upper halves -38
  notify 0
  end
`;

/** The loop over everything: prints "number.operation result result ..." */
function everything(g: TestGuest): void {
  const { a } = g;
  const calls = g.define((x) => {
    for (let nr = 0; nr < NUMBERS; nr++)
      x.dd(nr)
        .dd(NO_SUB_OPERATIONS.has(nr) ? 1 : SUB_OPERATIONS)
        .dd(SHAPES[shapes.get(nr) ?? 'plain'])
        .dd(0);
  });
  const pointers = g.define((x) => {
    for (const [, pointer] of POINTERS) typeof pointer === 'string' ? x.dqLabel(pointer) : x.dq(pointer);
  });
  const skipped = g.define((x) => {
    for (const n of SKIPPED.flat()) x.dd(n);
  });
  const template = g.define((x) => x.db(0xb8, 1, 0, 0, 0, 0xc3).space(4090), undefined, 4096);
  a.lea(R.r12, calls).label('call').movi(R.r13, 0);
  a.label('operation').load32(R.ax, { base: R.r12 }).call('putdec');
  g.print('.');
  a.mov(R.ax, R.r13).call('putdec').movi(R.r14, 0);
  a.label('pointer').lea(R.bx, skipped).movi(R.cx, SKIPPED.length);
  a.label('skip').load32(R.ax, { base: R.bx }).load32(R.dx, { base: R.r12 }).cmp(R.ax, R.dx).jcc(CC.ne, 'no_skip');
  a.load32(R.ax, { base: R.bx, disp: 4 }).cmp(R.ax, R.r13).jcc(CC.ne, 'no_skip');
  a.load32(R.ax, { base: R.bx, disp: 8 }).cmp(R.r14, R.ax).jcc(CC.b, 'no_skip');
  a.load32(R.ax, { base: R.bx, disp: 12 }).cmp(R.r14, R.ax).jcc(CC.be, 'skip_it');
  a.label('no_skip').addi(R.bx, 16).subi(R.cx, 1).jcc(CC.ne, 'skip');
  // fresh pages; the decoy is code, and is run
  const fill = (label: string, value: number): void => void a.lea(R.di, label).movi(R.ax, value).movi(R.cx, 2048).db(0xf3, 0x66, 0xab);
  fill('zeros', 0);
  fill('ones', 0xffff);
  fill('selves', X.DOMID_SELF);
  a.lea(R.si, template).lea(R.di, 'decoy').movi(R.cx, 512).db(0xf3, 0x48, 0xa5).call('decoy');
  a.mov(R.bx, R.r14).shl(R.bx, 3).load(R.bx, { base: R.bx, label: pointers });
  a.load32(R.ax, { base: R.r12, disp: 8 }).movi(R.r8, 0).movi(R.r10, 0);
  a.cmpi(R.ax, SHAPES.plain).jcc(CC.ne, 'shape1').mov(R.di, R.r13).mov(R.si, R.bx).movi(R.dx, 1).jmp('make');
  a.label('shape1').cmpi(R.ax, SHAPES.vcpu).jcc(CC.ne, 'shape2').mov(R.di, R.r13).movi(R.si, 0).mov(R.dx, R.bx).jmp('make');
  a.label('shape2').cmpi(R.ax, SHAPES.list).jcc(CC.ne, 'shape3').mov(R.di, R.bx).movi(R.si, 1).movi(R.dx, 0).jmp('make');
  a.label('shape3').mov(R.di, R.r13).movi(R.si, 16).mov(R.dx, R.bx);
  a.label('make').load32(R.ax, { base: R.r12 }).vmmcall();
  g.print(' ');
  a.call('putdec').jmp('next').label('skip_it');
  g.print(' -');
  a.label('next').addi(R.r14, 1).cmpi(R.r14, POINTERS.length).jcc(CC.b, 'pointer').call('newline');
  a.addi(R.r13, 1).load32(R.ax, { base: R.r12, disp: 4 }).cmp(R.r13, R.ax).jcc(CC.b, 'operation');
  a.addi(R.r12, 16)
    .lea(R.ax, calls)
    .addi(R.ax, NUMBERS * 16)
    .cmp(R.r12, R.ax)
    .jcc(CC.b, 'call');
}

/** Domains that do not exist, or are not the caller's: one line an operation, a result for each. */
const DOMIDS = [X.DOMID_SELF, 0, 1, 2, 0x7ff1, 0x7ff2, 0x7ff3, 0x7ff4, 0x7ff5, 0x7ffe, 0x7fff, 0x8000, 0xffff];

function domains(g: TestGuest): void {
  const { a } = g;
  const operation = (name: string, nr: number, cmd: number, emit: (of: ReturnType<typeof at>) => void, status?: number): void => {
    g.print(name);
    for (const domid of DOMIDS) {
      a.lea(R.di, 'zeros').movi(R.ax, 0).movi(R.cx, 512).db(0xf3, 0x48, 0xab).storei16(at('zeros'), domid);
      emit(at('zeros'));
      g.hypercall(nr, cmd, 'zeros', 1);
      if (status !== undefined) {
        const good = g.fresh();
        a.test(R.ax, R.ax).jcc(CC.ne, good).load16(R.ax, at('zeros', status)).operation([0x0f, 0xbf], R.ax, R.ax).label(good);
      }
      g.print(' ').a.call('putdec');
    }
    a.call('newline');
  };
  const none = (): void => {};
  operation('current_reservation', X.__HYPERVISOR_memory_op, XENMEM_current_reservation, none);
  operation('add_to_physmap', X.__HYPERVISOR_memory_op, XENMEM_add_to_physmap, () => a.storei32(at('zeros', 4), 99));
  operation('remove_from_physmap', X.__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, () => a.storei(at('zeros', 8), 0xf0000));
  operation('status', X.__HYPERVISOR_event_channel_op, EVTCHNOP_status, none);
  operation('alloc_unbound', X.__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, none);
  operation('bind_interdomain', X.__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, none);
  operation('remote_shutdown', X.__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, none);
  operation('get_param', X.__HYPERVISOR_hvm_op, HVMOP_get_param, () => a.storei32(at('zeros', 4), HVM_PARAM_CONSOLE_PFN));
  operation('get_version', X.__HYPERVISOR_grant_table_op, GNTTABOP_get_version, none);
  operation('query_size', X.__HYPERVISOR_grant_table_op, GNTTABOP_query_size, none, 12);
  operation('setup_table', X.__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, none, gnttab_setup_table.offsets.status);
}

function sizes(g: TestGuest): void {
  const MEMORY = X.__HYPERVISOR_memory_op;
  const end = window(1, -4);
  for (const count of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    const hex = count.toString(16);
    g.call(`console_io ${hex}`, X.__HYPERVISOR_console_io, X.CONSOLEIO_write, count, window(1));
    g.call(`multicall ${hex}`, X.__HYPERVISOR_multicall, end, count);
    g.call(`grant copy ${hex}`, X.__HYPERVISOR_grant_table_op, GNTTABOP_copy, end, count);
    g.call(`grant map ${hex}`, X.__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref, end, count);
    g.call(
      `setup_table ${hex}`,
      X.__HYPERVISOR_grant_table_op,
      GNTTABOP_setup_table,
      g.struct(gnttab_setup_table, { dom: X.DOMID_SELF, nr_frames: count, frame_list: end }),
      1,
    );
    g.call(`poll ${hex}`, X.__HYPERVISOR_sched_op, SCHEDOP_poll, g.struct(sched_poll, { ports: end, nr_ports: count, timeout: 1n }));
    g.call(`memory_map ${hex}`, MEMORY, XENMEM_memory_map, g.struct(xen_memory_map, { nr_entries: count, buffer: end }));
  }
  const list = g.define((a) => a.dq(0xf0000n).dq((1n << 64n) - 1n));
  for (const [name, extents, order, from] of [
    ['2^63 extents', 1n << 63n, 0, list],
    ['2^64-1 extents', (1n << 64n) - 1n, 0, list],
    ['order 9', 1n, 9, list],
    ['order 52', 1n, 52, list],
    ['order 2^32-1', 1n, 0xffffffff, list],
    ['a list at the end', 5n, 0, undefined],
  ] as const) {
    const reservation = g.struct(
      xen_memory_reservation,
      { nr_extents: extents as never, extent_order: order, domid: X.DOMID_SELF, ...(from === undefined ? { extent_start: (1n << 64n) - 8n } : {}) },
      from === undefined ? {} : { extent_start: from },
    );
    g.call(`decrease ${name}`, MEMORY, XENMEM_decrease_reservation, reservation).call(`populate ${name}`, MEMORY, XENMEM_populate_physmap, reservation);
  }
  g.call('memory_op go on', MEMORY, XENMEM_decrease_reservation | (77 << 6), 'zeros').call(
    'memory_op far on',
    MEMORY,
    XENMEM_add_to_physmap | 0xffffffc0,
    'zeros',
  );
  g.call('upper halves', 0x1f, -1n, -1n, -1n, -1n, -1n);
}

/** The guest says hello on the console ring, as if nothing had been. */
function helloAgain(g: TestGuest): void {
  const { a } = g;
  const param = g.struct(xen_hvm_param, { domid: X.DOMID_SELF, index: HVM_PARAM_CONSOLE_PFN });
  g.hypercall(X.__HYPERVISOR_hvm_op, HVMOP_get_param, param).a.load(R.r12, at(param, 8)).shl(R.r12, 12);
  const text = 'hello again on the console\r\n';
  a.lea(
    R.si,
    g.define((x) => x.text(text)),
  )
    .load32(R.di, { base: R.r12, disp: 3084 })
    .mov(R.bx, R.di)
    .andi(R.di, 2047)
    .add(R.di, R.r12)
    .addi(R.di, 1024)
    .movi(R.cx, text.length)
    .db(0xf3, 0xa4);
  a.addi(R.bx, text.length).store32({ base: R.r12, disp: 3084 }, R.bx).storei32(at(param, 4), HVM_PARAM_CONSOLE_EVTCHN);
  g.hypercall(X.__HYPERVISOR_hvm_op, HVMOP_get_param, param).a.lea(R.si, param).addi(R.si, 8);
  g.call('notify', X.__HYPERVISOR_event_channel_op, EVTCHNOP_send, { reg: R.si });
}

test('every hypercall with every bad argument', async () => {
  const run = await runGuest((g) => {
    for (const name of ['zeros', 'ones', 'selves', 'decoy', 'mapped', 'ro_zeros']) g.page(name);
    g.page('ro_ones', 0xff);
    g.map(0, 'mapped', PRESENT | WRITE | USER)
      .map(2, 'ro_zeros', PRESENT | USER)
      .map(3, 'ro_ones', PRESENT | USER);
    g.onException(2, () => {});
    everything(g);
    g.say('domains');
    domains(g);
    g.say('sizes');
    sizes(g);
    helloAgain(g);
    g.say('end');
  });
  // What console_io was made to write stands between; the line of the ring is taken out.
  const hello = /hello again on the console\r\n/;
  assert.match(run.console, hello);
  const table = new Map<string, string>();
  const after: string[] = [];
  for (const line of run.console.replace(hello, '').split('\n')) {
    // what console_io was made to write is no text
    const [, name, results] = /^(\d+\.\d+) (.*)$/.exec(line.replaceAll(/[^ -~]+/g, '').replaceAll(/ +/g, ' ')) ?? [];
    if (name !== undefined) table.set(name, results as string);
    else after.push(line);
  }
  const expected = new Map(
    TABLE.trim()
      .split('\n')
      .map((line) => line.trim().split(/ (.*)/, 2) as [string, string]),
  );
  const answered: string[] = [];
  const meant: string[] = [];
  for (let nr = 0; nr < NUMBERS; nr++) {
    for (let cmd = 0; cmd < (NO_SUB_OPERATIONS.has(nr) ? 1 : SUB_OPERATIONS); cmd++) {
      const name = `${nr}.${cmd}`;
      const errno = PRIVILEGED.has(nr) ? -EPERM : nr === X.__HYPERVISOR_vm_assist ? -EINVAL : -ENOSYS;
      answered.push(`${name} ${table.get(name)}`);
      meant.push(`${name} ${expected.get(name) ?? new Array(POINTERS.length).fill(errno).join(' ')}`);
    }
  }
  assert.deepEqual(answered, meant, `each with ${POINTERS.map(([what]) => what).join(', ')}`);
  assert.deepEqual(
    after.filter((line) => line !== ''),
    AFTER.trim()
      .split('\n')
      .map((line) => line.trim()),
  );
  assert.deepEqual(run.messages, []);
  assert.equal(run.status, 0);
});
