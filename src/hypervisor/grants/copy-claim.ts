import {
  GNTST_bad_domain,
  GNTST_bad_gntref,
  GNTST_bad_page,
  GNTST_general_error,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  grant_entry_v2,
} from '../../spec/xen/grant-table.ts';
import { DOMID_FIRST_RESERVED } from '../../spec/xen/xen.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { type ActiveEntry, activeEntry, countPin, mayPinAgain, pinned } from './active.ts';
import { grantedFrame } from './granted-frame.ts';
import { grantedGfn } from './map.ts';
import { reduceInUse, setInUse } from './pin.ts';
import { entryAt, grantEntries } from './table.ts';

/** A part of a page that may be copied from or to, until it is released. */
export interface CopyClaim {
  readonly mfn: number;
  /** Bytes of the page that were granted. */
  readonly start: number;
  readonly length: number;
  release(): void;
}

/** A claim, or why there is none (GNTST_*, negative). */
export type Claimed = CopyClaim | { readonly status: number };

const subPage = grant_entry_v2.fields.sub_page;
const transitive = grant_entry_v2.fields.transitive;

/**
 * Claim what `of` granted to `domid` for one copy. A transitive grant leads to what another domain granted to `of`,
 * one step only.
 * Fails: bad_gntref beyond the table; general_error the entry does not allow it; bad_page the granted gfn is no RAM of
 * the granting domain; what claiming the second grant fails with; bad_domain the granting domain is dying.
 */
export function claimGrant(hv: Hypervisor, of: Domain, ref: number, domid: number, readonly: boolean, mayLead = true): Claimed {
  if (!(ref < grantEntries(of))) return { status: GNTST_bad_gntref };
  const act = activeEntry(hv, of, ref);
  if (act === undefined) return { status: GNTST_general_error };
  const first = !pinned(act);
  if (!first && !mayPinAgain(act, domid, readonly)) return { status: GNTST_general_error };
  let header = 0;
  if (first || (!readonly && act.writers === 0)) {
    header = setInUse(hv, of, ref, act, { domid, readonly, mapping: false });
    if (header < 0) return { status: header };
  }
  let onward: CopyClaim | undefined;
  if (first) {
    const found = fillActive(hv, of, ref, header, domid, readonly, mayLead, act);
    if ('status' in found) {
      reduceInUse(hv, of, ref, act, readonly);
      return found;
    }
    onward = found.onward;
  } else if (of.s.is_dying !== 0) {
    reduceInUse(hv, of, ref, act, readonly);
    return { status: GNTST_bad_domain };
  }
  countPin(act, readonly, 1);
  return {
    mfn: act.mfn,
    start: act.start,
    length: act.length,
    release() {
      countPin(act, readonly, -1);
      reduceInUse(hv, of, ref, act, readonly);
      onward?.release();
    },
  };
}

/** Note in the active entry what the guest's entry, whose first word is `header`, gives. */
function fillActive(
  hv: Hypervisor,
  of: Domain,
  ref: number,
  header: number,
  domid: number,
  readonly: boolean,
  mayLead: boolean,
  act: ActiveEntry,
): { readonly onward: CopyClaim | undefined } | { readonly status: number } {
  const view = hv.memories.frameView;
  const at = entryAt(hv, of, ref);
  const version2 = of.s.grants.version === 2;
  if (version2 && (header & GTF_type_mask) === GTF_transitive) {
    if (!mayLead) return { status: GNTST_general_error };
    const leadsTo = view.getUint16(at + transitive.offsets.trans_domid, true);
    const gref = view.getUint32(at + transitive.offsets.gref, true);
    const next = leadsTo === of.id || leadsTo >= DOMID_FIRST_RESERVED ? undefined : hv.domain(leadsTo);
    if (next === undefined) return { status: GNTST_general_error };
    const onward = claimGrant(hv, next, gref, of.id, readonly, false);
    if ('status' in onward) return onward;
    // Always as a part of a page: that keeps it from being mapped meanwhile.
    Object.assign(act, { mfn: onward.mfn, domid, sub_page: 1, start: onward.start, length: onward.length });
    return { onward };
  }
  let gfn: number;
  let start = 0;
  let length = 4096;
  const part = version2 && (header & GTF_sub_page) !== 0;
  if (part) {
    gfn = Number(view.getBigUint64(at + subPage.offsets.frame, true));
    start = view.getUint16(at + subPage.offsets.page_off, true);
    length = view.getUint16(at + subPage.offsets.length, true);
  } else gfn = grantedGfn(hv, of, ref);
  const mfn = grantedFrame(hv, of, gfn);
  if (mfn === undefined) return { status: GNTST_bad_page };
  Object.assign(act, { mfn, domid, sub_page: part ? 1 : 0, start, length });
  return { onward: undefined };
}

/** Claim a page of a domain's own by gfn. */
export function claimOwn(hv: Hypervisor, of: Domain, gfn: number): Claimed {
  const mfn = grantedFrame(hv, of, gfn);
  return mfn === undefined ? { status: GNTST_bad_page } : { mfn, start: 0, length: 4096, release() {} };
}
