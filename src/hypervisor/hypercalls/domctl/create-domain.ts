import { XEN_X86_EMU_ALL, XEN_X86_EMU_LAPIC } from '../../../spec/xen/arch-x86/xen.ts';
import { XEN_DOMCTL_CDF_hvm, XEN_DOMCTL_CDF_MAX, XEN_DOMCTL_GRANT_version_mask, xen_domctl_createdomain } from '../../../spec/xen/domctl.ts';
import { EEXIST, EINVAL, ENOMEM, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import { DOMID_FIRST_RESERVED } from '../../../spec/xen/xen.ts';
import { DOMF_hvm, MAX_VIRT_CPUS } from '../../domain.ts';
import { DEFAULT_MAX_GRANT_FRAMES, growTable, INITIAL_GRANT_FRAMES } from '../../grants/table.ts';
import type { Hypervisor } from '../../hypervisor.ts';
import { OWNER_XEN } from '../../memory/frame-table.ts';
import { updateWallClock } from '../../time/pvclock.ts';
import { fail } from '../call.ts';
import type { Domctl } from './operation.ts';

const DEFAULT_MAX_MAPTRACK_FRAMES = 1024;

function freeId(hv: Hypervisor): number {
  for (let tries = 0; tries < DOMID_FIRST_RESERVED; tries++) {
    const id = hv.header.next_domid;
    hv.header.next_domid = id + 1 >= DOMID_FIRST_RESERVED ? 1 : id + 1;
    if (hv.domain(id) === undefined) return id;
  }
  return -1;
}

/**
 * A new domain, paused, without memory or vCPUs; its id is the one asked for, or chosen.
 * @xen domctl 1 createdomain #P[PVH and HVM without emulated devices but the local APIC]
 * Fails: EINVAL unknown flags, no vCPUs or too many, a grant table of a size or version that does not exist; EOPNOTSUPP a PV domain; EEXIST the id is taken; ENOMEM.
 */
export const createDomain: Domctl<(typeof xen_domctl_createdomain)['fields']> = {
  argument: xen_domctl_createdomain,
  needsDomain: false,
  run({ hv }, _of, arg, wanted) {
    if ((arg.flags & ~(XEN_DOMCTL_CDF_MAX * 2 - 1)) !== 0 || arg.max_vcpus < 1 || arg.max_vcpus > MAX_VIRT_CPUS) return fail(EINVAL);
    if ((arg.arch.emulation_flags & ~XEN_X86_EMU_ALL) !== 0) return fail(EINVAL);
    if ((arg.flags & XEN_DOMCTL_CDF_hvm) === 0 || arg.arch.emulation_flags !== XEN_X86_EMU_LAPIC) return fail(EOPNOTSUPP);
    const frames = arg.max_grant_frames < 0 ? DEFAULT_MAX_GRANT_FRAMES : arg.max_grant_frames;
    const maptrack = arg.max_maptrack_frames < 0 ? DEFAULT_MAX_MAPTRACK_FRAMES : arg.max_maptrack_frames;
    const version = arg.grant_opts & XEN_DOMCTL_GRANT_version_mask;
    if (frames < INITIAL_GRANT_FRAMES || frames > DEFAULT_MAX_GRANT_FRAMES || maptrack > DEFAULT_MAX_MAPTRACK_FRAMES) return fail(EINVAL);
    if (version < 1 || version > 2) return fail(EINVAL);
    if (wanted > 0 && wanted < DOMID_FIRST_RESERVED && hv.domain(wanted) !== undefined) return fail(EEXIST);
    const id = wanted > 0 && wanted < DOMID_FIRST_RESERVED ? wanted : freeId(hv);
    if (id < 0) return fail(ENOMEM);
    const shared = hv.frames.allocate(OWNER_XEN);
    if (shared === undefined) return fail(ENOMEM);
    const made = hv.createDomain(id, DOMF_hvm, arg.max_vcpus);
    if (made === undefined) {
      hv.frames.put(shared);
      return fail(ENOMEM);
    }
    made.s.config = arg.flags;
    made.s.emulation_flags = arg.arch.emulation_flags;
    made.s.handle = arg.handle as never;
    made.s.shared_info = shared;
    made.s.max_evtchn_port = arg.max_evtchn_port;
    made.s.grants.version = 1;
    made.s.grants.max_version = version;
    made.s.grants.max_frames = frames;
    made.s.grants.max_maptrack_frames = maptrack;
    if (!growTable(hv, made, INITIAL_GRANT_FRAMES)) {
      hv.frames.put(shared);
      hv.forgetDomain(made);
      return fail(ENOMEM);
    }
    updateWallClock(hv, made);
    return { domain: id };
  },
};
