import { vcpu_info } from '../../spec/xen/xen.ts';
import { acceptInterrupt } from '../arch/x86/lapic.ts';
import { DOMF_hvm, NEVER, VCPU_WORD, VCPUF_blocked, VCPUF_polling, vcpu as vcpuStruct } from '../domain.ts';
import type { Domain, Hypervisor, Vcpu } from '../hypervisor.ts';
import { type Channel, channel, ECS_FREE } from './channels.ts';
import * as fifo from './fifo.ts';
import * as twoLevel from './two-level.ts';

/** How long after an event for domain 0 its programs run, in virtual time: what a real backend's wake-up costs. */
const DOM0_LATENCY_NS = 5_000n;
/** The same in host time: a turn costs two switches between threads, so a guest that is busy collects events for it; one that waits gets it at once. */
const DOM0_LATENCY_BUSY_NS = 1_000_000n;

/** Make an event of `of` pending and tell the vCPU it is bound to. */
export function setPending(hv: Hypervisor, of: Domain, ch: Channel): void {
  const v = hv.vcpu(of, ch.notifyVcpu) ?? hv.vcpu(of, 0);
  if (v === undefined || of.s.shared_info === 0) return;
  const became = of.s.fifo === 0 ? twoLevel.setPending(hv, of, v, ch.port) : fifo.setPending(hv, of, v, ch);
  if ((became & twoLevel.PENDING_tell) !== 0) markEventsPending(hv, v);
  if ((became & twoLevel.PENDING_fresh) !== 0) wakePollers(hv, of, ch.port);
}

/** Domain 0's programs have something to do: they get a turn soon. */
export function dom0IsDue(hv: Hypervisor): void {
  const due = hv.now() + (hv.virtualTime ? DOM0_LATENCY_NS : DOM0_LATENCY_BUSY_NS);
  if (due < hv.header.dom0_due) hv.header.dom0_due = due;
}

/** Raise the upcall of a vCPU (vcpu_mark_events_pending). */
export function markEventsPending(hv: Hypervisor, v: Vcpu): void {
  if (v.s.info === 0) return;
  const at = v.s.info + vcpu_info.offsets.evtchn_upcall_pending;
  if (hv.memories.frameBytes[at] !== 0) return;
  hv.memories.frameBytes[at] = 1;
  if ((v.domain.s.flags & DOMF_hvm) === 0) {
    // Domain 0's programs have no vCPU of their own that could take an upcall: they get a turn.
    dom0IsDue(hv);
    return;
  }
  if (v.s.evtchn_upcall_vector !== 0) acceptInterrupt(hv, v, v.s.evtchn_upcall_vector);
  else wake(v);
}

/** A blocked vCPU looks for work again. */
export function wake(v: Vcpu): void {
  if ((v.s.flags & VCPUF_blocked) !== 0) v.s.flags &= ~VCPUF_blocked;
}

function wakePollers(hv: Hypervisor, of: Domain, port: number): void {
  const vcpus = hv.vcpus(of);
  for (let i = 0; i < vcpus.length; i++) {
    const v = vcpus[i] as Vcpu;
    if (((v.words[v.at + VCPU_WORD.flags] as number) & VCPUF_polling) === 0) continue;
    if (v.s.poll_port > 0 && v.s.poll_port !== port) continue;
    stopPolling(v);
  }
}

export function stopPolling(v: Vcpu): void {
  v.s.flags &= ~(VCPUF_polling | VCPUF_blocked);
  v.s.poll_deadline = NEVER;
  v.s.poll_port = 0;
}

export function isPending(hv: Hypervisor, of: Domain, port: number): boolean {
  return of.s.fifo === 0 ? twoLevel.isPending(hv, of, port) : fifo.isPending(hv, of, port);
}

export function isMasked(hv: Hypervisor, of: Domain, port: number): boolean {
  return of.s.fifo === 0 ? twoLevel.isMasked(hv, of, port) : fifo.isMasked(hv, of, port);
}

export function clearPending(hv: Hypervisor, of: Domain, port: number): void {
  if (of.s.fifo === 0) twoLevel.clearPending(hv, of, port);
  else fifo.clearPending(hv, of, port);
}

export function unmask(hv: Hypervisor, of: Domain, ch: Channel): void {
  const v = hv.vcpu(of, ch.notifyVcpu) ?? hv.vcpu(of, 0);
  if (v === undefined) return;
  if (of.s.fifo === 0 ? twoLevel.unmask(hv, of, v, ch.port) : fifo.unmask(hv, of, v, ch)) markEventsPending(hv, v);
}

/** Send a per-vCPU virtual interrupt. */
export function sendVcpuVirq(hv: Hypervisor, v: Vcpu, virq: number): void {
  const port = hv.memories.stateView.getUint32(v.address + vcpuStruct.offsets.virq_ports + virq * 4, true);
  if (port === 0) return;
  const ch = channel(hv, v.domain, port);
  if (ch !== undefined && ch.state !== ECS_FREE) setPending(hv, v.domain, ch);
}

/** Send a global virtual interrupt to a domain: its vCPU 0 holds the binding. */
export function sendGlobalVirq(hv: Hypervisor, of: Domain, virq: number): void {
  const v = hv.vcpu(of, 0);
  if (v !== undefined) sendVcpuVirq(hv, v, virq);
}
