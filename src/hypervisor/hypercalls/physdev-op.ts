import { ENOSYS } from '../../spec/xen/errno.ts';
import type { Call } from './call.ts';

/**
 * Physical devices: a PVH domain without passed-through devices has none, and Xen refuses every command of it.
 * @xen physdev_op #N
 */
export function physdevOp(_call: Call, _cmd: number, _argument: bigint): number {
  return -ENOSYS;
}
