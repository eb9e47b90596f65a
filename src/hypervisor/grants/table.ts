import type { Mfn } from '../../base/brand.ts';
import { domain as domainStruct, MAX_GRANT_FRAMES } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { OWNER_XEN } from '../memory/frame-table.ts';

/** Entries per frame. */
export const V1_PER_FRAME = 512;
export const V2_PER_FRAME = 256;
const STATUS_PER_FRAME = 2048;
export const DEFAULT_MAX_GRANT_FRAMES = 64;
/** Frames that a table has from the start. */
export const INITIAL_GRANT_FRAMES = 1;

const fields = domainStruct.fields.grants;
const at = (of: Domain): number => of.address + domainStruct.offsets.grants;
export const framesAt = (of: Domain, index: number): number => at(of) + fields.offsets.frames + index * 4;
export const statusFramesAt = (of: Domain, index: number): number => at(of) + fields.offsets.status_frames + index * 4;

/** Number of grant references the table has room for. */
export function grantEntries(of: Domain): number {
  return of.s.grants.nr_frames * (of.s.grants.version === 2 ? V2_PER_FRAME : V1_PER_FRAME);
}

/** Status frames that a table of `frames` frames needs under version 2. */
export const neededStatusFrames = (frames: number): number => Math.ceil((frames * V2_PER_FRAME) / STATUS_PER_FRAME);

/** Make the table at least `count` frames long. False, and nothing changed, beyond the domain's limit or when memory is used up. */
export function growTable(hv: Hypervisor, of: Domain, count: number): boolean {
  const table = of.s.grants;
  const wanted = Math.max(count, INITIAL_GRANT_FRAMES);
  if (wanted > table.max_frames || wanted > MAX_GRANT_FRAMES) return false;
  const status = table.version === 2 ? neededStatusFrames(wanted) - table.nr_status_frames : 0;
  if (hv.frames.free < Math.max(0, wanted - table.nr_frames) + Math.max(0, status)) return false;
  while (table.nr_frames < wanted) {
    hv.memories.stateView.setUint32(framesAt(of, table.nr_frames), hv.frames.allocate(OWNER_XEN) as Mfn, true);
    table.nr_frames += 1;
  }
  return table.version !== 2 || growStatus(hv, of);
}

/** Give a table the status frames of version 2. False, and nothing changed, when memory is used up. */
export function growStatus(hv: Hypervisor, of: Domain): boolean {
  const table = of.s.grants;
  const needed = neededStatusFrames(table.nr_frames);
  if (hv.frames.free < needed - table.nr_status_frames) return false;
  while (table.nr_status_frames < needed) {
    hv.memories.stateView.setUint32(statusFramesAt(of, table.nr_status_frames), hv.frames.allocate(OWNER_XEN) as Mfn, true);
    table.nr_status_frames += 1;
  }
  return true;
}

/** Machine frame of the table (or of its status array), grown to that index; 0 when it cannot be. */
export function grantTableFrame(hv: Hypervisor, of: Domain, index: number, status: boolean): number {
  if (!(index >= 0 && index < MAX_GRANT_FRAMES)) return 0;
  const table = of.s.grants;
  if (status) {
    if (table.version !== 2) return 0;
    const grants = Math.floor(((index + 1) * STATUS_PER_FRAME) / V2_PER_FRAME);
    if (index >= table.nr_status_frames && !growTable(hv, of, grants)) return 0;
    return hv.memories.stateView.getUint32(statusFramesAt(of, index), true);
  }
  if (index >= table.nr_frames && !growTable(hv, of, index + 1)) return 0;
  return hv.memories.stateView.getUint32(framesAt(of, index), true);
}

/** Offset into `frames` of a grant entry's bytes; the reference must be below grantEntries(). */
export function entryAt(hv: Hypervisor, of: Domain, ref: number): number {
  const perFrame = of.s.grants.version === 2 ? V2_PER_FRAME : V1_PER_FRAME;
  const size = of.s.grants.version === 2 ? 16 : 8;
  return hv.memories.stateView.getUint32(framesAt(of, Math.floor(ref / perFrame)), true) * 4096 + (ref % perFrame) * size;
}

/** Offset into `frames` of the halfword that holds Xen's in-use bits of a reference: the flags (v1) or the status word (v2). */
export function statusAt(hv: Hypervisor, of: Domain, ref: number): number {
  if (of.s.grants.version !== 2) return entryAt(hv, of, ref);
  return hv.memories.stateView.getUint32(statusFramesAt(of, Math.floor(ref / STATUS_PER_FRAME)), true) * 4096 + (ref % STATUS_PER_FRAME) * 2;
}

/** Free every frame of the table. Mappings by others must be gone. */
export function destroyTable(hv: Hypervisor, of: Domain): void {
  const table = of.s.grants;
  const view = hv.memories.stateView;
  for (let i = 0; i < table.nr_frames; i++) hv.frames.put(view.getUint32(framesAt(of, i), true) as Mfn);
  for (let i = 0; i < table.nr_status_frames; i++) hv.frames.put(view.getUint32(statusFramesAt(of, i), true) as Mfn);
  table.nr_frames = 0;
  table.nr_status_frames = 0;
}
