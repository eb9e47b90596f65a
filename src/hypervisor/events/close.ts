import { vcpu as vcpuStruct } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { type Channel, channel, ECS_FREE, ECS_INTERDOMAIN, ECS_UNBOUND, ECS_VIRQ, openChannels } from './channels.ts';
import { clearPending } from './deliver.ts';

/** Free one end of a channel. */
export function closeChannel(hv: Hypervisor, of: Domain, ch: Channel): void {
  if (ch.state === ECS_VIRQ) {
    for (const v of hv.vcpus(of)) {
      const at = v.address + vcpuStruct.offsets.virq_ports + ch.remoteDomid * 4;
      if (hv.memories.stateView.getUint32(at, true) === ch.port) hv.memories.stateView.setUint32(at, 0, true);
    }
  } else if (ch.state === ECS_INTERDOMAIN) {
    const remote = hv.domain(ch.remoteDomid);
    const theirs = remote === undefined ? undefined : channel(hv, remote, ch.remotePort);
    if (theirs !== undefined && theirs.state === ECS_INTERDOMAIN && theirs.remotePort === ch.port) {
      theirs.state = ECS_UNBOUND;
      theirs.remoteDomid = of.id;
      theirs.remotePort = 0;
    }
  }
  if (of.s.shared_info !== 0) clearPending(hv, of, ch.port);
  const lastVcpu = ch.lastVcpu;
  const lastPriority = ch.lastPriority;
  ch.reset();
  // An event word may still be linked in the queue it was on: that queue keeps its place.
  ch.lastVcpu = lastVcpu;
  ch.lastPriority = lastPriority;
  ch.state = ECS_FREE;
  of.s.active_evtchns -= 1;
}

/** Close up to `most` channels of a domain (reset, destruction), from where the last call ended; false when some are left. */
export function closeSome(hv: Hypervisor, of: Domain, most: number): boolean {
  let closed = 0;
  for (const ch of openChannels(hv, of, of.s.next_evtchn)) {
    if (closed === most) {
      of.s.next_evtchn = ch.port;
      return false;
    }
    closeChannel(hv, of, ch);
    closed++;
  }
  of.s.next_evtchn = 0;
  return true;
}
