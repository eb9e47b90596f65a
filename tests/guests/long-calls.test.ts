import { test } from 'node:test';
import { EVTCHNOP_bind_virq, evtchn_bind_virq } from '../../src/spec/xen/event-channel.ts';
import { XENMEM_decrease_reservation, XENMEM_populate_physmap, xen_memory_reservation } from '../../src/spec/xen/memory.ts';
import {
  __HYPERVISOR_set_timer_op,
  DOMID_SELF,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_memory_op as MEMORY,
  VIRQ_TIMER,
} from '../../src/spec/xen/xen.ts';
import { R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

const CALLBACK = 0x31;
/** Extents of 2 MiB, and where the first is. */
const EXTENTS = 40;
const ORDER = 9;
const FIRST_GFN = 0x1000;

test('a timer interrupts a long hypercall in virtual time: the call is made again, and ends as if nothing had been', async () => {
  const run = await runGuest(
    (g) => {
      const { a } = g;
      g.mapSharedInfo();
      g.upcallBy(CALLBACK);
      g.call('bind_virq', EVENT, EVTCHNOP_bind_virq, g.struct(evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 }));
      const gfns = g.define((b) => {
        for (let i = 0; i < EXTENTS; i++) b.dd(FIRST_GFN + (i << ORDER)).dd(0);
      });
      const list = (extents: number): string =>
        g.struct(xen_memory_reservation, { domid: DOMID_SELF, nr_extents: extents, extent_order: ORDER }, { extent_start: gfns });
      // 150 us from now: the TSC counts nanoseconds of machine time
      a.tsc().addi(R.ax, 150_000).mov(R.di, R.ax);
      g.hypercall(__HYPERVISOR_set_timer_op, { reg: R.di });
      a.sti();
      g.call('7 extents: done at once', MEMORY, XENMEM_decrease_reservation, list(7)).showCount('upcalls', CALLBACK);
      g.call('and back', MEMORY, XENMEM_populate_physmap, list(7)).showCount('upcalls', CALLBACK);
      g.call('40 extents: in parts', MEMORY, XENMEM_decrease_reservation, list(EXTENTS)).showCount('upcalls', CALLBACK);
      g.call('and back', MEMORY, XENMEM_populate_physmap, list(EXTENTS)).showCount('upcalls', CALLBACK);
      a.cli();
    },
    { memory: 128 },
  );
  assertConsole(
    run,
    `
    bind_virq 0
    7 extents: done at once 7
    upcalls 0
    and back 7
    upcalls 0
    40 extents: in parts 40
    upcalls 1
    and back 40
    upcalls 1
  `,
  );
});
