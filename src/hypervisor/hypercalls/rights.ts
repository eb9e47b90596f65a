import { EVTCHNOP_reset_cont } from '../../spec/xen/after-4.17.ts';
import * as E from '../../spec/xen/event-channel.ts';
import * as G from '../../spec/xen/grant-table.ts';
import * as H from '../../spec/xen/hvm/hvm-op.ts';
import * as M from '../../spec/xen/memory.ts';
import * as S from '../../spec/xen/sched.ts';
import * as V from '../../spec/xen/vcpu.ts';
import * as N from '../../spec/xen/version.ts';
import * as X from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';

/**
 * Who may call what. Every operation that a caller without privileges may name stands here, with whom it may be about;
 * what does not stand here, such a caller cannot call (ENOSYS, as for an operation that does not exist), even if it is
 * implemented. domctl, sysctl, platform_op and hypfs_op have no rows: hypercalls/table.ts gives them to domain 0 alone.
 *
 * - `caller`: it names no domain; it is about the caller alone, or about what everybody may know.
 * - `self`: it names a domain, which must be the caller: any other is EPERM, none ESRCH.
 * - `peer`: it names another domain, and that one has consented (a grant, a port kept for the caller) or it fails.
 * - `nobody`: for domain 0 alone; others get the errno that Xen gives, behind the checks that Xen makes before.
 */
export type Reach = 'caller' | 'self' | 'peer' | 'nobody';

const rows = (reach: Reach, ...operations: readonly number[]): [number, Reach][] => operations.map((operation) => [operation, reach]);

/** Rows of each hypercall that has operations; hypercalls without have one reach. */
export const RIGHTS: ReadonlyMap<number, Reach | ReadonlyMap<number, Reach>> = new Map<number, Reach | ReadonlyMap<number, Reach>>([
  [X.__HYPERVISOR_multicall, 'caller'],
  [X.__HYPERVISOR_set_timer_op, 'caller'],
  [X.__HYPERVISOR_vm_assist, 'caller'],
  [X.__HYPERVISOR_physdev_op, 'nobody'],
  [X.__HYPERVISOR_console_io, new Map([...rows('caller', X.CONSOLEIO_write), ...rows('nobody', X.CONSOLEIO_read)])],
  [
    X.__HYPERVISOR_memory_op,
    new Map([
      ...rows('caller', M.XENMEM_maximum_ram_page, M.XENMEM_memory_map, M.XENMEM_get_sharing_freed_pages, M.XENMEM_get_sharing_shared_pages),
      ...rows('caller', M.XENMEM_reserved_device_memory_map),
      ...rows('self', M.XENMEM_increase_reservation, M.XENMEM_decrease_reservation, M.XENMEM_populate_physmap, M.XENMEM_exchange),
      ...rows('self', M.XENMEM_current_reservation, M.XENMEM_maximum_reservation, M.XENMEM_maximum_gpfn, M.XENMEM_set_memory_map),
      ...rows('self', M.XENMEM_add_to_physmap, M.XENMEM_add_to_physmap_batch, M.XENMEM_remove_from_physmap, M.XENMEM_get_vnumainfo),
      ...rows('nobody', M.XENMEM_machine_memory_map, M.XENMEM_claim_pages, M.XENMEM_acquire_resource, M.XENMEM_get_pod_target, M.XENMEM_set_pod_target),
    ]),
  ],
  [
    X.__HYPERVISOR_xen_version,
    new Map([
      ...rows('caller', N.XENVER_version, N.XENVER_extraversion, N.XENVER_compile_info, N.XENVER_capabilities, N.XENVER_changeset),
      ...rows('caller', N.XENVER_platform_parameters, N.XENVER_get_features, N.XENVER_pagesize, N.XENVER_guest_handle, N.XENVER_commandline),
      ...rows('nobody', N.XENVER_build_id),
    ]),
  ],
  [
    X.__HYPERVISOR_grant_table_op,
    new Map([
      ...rows('self', G.GNTTABOP_setup_table, G.GNTTABOP_query_size, G.GNTTABOP_get_version, G.GNTTABOP_get_status_frames),
      ...rows('caller', G.GNTTABOP_set_version, G.GNTTABOP_swap_grant_ref, G.GNTTABOP_unmap_grant_ref, G.GNTTABOP_unmap_and_replace),
      ...rows('peer', G.GNTTABOP_map_grant_ref, G.GNTTABOP_copy, G.GNTTABOP_transfer),
    ]),
  ],
  [
    X.__HYPERVISOR_event_channel_op,
    new Map([
      ...rows('caller', E.EVTCHNOP_bind_virq, E.EVTCHNOP_close, E.EVTCHNOP_send, E.EVTCHNOP_bind_ipi, E.EVTCHNOP_bind_vcpu, E.EVTCHNOP_unmask),
      ...rows('caller', E.EVTCHNOP_init_control, E.EVTCHNOP_expand_array, E.EVTCHNOP_set_priority),
      ...rows('self', E.EVTCHNOP_alloc_unbound, E.EVTCHNOP_status, E.EVTCHNOP_reset, EVTCHNOP_reset_cont),
      ...rows('peer', E.EVTCHNOP_bind_interdomain),
    ]),
  ],
  [
    X.__HYPERVISOR_sched_op,
    new Map([
      ...rows('caller', S.SCHEDOP_yield, S.SCHEDOP_block, S.SCHEDOP_shutdown, S.SCHEDOP_poll, S.SCHEDOP_shutdown_code, S.SCHEDOP_watchdog),
      ...rows('nobody', S.SCHEDOP_remote_shutdown, S.SCHEDOP_pin_override),
    ]),
  ],
  [
    X.__HYPERVISOR_vcpu_op,
    new Map([
      ...rows('caller', V.VCPUOP_initialise, V.VCPUOP_up, V.VCPUOP_down, V.VCPUOP_is_up, V.VCPUOP_get_runstate_info, V.VCPUOP_send_nmi),
      ...rows('caller', V.VCPUOP_register_runstate_memory_area, V.VCPUOP_register_vcpu_info, V.VCPUOP_register_vcpu_time_memory_area),
      ...rows('caller', V.VCPUOP_set_periodic_timer, V.VCPUOP_stop_periodic_timer, V.VCPUOP_set_singleshot_timer, V.VCPUOP_stop_singleshot_timer),
      ...rows('caller', V.VCPUOP_get_physid),
    ]),
  ],
  [
    X.__HYPERVISOR_hvm_op,
    new Map([
      ...rows('caller', H.HVMOP_flush_tlbs, H.HVMOP_get_time, H.HVMOP_xentrace, H.HVMOP_set_evtchn_upcall_vector, H.HVMOP_guest_request_vm_event),
      ...rows('self', H.HVMOP_set_param, H.HVMOP_get_param, H.HVMOP_get_mem_type, H.HVMOP_pagetable_dying),
      ...rows('nobody', H.HVMOP_altp2m),
    ]),
  ],
]);

/** An operation of a hypercall, if the caller may name it at all. */
export function permitted<T>({ hv, caller }: Call, nr: number, cmd: number, operations: ReadonlyMap<number, T>): T | undefined {
  const right = RIGHTS.get(nr);
  const named = typeof right === 'object' && right.has(cmd);
  return named || hv.isPrivileged(caller) ? operations.get(cmd) : undefined;
}
