import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as E from '../../spec/xen/event-channel.ts';
import { DOMID_SELF, __HYPERVISOR_event_channel_op as EVENT, shared_info, vcpu_info } from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import { findBroken } from '../testing/invariants.ts';
import { TestMachine } from '../testing/test-machine.ts';

/** What a guest's kernel does with its events, written from the ABI: mask, and take what is pending. */
interface Consumer {
  mask(port: number): void;
  /** Take every event that is due: ports in the order they were found. */
  take(): number[];
}

const words = (m: TestMachine): Int32Array => m.memories.frameWords;

/** The 2-level ABI: a selector, 64 words of pending and of mask bits. */
function twoLevelConsumer(m: TestMachine, d: Domain): Consumer {
  const info = m.vcpu(d).s.info;
  const shared = d.s.shared_info * 4096;
  const pendingAt = (port: number) => (shared + shared_info.offsets.evtchn_pending) / 4 + (port >>> 5);
  const maskAt = (port: number) => (shared + shared_info.offsets.evtchn_mask) / 4 + (port >>> 5);
  return {
    mask: (port) => void Atomics.or(words(m), maskAt(port), 1 << (port & 31)),
    take() {
      const found: number[] = [];
      while (m.memories.frameBytes[info] !== 0) {
        m.memories.frameBytes[info] = 0;
        const select = (info + vcpu_info.offsets.evtchn_pending_sel) / 4;
        for (const half of [0, 1]) {
          const selected = Atomics.exchange(words(m), select + half, 0);
          for (let bit = 0; bit < 32; bit++) {
            if ((selected & (1 << bit)) === 0) continue;
            for (let port = (half * 32 + bit) * 64; port < (half * 32 + bit + 1) * 64; port++) {
              const due = (Atomics.load(words(m), pendingAt(port)) & ~Atomics.load(words(m), maskAt(port)) & (1 << (port & 31))) !== 0;
              if (!due) continue;
              Atomics.and(words(m), pendingAt(port), ~(1 << (port & 31)));
              found.push(port);
            }
          }
        }
      }
      return found;
    },
  };
}

const CONTROL_GFN = 40;
const ARRAY_GFN = 41;
const bit = (n: number): number => 1 << n;

/** The FIFO ABI: 16 queues of event words, linked. */
function fifoConsumer(m: TestMachine, d: Domain): Consumer {
  const info = m.vcpu(d).s.info;
  const control = m.at(d, CONTROL_GFN * 4096) / 4;
  const array = m.at(d, ARRAY_GFN * 4096) / 4;
  const local = new Array<number>(16).fill(0);
  return {
    mask: (port) => void Atomics.or(words(m), array + port, bit(E.EVTCHN_FIFO_MASKED)),
    take() {
      const found: number[] = [];
      while (m.memories.frameBytes[info] !== 0) {
        m.memories.frameBytes[info] = 0;
        let ready = Atomics.exchange(words(m), control, 0);
        while (ready !== 0) {
          const queue = 31 - Math.clz32(ready & -ready);
          const head = local[queue] || Atomics.load(words(m), control + 2 + queue);
          const before = Atomics.and(words(m), array + head, ~(bit(E.EVTCHN_FIFO_LINKED) | E.EVTCHN_FIFO_LINK_MASK));
          const link = before & E.EVTCHN_FIFO_LINK_MASK;
          if (link === 0) ready &= ~bit(queue);
          if ((before & bit(E.EVTCHN_FIFO_PENDING)) !== 0 && (before & bit(E.EVTCHN_FIFO_MASKED)) === 0) {
            Atomics.and(words(m), array + head, ~bit(E.EVTCHN_FIFO_PENDING));
            found.push(head);
          }
          local[queue] = link;
          ready |= Atomics.exchange(words(m), control, 0);
        }
      }
      return found;
    },
  };
}

const PORTS = 12;

function machineWithPorts(fifo: boolean) {
  const m = new TestMachine(1024);
  const d = m.guest({ vcpus: 2 });
  const op = (cmd: number, struct: Parameters<typeof m.op>[3], fields: object) => m.op(d, EVENT, cmd, struct as never, fields as never);
  if (fifo) {
    assert.equal(op(E.EVTCHNOP_init_control, E.evtchn_init_control, { control_gfn: CONTROL_GFN, offset: 0, vcpu: 0 }).result, 0);
    assert.equal(op(E.EVTCHNOP_expand_array, E.evtchn_expand_array, { array_gfn: ARRAY_GFN }).result, 0);
  }
  const ports: number[] = [];
  for (let i = 0; i < PORTS; i++) ports.push(m.op(d, EVENT, E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi, { vcpu: 0 }).port);
  const consumer = fifo ? fifoConsumer(m, d) : twoLevelConsumer(m, d);
  return { m, d, ports, consumer };
}

const step = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('send' as const), port: fc.nat(PORTS - 1) }), weight: 6 },
  { arbitrary: fc.record({ kind: fc.constant('mask' as const), port: fc.nat(PORTS - 1) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('unmask' as const), port: fc.nat(PORTS - 1) }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('take' as const), port: fc.constant(0) }), weight: 2 },
  { arbitrary: fc.record({ kind: fc.constant('priority' as const), port: fc.nat(PORTS - 1), priority: fc.nat(15) }), weight: 1 },
);

for (const fifo of [false, true]) {
  test(`${fifo ? 'FIFO' : '2-level'} ABI: every event sent is taken once, none is lost, masked ones wait`, () => {
    const { m, d, ports, consumer } = machineWithPorts(fifo);
    const info = m.vcpu(d).s.info;
    const pending = new Set<number>();
    const masked = new Set<number>();
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
        for (const s of [...steps, { kind: 'take' as const, port: 0 }]) {
          const port = ports[s.port] as number;
          if (s.kind === 'send') {
            assert.equal(m.op(d, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port }).result, 0);
            pending.add(port);
          } else if (s.kind === 'mask') {
            consumer.mask(port);
            masked.add(port);
          } else if (s.kind === 'unmask') {
            assert.equal(m.op(d, EVENT, E.EVTCHNOP_unmask, E.evtchn_unmask, { port }).result, 0);
            masked.delete(port);
          } else if (s.kind === 'priority') {
            const { result } = m.op(d, EVENT, E.EVTCHNOP_set_priority, E.evtchn_set_priority, { port, priority: s.priority });
            assert.equal(result, fifo ? 0 : -38);
          } else {
            const due = [...pending].filter((p) => !masked.has(p)).sort((a, b) => a - b);
            if (due.length > 0) assert.equal(m.memories.frameBytes[info], 1, 'the vCPU is told of what is due');
            const found = consumer.take();
            assert.deepEqual(
              [...found].sort((a, b) => a - b),
              due,
            );
            for (const p of found) pending.delete(p);
          }
        }
        m.cpu.asked.length = 0;
      }),
      { numRuns: 150, seed: 99 },
    );
    assert.deepEqual(findBroken(m.hv), []);
  });
}

test('FIFO ABI: by priority, then in the order of sending', () => {
  const { m, d, ports, consumer } = machineWithPorts(true);
  const priorities = [7, 7, 2, 7, 15, 2, 0];
  for (const [i, priority] of priorities.entries()) m.op(d, EVENT, E.EVTCHNOP_set_priority, E.evtchn_set_priority, { port: ports[i] as number, priority });
  for (let i = 0; i < priorities.length; i++) m.op(d, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port: ports[i] as number });
  assert.deepEqual(
    consumer.take(),
    [6, 2, 5, 0, 1, 3, 4].map((i) => ports[i]),
  );
});

test('events that are pending when the guest switches to the FIFO ABI come once their words exist', () => {
  const m = new TestMachine(1024);
  const d = m.guest();
  const ports = [1, 2, 3].map(() => m.op(d, EVENT, E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi, { vcpu: 0 }).port);
  for (const port of [ports[0], ports[2]]) m.op(d, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port: port as number });
  m.memories.frameBytes[m.vcpu(d).s.info] = 0;
  m.op(d, EVENT, E.EVTCHNOP_init_control, E.evtchn_init_control, { control_gfn: CONTROL_GFN, offset: 0, vcpu: 0 });
  m.op(d, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port: ports[1] as number });
  m.op(d, EVENT, E.EVTCHNOP_expand_array, E.evtchn_expand_array, { array_gfn: ARRAY_GFN });
  assert.deepEqual(fifoConsumer(m, d).take(), ports);
});

test('corrupted FIFO words and control blocks harm their guest only', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(1023), fc.bigInt(0n, 0xffffffffn)), { maxLength: 40 }),
      fc.array(fc.nat(PORTS - 1), { maxLength: 30 }),
      (damage, sends) => {
        const { m, d, ports } = machineWithPorts(true);
        const control = m.at(d, CONTROL_GFN * 4096) / 4;
        const array = m.at(d, ARRAY_GFN * 4096) / 4;
        for (const [i, send] of sends.entries()) {
          for (const [at, value] of damage) {
            words(m)[array + at] = Number(value) | 0;
            words(m)[control + (at % 18)] = Number(value >> 1n) | 0;
          }
          const port = ports[send] as number;
          m.op(d, EVENT, i % 3 === 0 ? E.EVTCHNOP_unmask : E.EVTCHNOP_send, E.evtchn_send, { port });
          if (i % 5 === 4) m.op(d, EVENT, E.EVTCHNOP_close, E.evtchn_close, { port });
        }
        assert.deepEqual(findBroken(m.hv), []);
      },
    ),
    { numRuns: 15, seed: 5 },
  );
});

test('a port that is still on a queue is not given out again', () => {
  const { m, d, ports, consumer } = machineWithPorts(true);
  const port = ports[0] as number;
  m.op(d, EVENT, E.EVTCHNOP_send, E.evtchn_send, { port });
  m.op(d, EVENT, E.EVTCHNOP_close, E.evtchn_close, { port });
  const next = m.op(d, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: 0 }).port;
  assert.notEqual(next, port);
  assert.deepEqual(consumer.take(), [], 'what is closed is not pending');
  assert.equal(m.op(d, EVENT, E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound, { dom: DOMID_SELF, remote_dom: 0 }).port, port);
});
