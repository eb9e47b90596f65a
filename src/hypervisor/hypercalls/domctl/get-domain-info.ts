import {
  XEN_DOMINF_blocked,
  XEN_DOMINF_dying,
  XEN_DOMINF_hap,
  XEN_DOMINF_hvm_guest,
  XEN_DOMINF_paused,
  XEN_DOMINF_running,
  XEN_DOMINF_shutdown,
  XEN_DOMINF_shutdownshift,
  XEN_INVALID_MAX_VCPU_ID,
  xen_domctl_getdomaininfo,
} from '../../../spec/xen/domctl.ts';
import { ESRCH } from '../../../spec/xen/errno.ts';
import { RUNSTATE_running } from '../../../spec/xen/vcpu.ts';
import { DOMF_hvm, VCPUF_blocked, VCPUF_down } from '../../domain.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import { runstateInfo } from '../../time/runstate.ts';
import { fail } from '../call.ts';
import type { Domctl } from '../domctl.ts';

/** Fields of getdomaininfo, also for the list of sysctl. */
export function domainInfo(hv: Hypervisor, d: Domain) {
  let online = 0;
  let last = XEN_INVALID_MAX_VCPU_ID;
  let blocked = true;
  let running = false;
  let cpuTime = 0n;
  for (const v of hv.vcpus(d)) {
    last = v.id;
    cpuTime += runstateInfo(hv, v).time[RUNSTATE_running] ?? 0n;
    if ((v.s.flags & VCPUF_down) !== 0) continue;
    online++;
    if ((v.s.flags & VCPUF_blocked) === 0) blocked = false;
    if (v.s.runstate === RUNSTATE_running) running = true;
  }
  const s = d.s;
  const flags =
    (s.is_dying === 2 ? XEN_DOMINF_dying : 0) |
    (s.is_shut_down !== 0 ? XEN_DOMINF_shutdown : 0) |
    (s.pause_count !== 0 ? XEN_DOMINF_paused : 0) |
    (online > 0 && blocked ? XEN_DOMINF_blocked : 0) |
    (running ? XEN_DOMINF_running : 0) |
    ((s.flags & DOMF_hvm) !== 0 ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0) |
    (s.shutdown_code << XEN_DOMINF_shutdownshift);
  return {
    domain: d.id as number,
    flags,
    tot_pages: s.tot_pages,
    max_pages: s.max_pages,
    outstanding_pages: 0,
    shr_pages: 0,
    paged_pages: 0,
    shared_info_frame: hv.frames.gfn(s.shared_info as never),
    cpu_time: Number(cpuTime),
    nr_online_vcpus: online,
    max_vcpu_id: last,
    ssidref: 0,
    handle: new Uint8Array(s.handle),
    cpupool: 0,
    gpaddr_bits: 36,
    arch_config: { emulation_flags: s.emulation_flags, misc_flags: 0 },
  };
}

/**
 * The domain asked for, or the next one after it.
 * @xen domctl 5 getdomaininfo #Y
 * Fails: ESRCH no such domain and none after it.
 */
export const getDomainInfo: Domctl<(typeof xen_domctl_getdomaininfo)['fields']> = {
  argument: xen_domctl_getdomaininfo,
  needsDomain: false,
  run({ hv }, _of, _arg, id) {
    for (const d of hv.domains()) if (d.id >= id) return { domain: d.id, out: domainInfo(hv, d) };
    return fail(ESRCH);
  },
};
