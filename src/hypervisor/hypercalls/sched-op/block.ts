import { RUNSTATE_blocked } from '../../../spec/xen/vcpu.ts';
import { vcpu_info } from '../../../spec/xen/xen.ts';
import { VCPUF_blocked } from '../../domain.ts';
import { eventWaits } from '../../events/waits.ts';
import { setRunstate } from '../../time/runstate.ts';
import type { SubOperation } from '../call.ts';

/**
 * SCHEDOP_block: unmask upcalls and sleep until an event or interrupt comes. (An HVM guest executes HLT instead.)
 * @xen sched_op 1 block #Y
 */
export const block: SubOperation = ({ hv, vcpu }) => {
  if (vcpu.s.info !== 0) hv.memories.frameBytes[vcpu.s.info + vcpu_info.offsets.evtchn_upcall_mask] = 0;
  if (eventWaits(hv, vcpu)) return 0;
  vcpu.s.flags |= VCPUF_blocked;
  setRunstate(hv, vcpu, RUNSTATE_blocked);
  return 0;
};
