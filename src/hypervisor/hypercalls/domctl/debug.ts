import {
  XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF,
  XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON,
  xen_domctl_debug_op,
  xen_domctl_gdbsx_domstatus,
  xen_domctl_gdbsx_pauseunp_vcpu,
  xen_domctl_setdebugging,
} from '../../../spec/xen/domctl.ts';
import { EBUSY, EINVAL, ENOSYS } from '../../../spec/xen/errno.ts';
import { forgetDebugger } from '../../debug/stop.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

const present = (of: Domain | undefined): Domain => of as Domain;

/**
 * A debugger comes or goes. When it goes, its breakpoints and steps go too.
 * @xen domctl 18 setdebugging #Y
 */
export const setDebugging: Domctl<(typeof xen_domctl_setdebugging)['fields']> = {
  argument: xen_domctl_setdebugging,
  needsDomain: true,
  run({ hv, caller }, of, arg) {
    const d = present(of);
    if (d === caller) return fail(EINVAL);
    if (arg.enable === 0) forgetDebugger(hv, d);
    else d.s.debugger_attached = 1;
    return ok();
  },
};

/**
 * With single step on, a vCPU stops after each instruction; interrupts wait meanwhile.
 * @xen domctl 54 debug_op #Y
 */
export const debugOp: Domctl<(typeof xen_domctl_debug_op)['fields']> = {
  argument: xen_domctl_debug_op,
  needsDomain: true,
  run({ hv, caller }, of, arg) {
    const d = present(of);
    const v = hv.vcpu(d, arg.vcpu);
    if (d === caller || v === undefined) return fail(EINVAL);
    if (arg.op === XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON) v.s.single_step = 1;
    else if (arg.op === XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF) v.s.single_step = 0;
    else return fail(ENOSYS);
    return ok();
  },
};

function changeVcpuPause(change: 1 | -1): Domctl<(typeof xen_domctl_gdbsx_pauseunp_vcpu)['fields']> {
  return {
    argument: xen_domctl_gdbsx_pauseunp_vcpu,
    needsDomain: true,
    run({ hv, caller }, of, arg) {
      const d = present(of);
      if (d === caller) return fail(EINVAL);
      // only while the whole domain is paused
      if (d.s.pause_count === 0) return fail(EBUSY);
      const v = hv.vcpu(d, arg.vcpu);
      if (v === undefined || (change < 0 && v.s.pause_count === 0)) return fail(EINVAL);
      v.s.pause_count += change;
      return ok();
    },
  };
}

/** @xen domctl 1001 gdbsx_pausevcpu #Y */
export const gdbsxPauseVcpu = changeVcpuPause(1);
/** @xen domctl 1002 gdbsx_unpausevcpu #Y */
export const gdbsxUnpauseVcpu = changeVcpuPause(-1);

/** No vCPU has an event. */
const NO_VCPU = 0xffffffff;

/**
 * Is the domain paused, and which vCPU stopped for what? The event is forgotten when it was told.
 * @xen domctl 1003 gdbsx_domstatus #Y
 */
export const gdbsxDomStatus: Domctl<(typeof xen_domctl_gdbsx_domstatus)['fields']> = {
  argument: xen_domctl_gdbsx_domstatus,
  needsDomain: true,
  run({ hv }, of) {
    const d = present(of);
    const paused = d.s.pause_count === 0 ? 0 : 1;
    const stopped = paused === 0 ? undefined : hv.vcpus(d).find((v) => v.s.debug_event !== 0);
    const vcpu_ev = stopped?.s.debug_event ?? 0;
    if (stopped !== undefined) stopped.s.debug_event = 0;
    return ok({ paused, vcpu_id: stopped?.id ?? NO_VCPU, vcpu_ev });
  },
};
