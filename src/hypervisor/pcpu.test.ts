import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BUDGET,
  EFLAGS_SYS,
  EXIT_A,
  EXIT_BUDGET,
  EXIT_CR8,
  EXIT_HYPERCALL,
  EXIT_LEN,
  EXIT_REASON,
  HOST_BELL,
  HOST_DEADLINE,
  MODE,
  MODE_CODE64,
  QUIET_AT,
  QUIET_COUNT,
  RAX,
  RDI,
  RDX,
  RETIRED_BASE,
  RIP,
  RSI,
  TIMER_AT,
  TIMER_BASE,
  TIMER_CALL,
  TIMER_COUNT,
  TIMER_OTHERS,
  TSC_OFFSET,
} from '../machine/layout.ts';
import { AMD_X86_64_V2 } from '../spec/x86/cpu-models.ts';
import * as D from '../spec/xen/domctl.ts';
import { EVTCHNOP_bind_virq, evtchn_bind_virq } from '../spec/xen/event-channel.ts';
import { XENMEM_decrease_reservation, XENMEM_populate_physmap, xen_memory_reservation } from '../spec/xen/memory.ts';
import {
  __HYPERVISOR_domctl,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_xen_version,
  DOMID_SELF,
  VIRQ_TIMER,
  vcpu_info,
} from '../spec/xen/xen.ts';
import { AT_ONCE, CALLBACK_VECTOR, NEVER } from './domain.ts';
import { writeGuestConsole } from './guest-console.ts';
import { TIME_HOST, TIME_VIRTUAL } from './header.ts';
import { ELEMENTS_AT_ONCE } from './hypercalls/call.ts';
import type { Domain } from './hypervisor.ts';
import { mailbox, REQUEST, REQUEST_ANSWERED, REQUEST_POSTED, STOP, STOP_WANTED, TURN, TURN_DONE, TURN_NONE, TURN_SHARED, WAKE, WANT_TURN } from './mailbox.ts';
import { newPace, Pcpu } from './pcpu.ts';
import { ARGUMENT_GPA, TestMachine } from './testing/test-machine.ts';
import { Trace } from './trace.ts';

/** What the hypercalls of one part may take at most, in virtual nanoseconds. */
const PART_NS = BigInt(ELEMENTS_AT_ONCE) * 25n;
/** How much longer a slice may be, in host nanoseconds. */
const LONGER = 10_000_000n;
/** Where long lists stand, and the pages that they name. */
const LIST = 0x20000;
const FAR_GFN = 0x10000;

function* steps(work: readonly (() => void)[]): Generator<undefined> {
  for (const step of work) {
    step();
    yield;
  }
}

/** A machine whose guests "run": each does what its script says, else it computes until its budget is used up. */
class Running extends TestMachine {
  readonly pcpu: Pcpu;
  readonly trace = new Trace(new Set(), () => {});
  readonly scripts = new Map<number, (context: number) => number | undefined>();
  onRun: () => void = () => {};
  /** Who ran, when. */
  readonly ran: { domid: number; now: bigint }[] = [];

  constructor(frames: number, beforehand: readonly (() => void)[] = []) {
    super(frames);
    this.cpu.run = (context?: number) => this.runGuest(context as number);
    // domain 0's turn is over when its call was answered
    const { trace } = this;
    const counted = trace.hypercall.bind(trace);
    trace.hypercall = (v, ...rest) => {
      counted(v, ...rest);
      if (v.domain.id === 0) Atomics.store(this.memories.stateWords, TURN, TURN_DONE);
    };
    this.pcpu = new Pcpu({ hv: this.hv, model: AMD_X86_64_V2, trace, processors: 1, rowName: String, beforehand: steps(beforehand) });
    this.hv.header.now = this.time;
  }

  private runGuest(context: number): number {
    const v = this.hv
      .domains()
      .flatMap((d) => this.hv.vcpus(d))
      .find((each) => each.context.address === context);
    assert.ok(v !== undefined);
    this.onRun();
    this.ran.push({ domid: v.domain.id, now: this.hv.now() });
    const exit = this.scripts.get(v.domain.id)?.(context);
    if (exit !== undefined) {
      v.context.setLow(EXIT_REASON, exit);
      return exit;
    }
    assert.ok(v.context.signed(BUDGET) >= 0);
    v.context.setNumber(BUDGET, 0);
    return EXIT_BUDGET;
  }

  /** A guest with a list of `count` gfns from FAR_GFN on, in 64-bit code. */
  withList(count: number): Domain {
    const d = this.guest({ pages: 32 + Math.ceil((count * 8) / 4096) });
    const gfns = new BigUint64Array(count);
    for (let i = 0; i < count; i++) gfns[i] = BigInt(FAR_GFN + i);
    this.poke(d, LIST, new Uint8Array(gfns.buffer));
    this.put(d, ARGUMENT_GPA, xen_memory_reservation, { domid: DOMID_SELF, nr_extents: count, extent_start: BigInt(LIST) });
    this.vcpu(d).context.setLow(MODE, MODE_CODE64);
    return d;
  }

  /** Let `d` make memory_op `op` on its list, and compute after it. Its answers. */
  calls(d: Domain, op: number): bigint[] {
    const c = this.vcpu(d).context;
    const answers: bigint[] = [];
    const start = c.get(RIP);
    c.set(RAX, BigInt(__HYPERVISOR_memory_op));
    c.set(RDI, BigInt(op));
    c.set(RSI, BigInt(ARGUMENT_GPA));
    c.set(RDX, 0n);
    this.scripts.set(d.id, () => {
      c.setLow(EXIT_LEN, 3);
      c.setLow(EXIT_A, 1); // VMMCALL
      if (c.get(RIP) === start) return EXIT_HYPERCALL;
      answers.push(c.get(RAX));
      this.scripts.delete(d.id);
      return undefined;
    });
    return answers;
  }

  /** The turn of domain 0 in which its programs make a domctl without an argument. */
  domctlInTurn(domid: number, cmd: number): bigint {
    const { memories, dom0, hv } = this;
    this.put(dom0, ARGUMENT_GPA, D.xen_domctl, { cmd, interface_version: D.XEN_DOMCTL_INTERFACE_VERSION, domain: domid });
    const box = mailbox(memories);
    box.nr = __HYPERVISOR_domctl;
    for (let i = 0; i < 6; i++) box.args.set(i, i === 0 ? BigInt(ARGUMENT_GPA) : 0n);
    Atomics.store(memories.stateWords, REQUEST, REQUEST_POSTED);
    hv.header.dom0_due = hv.now();
    this.pcpu.step();
    return BigInt.asIntN(64, box.result);
  }
}

/** Let a guest have a timer every `period` ns, and note how late each one fires, as seen by whatever runs next. */
function watchTimer(m: Running, d: Domain, period: bigint): bigint[] {
  const { s } = m.vcpu(d);
  const late: bigint[] = [];
  let wanted = m.hv.now() + period;
  s.periodic_period = period;
  s.periodic_deadline = wanted;
  m.onRun = () => {
    if (s.periodic_deadline === wanted) return;
    late.push(m.hv.now() - wanted);
    wanted = s.periodic_deadline;
  };
  return late;
}

test("a guest's long hypercall: another's timers come in time, the result is whole", () => {
  const COUNT = 10 * ELEMENTS_AT_ONCE;
  const m = new Running(65536);
  const busy = m.withList(COUNT);
  const other = m.guest();
  for (const op of [XENMEM_populate_physmap, XENMEM_decrease_reservation]) {
    const before = busy.s.tot_pages;
    const late = watchTimer(m, other, 50_000n);
    const answers = m.calls(busy, op);
    const began = m.hv.now();
    for (let steps = 0; answers.length === 0; steps++) {
      assert.ok(steps < 10_000);
      m.pcpu.step();
    }
    assert.deepEqual(answers, [BigInt(COUNT)]);
    assert.equal(Math.abs(busy.s.tot_pages - before), COUNT);
    assert.ok(m.hv.now() - began >= 9n * PART_NS, 'the call took time');
    // a timer waits for the end of a part at most
    assert.ok(late.length >= 8, `${late.length} timers`);
    assert.ok(
      late.every((ns) => ns <= PART_NS),
      `${late} ns late`,
    );
  }
});

test("a guest's own timer interrupts its call between two parts, and its TSC goes with the time", () => {
  const m = new Running(16384);
  const d = m.withList(2 * ELEMENTS_AT_ONCE);
  const v = m.vcpu(d);
  const c = v.context;
  c.setLow(EFLAGS_SYS, 1 << 9); // interrupts are on
  d.s.callback_type = CALLBACK_VECTOR;
  d.s.callback_vector = 0x31;
  assert.equal(m.op(d, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 }).result, 0);
  m.put(d, ARGUMENT_GPA, xen_memory_reservation, { domid: DOMID_SELF, nr_extents: 2 * ELEMENTS_AT_ONCE, extent_start: BigInt(LIST) });
  v.s.singleshot_deadline = m.hv.now() + 1_000n;
  const answers = m.calls(d, XENMEM_populate_physmap);
  const start = c.get(RIP);
  let inside = 0;
  m.cpu.interrupt = (_context, vector) => {
    assert.equal(vector, 0x31);
    m.memories.frameBytes[v.s.info + vcpu_info.offsets.evtchn_upcall_pending] = 0; // its handler saw it
    if (c.get(RIP) === start && answers.length === 0) inside++;
  };
  const tsc = (): bigint => BigInt.asUintN(64, c.get(TSC_OFFSET) + c.get(RETIRED_BASE) - c.get(BUDGET));
  for (let steps = 0; answers.length === 0 && steps < 100; steps++) {
    m.pcpu.step();
    assert.equal(tsc(), m.hv.now());
  }
  assert.deepEqual(answers, [BigInt(2 * ELEMENTS_AT_ONCE)]);
  assert.equal(inside, 1);
});

test('while a domain is destroyed in a turn of domain 0, others run between the parts', () => {
  const PAGES = 6 * ELEMENTS_AT_ONCE;
  const m = new Running(65536);
  const gone = m.guest({ pages: PAGES });
  const other = m.guest();
  const late = watchTimer(m, other, 20_000n);
  const free = m.hv.frames.free;
  const freeWhenRun: number[] = [];
  m.scripts.set(other.id, () => {
    freeWhenRun.push(m.hv.frames.free);
    return undefined;
  });
  m.ran.length = 0;
  const began = m.hv.now();
  assert.equal(m.domctlInTurn(gone.id, D.XEN_DOMCTL_destroydomain), 0n);
  assert.equal(m.hv.domain(gone.id), undefined);
  assert.ok(m.hv.frames.free >= free + PAGES);
  // at most a part's pages were given back while nobody else ran (and three more that the domain had beside its RAM)
  const seen = [free, ...freeWhenRun, m.hv.frames.free];
  for (const [i, now] of seen.entries()) assert.ok(i === 0 || now - (seen[i - 1] as number) <= ELEMENTS_AT_ONCE + 3, `${seen}`);
  assert.ok(m.ran.every(({ domid }) => domid === other.id));
  assert.ok(m.hv.now() - began >= 5n * PART_NS);
  assert.ok(late.length >= 20, `${late.length} timers`);
  assert.ok(
    late.every((ns) => ns === 0n),
    'no timer of it is late: domain 0 has a processor of its own',
  );
});

test('nobody to run: a long call of domain 0 takes no time, and its own events wait for the end of it', () => {
  const m = new Running(32768);
  const gone = m.guest({ pages: 3 * ELEMENTS_AT_ONCE });
  const began = m.hv.now();
  m.memories.frameBytes[m.vcpu(m.dom0).s.info + vcpu_info.offsets.evtchn_upcall_pending] = 0;
  assert.equal(m.domctlInTurn(gone.id, D.XEN_DOMCTL_destroydomain), 0n);
  assert.equal(m.hv.now(), began);
});

test('in host time a slice ends at an instant of the clock, a timer armed meanwhile moves it, the mailbox ends it as well; and what a processor does by itself ends there', () => {
  const m = new Running(4096);
  const d = m.guest();
  const v = m.vcpu(d);
  m.hv.header.time_mode = TIME_HOST;
  const told: bigint[] = [];
  const others: bigint[] = [];
  const bells: bigint[] = [];
  m.scripts.set(d.id, () => {
    const c = v.context;
    told.push(c.get(HOST_DEADLINE) - (m.hv.host.monotonic() - m.hv.now()));
    bells.push(c.get(HOST_BELL));
    others.push(c.get(TIMER_OTHERS) - (m.hv.host.monotonic() - m.hv.now()));
    if (told.length === 3) return undefined;
    v.s.singleshot_deadline = m.hv.header.quantum_end - BigInt(told.length);
    c.setLow(EXIT_LEN, 2);
    return EXIT_CR8;
  });
  Atomics.store(m.memories.stateWords, WAKE, 77);
  m.pcpu.step();
  const end = m.hv.header.quantum_end;
  // nobody waits for the slice's end
  assert.deepEqual(told, [end + LONGER, end - 1n, end - 2n]);
  assert.deepEqual(others, [end + LONGER, end + LONGER, end + LONGER]);
  assert.deepEqual(new Set(bells), new Set([(77n << 32n) | BigInt(WAKE * 4)]));
  // with every slice, the processor's part in hypercalls ends
  m.scripts.set(d.id, () => {
    assert.equal(v.context.get(QUIET_AT), 0n);
    v.context.set(QUIET_AT, (1n << 32n) | 8n);
    v.context.setLow(QUIET_COUNT, 3);
    return undefined;
  });
  for (let rounds = 0; rounds < 2; rounds++) m.pcpu.step();
  assert.deepEqual([v.context.get(QUIET_AT), v.context.get(QUIET_COUNT)], [0n, 0n]);
  assert.equal(m.trace.counters(new Uint32Array(0)).hypercalls['event_channel_op'], 6);
  // an exact budget is no guess
  m.hv.header.time_mode = TIME_VIRTUAL;
  m.pcpu.step();
  assert.equal(v.context.get(HOST_DEADLINE), 0n);
});

test('in host time a slice goes on behind a timer, and ends when another vCPU waits or the mailbox was rung', () => {
  const m = new Running(4096);
  const d = m.guest();
  const v = m.vcpu(d);
  const words = m.memories.stateWords;
  m.hv.header.time_mode = TIME_HOST;
  const base = (): bigint => m.hv.host.monotonic() - m.hv.now();
  /** Runs of the guest in one round, each until its budget's instant, and `ahead` of its timer in each; what it does in each. */
  const round = (runs: number, during: (run: number) => void = () => {}): number => {
    let count = 0;
    m.scripts.set(d.id, () => {
      during(count++);
      const late = v.context.get(HOST_DEADLINE) - base() - m.hv.now();
      if (late > 0n) m.time += late;
      if (count === runs) Atomics.add(words, WAKE, 1);
      return undefined;
    });
    m.pcpu.step();
    return count;
  };
  const again = (): void => {
    v.s.singleshot_deadline = m.hv.now() + 4_000_000n;
  };
  assert.equal(round(40, again), 40, 'until the mailbox is rung');
  assert.ok(m.hv.header.quantum_end + LONGER >= m.hv.now(), 'slices followed one another');
  assert.ok(v.s.credit > -20_000_000n, 'and were paid');
  // who is alone may run a little longer, who is not may not
  const ends: bigint[] = [];
  const seeEnd = (): void => {
    ends.push(v.context.get(HOST_DEADLINE) - base() - m.hv.header.quantum_end);
  };
  v.s.singleshot_deadline = NEVER;
  m.time += 2n * LONGER;
  round(1, seeEnd);
  const other = m.guest();
  v.s.credit = m.vcpu(other).s.credit + 100_000_000n;
  m.time += 2n * LONGER;
  assert.equal(round(9, seeEnd), 1);
  assert.deepEqual(ends, [LONGER, 0n]);
});

test('the processor is told where the running vCPU has its timer, unless all calls are to be seen; its answers are counted', () => {
  const m = new Running(4096);
  const d = m.guest();
  const v = m.vcpu(d);
  const c = v.context;
  m.hv.header.time_mode = TIME_HOST;
  m.pcpu.step();
  const { words, at } = v;
  const timer = c.low(TIMER_AT) / 4;
  v.s.singleshot_deadline = 0x1234_5678_9abcn;
  assert.deepEqual([words[timer], words[timer + 1]], [0x5678_9abc, 0x1234]);
  assert.ok(timer > at && c.get(TIMER_AT) >> 32n === BigInt(v.id));
  assert.deepEqual([c.get(TIMER_CALL), c.get(TIMER_BASE)], [(8n << 32n) | 24n, BigInt.asUintN(64, m.hv.host.monotonic() - m.hv.now())]);
  c.setLow(TIMER_COUNT, 5);
  m.pcpu.step();
  assert.equal(m.trace.counters(new Uint32Array(0)).hypercalls['vcpu_op'], 5);
  m.hv.quietCalls = false;
  m.pcpu.step();
  assert.equal(c.get(TIMER_AT), 0n);
});

test('in host time guests run on during a turn of domain 0, unless it must come first', () => {
  const m = new Running(4096);
  const { header, memories } = m.hv;
  const words = memories.stateWords;
  m.guest();
  header.time_mode = TIME_HOST;
  const turn = (): number => Atomics.load(words, TURN);
  /** Slices of the guest in so many rounds. */
  const rounds = (count: number): number => {
    const before = m.ran.length;
    for (let i = 0; i < count; i++) {
      m.time += 1000n;
      m.pcpu.step();
    }
    return m.ran.length - before;
  };
  const post = (): void => {
    mailbox(memories).nr = __HYPERVISOR_xen_version;
    Atomics.store(words, REQUEST, REQUEST_POSTED);
  };
  // where guests wait for the turn, it ends with the answer to this call (see the fixture)
  const alone = (due: bigint): void => {
    header.dom0_due = due;
    post();
    assert.equal(rounds(1), 1);
    assert.deepEqual([turn(), header.dom0_due], [TURN_NONE, NEVER]);
  };
  const share = (): void => {
    header.dom0_due = m.hv.now() + 500n;
    assert.equal(rounds(3), 3);
    assert.equal(turn(), TURN_SHARED);
  };
  alone(1n); // who takes hold of a machine does so before anything runs
  share();
  header.dom0_due = m.hv.now();
  assert.equal(rounds(2), 2, 'what is due meanwhile waits for the end of the turn');
  Atomics.store(words, TURN, TURN_DONE);
  assert.equal(rounds(1), 1);
  assert.equal(turn(), TURN_SHARED, 'and then has its own');
  post();
  assert.equal(rounds(1), 1);
  assert.deepEqual([turn(), Atomics.load(words, REQUEST)], [TURN_NONE, REQUEST_ANSWERED]);
  for (const hurry of [() => void (header.dom0_due = AT_ONCE), () => Atomics.store(words, WANT_TURN, 1)]) {
    share();
    hurry();
    Atomics.store(words, STOP, STOP_WANTED); // nobody answers here: both turns end with it
    assert.equal(rounds(1), 1);
    assert.deepEqual([turn(), header.dom0_due, Atomics.load(words, WANT_TURN)], [TURN_NONE, NEVER, 0], 'the shared one ended and another began');
    Atomics.store(words, STOP, 0);
  }
  // what a guest wrote to the hypervisor's console is taken while it stands still, and it writes no more during a shared turn
  const [, guest] = [...m.hv.domains()];
  assert.ok(guest !== undefined);
  share();
  assert.equal(writeGuestConsole(m.hv, guest, Uint8Array.of(1)), false);
  assert.equal(header.dom0_due, AT_ONCE);
  Atomics.store(words, TURN, TURN_DONE);
  header.dom0_due = NEVER;
  assert.equal(rounds(1), 1);
  assert.equal(writeGuestConsole(m.hv, guest, Uint8Array.of(1)), true);
  alone(m.hv.now());
  header.guest_console_cons = header.guest_console_prod;
  header.time_mode = TIME_VIRTUAL;
  header.now = m.hv.now();
  alone(m.hv.now());
});

test('the pace of the guests follows a slice that took long at once, and a short one hardly', () => {
  const FAST = 3;
  const SLOW = 0.05;
  const after = newPace(FAST, 4_000_000, 80_000_000);
  assert.ok(after > SLOW && after < 4 * SLOW, `${after}`);
  assert.ok(newPace(FAST, 500, 10_000) > 0.98 * FAST);
  assert.equal(newPace(FAST, 3_000_000, 1_000_000), FAST);
});

test("what is to be done beforehand is done in domain 0's turn while it asks for nothing, and all of it before a guest's first instruction", () => {
  const order: string[] = [];
  const words = (): Int32Array => m.memories.stateWords;
  const m: Running = new Running(4096, [
    () => {
      order.push('one');
      // the programs ask for something meanwhile: it comes first
      const box = mailbox(m.memories);
      box.nr = __HYPERVISOR_xen_version;
      for (let i = 0; i < 6; i++) box.args.set(i, 0n);
      Atomics.store(words(), REQUEST, REQUEST_POSTED);
    },
    () => order.push('two'),
    () => order.push('three'),
  ]);
  m.onRun = () => order.push('guest');
  const trace = m.pcpu['trace'];
  const counted = trace.hypercall.bind(trace);
  trace.hypercall = (v, ...rest) => {
    counted(v, ...rest);
    order.push('call');
  };
  m.guest();
  Atomics.store(words(), WANT_TURN, 1);
  m.pcpu.step();
  assert.deepEqual(order.slice(0, 2), ['one', 'call'], 'a step in the turn, then what was asked for, which ends it');
  for (let i = 0; i < 3 && !order.includes('guest'); i++) m.pcpu.step();
  assert.deepEqual(order, ['one', 'call', 'two', 'three', 'guest']);
});
