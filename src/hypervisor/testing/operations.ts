import type { AnyKind } from '../../base/struct.ts';
import * as E from '../../spec/xen/event-channel.ts';
import * as G from '../../spec/xen/grant-table.ts';
import * as H from '../../spec/xen/hvm/hvm-op.ts';
import { vcpu_hvm_context } from '../../spec/xen/hvm/vcpu.ts';
import * as M from '../../spec/xen/memory.ts';
import * as C from '../../spec/xen/sched.ts';
import * as V from '../../spec/xen/vcpu.ts';
import * as N from '../../spec/xen/version.ts';
import * as X from '../../spec/xen/xen.ts';

/** A sub-operation that a guest can make: its struct, and where the pointer to it goes. */
export interface GuestOperation {
  readonly nr: number;
  readonly cmd: number;
  readonly struct: AnyKind;
  /** grant_table_op has a count behind the pointer, vcpu_op a vCPU id before it. */
  readonly form: 'cmd,pointer' | 'cmd,pointer,count' | 'cmd,vcpu,pointer';
}

const of = (nr: number, form: GuestOperation['form'], rows: readonly (readonly [number, AnyKind])[]): GuestOperation[] =>
  rows.map(([cmd, struct]) => ({ nr, cmd, struct, form }));

/** Every sub-operation with an argument struct that an unprivileged domain may make. */
export const GUEST_OPERATIONS: readonly GuestOperation[] = [
  ...of(X.__HYPERVISOR_memory_op, 'cmd,pointer', [
    [M.XENMEM_decrease_reservation, M.xen_memory_reservation],
    [M.XENMEM_populate_physmap, M.xen_memory_reservation],
    [M.XENMEM_current_reservation, M.xen_memory_domain],
    [M.XENMEM_maximum_reservation, M.xen_memory_domain],
    [M.XENMEM_maximum_gpfn, M.xen_memory_domain],
    [M.XENMEM_add_to_physmap, M.xen_add_to_physmap],
    [M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch],
    [M.XENMEM_remove_from_physmap, M.xen_remove_from_physmap],
    [M.XENMEM_memory_map, M.xen_memory_map],
    [M.XENMEM_set_memory_map, M.xen_foreign_memory_map],
    [M.XENMEM_machine_memory_map, M.xen_memory_map],
    [M.XENMEM_acquire_resource, M.xen_mem_acquire_resource],
    [M.XENMEM_increase_reservation, M.xen_memory_reservation],
    [M.XENMEM_claim_pages, M.xen_memory_reservation],
    [M.XENMEM_exchange, M.xen_memory_exchange],
    [M.XENMEM_get_pod_target, M.xen_pod_target],
    [M.XENMEM_set_pod_target, M.xen_pod_target],
    [M.XENMEM_reserved_device_memory_map, M.xen_reserved_device_memory_map],
    [M.XENMEM_get_vnumainfo, M.xen_vnuma_topology_info],
  ]),
  ...of(X.__HYPERVISOR_grant_table_op, 'cmd,pointer,count', [
    [G.GNTTABOP_map_grant_ref, G.gnttab_map_grant_ref],
    [G.GNTTABOP_unmap_grant_ref, G.gnttab_unmap_grant_ref],
    [G.GNTTABOP_setup_table, G.gnttab_setup_table],
    [G.GNTTABOP_copy, G.gnttab_copy],
    [G.GNTTABOP_query_size, G.gnttab_query_size],
    [G.GNTTABOP_set_version, G.gnttab_set_version],
    [G.GNTTABOP_get_version, G.gnttab_get_version],
    [G.GNTTABOP_swap_grant_ref, G.gnttab_swap_grant_ref],
  ]),
  ...of(X.__HYPERVISOR_event_channel_op, 'cmd,pointer', [
    [E.EVTCHNOP_bind_interdomain, E.evtchn_bind_interdomain],
    [E.EVTCHNOP_bind_virq, E.evtchn_bind_virq],
    [E.EVTCHNOP_close, E.evtchn_close],
    [E.EVTCHNOP_send, E.evtchn_send],
    [E.EVTCHNOP_status, E.evtchn_status],
    [E.EVTCHNOP_alloc_unbound, E.evtchn_alloc_unbound],
    [E.EVTCHNOP_bind_ipi, E.evtchn_bind_ipi],
    [E.EVTCHNOP_bind_vcpu, E.evtchn_bind_vcpu],
    [E.EVTCHNOP_unmask, E.evtchn_unmask],
    [E.EVTCHNOP_reset, E.evtchn_reset],
    [E.EVTCHNOP_init_control, E.evtchn_init_control],
    [E.EVTCHNOP_expand_array, E.evtchn_expand_array],
    [E.EVTCHNOP_set_priority, E.evtchn_set_priority],
  ]),
  ...of(X.__HYPERVISOR_vcpu_op, 'cmd,vcpu,pointer', [
    [V.VCPUOP_initialise, vcpu_hvm_context],
    [V.VCPUOP_up, V.vcpu_get_physid],
    [V.VCPUOP_down, V.vcpu_get_physid],
    [V.VCPUOP_is_up, V.vcpu_get_physid],
    [V.VCPUOP_get_runstate_info, V.vcpu_runstate_info],
    [V.VCPUOP_register_runstate_memory_area, V.vcpu_register_runstate_memory_area],
    [V.VCPUOP_set_periodic_timer, V.vcpu_set_periodic_timer],
    [V.VCPUOP_stop_periodic_timer, V.vcpu_get_physid],
    [V.VCPUOP_set_singleshot_timer, V.vcpu_set_singleshot_timer],
    [V.VCPUOP_stop_singleshot_timer, V.vcpu_get_physid],
    [V.VCPUOP_register_vcpu_info, V.vcpu_register_vcpu_info],
    [V.VCPUOP_send_nmi, V.vcpu_get_physid],
    [V.VCPUOP_register_vcpu_time_memory_area, V.vcpu_register_time_memory_area],
  ]),
  ...of(X.__HYPERVISOR_sched_op, 'cmd,pointer', [
    [C.SCHEDOP_poll, C.sched_poll],
    [C.SCHEDOP_remote_shutdown, C.sched_remote_shutdown],
    [C.SCHEDOP_shutdown_code, C.sched_shutdown],
    [C.SCHEDOP_watchdog, C.sched_watchdog],
    [C.SCHEDOP_pin_override, C.sched_pin_override],
  ]),
  ...of(X.__HYPERVISOR_hvm_op, 'cmd,pointer', [
    [H.HVMOP_set_param, H.xen_hvm_param],
    [H.HVMOP_get_param, H.xen_hvm_param],
    [H.HVMOP_pagetable_dying, H.xen_hvm_pagetable_dying],
    [H.HVMOP_get_time, H.xen_hvm_get_time],
    [H.HVMOP_xentrace, H.xen_hvm_xentrace],
    [H.HVMOP_get_mem_type, H.xen_hvm_get_mem_type],
    [H.HVMOP_set_evtchn_upcall_vector, H.xen_hvm_evtchn_upcall_vector],
  ]),
  ...of(X.__HYPERVISOR_xen_version, 'cmd,pointer', [
    [N.XENVER_get_features, N.xen_feature_info],
    [N.XENVER_build_id, V.vcpu_get_physid],
  ]),
];
