import { xen_domctl_max_mem, xen_domctl_max_vcpus, xen_domctl_setdomainhandle, xen_domctl_settimeoffset } from '../../../spec/xen/domctl.ts';
import { EINVAL, ENOMEM } from '../../../spec/xen/errno.ts';
import { createLapic } from '../../arch/x86/lapic.ts';
import { createMsrs } from '../../arch/x86/msr.ts';
import { attachContext } from '../../arch/x86/vcpu-state.ts';
import { legacyInfo } from '../../events/two-level.ts';
import type { Domain } from '../../hypervisor.ts';
import { updateWallClock } from '../../time/pvclock.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** Most pages a domain may have: the machine's frame numbers are 20 bits. */
const MAX_PAGES = 0x100000;

/** @xen domctl 11 max_mem #Y */
export const maxMem: Domctl<(typeof xen_domctl_max_mem)['fields']> = {
  argument: xen_domctl_max_mem,
  needsDomain: true,
  run(_call, of, arg) {
    (of as Domain).s.max_pages = Math.min(Math.floor(arg.max_memkb / 4), MAX_PAGES);
    return ok();
  },
};

/**
 * Allocate the domain's vCPUs, all down.
 * @xen domctl 15 max_vcpus #Y
 * Fails: EINVAL not the number given at creation; ENOMEM.
 */
export const maxVcpus: Domctl<(typeof xen_domctl_max_vcpus)['fields']> = {
  argument: xen_domctl_max_vcpus,
  needsDomain: true,
  run({ hv, caller }, of, arg) {
    const d = of as Domain;
    if (d === caller || arg.max !== d.s.max_vcpus) return fail(EINVAL);
    for (let id = 0; id < arg.max; id++) {
      const v = hv.vcpu(d, id) ?? hv.createVcpu(d, id);
      if (v === undefined) return fail(ENOMEM);
      if (v.s.lapic !== 0) continue;
      if (!createLapic(hv, v)) return fail(ENOMEM);
      createMsrs(v);
      v.s.info = legacyInfo(d, id);
      attachContext(hv, v);
    }
    return ok();
  },
};

/** @xen domctl 17 setdomainhandle #Y */
export const setDomainHandle: Domctl<(typeof xen_domctl_setdomainhandle)['fields']> = {
  argument: xen_domctl_setdomainhandle,
  needsDomain: true,
  run(_call, of, arg) {
    (of as Domain).s.handle = arg.handle as never;
    return ok();
  },
};

/** @xen domctl 24 settimeoffset #Y */
export const setTimeOffset: Domctl<(typeof xen_domctl_settimeoffset)['fields']> = {
  argument: xen_domctl_settimeoffset,
  needsDomain: true,
  run({ hv }, of, arg) {
    const seconds = Number(arg.time_offset_seconds);
    if (Math.abs(seconds) > 0x7fffffff) return fail(EINVAL);
    (of as Domain).s.time_offset = seconds;
    updateWallClock(hv, of as Domain);
    return ok();
  },
};
