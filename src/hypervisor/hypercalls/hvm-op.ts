import { EEXIST, EINVAL, ENOENT, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';
import {
  HVMOP_flush_tlbs,
  HVMOP_get_mem_type,
  HVMOP_get_param,
  HVMOP_get_time,
  HVMOP_guest_request_vm_event,
  HVMOP_pagetable_dying,
  HVMOP_set_evtchn_upcall_vector,
  HVMOP_set_param,
  HVMMEM_mmio_dm,
  HVMMEM_ram_ro,
  HVMMEM_ram_rw,
  xen_hvm_evtchn_upcall_vector,
  xen_hvm_get_mem_type,
  xen_hvm_get_time,
  xen_hvm_pagetable_dying,
  xen_hvm_param,
} from '../../spec/xen/hvm/hvm-op.ts';
import * as P from '../../spec/xen/hvm/params.ts';
import { CALLBACK_NONE, CALLBACK_VECTOR, DOMF_hvm, domain as domainStruct } from '../domain.ts';
import { repeatEventUpcall } from '../arch/x86/lapic.ts';
import type { Domain } from '../hypervisor.ts';
import { type Call, fail, ok, type SubOperation, subOperation } from './call.ts';

/** Parameters a guest may read of itself. */
const GUEST_READABLE = new Set([
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
/** Parameters a guest may set of itself. */
const GUEST_WRITABLE = new Set([P.HVM_PARAM_CALLBACK_IRQ, P.HVM_PARAM_VM86_TSS, P.HVM_PARAM_VM86_TSS_SIZED, P.HVM_PARAM_ACPI_IOPORTS_LOCATION, P.HVM_PARAM_VM_GENERATION_ID_ADDR, P.HVM_PARAM_X87_FIP_WIDTH, P.HVM_PARAM_ALTP2M]);
/** Refused for everybody. */
const DEPRECATED = new Set([
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
/** Set once by the toolstack; a second, different value is refused. */
const SET_ONCE = new Set([P.HVM_PARAM_STORE_EVTCHN, P.HVM_PARAM_CONSOLE_EVTCHN]);

const slot = (of: Domain, index: number): number => of.address + domainStruct.offsets.hvm_params + index * 8;

function setCallback(of: Domain, value: bigint): void {
  const type = Number(value >> 56n);
  const vector = Number(value & 0xffn);
  if (type === P.HVM_PARAM_CALLBACK_TYPE_VECTOR && vector >= 16) {
    of.s.callback_type = CALLBACK_VECTOR;
    of.s.callback_vector = vector;
  } else {
    of.s.callback_type = CALLBACK_NONE;
    of.s.callback_vector = 0;
  }
}

/**
 * HVMOP_set_param: a domain-wide setting.
 * @xen hvm_op 0 set_param #Y
 * Fails: EINVAL index beyond the table, or domain not HVM; ESRCH; EPERM not for this caller; EINVAL deprecated; EEXIST set before.
 */
const setParam = subOperation(xen_hvm_param, ({ hv, caller }, arg) => {
  if (arg.index >= P.HVM_NR_PARAMS) return fail(EINVAL);
  const of = hv.resolve(arg.domid, caller);
  if (of === undefined) return fail(ESRCH);
  if ((of.s.flags & DOMF_hvm) === 0) return fail(EINVAL);
  if (!hv.isPrivileged(caller) && (of !== caller || !GUEST_WRITABLE.has(arg.index))) return fail(EPERM);
  if (DEPRECATED.has(arg.index)) return fail(EINVAL);
  const at = slot(of, arg.index);
  const before = hv.memories.stateView.getBigUint64(at, true);
  if (SET_ONCE.has(arg.index) && before !== 0n && before !== arg.value) return fail(EEXIST);
  if (arg.index === P.HVM_PARAM_CALLBACK_IRQ) setCallback(of, arg.value);
  hv.memories.stateView.setBigUint64(at, arg.value, true);
  return ok();
});

/**
 * HVMOP_get_param.
 * @xen hvm_op 1 get_param #Y
 * Fails: EINVAL index beyond the table, or domain not HVM; ESRCH; EPERM not for this caller; EINVAL deprecated.
 */
const getParam = subOperation(
  xen_hvm_param,
  ({ hv, caller }, arg) => {
    if (arg.index >= P.HVM_NR_PARAMS) return fail(EINVAL);
    const of = hv.resolve(arg.domid, caller);
    if (of === undefined) return fail(ESRCH);
    if ((of.s.flags & DOMF_hvm) === 0) return fail(EINVAL);
    if (!hv.isPrivileged(caller) && (of !== caller || !GUEST_READABLE.has(arg.index))) return fail(EPERM);
    if (DEPRECATED.has(arg.index)) return fail(EINVAL);
    return ok({ value: hv.memories.stateView.getBigUint64(slot(of, arg.index), true) });
  },
  'writes',
);

/** @xen hvm_op 5 flush_tlbs #Y */
const flushTlbs: SubOperation = ({ hv }, argument) => {
  if (argument !== 0n) return -EINVAL;
  hv.cpu.flushTlb();
  return 0;
};

/**
 * A hint for shadow paging; domains here have hardware-assisted paging, where Xen refuses it.
 * @xen hvm_op 9 pagetable_dying #Y
 */
const pagetableDying = subOperation(xen_hvm_pagetable_dying, () => fail(EINVAL));

/** @xen hvm_op 10 get_time #Y */
const getTime = subOperation(xen_hvm_get_time, ({ hv }) => ok({ now: hv.now() }), 'writes');

/** @xen hvm_op 15 get_mem_type #Y */
const getMemType = subOperation(
  xen_hvm_get_mem_type,
  ({ hv, caller }, arg) => {
    const of = hv.resolve(arg.domid, caller);
    if (of === undefined) return fail(ESRCH);
    if (of !== caller && !hv.isPrivileged(caller)) return fail(EPERM);
    const entry = of.p2m.lookup(arg.pfn);
    return ok({ mem_type: entry === undefined ? HVMMEM_mmio_dm : entry.writable ? HVMMEM_ram_rw : HVMMEM_ram_ro });
  },
  'writes',
);

/**
 * Interrupt vector that tells one vCPU of events, through its local APIC.
 * @xen hvm_op 23 set_evtchn_upcall_vector #Y
 * Fails: EINVAL domain not HVM or vector below 16; ENOENT no such vCPU.
 */
const setUpcallVector = subOperation(xen_hvm_evtchn_upcall_vector, ({ hv, caller }, arg) => {
  if ((caller.s.flags & DOMF_hvm) === 0 || arg.vector < 16) return fail(EINVAL);
  const v = hv.vcpu(caller, arg.vcpu);
  if (v === undefined) return fail(ENOENT);
  v.s.evtchn_upcall_vector = arg.vector;
  // An upcall raised before there was a vector would never come otherwise: the pending flag is set once.
  repeatEventUpcall(hv, v);
  return ok();
});

const operations: ReadonlyMap<number, SubOperation> = new Map([
  [HVMOP_set_param, setParam],
  [HVMOP_get_param, getParam],
  [HVMOP_flush_tlbs, flushTlbs],
  [HVMOP_pagetable_dying, pagetableDying],
  [HVMOP_get_time, getTime],
  [HVMOP_get_mem_type, getMemType],
  [HVMOP_set_evtchn_upcall_vector, setUpcallVector],
  // No monitor listens: as on Xen without one.
  [HVMOP_guest_request_vm_event, () => 0],
]);

/** hvm_op(op, arg). */
export function hvmOp(call: Call, op: number, argument: bigint): number {
  const operation = operations.get(op);
  return operation === undefined ? -ENOSYS : operation(call, argument);
}
