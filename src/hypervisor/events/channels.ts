import { EvtchnPort } from '../../base/brand.ts';
import { struct, u8, u16, u32 } from '../../base/struct.ts';
import { EVTCHN_FIFO_NR_CHANNELS, EVTCHN_FIFO_PRIORITY_DEFAULT } from '../../spec/xen/event-channel.ts';
import { domain as domainStruct, EVTCHN_BUCKETS, EVTCHNS_PER_BUCKET } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { portsOf } from './two-level.ts';

/** States of a channel, as Xen numbers them (ECS_*). */
export const ECS_FREE = 0;
export const ECS_RESERVED = 1;
export const ECS_UNBOUND = 2;
export const ECS_INTERDOMAIN = 3;
export const ECS_PIRQ = 4;
export const ECS_VIRQ = 5;
export const ECS_IPI = 6;

/** One end of an event channel, in the heap. */
const evtchn = struct('evtchn', {
  state: u8,
  priority: u8,
  /** vCPU that is notified. */
  notify_vcpu: u16,
  /** Unbound and interdomain: the other domain; virq: its number. */
  remote_domid: u16,
  /** FIFO ABI: queue it is or was last linked on (vCPU, priority). */
  last_priority: u8,
  /** Pending before its event word exists (FIFO). */
  pending: u8,
  remote_port: u32,
  last_vcpu: u16,
  fifo_linked_once: u16,
});
export const STRIDE = evtchn.size;

/** Access to a channel's fields at `address`; cheap, holds nothing. */
export class Channel {
  private readonly view: DataView;
  readonly address: number;
  readonly port: EvtchnPort;
  constructor(view: DataView, address: number, port: number) {
    this.view = view;
    this.address = address;
    this.port = EvtchnPort(port);
  }
  get state(): number {
    return this.view.getUint8(this.address);
  }
  set state(value: number) {
    this.view.setUint8(this.address, value);
  }
  get priority(): number {
    return this.view.getUint8(this.address + 1);
  }
  set priority(value: number) {
    this.view.setUint8(this.address + 1, value);
  }
  get notifyVcpu(): number {
    return this.view.getUint16(this.address + 2, true);
  }
  set notifyVcpu(value: number) {
    this.view.setUint16(this.address + 2, value, true);
  }
  get remoteDomid(): number {
    return this.view.getUint16(this.address + 4, true);
  }
  set remoteDomid(value: number) {
    this.view.setUint16(this.address + 4, value, true);
  }
  get lastPriority(): number {
    return this.view.getUint8(this.address + 6);
  }
  set lastPriority(value: number) {
    this.view.setUint8(this.address + 6, value);
  }
  /** FIFO: an event that came before its event word was mapped. */
  get pending(): boolean {
    return this.view.getUint8(this.address + 7) !== 0;
  }
  set pending(value: boolean) {
    this.view.setUint8(this.address + 7, value ? 1 : 0);
  }
  get remotePort(): number {
    return this.view.getUint32(this.address + 8, true);
  }
  set remotePort(value: number) {
    this.view.setUint32(this.address + 8, value, true);
  }
  get lastVcpu(): number {
    return this.view.getUint16(this.address + 12, true);
  }
  set lastVcpu(value: number) {
    this.view.setUint16(this.address + 12, value, true);
  }
  /** Back to the free state; priority as for a new channel. */
  reset(): void {
    this.view.setUint32(this.address, 0, true);
    this.view.setUint32(this.address + 4, 0, true);
    this.view.setUint32(this.address + 8, 0, true);
    this.view.setUint32(this.address + 12, 0, true);
    this.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    this.lastPriority = EVTCHN_FIFO_PRIORITY_DEFAULT;
  }
}

/** Ports a domain may have, by the ABI it uses. */
export function portLimit(of: Domain): number {
  const abi = of.s.fifo === 0 ? portsOf(of) : EVTCHN_FIFO_NR_CHANNELS;
  return Math.min(abi, of.s.max_evtchn_port === 0xffffffff ? abi : of.s.max_evtchn_port + 1);
}

/** The channel at a port the domain may use; undefined when it is out of range or was never allocated. */
export function channel(hv: Hypervisor, of: Domain, port: number): Channel | undefined {
  if (!(port > 0 && port < EVTCHN_BUCKETS * EVTCHNS_PER_BUCKET)) return undefined;
  const view = hv.memories.stateView;
  const bucket = view.getUint32(of.address + domainStruct.offsets.evtchn_buckets + Math.floor(port / EVTCHNS_PER_BUCKET) * 4, true);
  return bucket === 0 ? undefined : new Channel(view, bucket + (port % EVTCHNS_PER_BUCKET) * STRIDE, port);
}

/** The channel at a port below the domain's limit, its bucket made when needed; undefined when the heap is full. */
export function channelMade(hv: Hypervisor, of: Domain, port: number): Channel | undefined {
  const view = hv.memories.stateView;
  const bucketAt = of.address + domainStruct.offsets.evtchn_buckets + Math.floor(port / EVTCHNS_PER_BUCKET) * 4;
  if (view.getUint32(bucketAt, true) === 0) {
    const made = hv.heap.allocate(EVTCHNS_PER_BUCKET * STRIDE);
    if (made === 0) return undefined;
    view.setUint32(bucketAt, made, true);
    for (let i = 0; i < EVTCHNS_PER_BUCKET; i++) new Channel(view, made + i * STRIDE, 0).reset();
  }
  return channel(hv, of, port);
}

/** Every channel from port `from` on that is not free. */
export function* openChannels(hv: Hypervisor, of: Domain, from = 0): Generator<Channel> {
  const view = hv.memories.stateView;
  const first = Math.floor(from / EVTCHNS_PER_BUCKET);
  for (let b = first; b < EVTCHN_BUCKETS; b++) {
    const bucket = view.getUint32(of.address + domainStruct.offsets.evtchn_buckets + b * 4, true);
    if (bucket === 0) continue;
    for (let i = b === first ? from % EVTCHNS_PER_BUCKET : 0; i < EVTCHNS_PER_BUCKET; i++) {
      const found = new Channel(view, bucket + i * STRIDE, b * EVTCHNS_PER_BUCKET + i);
      if (found.state !== ECS_FREE) yield found;
    }
  }
}

/** Free the buckets of a dying domain whose channels are all closed. */
export function freeBuckets(hv: Hypervisor, of: Domain): void {
  const view = hv.memories.stateView;
  for (let b = 0; b < EVTCHN_BUCKETS; b++) {
    const at = of.address + domainStruct.offsets.evtchn_buckets + b * 4;
    const bucket = view.getUint32(at, true);
    if (bucket === 0) continue;
    hv.heap.free(bucket, EVTCHNS_PER_BUCKET * STRIDE);
    view.setUint32(at, 0, true);
  }
}
