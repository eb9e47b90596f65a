import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVTCHNOP_alloc_unbound, EVTCHNOP_send, evtchn_alloc_unbound, evtchn_send } from '../../spec/xen/event-channel.ts';
import { __HYPERVISOR_event_channel_op, VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { sendGlobalVirq } from '../events/deliver.ts';
import { TestMachine } from '../testing/test-machine.ts';
import { Dom0Kernel } from './kernel.ts';

test('events of ports that may be handled beside the guests are taken alone, the others stay', () => {
  const m = new TestMachine();
  const kernel = new Dom0Kernel(m.memories, m.door);
  const guest = m.guest();
  const handled: string[] = [];
  const [store, first, second] = [false, true, true].map((beside, i) => {
    const { port } = m.op(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom: guest.id, remote_dom: 0 });
    kernel.bindInterdomain(guest.id, port, () => void handled.push(`port ${i}`), beside);
    return port;
  });
  kernel.bindVirq(VIRQ_DOM_EXC, () => void handled.push('virq'));
  const send = (port: number | undefined): void => void m.op(guest, __HYPERVISOR_event_channel_op, EVTCHNOP_send, evtchn_send, { port: port ?? 0 });
  const taken = (): string[] => handled.splice(0);

  kernel.handleEvents();
  taken();
  send(first);
  send(second);
  assert.equal(kernel.handleEventsBeside(), false);
  assert.deepEqual(taken(), ['port 1', 'port 2']);
  send(store);
  send(second);
  sendGlobalVirq(m.hv, m.dom0, VIRQ_DOM_EXC);
  assert.equal(kernel.handleEventsBeside(), true);
  assert.deepEqual(taken(), ['port 2']);
  assert.equal(kernel.handleEventsBeside(), true);
  assert.deepEqual(taken(), []);
  kernel.handleEvents();
  assert.deepEqual(taken(), ['port 0', 'virq']);
  // after all of it an event raises the flag again
  m.hv.header.dom0_due = 0xffffffffffffffffn;
  send(first);
  assert.notEqual(m.hv.header.dom0_due, 0xffffffffffffffffn);
});
