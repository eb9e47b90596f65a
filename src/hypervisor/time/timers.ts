import { SHUTDOWN_watchdog } from '../../spec/xen/sched.ts';
import { VIRQ_TIMER } from '../../spec/xen/xen.ts';
import { timerDeadline, timerExpired } from '../arch/x86/lapic.ts';
import { printk } from '../console-ring.ts';
import { AT_ONCE, domain as domainStruct, NEVER, VCPUF_polling } from '../domain.ts';
import { sendVcpuVirq, stopPolling } from '../events/deliver.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { shutDown } from '../lifecycle/shutdown.ts';

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The next instant (ns) at which some timer of any domain expires, NEVER when none is armed. */
export function nextDeadline(hv: Hypervisor): bigint {
  let next = NEVER;
  for (const d of hv.domains()) {
    if (d.s.is_shut_down !== 0 || d.s.is_dying !== 0) continue;
    if (d.s.watchdog_inuse !== 0) for (let id = 0; id < 2; id++) if (watchdogArmed(d, id)) next = min(next, watchdogDeadline(hv, d, id));
    if (d.s.pause_count !== 0) continue;
    for (const v of hv.vcpus(d)) {
      next = min(next, v.s.singleshot_deadline);
      next = min(next, v.s.periodic_deadline);
      next = min(next, v.s.poll_deadline);
      next = min(next, timerDeadline(hv, v));
    }
  }
  return next;
}

const watchdogAt = (d: Domain, id: number): number => d.address + domainStruct.offsets.watchdog_deadline + id * 8;
const watchdogDeadline = (hv: Hypervisor, d: Domain, id: number): bigint => hv.memories.stateView.getBigUint64(watchdogAt(d, id), true);

/** Fire every timer whose instant has come, in order of domains and vCPUs. */
export function runTimers(hv: Hypervisor): void {
  const now = hv.now();
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
      if (v.s.singleshot_deadline <= now) {
        v.s.singleshot_deadline = NEVER;
        sendVcpuVirq(hv, v, VIRQ_TIMER);
        // Domain 0's own timer names the instant of its turn: nobody else's event is to be waited for.
        if (d.id === 0) hv.header.dom0_due = AT_ONCE;
      }
      if (v.s.periodic_deadline <= now) {
        const period = v.s.periodic_period;
        v.s.periodic_deadline += period * ((now - v.s.periodic_deadline) / period + 1n);
        sendVcpuVirq(hv, v, VIRQ_TIMER);
      }
      if (v.s.poll_deadline <= now && (v.s.flags & VCPUF_polling) !== 0) stopPolling(v);
      if (timerDeadline(hv, v) <= now) timerExpired(hv, v);
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
