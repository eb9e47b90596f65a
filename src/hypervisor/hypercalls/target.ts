import { EPERM, ESRCH } from '../../spec/xen/errno.ts';
import type { Domain } from '../hypervisor.ts';
import type { Call } from './call.ts';

/** The domain that an operation acts on: the caller itself, or any other for a privileged caller. Else ESRCH or EPERM. */
export function actFor({ hv, caller }: Call, id: number): Domain | number {
  const of = hv.resolve(id, caller);
  if (of === undefined) return ESRCH;
  return of === caller || hv.isPrivileged(caller) ? of : EPERM;
}
