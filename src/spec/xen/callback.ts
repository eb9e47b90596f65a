/**
 * callback_op: entry points of PV kernels.
 * @see xen/include/public/callback.h
 */
import { struct, u16, u64 } from '../../base/struct.ts';

/** callback_op sub-operations. */
export const CALLBACKOP_register = 0;
export const CALLBACKOP_unregister = 1;
/** What the entry point is for. */
export const CALLBACKTYPE_event = 0;
export const CALLBACKTYPE_failsafe = 1;
export const CALLBACKTYPE_syscall = 2;
export const CALLBACKTYPE_sysenter_deprecated = 3;
export const CALLBACKTYPE_nmi = 4;
export const CALLBACKTYPE_sysenter = 5;
export const CALLBACKTYPE_syscall32 = 7;
/** Flag: event delivery is masked on entry. */
export const CALLBACKF_mask_events = 1;

export const callback_register = struct('callback_register', { type: u16, flags: u16, address: u64 });
export const callback_unregister = struct('callback_unregister', { type: u16, _unused: u16 });
