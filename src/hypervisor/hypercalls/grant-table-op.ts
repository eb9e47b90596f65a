import { ENOSYS } from '../../spec/xen/errno.ts';
import type { Call } from './call.ts';

/** grant_table_op(cmd, list, count). */
export function grantTableOp(_call: Call, _cmd: number, _argument: bigint, _count: number): number {
  return -ENOSYS;
}
