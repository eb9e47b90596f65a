import { EFAULT } from '../../../spec/xen/errno.ts';
import { xen_sysctl_readconsole } from '../../../spec/xen/sysctl.ts';
import { CONRING_SIZE, readConring } from '../../console-ring.ts';
import { fail, ok } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/**
 * The hypervisor's log, from its start or (incremental) from where the last call ended.
 * @xen sysctl 1 readconsole #Y
 * Fails: EFAULT.
 */
export const readConsole = sysctlOperation(xen_sysctl_readconsole, ({ hv, memory }, arg) => {
  const start = hv.header.conring_cons;
  const kept = (hv.header.conring_prod - start) >>> 0;
  const from = arg.incremental !== 0 && (arg.index - start) >>> 0 <= kept ? arg.index : start;
  const { bytes, next } = readConring(hv, from, Math.min(arg.count, CONRING_SIZE));
  if (!memory.write(arg.buffer, bytes)) return fail(EFAULT);
  if (arg.clear !== 0) hv.header.conring_cons = next;
  return ok({ count: bytes.length, index: next });
});
