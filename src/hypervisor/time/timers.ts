import { SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';
import { VIRQ_TIMER } from '../../spec/xen/xen.ts';
import { timerDeadlineAt, timerExpired } from '../arch/x86/lapic.ts';
import { printk } from '../console-ring.ts';
import { AT_ONCE, DOMAIN_ENDED, DOMAIN_WORD, domain as domainStruct, NEVER, VCPU_WORD, VCPUF_polling } from '../domain.ts';
import { sendVcpuVirq, stopPolling } from '../events/deliver.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';
import { shutDown } from '../lifecycle/shutdown.ts';

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

// Nearly all deadlines are NEVER, which the upper half tells; this is asked at every exit. `at`: where one is, in words of `state`.
const armed = (words: Int32Array, at: number): boolean => words[at + 1] !== -1;
const instant = (hv: Hypervisor, at: number): bigint => hv.memories.stateQuads[at / 2] as bigint;
const expired = (hv: Hypervisor, words: Int32Array, at: number, now: bigint): boolean => armed(words, at) && instant(hv, at) <= now;

const ended = ({ words, at }: Domain): boolean => ((words[at + DOMAIN_WORD.is_dying] as number) & DOMAIN_ENDED) !== 0;
const paused = ({ words, at }: Domain): boolean => words[at + DOMAIN_WORD.pause_count] !== 0;
const hasWatchdog = ({ words, at }: Domain): boolean => words[at + DOMAIN_WORD.watchdog_inuse] !== 0;

/** Deadlines of a vCPU's own timers, the single-shot one first. */
const OWN = [VCPU_WORD.singleshot_deadline, VCPU_WORD.periodic_deadline, VCPU_WORD.poll_deadline];

/** When the vCPU's single-shot timer is due, NEVER when it is not armed. */
export const ownDeadline = (hv: Hypervisor, { words, at }: Vcpu): bigint =>
  armed(words, at + VCPU_WORD.singleshot_deadline) ? instant(hv, at + VCPU_WORD.singleshot_deadline) : NEVER;

/** The next instant (ns) at which some timer of any domain expires, NEVER when none is armed. `but`: without this vCPU's single-shot timer. */
export function nextDeadline(hv: Hypervisor, but?: Vcpu): bigint {
  let next = NEVER;
  const domains = hv.domains();
  for (let i = 0; i < domains.length; i++) {
    const d = domains[i] as Domain;
    if (ended(d)) continue;
    if (hasWatchdog(d)) for (let id = 0; id < 2; id++) if (watchdogArmed(d, id)) next = min(next, watchdogDeadline(hv, d, id));
    if (paused(d)) continue;
    const vcpus = hv.vcpus(d);
    for (let k = 0; k < vcpus.length; k++) {
      const { words, at } = vcpus[k] as Vcpu;
      for (let timer = vcpus[k] === but ? 1 : 0; timer < OWN.length; timer++) {
        const own = at + (OWN[timer] as number);
        if (armed(words, own)) next = min(next, instant(hv, own));
      }
      const lapic = timerDeadlineAt(vcpus[k] as Vcpu) / 4;
      if (lapic !== 0 && armed(words, lapic)) next = min(next, instant(hv, lapic));
    }
  }
  return next;
}

const watchdogAt = (d: Domain, id: number): number => d.address + domainStruct.offsets.watchdog_deadline + id * 8;
const watchdogDeadline = (hv: Hypervisor, d: Domain, id: number): bigint => hv.memories.stateView.getBigUint64(watchdogAt(d, id), true);

/** Fire every timer whose instant has come, in order of domains and vCPUs. */
export function runTimers(hv: Hypervisor): void {
  const now = hv.now();
  const domains = hv.domains();
  for (let i = 0; i < domains.length; i++) {
    const d = domains[i] as Domain;
    if (ended(d)) continue;
    for (let id = 0; hasWatchdog(d) && id < 2; id++) {
      if (watchdogArmed(d, id) && watchdogDeadline(hv, d, id) <= now) {
        printk(hv, `(XEN) Watchdog timer fired for domain ${d.id}`);
        shutDown(hv, d, SHUTDOWN_watchdog);
      }
    }
    if (paused(d)) continue;
    const vcpus = hv.vcpus(d);
    for (let k = 0; k < vcpus.length; k++) {
      const v = vcpus[k] as Vcpu;
      const { words, at } = v;
      if (expired(hv, words, at + VCPU_WORD.singleshot_deadline, now)) {
        v.s.singleshot_deadline = NEVER;
        sendVcpuVirq(hv, v, VIRQ_TIMER);
        // Domain 0's own timer names the instant of its turn: nobody else's event is to be waited for.
        if (d.id === 0) hv.header.dom0_due = AT_ONCE;
      }
      if (expired(hv, words, at + VCPU_WORD.periodic_deadline, now)) {
        const period = v.s.periodic_period;
        v.s.periodic_deadline += period * ((now - v.s.periodic_deadline) / period + 1n);
        sendVcpuVirq(hv, v, VIRQ_TIMER);
      }
      if (expired(hv, words, at + VCPU_WORD.poll_deadline, now) && (v.s.flags & VCPUF_polling) !== 0) stopPolling(v);
      const lapic = timerDeadlineAt(v) / 4;
      if (lapic !== 0 && expired(hv, words, lapic, now)) timerExpired(hv, v);
    }
  }
}

export const watchdogArmed = (d: Domain, id: number): boolean => (d.s.watchdog_inuse & (1 << id)) !== 0;

/** Let watchdog `id` (0..1) expire so many seconds from now. */
export function armWatchdog(hv: Hypervisor, d: Domain, id: number, seconds: number): void {
  d.s.watchdog_inuse |= 1 << id;
  hv.memories.stateView.setBigUint64(watchdogAt(d, id), hv.now() + BigInt(seconds) * 1_000_000_000n, true);
}

export function disarmWatchdog(d: Domain, id: number): void {
  d.s.watchdog_inuse &= ~(1 << id);
}
