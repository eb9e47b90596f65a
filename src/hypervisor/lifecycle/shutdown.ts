import { SHUTDOWN_crash } from '../../spec/xen/sched.ts';
import { VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { printk } from '../console-ring.ts';
import { sendGlobalVirq } from '../events/deliver.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';

/** Longest crash text kept with a domain, in bytes. */
const CRASH_TEXT_MAX = 4096;

/** No reason was given yet. */
export const SHUTDOWN_CODE_INVALID = 0xff;

/** Note why a domain will stop. The first reason counts. */
export function sayShutdownCode(of: Domain, reason: number): void {
  if (of.s.shutdown_code === SHUTDOWN_CODE_INVALID) of.s.shutdown_code = reason & 0xff;
}

/** A domain stops for good (until the toolstack resumes or destroys it); domain 0 hears of it. */
export function shutDown(hv: Hypervisor, of: Domain, reason: number): void {
  if (of.s.is_shut_down !== 0) return;
  sayShutdownCode(of, reason);
  of.s.is_shutting_down = 1;
  of.s.is_shut_down = 1;
  const dom0 = hv.domain(0);
  if (dom0 !== undefined) sendGlobalVirq(hv, dom0, VIRQ_DOM_EXC);
}

/** A domain did something that ends it: keep the reason for the operator and shut it down as crashed. */
export function crashDomain(hv: Hypervisor, of: Domain, reason: string): void {
  if (of.s.is_shut_down !== 0) return;
  printk(hv, `(XEN) domain ${of.id} crashed: ${reason.split('\n')[0]}`);
  hv.host.crashed?.(of.id, reason);
  const bytes = new TextEncoder().encode(reason).subarray(0, CRASH_TEXT_MAX);
  if (of.s.crash_text === 0) {
    const at = hv.heap.allocate(Math.max(1, bytes.length));
    if (at !== 0) {
      hv.memories.stateBytes.set(bytes, at);
      of.s.crash_text = at;
      of.s.crash_text_len = bytes.length;
    }
  }
  shutDown(hv, of, SHUTDOWN_crash);
}
