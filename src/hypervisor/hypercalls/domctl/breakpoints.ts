import { guestHandle, struct, u32 } from '../../../base/struct.ts';
import { E2BIG, EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * A domctl of our own, beyond Xen's numbers: the addresses at which a domain's vCPUs stop for the debugger. Xen has none,
 * its debugger writes INT3 into the guest; here a breakpoint leaves guest memory as it is.
 */
export const ZENDO_DOMCTL_breakpoints = 0x5a00_0000;

/** Breakpoints at once. */
const MOST = 1024;

/** In: all. `addresses`: `count` linear addresses of 8 bytes, which replace those given before. */
export const zendo_domctl_breakpoints = struct('zendo_domctl_breakpoints', { count: u32, addresses: guestHandle });

/** A debugger must be attached (setdebugging). Fails: EINVAL, E2BIG, EFAULT. */
export const setBreakpoints: Domctl<(typeof zendo_domctl_breakpoints)['fields']> = {
  argument: zendo_domctl_breakpoints,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    if (d === caller || d.s.debugger_attached === 0) return fail(EINVAL);
    if (arg.count > MOST) return fail(E2BIG);
    const bytes = memory.read(arg.addresses, arg.count * 8);
    if (bytes === undefined) return fail(EFAULT);
    const addresses = [...new BigUint64Array(bytes.buffer, bytes.byteOffset, arg.count)];
    for (const v of hv.vcpus(d)) hv.cpu.setBreakpoints(v.context.address, addresses);
    return ok();
  },
};
