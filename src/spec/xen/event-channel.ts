/**
 * Event channels: one-bit notifications between domains, from Xen, and between the vCPUs of a domain.
 * @see xen/include/public/event_channel.h
 */
import { array, domid, pad, struct, u8, u32, u64n, union } from '../../base/struct.ts';

/** event_channel_op sub-operations. */
export const EVTCHNOP_bind_interdomain = 0;
export const EVTCHNOP_bind_virq = 1;
export const EVTCHNOP_bind_pirq = 2;
export const EVTCHNOP_close = 3;
export const EVTCHNOP_send = 4;
export const EVTCHNOP_status = 5;
export const EVTCHNOP_alloc_unbound = 6;
export const EVTCHNOP_bind_ipi = 7;
export const EVTCHNOP_bind_vcpu = 8;
export const EVTCHNOP_unmask = 9;
export const EVTCHNOP_reset = 10;
export const EVTCHNOP_init_control = 11;
export const EVTCHNOP_expand_array = 12;
export const EVTCHNOP_set_priority = 13;

/** Port number of a channel in one domain. */
export const evtchn_port_t = u32;

/** Give `dom` a fresh port that `remote_dom` may bind. In: dom, remote_dom. Out: port. */
export const evtchn_alloc_unbound = struct('evtchn_alloc_unbound', { dom: domid, remote_dom: domid, port: evtchn_port_t });

/** Connect a fresh local port to a remote domain's unbound port. In: remote_dom, remote_port. Out: local_port. */
export const evtchn_bind_interdomain = struct('evtchn_bind_interdomain', {
  remote_dom: domid,
  remote_port: evtchn_port_t,
  local_port: evtchn_port_t,
});

/** Receive a VIRQ_*. In: virq, vcpu (0 for global virqs). Out: port. */
export const evtchn_bind_virq = struct('evtchn_bind_virq', { virq: u32, vcpu: u32, port: evtchn_port_t });

/** Receive a physical interrupt. In: pirq, flags. Out: port. */
export const evtchn_bind_pirq = struct('evtchn_bind_pirq', { pirq: u32, flags: u32, port: evtchn_port_t });
/** Flag of evtchn_bind_pirq: other domains may bind the same interrupt. */
export const BIND_PIRQ__WILL_SHARE = 1;

/** A port that this domain's own vCPUs send to `vcpu`. In: vcpu. Out: port. */
export const evtchn_bind_ipi = struct('evtchn_bind_ipi', { vcpu: u32, port: evtchn_port_t });

export const evtchn_close = struct('evtchn_close', { port: evtchn_port_t });
export const evtchn_send = struct('evtchn_send', { port: evtchn_port_t });

/** In: dom, port. Out: the rest; `u` depends on status. */
export const evtchn_status = struct('evtchn_status', {
  dom: domid,
  port: evtchn_port_t,
  /** EVTCHNSTAT_*. */
  status: u32,
  /** vCPU that is notified. */
  vcpu: u32,
  u: union({
    unbound: struct({ dom: domid }),
    interdomain: struct({ dom: domid, port: evtchn_port_t }),
    pirq: u32,
    virq: u32,
  }),
});
/** States of a channel. */
export const EVTCHNSTAT_closed = 0;
export const EVTCHNSTAT_unbound = 1;
export const EVTCHNSTAT_interdomain = 2;
export const EVTCHNSTAT_pirq = 3;
export const EVTCHNSTAT_virq = 4;
export const EVTCHNSTAT_ipi = 5;

/** Which vCPU is notified. In: both. */
export const evtchn_bind_vcpu = struct('evtchn_bind_vcpu', { port: evtchn_port_t, vcpu: u32 });
export const evtchn_unmask = struct('evtchn_unmask', { port: evtchn_port_t });
/** Close every channel of `dom`. */
export const evtchn_reset = struct('evtchn_reset', { dom: domid });

/** Switch to the FIFO ABI and place the control block of one vCPU. In: the first three. Out: link_bits. */
export const evtchn_init_control = struct('evtchn_init_control', {
  control_gfn: u64n,
  /** Byte offset of the control block in that page, multiple of 8. */
  offset: u32,
  vcpu: u32,
  /** Width of the LINK field of event words. */
  link_bits: u8,
  _pad: pad(7),
});

/** Add one page of event words. */
export const evtchn_expand_array = struct('evtchn_expand_array', { array_gfn: u64n });
export const evtchn_set_priority = struct('evtchn_set_priority', { port: evtchn_port_t, priority: u32 });

/** Argument of event_channel_op_compat (hypercall 16), the form before Xen 3.2. */
export const evtchn_op = struct('evtchn_op', {
  cmd: u32,
  u: union({
    alloc_unbound: evtchn_alloc_unbound,
    bind_interdomain: evtchn_bind_interdomain,
    bind_virq: evtchn_bind_virq,
    bind_pirq: evtchn_bind_pirq,
    bind_ipi: evtchn_bind_ipi,
    close: evtchn_close,
    send: evtchn_send,
    status: evtchn_status,
    bind_vcpu: evtchn_bind_vcpu,
    unmask: evtchn_unmask,
  }),
});

/** Ports of the 2-level ABI on x86-64. */
export const EVTCHN_2L_NR_CHANNELS = 4096;

/** FIFO ABI: priorities, 0 is the highest; one queue each. */
export const EVTCHN_FIFO_PRIORITY_MAX = 0;
export const EVTCHN_FIFO_PRIORITY_DEFAULT = 7;
export const EVTCHN_FIFO_PRIORITY_MIN = 15;
export const EVTCHN_FIFO_MAX_QUEUES = 16;

/** FIFO ABI: bit numbers in an event word. PENDING and LINKED are set by Xen, MASKED by the guest (and by Xen never), BUSY guards the link. */
export const EVTCHN_FIFO_PENDING = 31;
export const EVTCHN_FIFO_MASKED = 30;
export const EVTCHN_FIFO_LINKED = 29;
export const EVTCHN_FIFO_BUSY = 28;
/** FIFO ABI: low bits of an event word, the next port in the queue (0 ends it). Written by Xen. */
export const EVTCHN_FIFO_LINK_BITS = 17;
export const EVTCHN_FIFO_LINK_MASK = 0x1ffff;
export const EVTCHN_FIFO_NR_CHANNELS = 0x20000;

/** FIFO ABI: control block of a vCPU. Xen sets bits of `ready`, the guest clears them; Xen writes a head when its queue was empty, the guest consumes it. */
export const evtchn_fifo_control_block = struct('evtchn_fifo_control_block', {
  /** Bit per priority: its queue has events. */
  ready: u32,
  _rsvd: pad(4, 4),
  /** First port of each queue, 0 for none. */
  head: array(u32, EVTCHN_FIFO_MAX_QUEUES),
});
