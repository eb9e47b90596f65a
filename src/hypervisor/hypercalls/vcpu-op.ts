import { EEXIST, EFAULT, EINVAL, ENOENT, ENOSYS, ETIME } from '../../spec/xen/errno.ts';
import { vcpu_hvm_context } from '../../spec/xen/hvm/vcpu.ts';
import {
  VCPU_SSHOTTMR_future,
  VCPUOP_down,
  VCPUOP_get_runstate_info,
  VCPUOP_initialise,
  VCPUOP_is_up,
  VCPUOP_register_runstate_memory_area,
  VCPUOP_register_vcpu_info,
  VCPUOP_register_vcpu_time_memory_area,
  VCPUOP_send_nmi,
  VCPUOP_set_periodic_timer,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  VCPUOP_stop_singleshot_timer,
  VCPUOP_up,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_runstate_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
} from '../../spec/xen/vcpu.ts';
import { vcpu_info } from '../../spec/xen/xen.ts';
import { setHvmContext } from '../arch/x86/vcpu-initialise.ts';
import { NEVER, VCPUF_down, VCPUF_initialised, VCPUF_nmi_pending } from '../domain.ts';
import { markEventsPending, wake } from '../events/deliver.ts';
import type { Vcpu } from '../hypervisor.ts';
import { p2m_ram_rw } from '../memory/p2m.ts';
import { updateTime } from '../time/pvclock.ts';
import { runstateInfo, writeRunstateArea } from '../time/runstate.ts';
import { type Call, fail, ok, type SubOperation, subOperation } from './call.ts';

/** Shortest period of a periodic timer, as in Xen: 1 ms. */
const PERIOD_MIN_NS = 1_000_000n;

type VcpuOperation = (target: Vcpu) => SubOperation;

/**
 * Registers of a vCPU that is down.
 * @xen vcpu_op 0 initialise #Y
 * Fails: EFAULT; EEXIST it was initialised before; EINVAL a state that no processor has.
 */
const initialise: VcpuOperation = (target) =>
  subOperation(vcpu_hvm_context, ({ hv }, arg) => {
    if ((target.s.flags & VCPUF_initialised) !== 0) return fail(EEXIST);
    const errno = setHvmContext(hv, target, arg);
    return errno === 0 ? ok() : fail(errno);
  });

/** @xen vcpu_op 1 up #Y */
const up: VcpuOperation = (target) => () => {
  if ((target.s.flags & VCPUF_initialised) === 0) return -EINVAL;
  target.s.flags &= ~VCPUF_down;
  wake(target);
  return 0;
};

/** @xen vcpu_op 2 down #Y */
const down: VcpuOperation = (target) => () => {
  target.s.flags |= VCPUF_down;
  return 0;
};

/** @xen vcpu_op 3 is_up #Y */
const isUp: VcpuOperation = (target) => () => ((target.s.flags & VCPUF_down) === 0 ? 1 : 0);

/** @xen vcpu_op 4 get_runstate_info #Y */
const getRunstateInfo: VcpuOperation = (target) => subOperation(vcpu_runstate_info, ({ hv }) => ok(runstateInfo(hv, target)), 'writes');

/** @xen vcpu_op 5 register_runstate_memory_area #Y */
const registerRunstateArea: VcpuOperation = (target) =>
  subOperation(vcpu_register_runstate_memory_area, ({ hv, memory }, arg) => {
    if (arg.addr.v !== 0n && !memory.writable(arg.addr.v, vcpu_runstate_info.size)) return fail(EFAULT);
    target.s.runstate_area = arg.addr.v;
    writeRunstateArea(hv, target);
    return ok();
  });

/**
 * VIRQ_TIMER every period_ns.
 * @xen vcpu_op 6 set_periodic_timer #Y
 * Fails: EINVAL below one millisecond.
 */
const setPeriodicTimer: VcpuOperation = (target) =>
  subOperation(vcpu_set_periodic_timer, ({ hv }, arg) => {
    if (arg.period_ns < PERIOD_MIN_NS || arg.period_ns > 1n << 62n) return fail(EINVAL);
    target.s.periodic_period = arg.period_ns;
    target.s.periodic_deadline = hv.now() + arg.period_ns;
    return ok();
  });

/** @xen vcpu_op 7 stop_periodic_timer #Y */
const stopPeriodicTimer: VcpuOperation = (target) => () => {
  target.s.periodic_deadline = NEVER;
  return 0;
};

/**
 * VIRQ_TIMER once, at an absolute system time; at once when that has passed.
 * @xen vcpu_op 8 set_singleshot_timer #Y
 * Fails: EINVAL for another vCPU; ETIME passed and the caller asked for that error.
 */
const setSingleshotTimer: VcpuOperation = (target) =>
  subOperation(vcpu_set_singleshot_timer, ({ hv, vcpu }, arg) => {
    if (target !== vcpu) return fail(EINVAL);
    if ((arg.flags & VCPU_SSHOTTMR_future) !== 0 && arg.timeout_abs_ns < hv.now()) return fail(ETIME);
    target.s.singleshot_deadline = arg.timeout_abs_ns;
    return ok();
  });

/** @xen vcpu_op 9 stop_singleshot_timer #Y */
const stopSingleshotTimer: VcpuOperation = (target) => ({ vcpu }) => {
  if (target !== vcpu) return -EINVAL;
  target.s.singleshot_deadline = NEVER;
  return 0;
};

/**
 * Move a vCPU's vcpu_info into the guest's own page.
 * @xen vcpu_op 10 register_vcpu_info #Y
 * Fails: EINVAL it would cross the page, was moved before, or no writable RAM is there.
 */
const registerVcpuInfo: VcpuOperation = (target) =>
  subOperation(vcpu_register_vcpu_info, ({ hv, caller }, arg) => {
    if (arg.offset > 4096 - vcpu_info.size) return fail(EINVAL);
    if (target.s.info !== 0 && Math.floor(target.s.info / 4096) !== caller.s.shared_info) return fail(EINVAL);
    const entry = caller.p2m.lookup(arg.mfn);
    if (entry === undefined || entry.type !== p2m_ram_rw || !entry.writable) return fail(EINVAL);
    hv.frames.get(entry.mfn);
    const at = entry.mfn * 4096 + arg.offset;
    const bytes = hv.memories.frameBytes;
    if (target.s.info !== 0) bytes.copyWithin(at, target.s.info, target.s.info + vcpu_info.size);
    target.s.info = at;
    // Mark everything pending: what came while the guest did not look must not be lost.
    vcpu_info.write(hv.memories.frameView, at, { evtchn_upcall_pending: 0, evtchn_pending_sel: 0xffffffffffffffffn });
    updateTime(hv, target);
    markEventsPending(hv, target);
    return ok();
  });

/** @xen vcpu_op 11 send_nmi #Y */
const sendNmi: VcpuOperation = (target) => () => {
  target.s.flags |= VCPUF_nmi_pending;
  wake(target);
  return 0;
};

/**
 * A second copy of the time info at a guest virtual address, for user space.
 * @xen vcpu_op 13 register_vcpu_time_memory_area #Y
 */
const registerTimeArea: VcpuOperation = (target) =>
  subOperation(vcpu_register_time_memory_area, ({ hv, memory }, arg) => {
    if (arg.addr.v !== 0n && !memory.writable(arg.addr.v, 32)) return fail(EFAULT);
    target.s.time_area = arg.addr.v;
    updateTime(hv, target);
    return ok();
  });

const operations: ReadonlyMap<number, VcpuOperation> = new Map([
  [VCPUOP_initialise, initialise],
  [VCPUOP_up, up],
  [VCPUOP_down, down],
  [VCPUOP_is_up, isUp],
  [VCPUOP_get_runstate_info, getRunstateInfo],
  [VCPUOP_register_runstate_memory_area, registerRunstateArea],
  [VCPUOP_set_periodic_timer, setPeriodicTimer],
  [VCPUOP_stop_periodic_timer, stopPeriodicTimer],
  [VCPUOP_set_singleshot_timer, setSingleshotTimer],
  [VCPUOP_stop_singleshot_timer, stopSingleshotTimer],
  [VCPUOP_register_vcpu_info, registerVcpuInfo],
  [VCPUOP_send_nmi, sendNmi],
  [VCPUOP_register_vcpu_time_memory_area, registerTimeArea],
]);

/** vcpu_op(cmd, vcpuid, arg). Fails: ENOENT no such vCPU; ENOSYS no such command. */
export function vcpuOp(call: Call, cmd: number, vcpuId: number, argument: bigint): number {
  const target = call.hv.vcpu(call.caller, vcpuId);
  if (target === undefined) return -ENOENT;
  const operation = operations.get(cmd);
  return operation === undefined ? -ENOSYS : operation(target)(call, argument);
}
