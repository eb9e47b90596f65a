import { xen_domctl_hvmcontext } from '../../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, ENOSPC } from '../../../spec/xen/errno.ts';
import { loadHvmContext, saveHvmContext } from '../../arch/x86/hvm-context.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** Most bytes of records taken in one call. */
const CONTEXT_MAX = 8 << 20;

/** @xen domctl 33 gethvmcontext #P[records HEADER and CPU] */
export const getHvmContext: Domctl<(typeof xen_domctl_hvmcontext)['fields']> = {
  argument: xen_domctl_hvmcontext,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    const bytes = saveHvmContext(hv, of as Domain);
    if (arg.buffer === 0n) return ok({ size: bytes.length });
    if (arg.size < bytes.length) return fail(ENOSPC);
    return memory.write(arg.buffer, bytes) ? ok({ size: bytes.length }) : fail(EFAULT);
  },
};

/**
 * Load the registers of a domain's vCPUs (and more, record by record). The domain must be paused.
 * @xen domctl 34 sethvmcontext #P[records HEADER and CPU]
 * Fails: EINVAL too long, or records that do not hold together; EFAULT.
 */
export const setHvmContext: Domctl<(typeof xen_domctl_hvmcontext)['fields']> = {
  argument: xen_domctl_hvmcontext,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    if (arg.size > CONTEXT_MAX) return fail(EINVAL);
    const bytes = memory.read(arg.buffer, arg.size);
    if (bytes === undefined) return fail(EFAULT);
    return loadHvmContext(hv, of as Domain, bytes) ? ok() : fail(EINVAL);
  },
};
