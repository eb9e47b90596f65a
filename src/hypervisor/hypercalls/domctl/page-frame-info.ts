import { XEN_DOMCTL_PFINFO_NOTAB, XEN_DOMCTL_PFINFO_XTAB, xen_domctl_getpageframeinfo3 } from '../../../spec/xen/domctl.ts';
import { E2BIG, EFAULT } from '../../../spec/xen/errno.ts';
import type { Domain } from '../../hypervisor.ts';
import { p2m_ram_rw } from '../../memory/p2m.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** Most frames of one call, as in Xen. */
const FRAMES_MAX = 1024;

/**
 * What stands at those gfns: each becomes its type, which is RAM of the domain's own or nothing.
 * @xen domctl 61 getpageframeinfo3 #P[no page has a type: those are PV guests']
 * Fails: E2BIG; EFAULT.
 */
export const getPageFrameInfo: Domctl<(typeof xen_domctl_getpageframeinfo3)['fields']> = {
  argument: xen_domctl_getpageframeinfo3,
  needsDomain: true,
  run({ memory }, of, { num, array }) {
    const { p2m } = of as Domain;
    if (num > FRAMES_MAX) return fail(E2BIG);
    const bytes = memory.read(array, num * 8);
    if (bytes === undefined) return fail(EFAULT);
    const frames = new BigUint64Array(bytes.buffer, 0, num);
    for (let i = 0; i < num; i++) {
      const isRam = p2m.lookup(Number(frames[i]))?.type === p2m_ram_rw;
      frames[i] = BigInt(isRam ? XEN_DOMCTL_PFINFO_NOTAB : XEN_DOMCTL_PFINFO_XTAB);
    }
    return memory.write(array, bytes) ? ok() : fail(EFAULT);
  },
};
