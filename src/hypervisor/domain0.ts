import { DOM0_RAM_PAGES, DOM0_SHARED_INFO_GFN } from './dom0-layout.ts';
import { DOMF_privileged, VCPUF_down } from './domain.ts';
import { legacyInfo } from './events/two-level.ts';
import { growTable, INITIAL_GRANT_FRAMES } from './grants/table.ts';
import type { Domain, Hypervisor } from './hypervisor.ts';
import { OWNER_XEN } from './memory/frame-table.ts';
import { p2m_shared } from './memory/p2m.ts';
import { populate } from './memory/reservation.ts';

/** Pages that a domain may have when nobody has said how many. */
const NO_LIMIT = 0xffff_ffff;

/** Make domain 0: a real domain with a small RAM of its own, one vCPU that is its programs' host thread. */
export function createDomain0(hv: Hypervisor): Domain {
  const d = hv.createDomain(0, DOMF_privileged, 1);
  const shared = hv.frames.allocate(OWNER_XEN);
  if (d === undefined || shared === undefined) throw new Error('the machine is too small for domain 0');
  d.s.pause_count = 0;
  d.s.max_pages = NO_LIMIT;
  d.s.shared_info = shared;
  d.s.grants.version = 1;
  d.s.grants.max_version = 2;
  d.s.grants.max_frames = 16;
  d.s.grants.max_maptrack_frames = 1024;
  if (!growTable(hv, d, INITIAL_GRANT_FRAMES)) throw new Error('the machine is too small for domain 0');
  d.p2m.set(DOM0_SHARED_INFO_GFN, shared, p2m_shared, true);
  hv.frames.setGfn(shared, DOM0_SHARED_INFO_GFN);
  if (!populate(hv, d, 0, Math.log2(DOM0_RAM_PAGES))) throw new Error('the machine is too small for domain 0');
  const v = hv.createVcpu(d, 0);
  if (v === undefined) throw new Error('no room for the vCPU of domain 0');
  v.s.flags &= ~VCPUF_down;
  v.s.info = legacyInfo(d, 0);
  return d;
}
