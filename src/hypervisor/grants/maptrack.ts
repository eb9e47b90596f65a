import { struct, u16, u32 } from '../../base/struct.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';

/** One mapping that a domain holds of another's page; its index is the handle the domain knows it by. */
const grant_mapping = struct('grant_mapping', {
  /** Reference in the granting domain's table. Free entries: next free handle + 1. */
  ref: u32,
  domid: u16,
  /** GNTMAP_* it was made with, 0 = free. */
  flags: u16,
  /** Where it stands in the holder's p2m, and what. */
  gfn: u32,
  mfn: u32,
});

const PAGE = 4096;
const PER_PAGE = PAGE / grant_mapping.size;
/** Pages of entries that the directory (one page of addresses) has room for: 262,144 mappings. */
export const MAPTRACK_FRAMES_MAX = PAGE / 4;

export type GrantMapping = ReturnType<typeof grant_mapping.at>;

function entry(hv: Hypervisor, of: Domain, handle: number): GrantMapping {
  const view = hv.memories.stateView;
  const page = view.getUint32(of.s.grants.maptrack + Math.floor(handle / PER_PAGE) * 4, true);
  return grant_mapping.at(view, page + (handle % PER_PAGE) * grant_mapping.size);
}

/** The mapping of a handle; undefined when there is none. */
export function mapping(hv: Hypervisor, of: Domain, handle: number): GrantMapping | undefined {
  if (!(handle < of.s.grants.maptrack_entries)) return undefined;
  const found = entry(hv, of, handle);
  return found.flags === 0 ? undefined : found;
}

/** Add a page of free entries; false at the domain's limit or when the heap is full. */
function grow(hv: Hypervisor, of: Domain): boolean {
  const table = of.s.grants;
  const pages = table.maptrack_entries / PER_PAGE;
  if (pages >= table.max_maptrack_frames || pages >= MAPTRACK_FRAMES_MAX) return false;
  if (table.maptrack === 0) table.maptrack = hv.heap.allocate(PAGE);
  const page = table.maptrack === 0 ? 0 : hv.heap.allocate(PAGE);
  if (page === 0) return false;
  hv.memories.stateView.setUint32(table.maptrack + pages * 4, page, true);
  const first = table.maptrack_entries;
  table.maptrack_entries = first + PER_PAGE;
  for (let i = PER_PAGE - 1; i >= 0; i--) {
    entry(hv, of, first + i).ref = table.maptrack_free;
    table.maptrack_free = first + i + 1;
  }
  return true;
}

/** Claim a free handle; undefined when the domain may hold no more mappings or the heap is full. */
export function claimHandle(hv: Hypervisor, of: Domain): number | undefined {
  const table = of.s.grants;
  if (table.maptrack_free === 0 && !grow(hv, of)) return undefined;
  const handle = table.maptrack_free - 1;
  table.maptrack_free = entry(hv, of, handle).ref;
  table.maptrack_used += 1;
  return handle;
}

export function fillHandle(hv: Hypervisor, of: Domain, handle: number, value: { ref: number; domid: number; flags: number; gfn: number; mfn: number }): void {
  Object.assign(entry(hv, of, handle), value);
}

/** Give a handle back. */
export function freeHandle(hv: Hypervisor, of: Domain, handle: number): void {
  const gone = entry(hv, of, handle);
  gone.flags = 0;
  gone.ref = of.s.grants.maptrack_free;
  of.s.grants.maptrack_free = handle + 1;
  of.s.grants.maptrack_used -= 1;
}

/** Free the entries of a domain that holds no mappings any more. */
export function destroyMaptrack(hv: Hypervisor, of: Domain): void {
  const table = of.s.grants;
  if (table.maptrack === 0) return;
  for (let page = 0; page < table.maptrack_entries / PER_PAGE; page++) hv.heap.free(hv.memories.stateView.getUint32(table.maptrack + page * 4, true), PAGE);
  hv.heap.free(table.maptrack, PAGE);
  table.maptrack = 0;
  table.maptrack_entries = 0;
  table.maptrack_free = 0;
}
