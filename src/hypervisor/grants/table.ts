import { domain as domainStruct, MAX_GRANT_FRAMES } from '../domain.ts';
import type { Mfn } from '../../base/brand.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { INVALID_M2P, OWNER_XEN } from '../memory/frame-table.ts';

/** Entries per frame. */
export const V1_PER_FRAME = 512;
export const V2_PER_FRAME = 256;
const STATUS_PER_FRAME = 2048;
export const DEFAULT_MAX_GRANT_FRAMES = 64;

const fields = domainStruct.fields.grants;
const at = (of: Domain): number => of.address + domainStruct.offsets.grants;
export const framesAt = (of: Domain, index: number): number => at(of) + fields.offsets.frames + index * 4;
export const statusFramesAt = (of: Domain, index: number): number => at(of) + fields.offsets.status_frames + index * 4;

/** Number of grant references the table has room for. */
export function grantEntries(of: Domain): number {
  return of.s.grants.nr_frames * (of.s.grants.version === 2 ? V2_PER_FRAME : V1_PER_FRAME);
}

/** Status frames that a table of the current size needs under version 2. */
export function neededStatusFrames(of: Domain): number {
  return Math.ceil((of.s.grants.nr_frames * V2_PER_FRAME) / STATUS_PER_FRAME);
}

/** Make the table at least `count` frames long. False beyond the domain's limit or when memory is used up. */
export function growTable(hv: Hypervisor, of: Domain, count: number): boolean {
  const table = of.s.grants;
  if (count > table.max_frames || count > MAX_GRANT_FRAMES) return false;
  while (table.nr_frames < count) {
    const mfn = hv.frames.allocate(OWNER_XEN);
    if (mfn === undefined) return false;
    hv.memories.stateView.setUint32(framesAt(of, table.nr_frames), mfn, true);
    table.nr_frames += 1;
  }
  return table.version !== 2 || growStatus(hv, of);
}

/** Give a version 2 table its status frames. */
export function growStatus(hv: Hypervisor, of: Domain): boolean {
  const table = of.s.grants;
  while (table.nr_status_frames < neededStatusFrames(of)) {
    const mfn = hv.frames.allocate(OWNER_XEN);
    if (mfn === undefined) return false;
    hv.memories.stateView.setUint32(statusFramesAt(of, table.nr_status_frames), mfn, true);
    table.nr_status_frames += 1;
  }
  return true;
}

/** Machine frame of the table (or of its status array), grown to that index; 0 when it cannot be. */
export function grantTableFrame(hv: Hypervisor, of: Domain, index: number, status: boolean): number {
  if (!(index >= 0 && index < MAX_GRANT_FRAMES)) return 0;
  if (status) {
    if (of.s.grants.version !== 2 || index >= of.s.grants.nr_status_frames) return 0;
    return hv.memories.stateView.getUint32(statusFramesAt(of, index), true);
  }
  if (index >= of.s.grants.nr_frames && !growTable(hv, of, index + 1)) return 0;
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
  for (let i = 0; i < table.nr_frames; i++) hv.frames.put(view.getUint32(framesAt(of, i), true) as never);
  for (let i = 0; i < table.nr_status_frames; i++) hv.frames.put(view.getUint32(statusFramesAt(of, i), true) as never);
  table.nr_frames = 0;
  table.nr_status_frames = 0;
}
