import * as G from '../../spec/xen/grant-table.ts';
import { GTF_permit_access, grant_entry_v1, grant_entry_v2 } from '../../spec/xen/grant-table.ts';
import { __HYPERVISOR_grant_table_op as GRANT } from '../../spec/xen/xen.ts';
import { entryAt, statusAt } from '../grants/table.ts';
import type { Domain } from '../hypervisor.ts';
import type { TestMachine } from './test-machine.ts';

/** Where test domains map grants. */
export const MAP_GFN = 0x800;

/** Write an entry as its owner would: version 1 or 2, a whole page. */
export function grant(m: TestMachine, of: Domain, ref: number, to: number, gfn: number, flags = 0): void {
  const at = entryAt(m.hv, of, ref);
  if (of.s.grants.version === 1) grant_entry_v1.write(m.memories.frameView, at, { flags: GTF_permit_access | flags, domid: to, frame: gfn });
  else grant_entry_v2.write(m.memories.frameView, at, { full_page: { hdr: { flags: GTF_permit_access | flags, domid: to }, frame: gfn } });
}

/** Flags of an entry, with the in-use bits (which version 2 keeps apart). */
export function entryFlags(m: TestMachine, of: Domain, ref: number): number {
  const flags = m.memories.frameView.getUint16(entryAt(m.hv, of, ref), true);
  return of.s.grants.version === 1 ? flags : flags | m.memories.frameView.getUint16(statusAt(m.hv, of, ref), true);
}

/** Take a grant away, as far as the owner alone can. */
export function revoke(m: TestMachine, of: Domain, ref: number): void {
  m.memories.frameView.setUint16(entryAt(m.hv, of, ref), 0, true);
}

export const map = (m: TestMachine, by: Domain, dom: number, ref: number, gfn = MAP_GFN, flags = G.GNTMAP_host_map) =>
  m.op(by, GRANT, G.GNTTABOP_map_grant_ref, G.gnttab_map_grant_ref, { host_addr: BigInt(gfn) * 4096n, flags, ref, dom }, 1);

export const unmap = (m: TestMachine, by: Domain, handle: number, gfn = MAP_GFN) =>
  m.op(by, GRANT, G.GNTTABOP_unmap_grant_ref, G.gnttab_unmap_grant_ref, { host_addr: BigInt(gfn) * 4096n, handle }, 1);
