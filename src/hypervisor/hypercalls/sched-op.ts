import { ENOSYS } from '../../spec/xen/errno.ts';
import * as nr from '../../spec/xen/sched.ts';
import { __HYPERVISOR_sched_op } from '../../spec/xen/xen.ts';
import type { Call, SubOperation } from './call.ts';
import { permitted } from './rights.ts';
import { block } from './sched-op/block.ts';
import { pinOverride } from './sched-op/pin-override.ts';
import { poll } from './sched-op/poll.ts';
import { remoteShutdown, shutdown, shutdownCode } from './sched-op/shutdown.ts';
import { watchdog } from './sched-op/watchdog.ts';
import { yieldCpu } from './sched-op/yield.ts';

/** By number. */
export const SCHED_OPERATIONS: ReadonlyMap<number, SubOperation> = new Map([
  [nr.SCHEDOP_yield, yieldCpu],
  [nr.SCHEDOP_block, block],
  [nr.SCHEDOP_shutdown, shutdown],
  [nr.SCHEDOP_poll, poll],
  [nr.SCHEDOP_remote_shutdown, remoteShutdown],
  [nr.SCHEDOP_shutdown_code, shutdownCode],
  [nr.SCHEDOP_watchdog, watchdog],
  [nr.SCHEDOP_pin_override, pinOverride],
]);

/** sched_op(cmd, arg). */
export function schedOp(call: Call, cmd: number, argument: bigint): number {
  const operation = permitted(call, __HYPERVISOR_sched_op, cmd, SCHED_OPERATIONS);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
