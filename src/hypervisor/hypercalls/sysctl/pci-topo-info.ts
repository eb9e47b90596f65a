import { EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import { XEN_INVALID_DEV, xen_sysctl_pcitopoinfo } from '../../../spec/xen/sysctl.ts';
import { fail, mustPause, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * The node of each PCI device of a list. The machine has no PCI bus, so each is told to be no device.
 * @xen sysctl 22 pcitopoinfo #Y
 * Fails: EINVAL null lists; EFAULT. After many devices it stops; num_devs says how many are done.
 */
export const pciTopoInfo = sysctlOperation(xen_sysctl_pcitopoinfo, (call, arg) => {
  if (arg.devs === 0n || arg.nodes === 0n) return fail(EINVAL);
  const answer = new Uint8Array(Uint32Array.of(XEN_INVALID_DEV).buffer);
  let done = 0;
  while (done < arg.num_devs) {
    if (!call.memory.write(arg.nodes + BigInt(done * 4), answer)) return fail(EFAULT);
    done++;
    if (mustPause(call)) break;
  }
  return ok({ num_devs: done });
});
