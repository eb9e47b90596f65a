import { test } from 'node:test';
import { type Fields, narrow, type Struct, type Update } from '../../src/base/struct.ts';
import { compat_shared_info, compat_vcpu_info } from '../../src/spec/xen/compat.ts';
import {
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_send,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_send,
} from '../../src/spec/xen/event-channel.ts';
import {
  GNTTABOP_copy,
  GNTTABOP_query_size,
  GNTTABOP_setup_table,
  gnttab_copy,
  gnttab_query_size,
  gnttab_setup_table,
} from '../../src/spec/xen/grant-table.ts';
import { HVMOP_set_param, xen_hvm_param } from '../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CALLBACK_IRQ } from '../../src/spec/xen/hvm/params.ts';
import * as M from '../../src/spec/xen/memory.ts';
import { SCHEDOP_poll, SCHEDOP_shutdown, sched_poll, sched_shutdown } from '../../src/spec/xen/sched.ts';
import { VCPUOP_get_runstate_info, vcpu_runstate_info } from '../../src/spec/xen/vcpu.ts';
import { XENVER_platform_parameters, XENVER_version } from '../../src/spec/xen/version.ts';
import * as X from '../../src/spec/xen/xen.ts';
import { Assembler, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { pvhElf } from '../../src/toolstack/guests/pvh-elf.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runKernel } from './kit/run-guest.ts';

const BASE = 0x100000;
/** EBX ECX EDX ESI EDI: arguments of a 32-bit caller. */
const ARGUMENTS = [R.bx, R.cx, R.dx, R.si, R.di] as const;
const AREA = 0x800000;

/** A guest that stays in 32-bit protected mode, as its entry leaves it, and prints results in hexadecimal. */
class CompatGuest {
  readonly a = new Assembler(BASE, 32);
  private readonly data: (() => void)[] = [];
  private unique = 0;

  constructor() {
    this.a.label('entry').lea(R.sp, 'stack_top');
  }

  define(emit: (a: Assembler) => void, alignment = 8): string {
    const label = `data.${this.unique++}`;
    this.data.push(() => emit(this.a.align(alignment).label(label)));
    return label;
  }

  /** A struct as 32-bit code has it; `pointers` are addresses of labels. */
  struct<F extends Fields>(kind: Struct<F>, fields: Update<F>, pointers: Readonly<Record<number, string>> = {}): string {
    const shape = narrow(kind);
    const bytes = new Uint8Array(Math.ceil(shape.size / 4) * 4);
    shape.write(new DataView(bytes.buffer), 0, fields);
    return this.define((a) => {
      for (let at = 0; at < bytes.length; at += 4) {
        const pointer = pointers[at];
        if (pointer === undefined) a.db(...bytes.subarray(at, at + 4));
        else a.ddLabel(pointer);
      }
    });
  }

  hypercall(nr: number, ...args: readonly (number | string)[]): this {
    for (const [i, arg] of args.entries()) {
      if (typeof arg === 'string') this.a.lea(ARGUMENTS[i] as number, arg);
      else this.a.movi(ARGUMENTS[i] as number, arg);
    }
    this.a.movi(R.ax, nr).vmmcall();
    return this;
  }

  /** Make a call and print its result under a name. */
  call(name: string, nr: number, ...args: readonly (number | string)[]): this {
    return this.hypercall(nr, ...args).print(name);
  }

  /** Print EAX. */
  print(name: string): this {
    const text = this.define((a) => a.text(`${name} \0`), 1);
    this.a.push(R.ax).lea(R.si, text).call('puts').pop(R.ax).call('hex');
    return this;
  }

  /** Print 32 bits at a label or address. */
  show(name: string, of: string | number, offset = 0): this {
    if (typeof of === 'string') this.a.lea(R.si, of);
    else this.a.movi(R.si, of);
    this.a.load32(R.ax, { base: R.si, disp: offset });
    return this.print(name);
  }

  finish(): Uint8Array {
    const { a } = this;
    this.hypercall(X.__HYPERVISOR_sched_op, SCHEDOP_shutdown, this.struct(sched_shutdown, { reason: 0 }));
    a.label('stop').hlt().jmp('stop');
    a.label('puts').load8(R.ax, { base: R.si }).test(R.ax, R.ax).jcc(CC.e, 'puts_done').outb(0xe9).addi(R.si, 1).jmp('puts').label('puts_done').ret();
    // EAX as eight digits and a newline
    a.label('hex').mov(R.bx, R.ax).movi(R.cx, 8).label('digit').mov(R.ax, R.bx).shr(R.ax, 28).shl(R.bx, 4);
    a.cmpi(R.ax, 10).jcc(CC.b, 'decimal').addi(R.ax, 39).label('decimal').addi(R.ax, 48).outb(0xe9);
    a.subi(R.cx, 1).jcc(CC.ne, 'digit').movi(R.ax, 10).outb(0xe9).ret();
    for (const emit of this.data) emit();
    a.align(4096).label('shared').space(4096).label('grant_frame').space(4096).label('page').text('what is copied').align(4096).label('other').space(4096);
    a.label('stack').space(4096).label('stack_top');
    return pvhElf(a.finish(), BASE, BASE);
  }
}

test('32-bit code: hypercalls with its pointers, structs, lists and shared memory', async () => {
  const g = new CompatGuest();
  const { a } = g;
  const SELF = X.DOMID_SELF;
  const scratch = g.define((x) => x.space(64));
  const at = <F extends Fields>(kind: Struct<F>, field: keyof F): number => narrow(kind).offsets[field];
  g.call('version', X.__HYPERVISOR_xen_version, XENVER_version, 0);
  g.hypercall(X.__HYPERVISOR_xen_version, XENVER_platform_parameters, scratch);
  g.show('no hypervisor in its addresses', scratch).show('not a byte more', scratch, 4);
  // Shared info in the layout of who sets the callback
  const callback = g.struct(xen_hvm_param, { domid: SELF, index: HVM_PARAM_CALLBACK_IRQ, value: (2n << 56n) | 0xf3n });
  g.call('callback', X.__HYPERVISOR_hvm_op, HVMOP_set_param, callback);
  const placed = (label: string, space: number, idx: number): string =>
    g.define((x) => {
      x.db(SELF & 255, SELF >>> 8, 0, 0)
        .dd(space)
        .dd(idx)
        .ddShifted(label, 12);
    });
  g.call('shared info', X.__HYPERVISOR_memory_op, M.XENMEM_add_to_physmap, placed('shared', M.XENMAPSPACE_shared_info, 0));
  g.show('seconds of the clock', 'shared', compat_shared_info.offsets.wc_sec);
  // An event to itself: a bit in 32 words, and in a selector of 32 bits
  const unbound = g.struct(evtchn_alloc_unbound, { dom: SELF, remote_dom: SELF });
  g.call('unbound', X.__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, unbound);
  const bind = g.struct(evtchn_bind_interdomain, { remote_dom: SELF });
  a.lea(R.si, unbound).load32(R.ax, { base: R.si, disp: evtchn_alloc_unbound.offsets.port });
  a.lea(R.si, bind).store32({ base: R.si, disp: evtchn_bind_interdomain.offsets.remote_port }, R.ax);
  g.call('bind', X.__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, bind);
  a.lea(R.si, bind).load32(R.ax, { base: R.si, disp: evtchn_bind_interdomain.offsets.local_port });
  const send = g.struct(evtchn_send, { port: 0 });
  a.lea(R.si, send).store32({ base: R.si }, R.ax);
  // 33 more ports, so that one in the second word is used
  for (let i = 0; i < 33; i++) g.hypercall(X.__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, unbound);
  a.lea(R.si, unbound).load32(R.ax, { base: R.si, disp: evtchn_alloc_unbound.offsets.port });
  a.lea(R.si, bind).store32({ base: R.si, disp: evtchn_bind_interdomain.offsets.remote_port }, R.ax);
  g.call('bind another', X.__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, bind);
  a.lea(R.si, bind).load32(R.ax, { base: R.si, disp: evtchn_bind_interdomain.offsets.local_port });
  g.print('its port');
  a.lea(R.si, bind).load32(R.ax, { base: R.si, disp: evtchn_bind_interdomain.offsets.local_port });
  a.lea(R.si, send).store32({ base: R.si }, R.ax);
  g.call('send', X.__HYPERVISOR_event_channel_op, EVTCHNOP_send, send);
  const pending = compat_shared_info.offsets.evtchn_pending;
  g.show('pending, first word', 'shared', pending).show('second word', 'shared', pending + 4);
  g.show('selector', 'shared', compat_vcpu_info.offsets.evtchn_pending_sel);
  a.lea(R.si, 'shared').load8(R.ax, { base: R.si });
  g.print('upcall');
  // Grants
  const size = g.struct(gnttab_query_size, { dom: SELF });
  g.call('query size', X.__HYPERVISOR_grant_table_op, GNTTABOP_query_size, size, 1).show('frames', size, at(gnttab_query_size, 'nr_frames'));
  g.call('grant frame', X.__HYPERVISOR_memory_op, M.XENMEM_add_to_physmap, placed('grant_frame', M.XENMAPSPACE_grant_table, 0));
  const setup = g.struct(gnttab_setup_table, { dom: SELF, nr_frames: 1 }, { [at(gnttab_setup_table, 'frame_list')]: scratch });
  g.call('setup table', X.__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, setup, 1);
  a.lea(R.ax, 'grant_frame').shr(R.ax, 12).lea(R.si, scratch).load32(R.dx, { base: R.si }).sub(R.ax, R.dx);
  g.print('it says where it is');
  const copies = g.define((x) => {
    for (const to of ['other', 'other']) {
      x.ddShifted('page', 12).db(SELF & 255, SELF >>> 8, 8, 0);
      x.ddShifted(to, 12).db(SELF & 255, SELF >>> 8, 0, 0);
      x.db(6, 0, 0, 0, 99, 0, 0, 0);
    }
  });
  g.call('two copies', X.__HYPERVISOR_grant_table_op, GNTTABOP_copy, copies, 2);
  g.show('what was copied', 'other').show('status', copies, narrow(gnttab_copy).size + at(gnttab_copy, 'status'));
  // The balloon, by lists of 32-bit frame numbers
  const extents = g.define((x) => x.dd(AREA / 4096).dd(AREA / 4096 + 2));
  const reservation = g.struct(M.xen_memory_reservation, { nr_extents: 2, domid: SELF }, { 0: extents });
  a.movi(R.di, AREA + 0x2000).storei32({ base: R.di }, 0x1234);
  g.call('decrease', X.__HYPERVISOR_memory_op, M.XENMEM_decrease_reservation, reservation).show('gone', AREA + 0x2000);
  g.call('populate', X.__HYPERVISOR_memory_op, M.XENMEM_populate_physmap, reservation).show('fresh', AREA + 0x2000);
  const map = g.struct(M.xen_memory_map, { nr_entries: 128 }, { [at(M.xen_memory_map, 'buffer')]: 'other' });
  g.call('memory map', X.__HYPERVISOR_memory_op, M.XENMEM_memory_map, map).show('type of its first range', 'other', 16);
  // A list of calls
  const list = g.define((x) => {
    x.dd(X.__HYPERVISOR_xen_version).dd(77).dd(XENVER_version).space(20);
    x.dd(X.__HYPERVISOR_multicall).dd(77).space(24);
    x.dd(X.__HYPERVISOR_memory_op).dd(77).dd(M.XENMEM_decrease_reservation).ddLabel(reservation).space(16);
  });
  g.call('multicall', X.__HYPERVISOR_multicall, list, 3).show('first', list, 4).show('in itself', list, 36).show('last', list, 68);
  // Time: 64-bit numbers lie at 4 bytes, and the timeout comes in two registers
  g.call('runstate', X.__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, 'other').show('running', 'other');
  g.show('since, upper half', 'other', at(vcpu_runstate_info, 'state_entry_time') + 4).show('blocked so long', 'other', at(vcpu_runstate_info, 'time') + 16);
  const poll = g.struct(sched_poll, { nr_ports: 0, timeout: 5_000_000_000n });
  g.call('timer', X.__HYPERVISOR_set_timer_op, 0xffffffff, 0).call('poll', X.__HYPERVISOR_sched_op, SCHEDOP_poll, poll);
  g.hypercall(X.__HYPERVISOR_vcpu_op, VCPUOP_get_runstate_info, 0, 'other');
  a.lea(R.si, 'other').load32(R.ax, { base: R.si, disp: at(vcpu_runstate_info, 'time') + 20 });
  g.print('blocked, upper half');
  g.call('poll at the end of its addresses', X.__HYPERVISOR_sched_op, SCHEDOP_poll, 0xfffffff8);
  const text = g.define((x) => x.text('console_io\n'), 1);
  g.call('written', X.__HYPERVISOR_console_io, X.CONSOLEIO_write, 'console_io\n'.length, text);
  const run = await runKernel(g.finish());
  assertConsole(
    run,
    `
      version 00040011
      no hypervisor in its addresses ffffffff
      not a byte more 00000000
      callback 00000000
      shared info 00000000
      seconds of the clock 6955b900
      unbound 00000000
      bind 00000000
      bind another 00000000
      its port 00000026
      send 00000000
      pending, first word 00000010
      second word 00000060
      selector 00000003
      upcall 00000001
      query size 00000000
      frames 00000001
      grant frame 00000000
      setup table 00000000
      it says where it is 00000000
      two copies 00000000
      what was copied 69706f63
      status 00000000
      decrease 00000002
      gone ffffffff
      populate 00000002
      fresh 00000000
      memory map 00000000
      type of its first range 00000001
      multicall 00000000
      first 00040011
      in itself ffffffea
      last 00000002
      runstate 00000000
      running 00000000
      since, upper half 00000000
      blocked so long 00000000
      timer 00000000
      poll 00000000
      blocked, upper half 00000001
      poll at the end of its addresses fffffff2
      console_io
      written 00000000
    `,
  );
});
