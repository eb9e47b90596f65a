import { SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';
import { VIRQ_TIMER } from '../../spec/xen/xen.ts';
import { timerDeadlineAt, timerExpired } from '../arch/x86/lapic.ts';
import { printk } from '../console-ring.ts';
import { AT_ONCE, domain as domainStruct, NEVER, VCPUF_polling, vcpu as vcpuStruct } from '../domain.ts';
import { sendVcpuVirq, stopPolling } from '../events/deliver.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { shutDown } from '../lifecycle/shutdown.ts';

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const { singleshot_deadline, periodic_deadline, poll_deadline } = vcpuStruct.offsets;

// Nearly all deadlines are NEVER, which the upper half tells; this is asked at every exit.
const armed = (view: DataView, at: number): boolean => view.getInt32(at + 4, true) !== -1;
const sooner = (view: DataView, at: number, than: bigint): bigint => (armed(view, at) ? min(view.getBigUint64(at, true), than) : than);
const expired = (view: DataView, at: number, now: bigint): boolean => armed(view, at) && view.getBigUint64(at, true) <= now;

/** The next instant (ns) at which some timer of any domain expires, NEVER when none is armed. */
export function nextDeadline(hv: Hypervisor): bigint {
  const view = hv.memories.stateView;
  let next = NEVER;
  for (const d of hv.domains()) {
    if (d.s.is_shut_down !== 0 || d.s.is_dying !== 0) continue;
    if (d.s.watchdog_inuse !== 0) for (let id = 0; id < 2; id++) if (watchdogArmed(d, id)) next = min(next, watchdogDeadline(hv, d, id));
    if (d.s.pause_count !== 0) continue;
    for (const v of hv.vcpus(d)) {
      next = sooner(view, v.address + singleshot_deadline, next);
      next = sooner(view, v.address + periodic_deadline, next);
      next = sooner(view, v.address + poll_deadline, next);
      const lapic = timerDeadlineAt(v);
      if (lapic !== 0) next = sooner(view, lapic, next);
    }
  }
  return next;
}

const watchdogAt = (d: Domain, id: number): number => d.address + domainStruct.offsets.watchdog_deadline + id * 8;
const watchdogDeadline = (hv: Hypervisor, d: Domain, id: number): bigint => hv.memories.stateView.getBigUint64(watchdogAt(d, id), true);

/** Fire every timer whose instant has come, in order of domains and vCPUs. */
export function runTimers(hv: Hypervisor): void {
  const now = hv.now();
  const view = hv.memories.stateView;
  for (const d of hv.domains()) {
    if (d.s.is_shut_down !== 0 || d.s.is_dying !== 0) continue;
    for (let id = 0; d.s.watchdog_inuse !== 0 && id < 2; id++) {
      if (watchdogArmed(d, id) && watchdogDeadline(hv, d, id) <= now) {
        printk(hv, `(XEN) Watchdog timer fired for domain ${d.id}`);
        shutDown(hv, d, SHUTDOWN_watchdog);
      }
    }
    if (d.s.pause_count !== 0) continue;
    for (const v of hv.vcpus(d)) {
      if (expired(view, v.address + singleshot_deadline, now)) {
        v.s.singleshot_deadline = NEVER;
        sendVcpuVirq(hv, v, VIRQ_TIMER);
        // Domain 0's own timer names the instant of its turn: nobody else's event is to be waited for.
        if (d.id === 0) hv.header.dom0_due = AT_ONCE;
      }
      if (expired(view, v.address + periodic_deadline, now)) {
        const period = v.s.periodic_period;
        v.s.periodic_deadline += period * ((now - v.s.periodic_deadline) / period + 1n);
        sendVcpuVirq(hv, v, VIRQ_TIMER);
      }
      if (expired(view, v.address + poll_deadline, now) && (v.s.flags & VCPUF_polling) !== 0) stopPolling(v);
      const lapic = timerDeadlineAt(v);
      if (lapic !== 0 && expired(view, lapic, now)) timerExpired(hv, v);
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
