import { RUNSTATE_blocked } from '../../spec/xen/vcpu.ts';
import { EFAULT, EINVAL, ENOSPC, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import {
  SCHEDOP_block,
  SCHEDOP_poll,
  SCHEDOP_remote_shutdown,
  SCHEDOP_shutdown,
  SCHEDOP_shutdown_code,
  SCHEDOP_watchdog,
  SCHEDOP_yield,
  sched_poll,
  sched_remote_shutdown,
  sched_shutdown,
  sched_watchdog,
} from '../../spec/xen/sched.ts';
import { vcpu_info } from '../../spec/xen/xen.ts';
import { NEVER, VCPUF_blocked, VCPUF_polling } from '../domain.ts';
import { channel } from '../events/channels.ts';
import { isPending } from '../events/deliver.ts';
import { shutDown } from '../lifecycle/shutdown.ts';
import { setRunstate } from '../time/runstate.ts';
import { setWatchdog } from '../time/timers.ts';
import { type Call, fail, ok, type SubOperation, subOperation } from './call.ts';

/** Most ports one SCHEDOP_poll may name, as in Xen. */
const POLL_PORTS_MAX = 128;
/** Watchdogs a domain has. */
const WATCHDOGS = 2;

/** @xen sched_op 0 yield #Y */
const yieldCpu: SubOperation = () => 0;

/**
 * Sleep until an event is pending; unmasks upcalls first (PV guests use it; an HVM guest executes HLT).
 * @xen sched_op 1 block #Y
 */
const block: SubOperation = ({ hv, vcpu }) => {
  if (vcpu.s.info === 0) return 0;
  hv.memories.frameBytes[vcpu.s.info + vcpu_info.offsets.evtchn_upcall_mask] = 0;
  if (hv.memories.frameBytes[vcpu.s.info + vcpu_info.offsets.evtchn_upcall_pending] === 0) {
    vcpu.s.flags |= VCPUF_blocked;
    setRunstate(hv, vcpu, RUNSTATE_blocked);
  }
  return 0;
};

/**
 * The domain stops, for a SHUTDOWN_* reason.
 * @xen sched_op 2 shutdown #Y
 */
const shutdown = subOperation(sched_shutdown, ({ hv, caller }, arg) => {
  shutDown(hv, caller, arg.reason);
  return ok();
});

/**
 * Sleep until one of the ports is pending, or the timeout (absolute ns, 0 = none).
 * @xen sched_op 3 poll #Y
 * Fails: EINVAL more than 128 ports, or a port that does not exist; EFAULT.
 */
const poll = subOperation(sched_poll, ({ hv, caller, vcpu, memory }, arg) => {
  if (arg.nr_ports > POLL_PORTS_MAX) return fail(EINVAL);
  const list = memory.read(arg.ports, arg.nr_ports * 4);
  if (list === undefined) return fail(EFAULT);
  const ports = new DataView(list.buffer);
  for (let i = 0; i < arg.nr_ports; i++) {
    const port = ports.getUint32(i * 4, true);
    if (channel(hv, caller, port) === undefined) return fail(EINVAL);
    if (isPending(hv, caller, port)) return ok();
  }
  if (arg.timeout !== 0n && arg.timeout <= hv.now()) return ok();
  vcpu.s.flags |= VCPUF_polling | VCPUF_blocked;
  vcpu.s.poll_port = arg.nr_ports === 1 ? ports.getUint32(0, true) : -1;
  vcpu.s.poll_deadline = arg.timeout === 0n ? NEVER : arg.timeout;
  setRunstate(hv, vcpu, RUNSTATE_blocked);
  return ok();
});

/**
 * Declare another domain shut down. Privileged.
 * @xen sched_op 4 remote_shutdown #Y
 */
const remoteShutdown = subOperation(sched_remote_shutdown, ({ hv, caller }, arg) => {
  const target = hv.domain(arg.domain_id);
  if (target === undefined) return fail(ESRCH);
  if (!hv.isPrivileged(caller)) return fail(EPERM);
  shutDown(hv, target, arg.reason);
  return ok();
});

/**
 * Say the reason in advance; the domain goes on.
 * @xen sched_op 5 shutdown_code #Y
 */
const shutdownCode = subOperation(sched_shutdown, ({ caller }, arg) => {
  caller.s.shutdown_code = arg.reason & 0xff;
  return ok();
});

/**
 * Watchdog timers: id 0 arms a free one and returns its id.
 * @xen sched_op 6 watchdog #Y
 * Fails: EINVAL bad id, or one that is not armed; ENOSPC both are in use.
 */
const watchdog = subOperation(sched_watchdog, ({ hv, caller }, arg) => {
  if (arg.id > WATCHDOGS) return fail(EINVAL);
  if (arg.id === 0) {
    if (arg.timeout === 0) return fail(EINVAL);
    for (let id = 0; id < WATCHDOGS; id++) {
      if ((caller.s.watchdog_inuse & (1 << id)) !== 0) continue;
      setWatchdog(hv, caller, id, arg.timeout);
      return ok(undefined, id + 1);
    }
    return fail(ENOSPC);
  }
  if ((caller.s.watchdog_inuse & (1 << (arg.id - 1))) === 0) return fail(EINVAL);
  setWatchdog(hv, caller, arg.id - 1, arg.timeout);
  return ok();
});

const operations: ReadonlyMap<number, SubOperation> = new Map([
  [SCHEDOP_yield, yieldCpu],
  [SCHEDOP_block, block],
  [SCHEDOP_shutdown, shutdown],
  [SCHEDOP_poll, poll],
  [SCHEDOP_remote_shutdown, remoteShutdown],
  [SCHEDOP_shutdown_code, shutdownCode],
  [SCHEDOP_watchdog, watchdog],
]);

/** sched_op(cmd, arg). */
export function schedOp(call: Call, cmd: number, argument: bigint): number {
  const operation = operations.get(cmd);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
