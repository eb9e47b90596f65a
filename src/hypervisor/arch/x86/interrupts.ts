import { EFLAGS_SYS, EXC, SHADOW, WANT_WINDOW, WINDOW_INTERRUPT, WINDOW_NMI } from '../../../machine/layout.ts';
import { vcpu_info } from '../../../spec/xen/xen.ts';
import { CALLBACK_VECTOR, DOMAIN_WORD, VCPU_WORD, VCPUF_nmi_pending } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { acknowledge, pendingInterrupt } from './lapic.ts';
import { nmiDue } from './nmi.ts';

const IF = 1 << 9;
/** EXC: an event waits to be delivered already (layout.ts). */
const EXC_PENDING = 0x1000;

/** Vector of the event upcall that is due by callback (level-like: as long as the pending flag stands), or -1. */
function callbackVector(hv: Hypervisor, v: Vcpu): number {
  const { words, at, domain } = v;
  if (words[domain.at + DOMAIN_WORD.callback_type] !== CALLBACK_VECTOR || words[at + VCPU_WORD.evtchn_upcall_vector] !== 0) return -1;
  const info = (words[at + VCPU_WORD.info] as number) >>> 0;
  if (info === 0 || hv.memories.frameBytes[info + vcpu_info.offsets.evtchn_upcall_pending] === 0) return -1;
  return words[domain.at + DOMAIN_WORD.callback_vector] as number;
}

/** Would something wake the vCPU from HLT? */
export function hasPendingInterrupt(hv: Hypervisor, v: Vcpu): boolean {
  return nmiDue(v) || callbackVector(hv, v) >= 0 || pendingInterrupt(v) >= 0;
}

/**
 * Before a vCPU runs: hand it the interrupt that is due, or ask for an exit when it can take it. An NMI goes first,
 * then the event callback, then the local APIC's vector.
 */
export function deliverPending(hv: Hypervisor, v: Vcpu): void {
  const c = v.context;
  let busy = (c.low(EXC) & EXC_PENDING) !== 0 || c.low(SHADOW) !== 0;
  let window = 0;
  if (((v.words[v.at + VCPU_WORD.flags] as number) & VCPUF_nmi_pending) !== 0) {
    if (busy || !nmiDue(v)) window |= WINDOW_NMI;
    else {
      v.s.flags &= ~VCPUF_nmi_pending;
      hv.cpu.nmi(c.address);
      busy = true;
    }
  }
  const callback = callbackVector(hv, v);
  const vector = callback >= 0 ? callback : pendingInterrupt(v);
  if (vector >= 0) {
    if (busy || (c.low(EFLAGS_SYS) & IF) === 0) window |= WINDOW_INTERRUPT;
    else {
      if (callback < 0) acknowledge(v, vector);
      hv.cpu.interrupt(c.address, vector);
      // More may wait behind it.
      if (pendingInterrupt(v) >= 0) window |= WINDOW_INTERRUPT;
    }
  }
  c.setLow(WANT_WINDOW, window);
}
