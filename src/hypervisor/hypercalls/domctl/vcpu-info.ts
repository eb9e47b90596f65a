import { xen_domctl_getvcpuinfo } from '../../../spec/xen/domctl.ts';
import { ESRCH } from '../../../spec/xen/errno.ts';
import { RUNSTATE_running } from '../../../spec/xen/vcpu.ts';
import { VCPUF_blocked, VCPUF_down } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { runstateInfo } from '../../time/runstate.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** @xen domctl 14 getvcpuinfo #Y */
export const getVcpuInfo: Domctl<(typeof xen_domctl_getvcpuinfo)['fields']> = {
  argument: xen_domctl_getvcpuinfo,
  needsDomain: true,
  run({ hv }, of, arg) {
    const v = hv.vcpu(of as Domain, arg.vcpu);
    if (v === undefined) return fail(ESRCH);
    return ok({
      online: (v.s.flags & VCPUF_down) === 0 ? 1 : 0,
      blocked: (v.s.flags & VCPUF_blocked) !== 0 ? 1 : 0,
      running: v.s.runstate === RUNSTATE_running ? 1 : 0,
      cpu_time: Number(runstateInfo(hv, v).time[RUNSTATE_running] ?? 0n) as never,
      cpu: 0,
    });
  },
};
