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
} from '../../spec/xen/domctl.ts';
import { RUNSTATE_running } from '../../spec/xen/vcpu.ts';
import { DOMF_hvm, VCPUF_blocked, VCPUF_down } from '../domain.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';
import { INVALID_M2P } from '../memory/frame-table.ts';
import { runstateInfo } from '../time/runstate.ts';
import { DOMDYING_dead } from './reap.ts';

/** Guest-physical address bits of a domain: what its p2m can hold. */
const GPADDR_BITS = 36;

/** A domain as the toolstack sees it: fields of xen_domctl_getdomaininfo. */
export function domainInfo(hv: Hypervisor, d: Domain) {
  let online = 0;
  let last = XEN_INVALID_MAX_VCPU_ID;
  let activity = XEN_DOMINF_blocked;
  let cpuTime = 0n;
  for (const v of hv.vcpus(d)) {
    last = v.id;
    cpuTime += runstateInfo(hv, v).time[RUNSTATE_running] ?? 0n;
    if ((v.s.flags & VCPUF_down) !== 0) continue;
    online++;
    if ((v.s.flags & VCPUF_blocked) === 0) activity &= ~XEN_DOMINF_blocked;
    if (v.s.runstate === RUNSTATE_running) activity |= XEN_DOMINF_running;
  }
  const s = d.s;
  const sharedInfo = s.shared_info === 0 ? INVALID_M2P : hv.frames.gfn(s.shared_info as never);
  return {
    domain: d.id as number,
    flags:
      (online > 0 ? activity : 0) |
      (s.is_dying === DOMDYING_dead ? XEN_DOMINF_dying : 0) |
      (s.is_shut_down !== 0 ? XEN_DOMINF_shutdown : 0) |
      (s.pause_count !== 0 ? XEN_DOMINF_paused : 0) |
      ((s.flags & DOMF_hvm) !== 0 ? XEN_DOMINF_hvm_guest | XEN_DOMINF_hap : 0) |
      (s.shutdown_code << XEN_DOMINF_shutdownshift),
    tot_pages: s.tot_pages,
    max_pages: s.max_pages,
    outstanding_pages: s.outstanding_pages,
    shr_pages: 0,
    paged_pages: 0,
    shared_info_frame: sharedInfo === INVALID_M2P ? -1 : sharedInfo,
    cpu_time: cpuTime,
    nr_online_vcpus: online,
    max_vcpu_id: last,
    ssidref: 0,
    handle: new Uint8Array(s.handle),
    cpupool: 0,
    gpaddr_bits: GPADDR_BITS,
    arch_config: { emulation_flags: s.emulation_flags, misc_flags: 0 },
  };
}
