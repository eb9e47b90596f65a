/**
 * nmi_op: non-maskable interrupts of PV kernels.
 * @see xen/include/public/nmi.h
 */
import { struct, u64 } from '../../base/struct.ts';

/** nmi_op sub-operations. */
export const XENNMI_register_callback = 0;
export const XENNMI_unregister_callback = 1;
/** Bits of arch_shared_info.nmi_reason, set by Xen. */
export const XEN_NMIREASON_io_error = 1;
export const XEN_NMIREASON_pci_serr = 2;
export const XEN_NMIREASON_unknown = 4;

export const xennmi_callback = struct('xennmi_callback', { handler_address: u64, pad: u64 });
