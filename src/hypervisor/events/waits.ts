import { EFLAGS_SYS } from '../../machine/layout.ts';
import { vcpu_info } from '../../spec/xen/xen.ts';
import { hasPendingInterrupt } from '../arch/x86/interrupts.ts';
import { DOMF_hvm } from '../domain.ts';
import type { Hypervisor, Vcpu } from '../hypervisor.ts';

const IF = 1 << 9;

/** Would the vCPU take an event or interrupt at once if it went on (local_events_need_delivery)? It does not go to sleep then. */
export function eventWaits(hv: Hypervisor, v: Vcpu): boolean {
  if ((v.domain.s.flags & DOMF_hvm) !== 0) return (v.context.low(EFLAGS_SYS) & IF) !== 0 && hasPendingInterrupt(hv, v);
  if (v.s.info === 0) return false;
  const bytes = hv.memories.frameBytes;
  return bytes[v.s.info + vcpu_info.offsets.evtchn_upcall_pending] !== 0 && bytes[v.s.info + vcpu_info.offsets.evtchn_upcall_mask] === 0;
}
