import { FRAME_TABLE, FRAME_TABLE_STRIDE, XENHEAP } from '../../machine/layout.ts';
import { GNTMAP_readonly } from '../../spec/xen/grant-table.ts';
import { channel, ECS_INTERDOMAIN, openChannels } from '../events/channels.ts';
import { activeEntries } from '../grants/active.ts';
import { mapping } from '../grants/maptrack.ts';
import { framesAt, statusFramesAt } from '../grants/table.ts';
import { HEADER, machine_header } from '../header.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { OWNER_XEN } from '../memory/frame-table.ts';
import { FakeCpu } from './fake-cpu.ts';

/** Recount everything from scratch and compare it with what the hypervisor keeps; a line for each difference. */
export function findBroken(hv: Hypervisor): string[] {
  const broken: string[] = [];
  if (hv.cpu instanceof FakeCpu) {
    broken.push(...hv.cpu.stale());
    for (const d of hv.domains()) hv.cpu.fill(d.p2m);
  }
  const view = hv.memories.stateView;
  const references = new Map<number, number>();
  const refer = (mfn: number): void => void references.set(mfn, (references.get(mfn) ?? 0) + 1);
  const pins = new Map<string, { readers: number; writers: number }>();
  for (const d of hv.domains()) {
    countDomain(hv, d, refer);
    for (let handle = 0; handle < d.s.grants.maptrack_entries; handle++) {
      const held = mapping(hv, d, handle);
      if (held === undefined) continue;
      const key = `${held.domid}:${held.ref}`;
      const count = pins.get(key) ?? { readers: 0, writers: 0 };
      if ((held.flags & GNTMAP_readonly) !== 0) count.readers++;
      else count.writers++;
      pins.set(key, count);
      const shown = d.p2m.lookup(held.gfn);
      if (shown?.mfn !== held.mfn) broken.push(`d${d.id} handle ${handle}: gfn ${held.gfn} does not show frame ${held.mfn}`);
    }
  }
  const owned = new Map<number, number>();
  let inUse = 0;
  for (let mfn = hv.header.frame_untouched; mfn < hv.header.frame_last; mfn++) {
    const count = view.getUint32(FRAME_TABLE + mfn * FRAME_TABLE_STRIDE + 4, true);
    if (count !== (references.get(mfn) ?? 0)) broken.push(`frame ${mfn}: ${count} references kept, ${references.get(mfn) ?? 0} found`);
    if (count === 0) continue;
    inUse++;
    const owner = hv.frames.owner(mfn as never);
    if (owner !== undefined && owner !== OWNER_XEN) owned.set(owner, (owned.get(owner) ?? 0) + 1);
  }
  if (hv.frames.free + inUse !== hv.frames.total) broken.push(`${hv.frames.free} frames free and ${inUse} in use of ${hv.frames.total}`);
  for (const d of hv.domains()) {
    if (d.s.tot_pages !== (owned.get(d.id) ?? 0)) broken.push(`d${d.id}: tot_pages ${d.s.tot_pages}, ${owned.get(d.id) ?? 0} found`);
    owned.delete(d.id);
    for (const { ref, act } of activeEntries(hv, d)) {
      const found = pins.get(`${d.id}:${ref}`) ?? { readers: 0, writers: 0 };
      if (found.readers !== act.readers || found.writers !== act.writers)
        broken.push(`d${d.id} reference ${ref}: ${act.readers}+${act.writers} pins kept, ${found.readers}+${found.writers} found`);
      pins.delete(`${d.id}:${ref}`);
    }
    checkChannels(hv, d, broken);
  }
  for (const key of pins.keys()) broken.push(`mapping of ${key} without a pin`);
  for (const id of owned.keys()) broken.push(`frames of a domain ${id} that does not exist`);
  return broken;
}

function countDomain(hv: Hypervisor, d: Domain, refer: (mfn: number) => void): void {
  const view = hv.memories.stateView;
  for (const { mfn, type } of d.p2m.entries()) if (type !== 4) refer(mfn);
  if (d.s.shared_info !== 0) refer(d.s.shared_info);
  for (let i = 0; i < d.s.grants.nr_frames; i++) refer(view.getUint32(framesAt(d, i), true));
  for (let i = 0; i < d.s.grants.nr_status_frames; i++) refer(view.getUint32(statusFramesAt(d, i), true));
  for (const v of hv.vcpus(d)) {
    const page = Math.floor(v.s.info / 4096);
    if (page !== 0 && page !== d.s.shared_info) refer(page);
    if (v.s.fifo_control !== 0) refer(Math.floor(v.s.fifo_control / 4096));
  }
  for (let i = 0; i < d.s.fifo_pages; i++) refer(view.getUint32(d.s.fifo + i * 4, true));
}

function checkChannels(hv: Hypervisor, d: Domain, broken: string[]): void {
  let open = 0;
  for (const ch of openChannels(hv, d)) {
    open++;
    if (ch.state !== ECS_INTERDOMAIN) continue;
    const remote = hv.domain(ch.remoteDomid);
    const theirs = remote === undefined ? undefined : channel(hv, remote, ch.remotePort);
    if (theirs === undefined || theirs.state !== ECS_INTERDOMAIN || theirs.remoteDomid !== d.id || theirs.remotePort !== ch.port)
      broken.push(`d${d.id} port ${ch.port}: its other end does not lead back`);
  }
  if (open !== d.s.active_evtchns) broken.push(`d${d.id}: active_evtchns ${d.s.active_evtchns}, ${open} found`);
}

/** A number that changes when anything does that the hypervisor keeps, or a page of a domain. `without`: pages that may differ. */
export function fingerprint(hv: Hypervisor, without: readonly number[] = []): number {
  const skip = new Set(without);
  let hash = 0x811c9dc5;
  const mix = (words: Int32Array, from: number, to: number): void => {
    for (let i = from / 4; i < to / 4; i++) hash = Math.imul(hash ^ (words[i] as number), 0x01000193);
  };
  mix(hv.memories.stateWords, HEADER, HEADER + machine_header.size);
  mix(hv.memories.stateWords, XENHEAP, hv.header.heap_next);
  const first = hv.header.frame_untouched;
  mix(hv.memories.stateWords, FRAME_TABLE + first * FRAME_TABLE_STRIDE, FRAME_TABLE + hv.header.frame_last * FRAME_TABLE_STRIDE);
  for (let mfn = first; mfn < hv.header.frame_last; mfn++) if (!skip.has(mfn)) mix(hv.memories.frameWords, mfn * 4096, mfn * 4096 + 4096);
  return hash;
}
