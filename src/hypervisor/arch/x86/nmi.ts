import { NMI_BLOCKED } from '../../../machine/layout.ts';
import { VCPU_WORD, VCPUF_blocked, VCPUF_nmi_pending } from '../../domain.ts';
import type { Vcpu } from '../../hypervisor.ts';

/** One NMI may wait; while another is being handled (until IRET) it does, and does not end HLT. @see Intel SDM 3A 6.7.1 */
export function raiseNmi(v: Vcpu): void {
  v.s.flags |= VCPUF_nmi_pending;
  if (nmiDue(v)) v.s.flags &= ~VCPUF_blocked;
}

/** An NMI waits, and none is being handled. */
export function nmiDue(v: Vcpu): boolean {
  return ((v.words[v.at + VCPU_WORD.flags] as number) & VCPUF_nmi_pending) !== 0 && v.context.low(NMI_BLOCKED) === 0;
}
