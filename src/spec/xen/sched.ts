/**
 * sched_op: give up the CPU, wait, shut down.
 * @see xen/include/public/sched.h
 */
import { domid, guestHandle, s32, struct, u32, u64 } from '../../base/struct.ts';

/** sched_op sub-operations. */
export const SCHEDOP_yield = 0;
export const SCHEDOP_block = 1;
export const SCHEDOP_shutdown = 2;
export const SCHEDOP_poll = 3;
export const SCHEDOP_remote_shutdown = 4;
export const SCHEDOP_shutdown_code = 5;
export const SCHEDOP_watchdog = 6;
export const SCHEDOP_pin_override = 7;

/** Why a domain shut down: argument of SCHEDOP_shutdown, and what the toolstack acts on. */
export const SHUTDOWN_poweroff = 0;
export const SHUTDOWN_reboot = 1;
export const SHUTDOWN_suspend = 2;
export const SHUTDOWN_crash = 3;
export const SHUTDOWN_watchdog = 4;
export const SHUTDOWN_soft_reset = 5;
export const SHUTDOWN_MAX = 5;

/** In: a SHUTDOWN_* reason. Also the argument of SCHEDOP_shutdown_code. */
export const sched_shutdown = struct('sched_shutdown', { reason: u32 });

/** In: sleep until one of the ports is pending, or the absolute system time (ns, 0 = no limit) has come. */
export const sched_poll = struct('sched_poll', { ports: guestHandle, nr_ports: u32, timeout: u64 });

/** In: declare another domain shut down (device models). */
export const sched_remote_shutdown = struct('sched_remote_shutdown', { domain_id: domid, reason: u32 });

/** In: id 0 arms a new watchdog and its id is returned; timeout in seconds, 0 disarms. */
export const sched_watchdog = struct('sched_watchdog', { id: u32, timeout: u32 });

/** In: pCPU to pin the caller to for a while, negative to undo. Dom0 only. */
export const sched_pin_override = struct('sched_pin_override', { pcpu: s32 });
