import { EINVAL, ENOSYS } from '../../spec/xen/errno.ts';
import { VMASST_CMD_disable, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag } from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';

/** Assists that an HVM or PVH domain may use. */
const VALID = 1n << BigInt(VMASST_TYPE_runstate_update_flag);

/**
 * vm_assist(cmd, type).
 * @xen vm_assist #P[runstate_update_flag; the others are for PV domains]
 * Fails: EINVAL not an assist of this kind of domain; ENOSYS unknown command.
 */
export function vmAssist({ caller }: Call, cmd: number, type: number): number {
  if (type > 63 || (VALID & (1n << BigInt(type))) === 0n) return -EINVAL;
  if (cmd === VMASST_CMD_enable) caller.s.assists |= 1n << BigInt(type);
  else if (cmd === VMASST_CMD_disable) caller.s.assists &= ~(1n << BigInt(type));
  else return -ENOSYS;
  return 0;
}
