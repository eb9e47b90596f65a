import { ENOSYS } from '../../spec/xen/errno.ts';
import type { Call } from './call.ts';

/** sysctl(arg): what a toolstack asks of the whole machine; domain 0 only. */
export function sysctl(_call: Call, _argument: bigint): number {
  return -ENOSYS;
}
