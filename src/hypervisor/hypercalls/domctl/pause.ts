import { EINVAL, EOVERFLOW } from '../../../spec/xen/errno.ts';
import { VCPUF_down, VCPUF_initialised } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { SHUTDOWN_CODE_INVALID } from '../../lifecycle/shutdown.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

const present = (of: Domain | undefined): Domain => of as Domain;

/** @xen domctl 3 pausedomain #Y */
export const pauseDomain: Domctl<Record<never, never>> = {
  argument: undefined,
  needsDomain: true,
  run({ caller }, of) {
    const d = present(of);
    if (d === caller) return fail(EINVAL);
    if (d.s.pause_count === 0xffffffff) return fail(EOVERFLOW);
    d.s.pause_count += 1;
    return ok();
  },
};

/** @xen domctl 4 unpausedomain #Y */
export const unpauseDomain: Domctl<Record<never, never>> = {
  argument: undefined,
  needsDomain: true,
  run({ hv, caller }, of) {
    const d = present(of);
    if (d === caller || d.s.pause_count === 0) return fail(EINVAL);
    d.s.pause_count -= 1;
    // The first unpause starts vCPU 0, if its state was set.
    const first = hv.vcpu(d, 0);
    if (first !== undefined && (first.s.flags & VCPUF_initialised) !== 0 && first.s.retired_seen === 0n) first.s.flags &= ~VCPUF_down;
    return ok();
  },
};

/**
 * A suspended or shut-down domain goes on.
 * @xen domctl 27 resumedomain #Y
 */
export const resumeDomain: Domctl<Record<never, never>> = {
  argument: undefined,
  needsDomain: true,
  run({ caller }, of) {
    const d = present(of);
    if (d === caller) return fail(EINVAL);
    d.s.shutdown_code = SHUTDOWN_CODE_INVALID;
    d.s.is_shut_down = 0;
    d.s.is_shutting_down = 0;
    return ok();
  },
};
