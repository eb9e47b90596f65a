import { EPERM, ESRCH } from '../../../spec/xen/errno.ts';
import { sched_remote_shutdown, sched_shutdown } from '../../../spec/xen/sched.ts';
import { DOMID_FIRST_RESERVED } from '../../../spec/xen/xen.ts';
import { sayShutdownCode, shutDown } from '../../lifecycle/shutdown.ts';
import { fail, ok, subOperation } from '../call.ts';

/**
 * SCHEDOP_shutdown: the caller stops, for a SHUTDOWN_* reason (its low 8 bits).
 * @xen sched_op 2 shutdown #Y
 * Fails: EFAULT.
 */
export const shutdown = subOperation(sched_shutdown, ({ hv, caller }, arg) => {
  shutDown(hv, caller, arg.reason);
  return ok();
});

/**
 * SCHEDOP_shutdown_code: say the reason in advance; the first one said counts. The domain goes on.
 * @xen sched_op 5 shutdown_code #Y
 * Fails: EFAULT.
 */
export const shutdownCode = subOperation(sched_shutdown, ({ caller }, arg) => {
  sayShutdownCode(caller, arg.reason);
  return ok();
});

/**
 * SCHEDOP_remote_shutdown: declare another domain shut down. Privileged.
 * @xen sched_op 4 remote_shutdown #Y
 * Fails: EFAULT; ESRCH; EPERM.
 */
export const remoteShutdown = subOperation(sched_remote_shutdown, ({ hv, caller }, arg) => {
  const target = arg.domain_id >= DOMID_FIRST_RESERVED ? undefined : hv.domain(arg.domain_id);
  if (target === undefined) return fail(ESRCH);
  if (!hv.isPrivileged(caller)) return fail(EPERM);
  shutDown(hv, target, arg.reason);
  return ok();
});
