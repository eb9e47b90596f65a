import {
  BUDGET,
  CPU_FLAGS,
  CPU_INTEL,
  CPU_OPEN_BUS,
  CPU_WHOLE_BLOCKS,
  CR4_VALID,
  EFER_VALID,
  EXIT_BUDGET,
  EXIT_CPUID,
  EXIT_HYPERCALL,
  EXIT_PAUSE,
  EXIT_WINDOW,
  HOST_BELL,
  HOST_DEADLINE,
  HOST_GRANT,
  HOST_GRANT_MAX,
  HOST_GRANT_MIN,
  HOST_PART,
  HOST_SINCE,
  QUIET_AT,
  QUIET_COUNT,
  RANDOM,
  RETIRED_BASE,
  TIMER_AT,
  TIMER_BASE,
  TIMER_CALL,
  TIMER_COUNT,
  TIMER_OTHERS,
  TSC_OFFSET,
  WANT_WINDOW,
} from '../machine/layout.ts';
import { type CpuModel, cr4Mask, eferMask } from '../spec/x86/cpu-models.ts';
import { RUNSTATE_blocked, RUNSTATE_offline, RUNSTATE_runnable, RUNSTATE_running, VCPUOP_set_singleshot_timer } from '../spec/xen/vcpu.ts';
import { __HYPERVISOR_event_channel_op, __HYPERVISOR_vcpu_op } from '../spec/xen/xen.ts';
import { domainModel } from './arch/x86/cpu-policy.ts';
import { deliverPending, hasPendingInterrupt } from './arch/x86/interrupts.ts';
import { attachContext } from './arch/x86/vcpu-state.ts';
import { STOP_STEP, stopForDebugger } from './debug/stop.ts';
import { AT_ONCE, NEVER, VCPU_WORD, VCPUF_nmi_pending, VCPUF_yields } from './domain.ts';
import { answerWaits, type ExitContext } from './exit-context.ts';
import { handleExit } from './exits.ts';
import { guestConsoleWaits } from './guest-console.ts';
import { GuestPhysicalMemory } from './guest-memory.ts';
import type { Call } from './hypercalls/call.ts';
import { hypercall } from './hypercalls/table.ts';
import type { Hypervisor, Vcpu } from './hypervisor.ts';
import {
  mailbox,
  REQUEST,
  REQUEST_ANSWERED,
  REQUEST_POSTED,
  STOP,
  STOP_WANTED,
  TURN,
  TURN_DONE,
  TURN_GRANTED,
  TURN_NONE,
  TURN_SHARED,
  WAKE,
  WANT_TURN,
  waitForChange,
} from './mailbox.ts';
import { alone, beginSlice, endSlice, nextBudget, runnable } from './scheduler.ts';
import { updateTime } from './time/pvclock.ts';
import { setRunstate } from './time/runstate.ts';
import { nextDeadline, ownDeadline, runTimers } from './time/timers.ts';
import type { Trace } from './trace.ts';

/** Longest uninterrupted run of one vCPU in virtual time, in instructions: bounds how late a host wish for a turn is seen. */
const SLICE = HOST_GRANT_MAX;
/** Host time in which a new pace of the guests counts as much as the one before, in nanoseconds. */
const PACE_NS = 3_000_000;
/** In host time a slice may last so many nanoseconds longer while nobody waits for its end: it ends with a budget that ends anyhow. */
const LONGER_NS = 10_000_000n;
/** Exits handled before the run loop looks at timers, the mailbox and other vCPUs again. */
const EXITS_PER_SLICE = 4096;
/** Nanoseconds of virtual time that an element of a long hypercall takes, once the call stops in the middle. */
const ELEMENT_NS = 25n;
/** Most slices that guests get between two parts of a long hypercall of domain 0's programs. */
const SLICES_BETWEEN = 16;
/** Longest sleep of the idle loop, in ms, so that a lost wake-up is never for ever. */
const IDLE_MS_MAX = 1000;
/** When they ask for nothing for so many ms after a call they are at work on something that takes longer. */
const PAUSE_MS = 0.2;
/** Hypercalls that domain 0's programs may make while guests run: who needs more gets them sooner when the guests wait. */
const SHARED_CALLS = 4;

/** Instructions per nanosecond, after so many were retired in so many nanoseconds. A slice counts by its time: one that took long says what comes. */
export const newPace = (before: number, retired: number, ns: number): number => before + (retired / ns - before) * (ns / (ns + PACE_NS));

const earlier = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** How a pCPU is set up. */
export interface PcpuConfig {
  readonly hv: Hypervisor;
  readonly model: CpuModel;
  readonly trace: Trace;
  /** How many threads of the host may run at once. */
  readonly processors: number;
  rowName(row: number): string;
  /** Work to be done before the first instruction of a guest: step by step while there is no guest, and domain 0's programs ask for nothing. A step may find that it has to wait. */
  readonly beforehand?: Iterator<'waits' | undefined>;
}

/**
 * The run loop of a host thread that executes guests. With one pCPU, all vCPUs of all domains take turns on it as the
 * scheduler says, and machine time advances with what they retire (virtual time) or with the host clock.
 */
export class Pcpu {
  private readonly hv: Hypervisor;
  private readonly x: ExitContext;
  private readonly words: Int32Array;
  private readonly trace: Trace;
  private readonly model: CpuModel;
  private readonly hostBase: bigint;
  private readonly processors: number;
  /** What is left of the work before the first instruction. */
  private beforehand: Iterator<'waits' | undefined> | undefined;
  /** They asked for nothing since the last step of it. */
  private undisturbed = false;
  /** Turns before the first are for those who take hold of the machine. */
  private hadTurn = false;
  /** A turn that guests share goes on, and so many hypercalls were made in it. */
  private shared = false;
  private sharedCalls = 0;
  /** The vCPU in its slice: machine time is `sliceStart` plus what it retired since. */
  private current: Vcpu | undefined;
  private sliceStart = 0n;
  private sliceRetired = 0n;
  /** It ends at this instant at the latest. */
  private until = NEVER;
  /** Instructions per nanosecond lately (host time). */
  private rate = 0.05;
  /** The budget is a guess of how far the vCPU comes in host time until this instant. */
  private guessed = false;
  /** What WAKE was before the mailbox was looked at: the guest runs until it is something else. */
  private seen = 0;

  constructor(config: PcpuConfig) {
    this.hv = config.hv;
    config.hv.model = config.model;
    this.model = config.model;
    this.trace = config.trace;
    this.processors = config.processors;
    this.beforehand = config.beforehand;
    this.x = { hv: config.hv, model: config.model, trace: config.trace, rowName: config.rowName, worked: (elements) => this.worked(elements) };
    this.words = config.hv.memories.stateWords;
    this.hostBase = this.hv.host.monotonic() - this.hv.header.now;
    this.hv.clock = () => this.now();
    // traces are to show them all
    this.hv.quietCalls = !config.trace.wants('hypercalls') && !config.trace.wants('exits');
  }

  private retired(v: Vcpu): bigint {
    return v.context.get(RETIRED_BASE) - BigInt.asIntN(64, v.context.get(BUDGET));
  }

  private now(): bigint {
    if (!this.hv.virtualTime) return this.hv.host.monotonic() - this.hostBase;
    const v = this.current;
    if (v === undefined) return this.hv.header.now;
    return this.sliceStart + (this.retired(v) - this.sliceRetired) * BigInt(this.hv.header.ns_per_instruction);
  }

  /** Attach every vCPU's context to this thread (after a start or a snapshot). */
  attach(): void {
    for (const d of this.hv.domains()) for (const v of this.hv.vcpus(d)) if (d.id !== 0) this.prepare(v);
  }

  private prepare(v: Vcpu): void {
    // a trace of exits is to show them all
    v.context.setLow(CPU_FLAGS, (this.model.vendor === 'GenuineIntel' ? CPU_INTEL : 0) | (this.trace.wants('exits') ? 0 : CPU_OPEN_BUS));
    if (v.context.get(RANDOM) === 0n) v.context.set(RANDOM, this.hv.random());
    const model = domainModel(this.hv, v.domain);
    v.context.setLow(CR4_VALID, cr4Mask(model));
    v.context.setLow(EFER_VALID, eferMask(model));
    attachContext(this.hv, v);
  }

  /** Run until the programs of domain 0 want this thread to end. */
  loop(): void {
    while (Atomics.load(this.words, STOP) !== STOP_WANTED) this.step();
  }

  /** A step of the work before the first instruction, unless domain 0's programs ask for something: WAKE is no longer what was `seen`. They get a while for it after each time. */
  private prepareMeanwhile(seen: number): void {
    const { words } = this;
    if (!this.undisturbed) waitForChange(words, WAKE, seen, PAUSE_MS, this.processors);
    this.undisturbed = Atomics.load(words, WAKE) === seen && this.prepareStep() === 'worked';
  }

  /** A step of the work before the first instruction: whether anything was done, or something is still waited for; undefined: all of it is done. */
  private prepareStep(): 'worked' | 'waits' | undefined {
    const step = this.beforehand?.next();
    if (step?.done !== true) return step?.value ?? (step && 'worked');
    this.beforehand = undefined;
    return undefined;
  }

  /** One round: a turn for domain 0 if it is due, timers, then a slice of a vCPU or a sleep. */
  step(): void {
    const { hv } = this;
    this.seen = Atomics.load(this.words, WAKE);
    if (this.shared) this.attendSharedTurn();
    if (!this.shared) {
      const due = hv.header.dom0_due;
      if (Atomics.load(this.words, WANT_TURN) !== 0) this.grantTurn();
      else if (due !== NEVER && due <= hv.now()) {
        if (this.mayShare(due)) this.shareTurn();
        else this.grantTurn();
      }
    }
    runTimers(hv);
    // A timer of domain 0's: no instruction comes before its turn.
    const stop = this.dom0Stop();
    if (stop !== NEVER && stop <= hv.now()) return;
    const v = this.pick();
    if (v === undefined) this.idle();
    else this.runSlice(v);
  }

  /** The vCPU that ran last while its slice lasts, else the one that the scheduler says. */
  private pick(): Vcpu | undefined {
    const { hv } = this;
    const before = hv.header.current === 0 ? undefined : hv.vcpuAt(hv.header.current);
    if (before !== undefined && hv.header.sched_since !== NEVER && runnable(before) && hv.now() < hv.header.quantum_end) return before;
    endSlice(hv);
    // One that the toolstack paused does not run on, even when nobody takes its place.
    if (before !== undefined && before.s.runstate === RUNSTATE_running && !runnable(before)) setRunstate(hv, before, RUNSTATE_offline);
    const next = beginSlice(hv);
    if (next === undefined) return undefined;
    if (before !== undefined && before !== next && before.s.runstate === RUNSTATE_running) setRunstate(hv, before, RUNSTATE_runnable);
    return next;
  }

  private idle(): void {
    const { hv, words } = this;
    if (this.shared) {
      this.endTurn();
      return;
    }
    const seen = Atomics.load(words, WAKE);
    if (Atomics.load(words, WANT_TURN) !== 0 || Atomics.load(words, STOP) !== 0) return;
    if (this.beforehand !== undefined) {
      this.prepareMeanwhile(seen);
      return;
    }
    if (!hv.virtualTime && hv.header.dom0_due !== NEVER) {
      this.grantTurn();
      return;
    }
    const next = earlier(earlier(hv.header.dom0_due, nextDeadline(hv)), nextBudget(hv));
    const now = hv.now();
    if (next <= now) return;
    if (hv.virtualTime) {
      if (next !== NEVER) hv.header.now = next;
      else Atomics.wait(words, WAKE, seen, IDLE_MS_MAX);
      return;
    }
    const ms = next === NEVER ? IDLE_MS_MAX : Math.min(IDLE_MS_MAX, Number(next - now) / 1e6);
    Atomics.wait(words, WAKE, seen, ms);
  }

  /** The instant at which guests stop for domain 0. In a turn that they share they do so only for what comes at once. */
  private dom0Stop(): bigint {
    const due = this.hv.header.dom0_due;
    return this.shared && due !== AT_ONCE ? NEVER : due;
  }

  /** When the running vCPU is to stop for anything but its own timer: others' timers, or the end of its slice. */
  private othersStop(v: Vcpu): bigint {
    const { hv } = this;
    const { quantum_end } = hv.header;
    const sliceEnd = !hv.virtualTime && quantum_end !== NEVER && alone(hv, v) ? quantum_end + LONGER_NS : quantum_end;
    return earlier(earlier(this.until, this.dom0Stop()), earlier(nextDeadline(hv, v), sliceEnd));
  }

  /** Virtual time: instructions until the next deadline, at most a slice. */
  private budget(now: bigint, deadline: bigint): number {
    const ns = deadline - now;
    return Number(ns < BigInt(SLICE) ? ns / BigInt(this.hv.header.ns_per_instruction) || 1n : BigInt(SLICE));
  }

  /** Let the vCPU run from now until its timer, and until what else it is to stop for, `others`. */
  private allow(v: Vcpu, now: bigint, others: bigint): void {
    if (this.hv.virtualTime) this.setBudget(v, this.budget(now, earlier(others, ownDeadline(this.hv, v))));
    else this.allowHostTime(v, now, others);
  }

  /** In host time the core ends a budget at an instant of the clock, or when the mailbox is rung. Instructions are a guess by the pace of late. */
  private allowHostTime(v: Vcpu, now: bigint, others: bigint): void {
    const c = v.context;
    const stop = earlier(others, ownDeadline(this.hv, v));
    if (stop <= now) {
      this.setBudget(v, HOST_GRANT_MIN);
      return;
    }
    const ns = stop === NEVER ? HOST_PART : Math.min(HOST_PART, Number(stop - now));
    const grant = Math.max(HOST_GRANT_MIN, Math.min(HOST_GRANT_MAX, Math.floor(ns * this.rate)));
    this.setBudget(v, grant);
    this.guessed = true;
    c.set(HOST_DEADLINE, this.hostInstant(stop));
    c.set(TIMER_OTHERS, this.hostInstant(others));
    c.set(HOST_SINCE, now + this.hostBase);
    c.setLow(HOST_GRANT, grant);
    c.set(HOST_BELL, (BigInt(this.seen >>> 0) << 32n) | BigInt(WAKE * 4));
  }

  /** An instant of machine time by the host's clock. */
  private hostInstant(instant: bigint): bigint {
    return instant === NEVER ? NEVER : instant + this.hostBase;
  }

  /** Let the processor take the vCPU's own timer from it, unless a trace is to show that. */
  private answerTimer(v: Vcpu): void {
    const c = v.context;
    c.set(TIMER_AT, this.hv.quietCalls ? (BigInt(v.id) << 32n) | BigInt((v.at + VCPU_WORD.singleshot_deadline) * 4) : 0n);
    c.set(TIMER_CALL, (BigInt(VCPUOP_set_singleshot_timer) << 32n) | BigInt(__HYPERVISOR_vcpu_op));
    c.set(TIMER_BASE, BigInt.asUintN(64, this.hostBase));
  }

  /** The vCPU in its slice worked on a hypercall that goes on later: in virtual time, time passes without an instruction. */
  private worked(elements: number): void {
    const v = this.current;
    if (v === undefined || !this.hv.virtualTime) return;
    const ns = BigInt(elements) * ELEMENT_NS;
    this.sliceStart += ns;
    v.context.set(TSC_OFFSET, BigInt.asUintN(64, v.context.get(TSC_OFFSET) + ns));
  }

  /** Run a vCPU until the next timer, the end of its slice, or `until`, whatever comes first. */
  private runSlice(v: Vcpu, until = NEVER): void {
    const { hv } = this;
    const c = v.context;
    while (this.prepareStep() !== undefined);
    if (c.low(CR4_VALID) === 0) this.prepare(v);
    const start = hv.now();
    this.sliceStart = start;
    this.sliceRetired = this.retired(v);
    this.current = v;
    hv.header.current = v.address;
    const offset = hv.virtualTime ? start - this.sliceRetired * BigInt(hv.header.ns_per_instruction) : -this.hostBase;
    c.set(TSC_OFFSET, BigInt.asUintN(64, offset + v.s.tsc_adjust));
    setRunstate(hv, v, RUNSTATE_running);
    // The clock's line never changes, so one announcement is enough; a rewrite at each slice would make the guest's
    // memory depend on how the run was sliced.
    if (v.s.time_version === 0) updateTime(hv, v);
    const stepping = v.s.single_step !== 0;
    // by the host's clock a budget is a guess
    const flags = c.low(CPU_FLAGS);
    c.setLow(CPU_FLAGS, stepping || hv.virtualTime ? flags & ~CPU_WHOLE_BLOCKS : flags | CPU_WHOLE_BLOCKS);
    this.until = until;
    this.answerTimer(v);
    if (stepping) this.setBudget(v, 1);
    else this.allow(v, start, this.othersStop(v));
    let exits = 0;
    while (runnable(v) && ++exits < EXITS_PER_SLICE) {
      if (answerWaits(v)) this.finishAccess(v);
      // A step is one instruction of the code that is debugged, so interrupts wait.
      else if (stepping) c.setLow(WANT_WINDOW, 0);
      else deliverPending(hv, v);
      const reason = hv.cpu.run(c.address);
      this.trace.exit(v, reason);
      // nobody else has acted, but the guest may close or bind a channel by a call
      if (reason === EXIT_HYPERCALL) this.endQuietCalls(v);
      if (reason === EXIT_BUDGET) {
        if (this.guessed && this.goesOn(v)) continue;
        break;
      }
      if (reason === EXIT_WINDOW) continue;
      if (reason === EXIT_PAUSE) break;
      handleExit(this.x, v, reason);
      // It may have armed an earlier timer or made an event for domain 0 due.
      if (reason !== EXIT_CPUID && (this.guessed || c.signed(BUDGET) > 0)) this.shortenBudget(v);
      // (the core looks whether a guess was right)
      if ((!this.guessed && c.signed(BUDGET) <= 0) || Atomics.load(this.words, WANT_TURN) !== 0) break;
      if (this.shared && Atomics.load(this.words, REQUEST) === REQUEST_POSTED) break;
    }
    this.endQuietCalls(v);
    const retired = this.retired(v) - this.sliceRetired;
    const end = hv.now();
    if (!hv.virtualTime && end > start) this.rate = newPace(this.rate, Number(retired), Number(end - start));
    hv.header.retired += retired;
    v.s.retired_seen += retired;
    this.current = undefined;
    hv.header.now = end;
    if (stepping && retired > 0n && v.domain.s.pause_count === 0) stopForDebugger(hv, v, STOP_STEP);
  }

  /** A budget of host time has ended. When it did for timers only, the vCPU goes on in its slice. */
  private goesOn(v: Vcpu): boolean {
    const { hv, words } = this;
    const { header } = hv;
    const c = v.context;
    if (Atomics.load(words, WAKE) !== this.seen) return false;
    const now = hv.now();
    if (now + this.hostBase < c.get(HOST_DEADLINE) || this.until <= now || this.dom0Stop() <= now) return false;
    runTimers(hv);
    if (header.quantum_end <= now) {
      if (!alone(hv, v)) return false;
      endSlice(hv);
      if (beginSlice(hv) !== v) return false;
    }
    const others = this.othersStop(v);
    if (others <= now) return false;
    const ns = Number(now + this.hostBase - c.get(HOST_SINCE));
    if (ns > 0) this.rate = newPace(this.rate, c.low(HOST_GRANT) - c.signed(BUDGET), ns);
    this.allowHostTime(v, now, others);
    return true;
  }

  /** Others may act now: what had nothing to do may have, and the processor answers no more calls. */
  private endQuietCalls(v: Vcpu): void {
    const c = v.context;
    c.setLow(QUIET_AT, 0);
    this.count(v, QUIET_COUNT, __HYPERVISOR_event_channel_op);
    this.count(v, TIMER_COUNT, __HYPERVISOR_vcpu_op);
  }

  /** Hypercalls that the processor answered, as a slot says. */
  private count(v: Vcpu, slot: number, nr: number): void {
    const count = v.context.low(slot);
    if (count === 0) return;
    this.trace.hypercalls(nr, count);
    v.context.setLow(slot, 0);
  }

  /** An answered access: its instruction ends before anything else happens, then what is pending comes. */
  private finishAccess(v: Vcpu): void {
    v.context.setLow(WANT_WINDOW, 0);
    const waits = hasPendingInterrupt(this.hv, v) || (v.s.flags & VCPUF_nmi_pending) !== 0;
    if (waits || v.context.signed(BUDGET) <= 0) this.setBudget(v, 1);
  }

  /** Allow exactly `n` more instructions. */
  private setBudget(v: Vcpu, n: number): void {
    const c = v.context;
    this.guessed = false;
    c.setLow(HOST_DEADLINE, 0);
    c.add(RETIRED_BASE, n - c.signed(BUDGET));
    c.setNumber(BUDGET, n);
  }

  private shortenBudget(v: Vcpu): void {
    const c = v.context;
    const others = this.othersStop(v);
    const deadline = earlier(others, ownDeadline(this.hv, v));
    if (this.guessed && c.get(HOST_DEADLINE) === this.hostInstant(deadline) && c.get(TIMER_OTHERS) === this.hostInstant(others)) return;
    const now = this.hv.now();
    if (deadline <= now) this.setBudget(v, 0);
    else if (this.guessed) this.allowHostTime(v, now, others);
    else {
      const allowed = this.budget(now, deadline);
      if (allowed < c.signed(BUDGET)) this.setBudget(v, allowed);
    }
  }

  /** Domain 0's programs act: until they are done, this thread serves their hypercalls. */
  private grantTurn(): void {
    Atomics.store(this.words, WANT_TURN, 0);
    this.beginTurn(TURN_GRANTED);
    this.endTurn();
  }

  private beginTurn(kind: typeof TURN_GRANTED | typeof TURN_SHARED): void {
    this.hv.header.dom0_due = NEVER;
    this.hadTurn = true;
    this.setDomain0Runstate(RUNSTATE_running);
    Atomics.store(this.words, TURN, kind);
    Atomics.notify(this.words, TURN);
  }

  /** Serve the programs until their turn is over. */
  private endTurn(): void {
    const { words } = this;
    for (;;) {
      const seen = Atomics.load(words, WAKE);
      if (Atomics.load(words, REQUEST) === REQUEST_POSTED) {
        this.serve();
        continue;
      }
      if (Atomics.load(words, TURN) === TURN_DONE || Atomics.load(words, STOP) === STOP_WANTED) break;
      if (this.beforehand === undefined) waitForChange(words, WAKE, seen, IDLE_MS_MAX, this.processors);
      else this.prepareMeanwhile(seen);
    }
    Atomics.store(words, TURN, TURN_NONE);
    this.shared = false;
    this.setDomain0Runstate(RUNSTATE_blocked);
  }

  /**
   * May the guests run on during the turn that is due? In host time, where what they get from domain 0 need not repeat, and
   * if nobody waits for the turn. What they wrote to the hypervisor's console is taken while they stand still.
   */
  private mayShare(due: bigint): boolean {
    return !this.hv.virtualTime && this.hadTurn && due !== AT_ONCE && !guestConsoleWaits(this.hv);
  }

  private shareTurn(): void {
    this.shared = true;
    this.sharedCalls = 0;
    this.beginTurn(TURN_SHARED);
  }

  /** Between two slices of guests that share domain 0's turn: a hypercall of the programs', or the turn's end. */
  private attendSharedTurn(): void {
    const { hv, words } = this;
    const { header } = hv;
    if (Atomics.load(words, REQUEST) === REQUEST_POSTED) {
      this.serve();
      this.sharedCalls++;
    }
    // who yields may wait for room in a console's ring
    const yields = header.current !== 0 && (hv.vcpuAt(header.current).s.flags & VCPUF_yields) !== 0;
    const hurry = yields || header.dom0_due === AT_ONCE || Atomics.load(words, WANT_TURN) !== 0 || Atomics.load(words, STOP) !== 0;
    if (Atomics.load(words, TURN) === TURN_DONE || this.sharedCalls >= SHARED_CALLS || hurry) this.endTurn();
  }

  /** Domain 0's vCPU is its programs: it runs during their turns, and waits between them. */
  private setDomain0Runstate(state: number): void {
    const dom0 = this.hv.domain(0);
    const v = dom0 === undefined ? undefined : this.hv.vcpu(dom0, 0);
    if (v !== undefined) setRunstate(this.hv, v, state);
  }

  /**
   * Between two parts of a long hypercall of domain 0's programs, guests run for as long as the part before is taken to
   * last. It is domain 0's turn all the while: what they have for it waits until the call has ended.
   */
  private letGuestsRun(elements: number): void {
    const { hv, words } = this;
    const { header } = hv;
    const until = hv.now() + BigInt(elements) * ELEMENT_NS;
    let due = header.dom0_due;
    for (let slices = 0; slices < SLICES_BETWEEN && Atomics.load(words, STOP) !== STOP_WANTED; slices++) {
      header.dom0_due = NEVER;
      this.seen = Atomics.load(words, WAKE);
      runTimers(hv);
      const v = hv.now() < until ? this.pick() : undefined;
      if (v !== undefined) this.runSlice(v, until);
      due = earlier(due, header.dom0_due);
      if (v === undefined) break;
    }
    header.dom0_due = due;
  }

  /** One hypercall of domain 0's programs. */
  private serve(): void {
    const { hv, words } = this;
    const box = mailbox(hv.memories);
    const dom0 = hv.domain(0);
    const v = dom0 === undefined ? undefined : hv.vcpu(dom0, 0);
    if (dom0 !== undefined && v !== undefined) {
      const memory = new GuestPhysicalMemory(hv.memories, hv.frames, hv.cpu, dom0.p2m);
      let result = 0;
      for (let args: readonly bigint[] | undefined = [...box.args]; args !== undefined; ) {
        const call: Call = { hv, caller: dom0, vcpu: v, memory };
        result = hypercall(call, box.nr, args);
        args = call.restart === undefined ? undefined : [...call.restart, ...args.slice(call.restart.length)];
        if (args !== undefined) this.letGuestsRun(call.elements ?? 0);
      }
      this.trace.hypercall(v, box.nr, [...box.args], result);
      box.result = BigInt.asUintN(64, BigInt(result));
    }
    Atomics.store(words, REQUEST, REQUEST_ANSWERED);
    Atomics.notify(words, REQUEST);
  }
}
