import { EFAULT, EINVAL, ENOSYS } from '../../../spec/xen/errno.ts';
import { gnttab_set_version } from '../../../spec/xen/grant-table.ts';
import { changeVersion } from '../../grants/version.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import type { SubOperation } from '../call.ts';

function change(hv: Hypervisor, of: Domain, version: number): number {
  if (version !== 1 && version !== 2) return EINVAL;
  if (version > of.s.grants.max_version) return ENOSYS;
  return version === of.s.grants.version ? 0 : changeVersion(hv, of, version);
}

/**
 * GNTTABOP_set_version: choose the format of the caller's table. The version in force comes back, also with an error.
 * @xen grant_table_op 8 set_version #Y
 * Fails: EFAULT; EINVAL no such version; ENOSYS the domain may not use it; EBUSY, ENOMEM, ERANGE (changeVersion).
 */
export const setVersion: SubOperation = ({ hv, caller, memory }, va) => {
  const bytes = memory.read(va, gnttab_set_version.size);
  if (bytes === undefined || !memory.writable(va, bytes.length)) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const errno = change(hv, caller, gnttab_set_version.read(view, 0).version);
  gnttab_set_version.write(view, 0, { version: caller.s.grants.version });
  return memory.write(va, bytes) ? -errno : -EFAULT;
};
