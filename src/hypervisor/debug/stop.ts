import { VIRQ_DEBUGGER } from '../../spec/xen/xen.ts';
import { sendGlobalVirq } from '../events/deliver.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';

/** What stopped a vCPU for the debugger, as gdbsx_domstatus tells it: the exception a PC would have used. */
export const STOP_STEP = 1;
export const STOP_BREAKPOINT = 3;

/** A vCPU did what its domain's debugger waits for: the domain is paused, and the debugger is told. */
export function stopForDebugger(hv: Hypervisor, v: Vcpu, event: number): void {
  const d = v.domain;
  if (d.s.is_shut_down !== 0) return;
  d.s.pause_count += 1;
  v.s.debug_event = event;
  const dom0 = hv.domain(0);
  if (dom0 !== undefined) sendGlobalVirq(hv, dom0, VIRQ_DEBUGGER);
}

/** The debugger is gone: nothing of it stays behind, except that the domain may be paused. */
export function forgetDebugger(hv: Hypervisor, d: Domain): void {
  if (d.s.debugger_attached === 0) return;
  d.s.debugger_attached = 0;
  for (const v of hv.vcpus(d)) {
    v.s.single_step = 0;
    v.s.debug_event = 0;
    hv.cpu.setBreakpoints(v.context.address, undefined);
  }
}
