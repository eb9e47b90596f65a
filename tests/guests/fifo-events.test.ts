import { test } from 'node:test';
import {
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHNOP_bind_ipi,
  EVTCHNOP_close,
  EVTCHNOP_expand_array,
  EVTCHNOP_init_control,
  EVTCHNOP_reset,
  EVTCHNOP_send,
  EVTCHNOP_set_priority,
  EVTCHNOP_unmask,
  evtchn_bind_ipi,
  evtchn_close,
  evtchn_expand_array,
  evtchn_fifo_control_block,
  evtchn_init_control,
  evtchn_reset,
  evtchn_set_priority,
} from '../../src/spec/xen/event-channel.ts';
import { SCHEDOP_poll, sched_poll } from '../../src/spec/xen/sched.ts';
import { DOMID_SELF, __HYPERVISOR_event_channel_op as EVENT, __HYPERVISOR_sched_op as SCHED } from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

/** The FIFO event ABI: control block, event words, queues by priority, links, masks, and the way back to 2-level. */
const CALLBACK = 0x31;
const HEAD = evtchn_fifo_control_block.offsets.head;
const MASKED = 1 << EVTCHN_FIFO_MASKED;
const LINKED = 1 << EVTCHN_FIFO_LINKED;
const page = (label: string) => ({ label, shift: 12 });

test('FIFO event channels', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.mapSharedInfo();
    g.page('control');
    g.page('words');
    g.upcallBy(CALLBACK);
    // three ports of our own; one is made pending under the 2-level ABI before the switch
    const ports = [0, 1, 2].map((i) => {
      const ipi = g.struct(evtchn_bind_ipi, { vcpu: 0 });
      g.hypercall(EVENT, EVTCHNOP_bind_ipi, ipi).showMemory(`port ${i}`, ipi, evtchn_bind_ipi.offsets.port);
      return { send: g.define((x) => x.dd(3 + i)), number: 3 + i };
    });
    const [one, two, three] = ports as [(typeof ports)[0], (typeof ports)[0], (typeof ports)[0]];
    g.call('expand_array before init_control', EVENT, EVTCHNOP_expand_array, g.struct(evtchn_expand_array, {}, { array_gfn: page('words') }));
    g.call('send before', EVENT, EVTCHNOP_send, three.send);
    g.call('init_control offset 4', EVENT, EVTCHNOP_init_control, g.struct(evtchn_init_control, { offset: 4, vcpu: 0 }, { control_gfn: page('control') }));
    g.call(
      'init_control offset 4090',
      EVENT,
      EVTCHNOP_init_control,
      g.struct(evtchn_init_control, { offset: 4088, vcpu: 0 }, { control_gfn: page('control') }),
    );
    g.call('init_control of no vCPU', EVENT, EVTCHNOP_init_control, g.struct(evtchn_init_control, { offset: 0, vcpu: 9 }, { control_gfn: page('control') }));
    g.call('init_control beyond RAM', EVENT, EVTCHNOP_init_control, g.struct(evtchn_init_control, { offset: 0, vcpu: 0, control_gfn: 0xfffffn }));
    const init = g.struct(evtchn_init_control, { offset: 0, vcpu: 0 }, { control_gfn: page('control') });
    g.call('init_control', EVENT, EVTCHNOP_init_control, init).showMemory('link bits', init, evtchn_init_control.offsets.link_bits, 1);
    g.call('init_control again', EVENT, EVTCHNOP_init_control, init);
    g.showMemory('ready before the words', 'control');
    g.call('expand_array', EVENT, EVTCHNOP_expand_array, g.struct(evtchn_expand_array, {}, { array_gfn: page('words') }));
    g.open().showCount('upcalls', CALLBACK);
    const state = (what: string): void => {
      g.say(what).showMemory('  ready', 'control');
      for (const queue of [0, 7, 15]) g.showMemory(`  head ${queue}`, 'control', HEAD + queue * 4);
      for (const { number } of ports) g.showMemory(`  word ${number}`, 'words', number * 4);
    };
    state('the event of before');
    const take = (number: number): void => void a.storei32(at('words', number * 4), 0);
    const empty = (): void => {
      a.storei32(at('control'), 0);
      for (let queue = 0; queue < 16; queue++) a.storei32(at('control', HEAD + queue * 4), 0);
      for (const { number } of ports) take(number);
    };
    empty();
    // one queue: the second event is linked behind the first, without another upcall
    g.call('send', EVENT, EVTCHNOP_send, one.send).call('send', EVENT, EVTCHNOP_send, two.send).call('send again', EVENT, EVTCHNOP_send, one.send);
    state('one queue');
    g.open().showCount('upcalls', CALLBACK);
    empty();
    // priorities: the queue is the port's
    g.call('priority 0', EVENT, EVTCHNOP_set_priority, g.struct(evtchn_set_priority, { port: two.number, priority: 0 }));
    g.call('priority 15', EVENT, EVTCHNOP_set_priority, g.struct(evtchn_set_priority, { port: three.number, priority: 15 }));
    g.call('priority 16', EVENT, EVTCHNOP_set_priority, g.struct(evtchn_set_priority, { port: three.number, priority: 16 }));
    for (const { send } of [three, one, two]) g.hypercall(EVENT, EVTCHNOP_send, send);
    state('three queues');
    g.open().showCount('upcalls', CALLBACK);
    empty();
    // masks
    a.storei32(at('words', one.number * 4), MASKED);
    g.call('send while masked', EVENT, EVTCHNOP_send, one.send);
    state('masked');
    const poll = g.struct(sched_poll, { nr_ports: 1, timeout: 0n }, { ports: one.send });
    g.call('poll of it', SCHED, SCHEDOP_poll, poll);
    g.call('unmask', EVENT, EVTCHNOP_unmask, one.send);
    state('unmasked');
    // the port is still on its queue: it is not given out again before it was taken off
    g.call('close', EVENT, EVTCHNOP_close, g.struct(evtchn_close, { port: one.number }));
    const again = g.struct(evtchn_bind_ipi, { vcpu: 0 });
    g.hypercall(EVENT, EVTCHNOP_bind_ipi, again).showMemory('next port', again, evtchn_bind_ipi.offsets.port);
    a.load32(R.ax, at('words', one.number * 4)).andi(R.ax, LINKED);
    g.show('still linked');
    empty();
    g.hypercall(EVENT, EVTCHNOP_bind_ipi, again).showMemory('next port', again, evtchn_bind_ipi.offsets.port);
    for (let i = 1; i <= 2; i++) g.call('expand_array', EVENT, EVTCHNOP_expand_array, g.struct(evtchn_expand_array, {}, { array_gfn: page(g.page()) }));
    // hostile links: the tail's word says what the guest likes
    g.say('a storm with broken links');
    g.times(50, () => {
      a.storei32(at('control', HEAD + 28), 0x1ffff)
        .storei32(at('words', 3 * 4), 0x7fffffff)
        .storei32(at('words', 4 * 4), -1);
      for (const { send } of ports) g.hypercall(EVENT, EVTCHNOP_send, send);
      empty();
    });
    g.call('reset', EVENT, EVTCHNOP_reset, g.struct(evtchn_reset, { dom: DOMID_SELF }));
    g.call('send', EVENT, EVTCHNOP_send, one.send);
    const last = g.struct(evtchn_bind_ipi, { vcpu: 0 });
    g.hypercall(EVENT, EVTCHNOP_bind_ipi, last).showMemory('port after the reset', last, evtchn_bind_ipi.offsets.port);
  });
  assertConsole(
    run,
    `
    port 0 3
    port 1 4
    port 2 5
    expand_array before init_control -95
    send before 0
    init_control offset 4 -22
    init_control offset 4090 -22
    init_control of no vCPU -2
    init_control beyond RAM -22
    init_control 0
    link bits 11
    init_control again -22
    ready before the words 0
    expand_array 0
    upcalls 1
    the event of before
      ready 80
      head 0 0
      head 7 5
      head 15 0
      word 3 0
      word 4 0
      word 5 a0000000
    send 0
    send 0
    send again 0
    one queue
      ready 80
      head 0 0
      head 7 3
      head 15 0
      word 3 a0000004
      word 4 a0000000
      word 5 0
    upcalls 2
    priority 0 0
    priority 15 0
    priority 16 -22
    three queues
      ready 8081
      head 0 4
      head 7 3
      head 15 5
      word 3 a0000000
      word 4 a0000000
      word 5 a0000000
    upcalls 3
    send while masked 0
    masked
      ready 0
      head 0 0
      head 7 0
      head 15 0
      word 3 c0000000
      word 4 0
      word 5 0
    poll of it 0
    unmask 0
    unmasked
      ready 80
      head 0 0
      head 7 3
      head 15 0
      word 3 a0000000
      word 4 0
      word 5 0
    close 0
    next port 6
    still linked 20000000
    next port 3
    expand_array 0
    expand_array 0
    a storm with broken links
    reset 0
    send -22
    port after the reset 1
`,
  );
});
