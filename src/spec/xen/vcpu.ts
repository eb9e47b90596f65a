/**
 * vcpu_op: start, stop and describe virtual CPUs, their timers and their shared areas.
 * @see xen/include/public/vcpu.h
 */
import { array, guestHandle, pad, s32, struct, u32, u64, u64n, union } from '../../base/struct.ts';

/** vcpu_op sub-operations. */
export const VCPUOP_initialise = 0;
export const VCPUOP_up = 1;
export const VCPUOP_down = 2;
export const VCPUOP_is_up = 3;
export const VCPUOP_get_runstate_info = 4;
export const VCPUOP_register_runstate_memory_area = 5;
export const VCPUOP_set_periodic_timer = 6;
export const VCPUOP_stop_periodic_timer = 7;
export const VCPUOP_set_singleshot_timer = 8;
export const VCPUOP_stop_singleshot_timer = 9;
export const VCPUOP_register_vcpu_info = 10;
export const VCPUOP_send_nmi = 11;
export const VCPUOP_get_physid = 12;
export const VCPUOP_register_vcpu_time_memory_area = 13;

/** Time accounting of a vCPU, in nanoseconds of system time. Written by Xen (also into the registered area). */
export const vcpu_runstate_info = struct('vcpu_runstate_info', {
  /** RUNSTATE_*. */
  state: s32,
  /** When the current state began; with runstate_update_flag, bit 63 is set while an update is under way. */
  state_entry_time: u64,
  /** Time spent in each RUNSTATE_*. */
  time: array(u64, 4),
});
/** Bit of state_entry_time: the area is being updated. */
export const XEN_RUNSTATE_UPDATE = 0x8000000000000000n;
/** Running on a pCPU; wants one; waits for an event; is down or paused. */
export const RUNSTATE_running = 0;
export const RUNSTATE_runnable = 1;
export const RUNSTATE_blocked = 2;
export const RUNSTATE_offline = 3;

/** In: where Xen keeps a copy of the runstate, a guest virtual address. */
export const vcpu_register_runstate_memory_area = struct('vcpu_register_runstate_memory_area', {
  addr: union({ h: guestHandle, v: guestHandle, p: u64 }),
});

/** In: VIRQ_TIMER every `period_ns`. */
export const vcpu_set_periodic_timer = struct('vcpu_set_periodic_timer', { period_ns: u64 });

/** In: VIRQ_TIMER once, at an absolute system time in nanoseconds. */
export const vcpu_set_singleshot_timer = struct('vcpu_set_singleshot_timer', {
  timeout_abs_ns: u64,
  /** VCPU_SSHOTTMR_*. */
  flags: u32,
});
/** Refuse with ETIME a timeout that has passed. */
export const VCPU_SSHOTTMR_future = 1;

/** In: where the vCPU's vcpu_info moves to; once only, it may not cross a page. */
export const vcpu_register_vcpu_info = struct('vcpu_register_vcpu_info', {
  /** A gfn for translated guests. */
  mfn: u64n,
  offset: u32,
  rsvd: pad(4, 4),
});

/** Out: host APIC id (low half) and ACPI id (high half), for dom0. */
export const vcpu_get_physid = struct('vcpu_get_physid', { phys_id: u64 });

/** In: where Xen keeps a second copy of vcpu_time_info, for user space; a guest virtual address. */
export const vcpu_register_time_memory_area = struct('vcpu_register_time_memory_area', {
  addr: union({ h: guestHandle, v: guestHandle, p: u64 }),
});
