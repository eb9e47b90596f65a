import {
  GNTST_general_error,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
} from '../../spec/xen/grant-table.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { type ActiveEntry, pinned } from './active.ts';
import { entryAt, statusAt } from './table.ts';

/**
 * The in-use bits that Xen keeps in memory which the guest writes too: in the entry's own flags (version 1) or in a
 * status word (version 2). A guest may change its entry at any time; once a bit is set it knows that it may not.
 */

/** Tries to set the bits before an entry that keeps changing is refused. */
const TRIES = 5;

/** What a pin is for. */
export interface PinFor {
  /** Domain that will use the page. */
  readonly domid: number;
  readonly readonly: boolean;
  /** A mapping needs the whole page; a copy may use a part of it, or a transitive grant. */
  readonly mapping: boolean;
}

function fits(header: number, by: PinFor, version: number): boolean {
  const kind = header & (by.mapping ? GTF_type_mask | GTF_sub_page : GTF_type_mask);
  const usable = kind === GTF_permit_access || (version === 2 && !by.mapping && kind === GTF_transitive);
  return usable && header >>> 16 === by.domid;
}

/** Set the in-use bits. The entry's first word (flags, domid) as it was when they were in force, or a negative GNTST_*. */
export function setInUse(hv: Hypervisor, of: Domain, ref: number, act: ActiveEntry, by: PinFor): number {
  return of.s.grants.version === 2 ? setInUse2(hv, of, ref, act, by) : setInUse1(hv, of, ref, act, by);
}

function setInUse1(hv: Hypervisor, of: Domain, ref: number, act: ActiveEntry, by: PinFor): number {
  const words = hv.memories.frameWords;
  const at = entryAt(hv, of, ref) / 4;
  const bits = by.readonly ? GTF_reading : GTF_reading | GTF_writing;
  let seen = Atomics.load(words, at);
  for (let tries = 0; tries < TRIES; tries++) {
    if (!pinned(act) && !fits(seen, by, 1)) return GNTST_general_error;
    if (!by.readonly && (seen & GTF_readonly) !== 0) return GNTST_general_error;
    const before = Atomics.compareExchange(words, at, seen, seen | bits);
    if (before === seen) return seen >>> 0;
    seen = before;
  }
  return GNTST_general_error;
}

function setInUse2(hv: Hypervisor, of: Domain, ref: number, act: ActiveEntry, by: PinFor): number {
  const words = hv.memories.frameWords;
  const at = entryAt(hv, of, ref) / 4;
  const before = Atomics.load(words, at);
  if (!pinned(act) && !fits(before, by, 2)) return GNTST_general_error;
  if (!by.readonly && (before & GTF_readonly) !== 0) return GNTST_general_error;
  changeStatus(hv, of, ref, by.readonly ? GTF_reading : GTF_reading | GTF_writing, 0);
  // The guest revokes by changing the entry and then looking at the status: look at the entry again.
  const after = Atomics.load(words, at);
  if (!pinned(act)) {
    if (fits(after, by, 2) && (by.readonly || (after & GTF_readonly) === 0)) return after >>> 0;
    changeStatus(hv, of, ref, 0, GTF_reading | GTF_writing);
    return GNTST_general_error;
  }
  if ((after & GTF_readonly) === 0) return after >>> 0;
  changeStatus(hv, of, ref, 0, GTF_writing);
  return GNTST_general_error;
}

/** Set and clear bits of the halfword that holds them, atomically in its 32-bit word. */
function changeStatus(hv: Hypervisor, of: Domain, ref: number, set: number, clear: number): void {
  const at = statusAt(hv, of, ref);
  const shift = (at & 2) * 8;
  if (set !== 0) Atomics.or(hv.memories.frameWords, at >>> 2, set << shift);
  if (clear !== 0) Atomics.and(hv.memories.frameWords, at >>> 2, ~(clear << shift));
}

/** Clear the in-use bits that the pins left do not need, after one of this kind is gone. */
export function reduceInUse(hv: Hypervisor, of: Domain, ref: number, act: ActiveEntry, readonly: boolean): void {
  const clear = (pinned(act) ? 0 : GTF_reading) | (!readonly && act.writers === 0 ? GTF_writing : 0);
  if (clear !== 0) changeStatus(hv, of, ref, 0, clear);
}
