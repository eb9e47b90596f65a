import { EVTCHNOP_reset_cont } from '../../spec/xen/after-4.17.ts';
import { ENOSYS } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/event-channel.ts';
import { __HYPERVISOR_event_channel_op } from '../../spec/xen/xen.ts';
import type { Call, SubOperation } from './call.ts';
import { allocUnbound } from './event-channel-op/alloc-unbound.ts';
import { bindInterdomain } from './event-channel-op/bind-interdomain.ts';
import { bindIpi } from './event-channel-op/bind-ipi.ts';
import { bindVcpu } from './event-channel-op/bind-vcpu.ts';
import { bindVirq } from './event-channel-op/bind-virq.ts';
import { close } from './event-channel-op/close.ts';
import { expandArray } from './event-channel-op/expand-array.ts';
import { initControl } from './event-channel-op/init-control.ts';
import { reset, resetCont } from './event-channel-op/reset.ts';
import { send } from './event-channel-op/send.ts';
import { setPriority } from './event-channel-op/set-priority.ts';
import { status } from './event-channel-op/status.ts';
import { unmask } from './event-channel-op/unmask.ts';
import { permitted } from './rights.ts';

/** By number. */
export const EVENT_CHANNEL_OPERATIONS: ReadonlyMap<number, SubOperation> = new Map([
  [nr.EVTCHNOP_bind_interdomain, bindInterdomain],
  [nr.EVTCHNOP_bind_virq, bindVirq],
  [nr.EVTCHNOP_close, close],
  [nr.EVTCHNOP_send, send],
  [nr.EVTCHNOP_status, status],
  [nr.EVTCHNOP_alloc_unbound, allocUnbound],
  [nr.EVTCHNOP_bind_ipi, bindIpi],
  [nr.EVTCHNOP_bind_vcpu, bindVcpu],
  [nr.EVTCHNOP_unmask, unmask],
  [nr.EVTCHNOP_reset, reset],
  [EVTCHNOP_reset_cont, resetCont],
  [nr.EVTCHNOP_init_control, initControl],
  [nr.EVTCHNOP_expand_array, expandArray],
  [nr.EVTCHNOP_set_priority, setPriority],
]);

/** event_channel_op(cmd, arg). bind_pirq answers ENOSYS: domains of this machine have no physical interrupts yet. */
export function eventChannelOp(call: Call, cmd: number, argument: bigint): number {
  const operation = permitted(call, __HYPERVISOR_event_channel_op, cmd, EVENT_CHANNEL_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
