import { test } from 'node:test';
import {
  EVTCHNOP_bind_ipi,
  EVTCHNOP_bind_vcpu,
  EVTCHNOP_bind_virq,
  EVTCHNOP_close,
  EVTCHNOP_send,
  EVTCHNOP_set_priority,
  EVTCHNOP_status,
  EVTCHNOP_unmask,
  evtchn_bind_ipi,
  evtchn_bind_vcpu,
  evtchn_bind_virq,
  evtchn_set_priority,
  evtchn_status,
} from '../../src/spec/xen/event-channel.ts';
import { HVMOP_set_evtchn_upcall_vector, HVMOP_set_param, xen_hvm_evtchn_upcall_vector, xen_hvm_param } from '../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CALLBACK_IRQ } from '../../src/spec/xen/hvm/params.ts';
import { SCHEDOP_block, SCHEDOP_poll, sched_poll } from '../../src/spec/xen/sched.ts';
import { VCPUOP_set_singleshot_timer, vcpu_set_singleshot_timer } from '../../src/spec/xen/vcpu.ts';
import {
  DOMID_SELF,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_hvm_op as HVM,
  __HYPERVISOR_sched_op as SCHED,
  shared_info,
  __HYPERVISOR_vcpu_op as VCPU,
  VIRQ_TIMER,
  vcpu_info,
} from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';
import { CLEAR_UPCALL, EOI_MMIO } from './kit/runtime.ts';

/**
 * Event channels by the 2-level ABI: the bits in shared_info, masks, polling, the callback vector, and the vCPU's own
 * upcall vector through the local APIC.
 */
const PENDING = shared_info.offsets.evtchn_pending;
const MASK = shared_info.offsets.evtchn_mask;
const SELECTOR = vcpu_info.offsets.evtchn_pending_sel;
const CALLBACK = 0x31n;
const UPCALL = 0x41;
const SVR = 0xfee000f0;
const IRR1 = 0xfee00220;
const ISR1 = 0xfee00120;

test('2-level event channels', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.mapSharedInfo().showDecimal('shared info');
    const ipi = g.struct(evtchn_bind_ipi, { vcpu: 0 });
    g.call('bind_ipi', EVENT, EVTCHNOP_bind_ipi, ipi).showMemory('port', ipi, evtchn_bind_ipi.offsets.port);
    const other = g.struct(evtchn_bind_ipi, { vcpu: 1 });
    g.call('bind_ipi to no vCPU', EVENT, EVTCHNOP_bind_ipi, other);
    const port = g.space(4);
    a.load32(R.ax, at(ipi, evtchn_bind_ipi.offsets.port)).store32(at(port), R.ax);
    const state = (what: string): void => {
      g.say(what);
      g.showMemory('  pending', 'shared', PENDING, 8).showMemory('  selector', 'shared', SELECTOR, 8).showMemory('  upcall', 'shared', 0, 1);
    };
    state('before');
    g.call('send', EVENT, EVTCHNOP_send, port);
    state('sent');
    const poll = g.struct(sched_poll, { nr_ports: 1, timeout: 0n }, { ports: port });
    g.call('poll of a pending port', SCHED, SCHEDOP_poll, poll);
    // the callback vector is level-like: it comes as soon as there is one
    const callback = g.struct(xen_hvm_param, { domid: DOMID_SELF, index: HVM_PARAM_CALLBACK_IRQ, value: (2n << 56n) | CALLBACK });
    g.onInterrupt(Number(CALLBACK), CLEAR_UPCALL);
    g.call('callback vector', HVM, HVMOP_set_param, callback);
    g.open().showCount('upcalls', Number(CALLBACK));
    g.open().showCount('upcalls, flag cleared', Number(CALLBACK));
    const clear = (): void => void a.storei(at('shared', PENDING), 0).storei(at('shared', SELECTOR), 0);
    clear();
    // masked: the bit comes, the upcall does not, until the mask goes
    a.storei(at('shared', MASK), -1);
    g.call('send while masked', EVENT, EVTCHNOP_send, port);
    state('masked');
    g.open().showCount('upcalls', Number(CALLBACK));
    g.call('unmask', EVENT, EVTCHNOP_unmask, port).showMemory('mask', 'shared', MASK, 8);
    g.open().showCount('upcalls', Number(CALLBACK));
    clear();
    g.call('unmask again', EVENT, EVTCHNOP_unmask, port);
    g.open().showCount('upcalls', Number(CALLBACK));
    const status = g.struct(evtchn_status, { dom: DOMID_SELF });
    a.load32(R.ax, at(port)).store32(at(status, evtchn_status.offsets.port), R.ax);
    g.call('status', EVENT, EVTCHNOP_status, status).showMemory('status', status, evtchn_status.offsets.status);
    // a timer's event wakes HLT and SCHEDOP_block
    const virq = g.struct(evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 });
    g.call('bind_virq', EVENT, EVTCHNOP_bind_virq, virq).showMemory('port', virq, evtchn_bind_virq.offsets.port);
    g.call('bind_virq twice', EVENT, EVTCHNOP_bind_virq, g.struct(evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 }));
    a.storei(at('shared', MASK), 0);
    const timer = g.struct(vcpu_set_singleshot_timer, { timeout_abs_ns: 0n });
    const arm = (): void => {
      a.tsc().addi(R.ax, 1_000_000).store(at(timer), R.ax);
      g.hypercall(VCPU, VCPUOP_set_singleshot_timer, 0, timer);
    };
    arm();
    g.sleep().showCount('upcalls after HLT', Number(CALLBACK));
    clear();
    arm();
    g.call('block', SCHED, SCHEDOP_block, 0).showMemory('upcall', 'shared', 0, 1);
    g.open().showCount('upcalls after block', Number(CALLBACK));
    clear();
    // moving ports between vCPUs: there is one vCPU, and an IPI's is fixed
    g.call('bind_vcpu of an IPI', EVENT, EVTCHNOP_bind_vcpu, g.struct(evtchn_bind_vcpu, { port: 3, vcpu: 0 }));
    g.call('set_priority', EVENT, EVTCHNOP_set_priority, g.struct(evtchn_set_priority, { port: 3, priority: 1 }));
    // the vCPU's own vector, through the local APIC: requested, in service, ended
    const upcall = g.struct(xen_hvm_evtchn_upcall_vector, { vcpu: 0, vector: UPCALL });
    g.call('upcall vector below 16', HVM, HVMOP_set_evtchn_upcall_vector, g.struct(xen_hvm_evtchn_upcall_vector, { vcpu: 0, vector: 15 }));
    g.call('upcall vector', HVM, HVMOP_set_evtchn_upcall_vector, upcall);
    a.movi(R.r15, SVR).storei32({ base: R.r15 }, 0x1ff);
    const apic = (name: string, address: number): void => {
      a.movi(R.r15, address).load32(R.ax, { base: R.r15 });
      g.show(name);
    };
    g.call('send', EVENT, EVTCHNOP_send, port);
    apic('IRR', IRR1);
    g.open().showCount('upcalls by vector', UPCALL).showCount('by callback', Number(CALLBACK));
    apic('IRR', IRR1);
    apic('ISR', ISR1);
    clear();
    a.storei8(at('shared'), 0);
    g.call('send while in service', EVENT, EVTCHNOP_send, port);
    g.open().showCount('upcalls', UPCALL);
    g.onInterrupt(UPCALL, EOI_MMIO | CLEAR_UPCALL);
    a.movi(R.r15, 0xfee000b0).storei32({ base: R.r15 }, 0);
    g.open().showCount('upcalls after the end of interrupt', UPCALL);
    apic('ISR', ISR1);
    // closing
    g.call('close', EVENT, EVTCHNOP_close, port);
    g.call('status', EVENT, EVTCHNOP_status, status).showMemory('status', status, evtchn_status.offsets.status);
    g.call('send on a closed port', EVENT, EVTCHNOP_send, port);
    g.call('close again', EVENT, EVTCHNOP_close, port);
  });
  assertConsole(
    run,
    `
    shared info 0
    bind_ipi 0
    port 3
    bind_ipi to no vCPU -2
    before
      pending 0
      selector 0
      upcall 0
    send 0
    sent
      pending 8
      selector 1
      upcall 1
    poll of a pending port 0
    callback vector 0
    upcalls 1
    upcalls, flag cleared 1
    send while masked 0
    masked
      pending 8
      selector 0
      upcall 0
    upcalls 1
    unmask 0
    mask fffffffffffffff7
    upcalls 2
    unmask again 0
    upcalls 2
    status 0
    status 5
    bind_virq 0
    port 4
    bind_virq twice -17
    upcalls after HLT 3
    block 0
    upcall 1
    upcalls after block 4
    bind_vcpu of an IPI -22
    set_priority -38
    upcall vector below 16 -22
    upcall vector 0
    send 0
    IRR 2
    upcalls by vector 1
    by callback 4
    IRR 0
    ISR 2
    send while in service 0
    upcalls 1
    upcalls after the end of interrupt 2
    ISR 0
    close 0
    status 0
    status 0
    send on a closed port -22
    close again -22
`,
  );
});
