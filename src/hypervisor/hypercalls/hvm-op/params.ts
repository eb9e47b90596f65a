import * as P from '../../../spec/xen/hvm/params.ts';
import { domain as domainStruct } from '../../domain.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';

/** Parameters that a domain may read of itself. */
export const GUEST_READABLE: ReadonlySet<number> = new Set([
  P.HVM_PARAM_CALLBACK_IRQ,
  P.HVM_PARAM_VM86_TSS,
  P.HVM_PARAM_VM86_TSS_SIZED,
  P.HVM_PARAM_ACPI_IOPORTS_LOCATION,
  P.HVM_PARAM_VM_GENERATION_ID_ADDR,
  P.HVM_PARAM_STORE_EVTCHN,
  P.HVM_PARAM_STORE_PFN,
  P.HVM_PARAM_CONSOLE_PFN,
  P.HVM_PARAM_CONSOLE_EVTCHN,
  P.HVM_PARAM_X87_FIP_WIDTH,
  P.HVM_PARAM_ALTP2M,
]);

/** Parameters that a domain may set of itself. */
export const GUEST_WRITABLE: ReadonlySet<number> = new Set([
  P.HVM_PARAM_CALLBACK_IRQ,
  P.HVM_PARAM_VM86_TSS,
  P.HVM_PARAM_VM86_TSS_SIZED,
  P.HVM_PARAM_ACPI_IOPORTS_LOCATION,
  P.HVM_PARAM_VM_GENERATION_ID_ADDR,
  P.HVM_PARAM_STORE_EVTCHN,
  P.HVM_PARAM_CONSOLE_EVTCHN,
  P.HVM_PARAM_X87_FIP_WIDTH,
]);

/** Refused for everybody. */
export const DEPRECATED: ReadonlySet<number> = new Set([
  P.HVM_PARAM_PAE_ENABLED,
  P.HVM_PARAM_DM_DOMAIN,
  P.HVM_PARAM_MEMORY_EVENT_CR0,
  P.HVM_PARAM_MEMORY_EVENT_CR3,
  P.HVM_PARAM_MEMORY_EVENT_CR4,
  P.HVM_PARAM_MEMORY_EVENT_INT3,
  P.HVM_PARAM_NESTEDHVM,
  P.HVM_PARAM_MEMORY_EVENT_SINGLE_STEP,
  P.HVM_PARAM_BUFIOREQ_EVTCHN,
  P.HVM_PARAM_MEMORY_EVENT_MSR,
]);

/** Set to something other than 0 once; another value is refused then. */
export const SET_ONCE: ReadonlySet<number> = new Set([
  P.HVM_PARAM_VIRIDIAN,
  P.HVM_PARAM_IOREQ_PFN,
  P.HVM_PARAM_BUFIOREQ_PFN,
  P.HVM_PARAM_IOREQ_SERVER_PFN,
  P.HVM_PARAM_NR_IOREQ_SERVER_PAGES,
  P.HVM_PARAM_ALTP2M,
  P.HVM_PARAM_MCA_CAP,
]);

const slot = (of: Domain, index: number): number => of.address + domainStruct.offsets.hvm_params + index * 8;

/** Value of a parameter below HVM_NR_PARAMS. */
export function hvmParam(hv: Hypervisor, of: Domain, index: number): bigint {
  return hv.memories.stateView.getBigUint64(slot(of, index), true);
}

export function storeHvmParam(hv: Hypervisor, of: Domain, index: number, value: bigint): void {
  hv.memories.stateView.setBigUint64(slot(of, index), value, true);
}
