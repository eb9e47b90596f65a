import { EINVAL, ENOSPC } from '../../../spec/xen/errno.ts';
import { sched_watchdog } from '../../../spec/xen/sched.ts';
import { armWatchdog, disarmWatchdog, watchdogArmed } from '../../time/timers.ts';
import { fail, ok, subOperation } from '../call.ts';

/** Watchdogs that a domain has. */
const WATCHDOGS = 2;

/**
 * SCHEDOP_watchdog: id 0 arms a free watchdog and its id is the answer; another id sets that one again, or (timeout 0)
 * disarms it. Timeouts in seconds; a watchdog that expires shuts the domain down.
 * @xen sched_op 6 watchdog #Y
 * Fails: EFAULT; EINVAL no such id, or it is not armed; ENOSPC both are armed.
 */
export const watchdog = subOperation(sched_watchdog, ({ hv, caller }, arg) => {
  if (arg.id > WATCHDOGS) return fail(EINVAL);
  if (arg.id === 0) {
    for (let id = 0; id < WATCHDOGS; id++) {
      if (watchdogArmed(caller, id)) continue;
      armWatchdog(hv, caller, id, arg.timeout);
      return ok(undefined, id + 1);
    }
    return fail(ENOSPC);
  }
  if (!watchdogArmed(caller, arg.id - 1)) return fail(EINVAL);
  if (arg.timeout === 0) disarmWatchdog(caller, arg.id - 1);
  else armWatchdog(hv, caller, arg.id - 1, arg.timeout);
  return ok();
});
