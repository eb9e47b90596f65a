import type { Mfn } from '../../base/brand.ts';
import { EINVAL, ENOENT, ENOMEM, ENOSPC, EOPNOTSUPP } from '../../spec/xen/errno.ts';
import { EVTCHN_FIFO_PRIORITY_DEFAULT, evtchn_fifo_control_block } from '../../spec/xen/event-channel.ts';
import { FIFO_ARRAY_PAGES } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { putPage } from '../lifecycle/reap.ts';
import { p2m_ram_rw } from '../memory/p2m.ts';
import { channel, openChannels } from './channels.ts';
import { setPending } from './deliver.ts';
import { WORDS_PER_PAGE } from './fifo.ts';
import * as twoLevel from './two-level.ts';

/** The guest's own writable page at a gfn, referenced; 0 when there is none. */
function claimPage(hv: Hypervisor, of: Domain, gfn: number): number {
  const entry = of.p2m.lookup(gfn);
  if (entry === undefined || entry.type !== p2m_ram_rw || !entry.writable) return 0;
  hv.frames.get(entry.mfn);
  return entry.mfn;
}

/** Place the control block of a vCPU; the first one switches the domain to the FIFO ABI. 0 or an errno. */
export function initControl(hv: Hypervisor, of: Domain, gfn: number, offset: number, vcpuId: number): number {
  const v = hv.vcpu(of, vcpuId);
  if (v === undefined) return ENOENT;
  if (offset % 8 !== 0 || offset > 4096 - evtchn_fifo_control_block.size) return EINVAL;
  if (v.s.fifo_control !== 0) return EINVAL;
  const mfn = claimPage(hv, of, gfn);
  if (mfn === 0) return EINVAL;
  if (of.s.fifo === 0) {
    const pages = hv.heap.allocate(FIFO_ARRAY_PAGES * 4);
    if (pages === 0) {
      putPage(hv, mfn as Mfn, of);
      return ENOMEM;
    }
    // What is pending now is delivered as soon as its event word exists.
    for (const ch of openChannels(hv, of)) {
      if (twoLevel.isPending(hv, of, ch.port)) ch.pending = true;
      ch.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    of.s.fifo = pages;
    of.s.fifo_pages = 0;
  }
  v.s.fifo_control = mfn * 4096 + offset;
  return 0;
}

/** Add a page of event words. 0 or an errno. Events that came before their word existed are delivered now. */
export function expandArray(hv: Hypervisor, of: Domain, gfn: number): number {
  if (of.s.fifo === 0) return EOPNOTSUPP;
  if (of.s.fifo_pages >= FIFO_ARRAY_PAGES) return ENOSPC;
  const mfn = claimPage(hv, of, gfn);
  if (mfn === 0) return EINVAL;
  const page = of.s.fifo_pages;
  hv.memories.stateView.setUint32(of.s.fifo + page * 4, mfn, true);
  of.s.fifo_pages = page + 1;
  for (let port = Math.max(1, page * WORDS_PER_PAGE); port < (page + 1) * WORDS_PER_PAGE; port++) {
    const ch = channel(hv, of, port);
    if (ch === undefined) {
      port |= 127; // no bucket: none of its ports exists
      continue;
    }
    if (ch.pending) {
      ch.pending = false;
      setPending(hv, of, ch);
    }
  }
  return 0;
}

/** Give the FIFO pages back: the domain is on the 2-level ABI again. */
export function leaveFifo(hv: Hypervisor, of: Domain): void {
  if (of.s.fifo === 0) return;
  for (const v of hv.vcpus(of)) {
    if (v.s.fifo_control !== 0) putPage(hv, Math.floor(v.s.fifo_control / 4096) as Mfn, of);
    v.s.fifo_control = 0;
    v.s.fifo_tail = new Array<number>(16).fill(0) as never;
  }
  for (let page = 0; page < of.s.fifo_pages; page++) putPage(hv, hv.memories.stateView.getUint32(of.s.fifo + page * 4, true) as Mfn, of);
  hv.heap.free(of.s.fifo, FIFO_ARRAY_PAGES * 4);
  of.s.fifo = 0;
  of.s.fifo_pages = 0;
  for (const ch of openChannels(hv, of)) ch.pending = false;
}
