import { ENOSYS, EPERM } from '../../spec/xen/errno.ts';
import * as X from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';
import { consoleIo } from './console-io.ts';
import { domctl } from './domctl.ts';
import { eventChannelOp } from './event-channel-op.ts';
import { grantTableOp } from './grant-table-op.ts';
import { hvmOp } from './hvm-op.ts';
import { memoryOp } from './memory-op.ts';
import { multicall } from './multicall.ts';
import { physdevOp } from './physdev-op.ts';
import { schedOp } from './sched-op.ts';
import { setTimerOp } from './set-timer-op.ts';
import { sysctl } from './sysctl.ts';
import { vcpuOp } from './vcpu-op.ts';
import { vmAssist } from './vm-assist.ts';
import { xenVersion } from './xen-version.ts';

/** Who may make a call at all; finer checks are the sub-operations' own. */
type Who = 'any' | 'privileged';

interface Row {
  readonly who: Who;
  /** Arguments as the registers gave them; `low` of an argument is its first 32 bits. */
  run(call: Call, args: readonly bigint[]): number;
}

const low = (args: readonly bigint[], i: number): number => Number((args[i] as bigint) & 0xffffffffn);
const at = (args: readonly bigint[], i: number): bigint => args[i] as bigint;

/** A call of domain 0's that it cannot make yet either; others are told that it is not theirs, as by Xen. */
const notYet: Row = { who: 'privileged', run: () => -ENOSYS };

/** Every hypercall that exists, by number; all others answer ENOSYS. */
export const HYPERCALLS: ReadonlyMap<number, Row> = new Map<number, Row>([
  [X.__HYPERVISOR_memory_op, { who: 'any', run: (call, a) => memoryOp(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_multicall, { who: 'any', run: (call, a) => multicall(call, at(a, 0), low(a, 1), hypercall) }],
  // 32-bit code gives the timeout in two registers.
  [X.__HYPERVISOR_set_timer_op, { who: 'any', run: (call, a) => setTimerOp(call, call.compat === true ? (at(a, 1) << 32n) | at(a, 0) : at(a, 0)) }],
  [X.__HYPERVISOR_xen_version, { who: 'any', run: (call, a) => xenVersion(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_console_io, { who: 'any', run: (call, a) => consoleIo(call, low(a, 0), low(a, 1), at(a, 2)) }],
  [X.__HYPERVISOR_grant_table_op, { who: 'any', run: (call, a) => grantTableOp(call, low(a, 0), at(a, 1), low(a, 2)) }],
  [X.__HYPERVISOR_vm_assist, { who: 'any', run: (call, a) => vmAssist(call, low(a, 0), low(a, 1)) }],
  [X.__HYPERVISOR_vcpu_op, { who: 'any', run: (call, a) => vcpuOp(call, low(a, 0), low(a, 1), at(a, 2)) }],
  [X.__HYPERVISOR_sched_op, { who: 'any', run: (call, a) => schedOp(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_event_channel_op, { who: 'any', run: (call, a) => eventChannelOp(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_physdev_op, { who: 'any', run: (call, a) => physdevOp(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_hvm_op, { who: 'any', run: (call, a) => hvmOp(call, low(a, 0), at(a, 1)) }],
  [X.__HYPERVISOR_platform_op, notYet],
  [X.__HYPERVISOR_hypfs_op, notYet],
  [X.__HYPERVISOR_sysctl, { who: 'privileged', run: (call, a) => sysctl(call, at(a, 0)) }],
  [X.__HYPERVISOR_domctl, { who: 'privileged', run: (call, a) => domctl(call, at(a, 0)) }],
]);

/** Make a hypercall. The answer is a value, or a negative errno. */
export function hypercall(call: Call, nr: number, args: readonly bigint[]): number {
  const row = HYPERCALLS.get(nr);
  if (row === undefined) return -ENOSYS;
  if (row.who === 'privileged' && !call.hv.isPrivileged(call.caller)) return -EPERM;
  return row.run(call, args) + 0; // an errno of 0 negated is -0
}
