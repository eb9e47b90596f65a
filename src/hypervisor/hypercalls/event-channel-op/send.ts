import { QUIET_AT, QUIET_CALL, QUIET_WORD } from '../../../machine/layout.ts';
import { EINVAL } from '../../../spec/xen/errno.ts';
import { EVTCHNOP_send, evtchn_send } from '../../../spec/xen/event-channel.ts';
import { __HYPERVISOR_event_channel_op } from '../../../spec/xen/xen.ts';
import { channel, ECS_INTERDOMAIN, ECS_IPI, ECS_UNBOUND } from '../../events/channels.ts';
import { setPending } from '../../events/deliver.ts';
import { type PendingBit, pendingBit } from '../../events/two-level.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * The same call again does nothing while the event is pending at the other end: the processor answers it. Until the vCPU's next call or its slice's end, before which nobody can close or bind
 * a channel.
 */
function quietUntilTaken({ model }: Hypervisor, { context }: Vcpu, port: number, bit: PendingBit | undefined): void {
  if (bit === undefined) return;
  const quads = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  context.set(QUIET_AT, quads(bit.at, bit.mask));
  context.set(QUIET_CALL, quads(__HYPERVISOR_event_channel_op, EVTCHNOP_send));
  context.set(QUIET_WORD, quads(port, model.vendor === 'GenuineIntel' ? 0 : 1));
}

/**
 * EVTCHNOP_send: notify the other end. Sending on an unbound port is silently dropped.
 * @xen event_channel_op 4 send #Y
 * Fails: EINVAL no such port, or one that is no interdomain or IPI channel.
 */
export const send = subOperation(evtchn_send, ({ hv, caller, vcpu }, arg) => {
  const ch = channel(hv, caller, arg.port);
  if (ch === undefined) return fail(EINVAL);
  if (ch.state === ECS_INTERDOMAIN) {
    const remote = hv.domain(ch.remoteDomid);
    const theirs = remote === undefined ? undefined : channel(hv, remote, ch.remotePort);
    if (remote !== undefined && theirs !== undefined) {
      setPending(hv, remote, theirs);
      if (hv.quietCalls) quietUntilTaken(hv, vcpu, arg.port, pendingBit(remote, theirs.port));
    }
    return ok();
  }
  if (ch.state === ECS_IPI) {
    setPending(hv, caller, ch);
    return ok();
  }
  return ch.state === ECS_UNBOUND ? ok() : fail(EINVAL);
});
