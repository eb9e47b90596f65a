import { xen_domctl_tsc_info } from '../../../spec/xen/domctl.ts';
import { EINVAL, EOPNOTSUPP } from '../../../spec/xen/errno.ts';
import type { Domain } from '../../hypervisor.ts';
import { TSC_KHZ } from '../../time/pvclock.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** How RDTSC is done. @see xen/arch/x86/include/asm/time.h */
const TSC_MODE_DEFAULT = 0;
const TSC_MODE_ALWAYS_EMULATE = 1;
const TSC_MODE_NEVER_EMULATE = 2;

/**
 * How a domain's TSC counts: always nanoseconds of machine time, which is what each mode asks for here.
 * @xen domctl 59 gettscinfo #Y
 * Fails: EINVAL the caller itself.
 */
export const getTscInfo: Domctl<(typeof xen_domctl_tsc_info)['fields']> = {
  argument: xen_domctl_tsc_info,
  needsDomain: true,
  run({ hv, caller }, of) {
    const d = of as Domain;
    if (d === caller) return fail(EINVAL);
    const native = d.s.tsc_mode === TSC_MODE_NEVER_EMULATE;
    return ok({ tsc_mode: d.s.tsc_mode, incarnation: d.s.tsc_incarnation, gtsc_khz: native ? 0 : TSC_KHZ, elapsed_nsec: native ? 0n : hv.now() });
  },
};

/**
 * @xen domctl 60 settscinfo #P[the machine's frequency only; a TSC that goes on from another machine's]
 * Fails: EINVAL the caller itself, or no such mode; EOPNOTSUPP another frequency, or a TSC that is not at 0.
 */
export const setTscInfo: Domctl<(typeof xen_domctl_tsc_info)['fields']> = {
  argument: xen_domctl_tsc_info,
  needsDomain: true,
  run({ caller }, of, arg) {
    const d = of as Domain;
    if (d === caller) return fail(EINVAL);
    if (![TSC_MODE_DEFAULT, TSC_MODE_ALWAYS_EMULATE, TSC_MODE_NEVER_EMULATE].includes(arg.tsc_mode)) return fail(EINVAL);
    // (in the native mode frequency and time elapsed mean nothing)
    if (arg.tsc_mode !== TSC_MODE_NEVER_EMULATE && ((arg.gtsc_khz !== 0 && arg.gtsc_khz !== TSC_KHZ) || arg.elapsed_nsec !== 0n)) return fail(EOPNOTSUPP);
    d.s.tsc_mode = arg.tsc_mode;
    d.s.tsc_incarnation = arg.incarnation;
    return ok();
  },
};
