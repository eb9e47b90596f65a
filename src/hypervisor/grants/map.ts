import type { Mfn } from '../../base/brand.ts';
import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_handle,
  GNTST_bad_page,
  GNTST_general_error,
  GNTST_no_space,
  GNTST_okay,
  grant_entry_v2,
} from '../../spec/xen/grant-table.ts';
import { DOMID_FIRST_RESERVED } from '../../spec/xen/xen.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { putPage } from '../lifecycle/reap.ts';
import { INVALID_M2P } from '../memory/frame-table.ts';
import { GFN_LIMIT, p2m_grant_map_ro, p2m_grant_map_rw, p2m_ram_rw } from '../memory/p2m.ts';
import { type ActiveEntry, activeEntry, countPin, mayPinAgain, pinned } from './active.ts';
import { grantedFrame } from './granted-frame.ts';
import { claimHandle, destroyMaptrack, fillHandle, freeHandle, type GrantMapping, mapping } from './maptrack.ts';
import { reduceInUse, setInUse } from './pin.ts';
import { entryAt, grantEntries } from './table.ts';

/** Offset of a version 1 entry's frame number. */
const V1_FRAME = 4;
const V2_FRAME = grant_entry_v2.fields.full_page.offsets.frame;

/** gfn of a whole-page entry, read once. */
export function grantedGfn(hv: Hypervisor, of: Domain, ref: number): number {
  const at = entryAt(hv, of, ref);
  return of.s.grants.version === 2 ? Number(hv.memories.frameView.getBigUint64(at + V2_FRAME, true)) : hv.memories.frameView.getUint32(at + V1_FRAME, true);
}

/** What a mapping is asked for. */
export interface MapRequest {
  readonly host_addr: bigint;
  readonly flags: number;
  readonly ref: number;
  readonly dom: number;
}

/**
 * Map a page that `request.dom` granted at a guest-physical address of `to`. The status, and with GNTST_okay the handle
 * and the frame. Fails, in Xen's order: bad_gntref neither host nor device map; general_error a kind of mapping that a
 * translated domain does not have; bad_domain; no_space no handle; bad_gntref beyond the table; general_error the entry
 * does not allow it; bad_page the granted gfn is no RAM of the granting domain; general_error the address cannot take it.
 */
export function mapGrant(hv: Hypervisor, to: Domain, request: MapRequest): { status: number; handle?: number; mfn?: number } {
  const { flags, ref } = request;
  if ((flags & (GNTMAP_device_map | GNTMAP_host_map)) === 0) return { status: GNTST_bad_gntref };
  if ((flags & (GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte)) !== 0) return { status: GNTST_general_error };
  const from = request.dom >= DOMID_FIRST_RESERVED ? undefined : hv.domain(request.dom);
  if (from === undefined) return { status: GNTST_bad_domain };
  const handle = claimHandle(hv, to);
  if (handle === undefined) return { status: GNTST_no_space };
  const readonly = (flags & GNTMAP_readonly) !== 0;
  const mfn = pinForMapping(hv, from, ref, to.id, readonly);
  let status: number = mfn < 0 ? mfn : GNTST_okay;
  const gfn = Number(request.host_addr >> 12n);
  if (status === GNTST_okay) {
    hv.frames.get(mfn as Mfn);
    status = (flags & ~GNTMAP_readonly) === GNTMAP_host_map && placeMapping(hv, to, gfn, mfn as Mfn, readonly) ? GNTST_okay : GNTST_general_error;
    if (status !== GNTST_okay) dropPin(hv, from, ref, mfn as Mfn, readonly);
  }
  if (status !== GNTST_okay) {
    freeHandle(hv, to, handle);
    return { status };
  }
  fillHandle(hv, to, handle, { ref, domid: from.id, flags, gfn, mfn });
  return { status, handle, mfn };
}

/** Pin a reference for a mapping by `domid`: the frame, or a negative GNTST_*. */
function pinForMapping(hv: Hypervisor, from: Domain, ref: number, domid: number, readonly: boolean): number {
  if (!(ref < grantEntries(from))) return GNTST_bad_gntref;
  const act = activeEntry(hv, from, ref);
  if (act === undefined) return GNTST_general_error;
  const first = !pinned(act);
  if (!first && (!mayPinAgain(act, domid, readonly) || act.sub_page !== 0)) return GNTST_general_error;
  if (first || (!readonly && act.writers === 0)) {
    const header = setInUse(hv, from, ref, act, { domid, readonly, mapping: true });
    if (header < 0) return header;
  }
  if (first) {
    const mfn = grantedFrame(hv, from, grantedGfn(hv, from, ref));
    if (mfn === undefined) {
      reduceInUse(hv, from, ref, act, readonly);
      return GNTST_bad_page;
    }
    Object.assign(act, { mfn, domid, sub_page: 0, start: 0, length: 4096 });
  }
  countPin(act, readonly, 1);
  return act.mfn;
}

/** Put the frame into the p2m. RAM of the domain's own that stood there is given back; other mappings stay. */
function placeMapping(hv: Hypervisor, to: Domain, gfn: number, mfn: Mfn, readonly: boolean): boolean {
  if (!(gfn < GFN_LIMIT)) return false;
  const before = to.p2m.lookup(gfn);
  if (before !== undefined && before.type !== p2m_ram_rw) return false;
  if (!to.p2m.set(gfn, mfn, readonly ? p2m_grant_map_ro : p2m_grant_map_rw, !readonly)) return false;
  if (before === undefined) return true; // absent entries are not cached by any soft TLB
  hv.cpu.flushTlb();
  hv.frames.setGfn(before.mfn, INVALID_M2P);
  hv.cpu.frameWritten(before.mfn);
  putPage(hv, before.mfn, to);
  return true;
}

/** A mapping of the reference is gone: count it out, and give the page back. */
function dropPin(hv: Hypervisor, from: Domain, ref: number, mfn: Mfn, readonly: boolean): void {
  const act = activeEntry(hv, from, ref) as ActiveEntry;
  countPin(act, readonly, -1);
  reduceInUse(hv, from, ref, act, readonly);
  putPage(hv, mfn); // last: with its last page a dead domain is gone
}

function unmap(hv: Hypervisor, of: Domain, handle: number, held: GrantMapping): void {
  const { gfn, mfn, ref, flags } = held;
  const from = hv.domain(held.domid);
  of.p2m.clear(gfn);
  freeHandle(hv, of, handle);
  if (from !== undefined) dropPin(hv, from, ref, mfn as Mfn, (flags & GNTMAP_readonly) !== 0);
}

/**
 * Take a mapping away. An address of 0 changes nothing, as in Xen.
 * Fails: bad_handle; general_error the mapping does not stand at the address, or another should take its place.
 */
export function unmapGrant(hv: Hypervisor, of: Domain, handle: number, hostAddr: bigint, newAddr = 0n): number {
  const held = mapping(hv, of, handle);
  if (held === undefined) return GNTST_bad_handle;
  if (hostAddr === 0n) return GNTST_okay;
  if (newAddr !== 0n || Number(hostAddr >> 12n) !== held.gfn) return GNTST_general_error;
  unmap(hv, of, handle, held);
  hv.cpu.flushTlb();
  return GNTST_okay;
}

/** Take away up to `most` mappings of a dying domain; false when some are left. */
export function releaseMappings(hv: Hypervisor, of: Domain, most: number): boolean {
  const table = of.s.grants;
  let left = most;
  const from = of.s.relinquish_handle === 0 ? table.maptrack_entries : of.s.relinquish_handle;
  for (let handle = from - 1; handle >= 0 && table.maptrack_used > 0; handle--) {
    const held = mapping(hv, of, handle);
    if (held === undefined) continue;
    if (left-- === 0) {
      of.s.relinquish_handle = handle + 1;
      hv.cpu.flushTlb();
      return false;
    }
    unmap(hv, of, handle, held);
  }
  hv.cpu.flushTlb();
  destroyMaptrack(hv, of);
  return true;
}
