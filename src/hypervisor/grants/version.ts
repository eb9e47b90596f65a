import type { Mfn } from '../../base/brand.ts';
import { EBUSY, ENOMEM, ERANGE } from '../../spec/xen/errno.ts';
import {
  GNTTAB_NR_RESERVED_ENTRIES,
  GTF_permit_access,
  GTF_reading,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
  grant_entry_v1,
  grant_entry_v2,
} from '../../spec/xen/grant-table.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { INVALID_M2P } from '../memory/frame-table.ts';
import { activeEntries } from './active.ts';
import { entryAt, framesAt, growStatus, growTable, INITIAL_GRANT_FRAMES, statusAt, statusFramesAt } from './table.ts';

/** An entry of the toolstack's, kept over the change. */
interface Kept {
  flags: number;
  domid: number;
  frame: number;
}

const IN_USE = GTF_reading | GTF_writing;

/** The reserved entries as version 1 says them; undefined when one cannot be said that way. */
function keepReserved(hv: Hypervisor, of: Domain): Kept[] | undefined {
  const view = hv.memories.frameView;
  const kept: Kept[] = [];
  for (let ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ref++) {
    const at = entryAt(hv, of, ref);
    if (of.s.grants.version === 1) {
      kept.push(grant_entry_v1.read(view, at));
      continue;
    }
    const { flags, domid } = grant_entry_v2.fields.hdr.read(view, at);
    const { frame } = grant_entry_v2.fields.full_page.read(view, at);
    const kind = flags & GTF_type_mask;
    if (kind === GTF_transitive || (kind === GTF_permit_access && frame >= 2 ** 32)) return undefined;
    const inUse = view.getUint16(statusAt(hv, of, ref), true) & IN_USE;
    kept.push(kind === GTF_permit_access ? { flags: flags | inUse, domid, frame } : { flags: 0, domid: 0, frame: 0 });
  }
  return kept;
}

/** Take the status frames away: out of the p2m, back to the machine. */
function dropStatusFrames(hv: Hypervisor, of: Domain): void {
  const table = of.s.grants;
  for (let i = 0; i < table.nr_status_frames; i++) {
    const mfn = hv.memories.stateView.getUint32(statusFramesAt(of, i), true) as Mfn;
    const gfn = hv.frames.gfn(mfn);
    if (gfn !== INVALID_M2P && of.p2m.lookup(gfn)?.mfn === mfn) hv.setEntry(of, gfn, undefined);
    hv.frames.put(mfn);
  }
  table.nr_status_frames = 0;
}

/**
 * Change the table's version: 0, or an errno. All entries are cleared but the reserved ones, which may be in use.
 * Fails: EBUSY another entry is in use; ENOMEM; ERANGE version 1 cannot say what a reserved entry says.
 */
export function changeVersion(hv: Hypervisor, of: Domain, version: 1 | 2): number {
  const table = of.s.grants;
  for (const { ref } of activeEntries(hv, of)) if (ref >= GNTTAB_NR_RESERVED_ENTRIES) return EBUSY;
  if (table.nr_frames === 0 && !growTable(hv, of, INITIAL_GRANT_FRAMES)) return ENOMEM;
  const kept = keepReserved(hv, of);
  if (kept === undefined) return ERANGE;
  if (version === 2) {
    if (!growStatus(hv, of)) return ENOMEM;
  } else dropStatusFrames(hv, of);
  for (let i = 0; i < table.nr_frames; i++) {
    const mfn = hv.memories.stateView.getUint32(framesAt(of, i), true);
    hv.memories.frameBytes.fill(0, mfn * 4096, mfn * 4096 + 4096);
  }
  table.version = version;
  for (const [ref, entry] of kept.entries()) {
    const at = entryAt(hv, of, ref);
    const view = hv.memories.frameView;
    if (version === 1) {
      grant_entry_v1.write(view, at, entry);
      continue;
    }
    view.setUint16(statusAt(hv, of, ref), entry.flags & IN_USE, true);
    grant_entry_v2.fields.hdr.write(view, at, { flags: entry.flags & ~IN_USE, domid: entry.domid });
    grant_entry_v2.fields.full_page.write(view, at, { frame: entry.frame });
  }
  return 0;
}
