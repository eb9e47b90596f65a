import { array, struct, u16, u32 } from '../../base/struct.ts';
import { domain as domainStruct, MAX_GRANT_FRAMES } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { V1_PER_FRAME, V2_PER_FRAME } from './table.ts';

/** A grant reference in use: what was found in the guest's entry when it was first pinned, and how often it is pinned. */
const active_entry = struct('active_entry', {
  mfn: u32,
  /** Mappings and copies under way that read, and that read and write. */
  readers: u16,
  writers: u16,
  /** Who uses it. */
  domid: u16,
  /** 1 when only bytes start..start+length of the page were granted: never mapped, only copied. */
  sub_page: u16,
  start: u16,
  length: u16,
});
/** Enough entries for either version of the table. */
const block = array(active_entry, V1_PER_FRAME);

/** Most pins of one kind that a reference may have. @see xen/common/grant_table.c: eight bits, the top one stops */
export const PINS_MAX = 128;

const blocksAt = (of: Domain): number => of.address + domainStruct.offsets.grants + domainStruct.fields.grants.offsets.active;

/** A live view of the active entry of a reference. */
export type ActiveEntry = ReturnType<typeof active_entry.at>;

/** The active entry of a reference below grantEntries(); undefined when there is none yet and the heap is full. */
export function activeEntry(hv: Hypervisor, of: Domain, ref: number): ActiveEntry | undefined {
  const view = hv.memories.stateView;
  const perFrame = of.s.grants.version === 2 ? V2_PER_FRAME : V1_PER_FRAME;
  const at = blocksAt(of) + Math.floor(ref / perFrame) * 4;
  let address = view.getUint32(at, true);
  if (address === 0) {
    address = hv.heap.allocate(block.size);
    if (address === 0) return undefined;
    view.setUint32(at, address, true);
  }
  return active_entry.at(view, address + (ref % perFrame) * active_entry.size);
}

export const pinned = (act: ActiveEntry): boolean => act.readers !== 0 || act.writers !== 0;

/** May the reference be pinned once more for `domid`? */
export function mayPinAgain(act: ActiveEntry, domid: number, readonly: boolean): boolean {
  return act.domid === domid && (readonly ? act.readers : act.writers) < PINS_MAX;
}

/** Count one pin more (`by` 1) or less (-1). */
export function countPin(act: ActiveEntry, readonly: boolean, by: number): void {
  if (readonly) act.readers += by;
  else act.writers += by;
}

/** Every reference in use. */
export function* activeEntries(hv: Hypervisor, of: Domain): Generator<{ ref: number; act: ActiveEntry }> {
  const perFrame = of.s.grants.version === 2 ? V2_PER_FRAME : V1_PER_FRAME;
  for (let frame = 0; frame < MAX_GRANT_FRAMES; frame++) {
    const address = hv.memories.stateView.getUint32(blocksAt(of) + frame * 4, true);
    if (address === 0) continue;
    for (let i = 0; i < perFrame; i++) {
      const act = active_entry.at(hv.memories.stateView, address + i * active_entry.size);
      if (pinned(act)) yield { ref: frame * perFrame + i, act };
    }
  }
}

/** Free all entries of a domain whose references nobody uses. */
export function destroyActive(hv: Hypervisor, of: Domain): void {
  const view = hv.memories.stateView;
  for (let frame = 0; frame < MAX_GRANT_FRAMES; frame++) {
    const at = blocksAt(of) + frame * 4;
    const address = view.getUint32(at, true);
    if (address !== 0) hv.heap.free(address, block.size);
    view.setUint32(at, 0, true);
  }
}
