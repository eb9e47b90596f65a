import { EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import { sched_poll } from '../../../spec/xen/sched.ts';
import { RUNSTATE_blocked } from '../../../spec/xen/vcpu.ts';
import { NEVER, VCPUF_blocked, VCPUF_polling } from '../../domain.ts';
import { channel } from '../../events/channels.ts';
import { isPending } from '../../events/deliver.ts';
import { eventWaits } from '../../events/waits.ts';
import { setRunstate } from '../../time/runstate.ts';
import { fail, ok, subOperation } from '../call.ts';

/** Most ports one poll may name, as in Xen. */
const PORTS_MAX = 128;
/** Xen's times are signed: the upper half has passed. */
const SIGN = 1n << 63n;

/**
 * SCHEDOP_poll: sleep until one of the ports is pending, an event or interrupt is due, or the timeout (absolute system
 * time in ns, 0 = none) has come.
 * @xen sched_op 3 poll #Y
 * Fails: EFAULT; EINVAL more than 128 ports, or one that does not exist; EFAULT the list.
 */
export const poll = subOperation(sched_poll, ({ hv, caller, vcpu, memory }, arg) => {
  if (arg.nr_ports > PORTS_MAX) return fail(EINVAL);
  if (eventWaits(hv, vcpu)) return ok();
  const list = memory.read(arg.ports, arg.nr_ports * 4);
  if (list === undefined) return fail(EFAULT);
  const ports = new DataView(list.buffer);
  for (let i = 0; i < arg.nr_ports; i++) {
    const port = ports.getUint32(i * 4, true);
    if (channel(hv, caller, port) === undefined) return fail(EINVAL);
    if (isPending(hv, caller, port)) return ok();
  }
  if (arg.timeout >= SIGN || (arg.timeout !== 0n && arg.timeout <= hv.now())) return ok();
  vcpu.s.flags |= VCPUF_polling | VCPUF_blocked;
  vcpu.s.poll_port = arg.nr_ports === 1 ? ports.getUint32(0, true) : -1;
  vcpu.s.poll_deadline = arg.timeout === 0n ? NEVER : arg.timeout;
  setRunstate(hv, vcpu, RUNSTATE_blocked);
  return ok();
});
