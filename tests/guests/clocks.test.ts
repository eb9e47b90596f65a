import { test } from 'node:test';
import { EVTCHNOP_bind_virq, evtchn_bind_virq } from '../../src/spec/xen/event-channel.ts';
import { SCHEDOP_poll, sched_poll } from '../../src/spec/xen/sched.ts';
import {
  VCPU_SSHOTTMR_future,
  VCPUOP_get_runstate_info,
  VCPUOP_register_runstate_memory_area,
  VCPUOP_register_vcpu_info,
  VCPUOP_register_vcpu_time_memory_area,
  VCPUOP_set_periodic_timer,
  VCPUOP_set_singleshot_timer,
  VCPUOP_stop_periodic_timer,
  VCPUOP_stop_singleshot_timer,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_runstate_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
} from '../../src/spec/xen/vcpu.ts';
import {
  __HYPERVISOR_set_timer_op,
  __HYPERVISOR_vm_assist,
  __HYPERVISOR_event_channel_op as EVENT,
  __HYPERVISOR_sched_op as SCHED,
  shared_info,
  __HYPERVISOR_vcpu_op as VCPU,
  VIRQ_TIMER,
  VMASST_CMD_enable,
  VMASST_TYPE_runstate_update_flag,
  vcpu_info,
  vcpu_time_info,
} from '../../src/spec/xen/xen.ts';
import { at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

/** Xen's clocks and timers: pvclock against the TSC, VIRQ_TIMER by every way to ask for it, poll timeouts, runstate. */
const CALLBACK = 0x31;
const MS = 1_000_000;
const TIME = vcpu_info.offsets.time;

test('pvclock, timers and runstate', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.mapSharedInfo();
    const { offsets } = vcpu_time_info;
    g.showMemory('version is even', 'shared', TIME + offsets.version, 1);
    g.showMemory('multiplier', 'shared', TIME + offsets.tsc_to_system_mul).showMemory('shift', 'shared', TIME + offsets.tsc_shift, 1);
    g.showMemory('flags', 'shared', TIME + offsets.flags, 1);
    // system time as a guest computes it: (((tsc - timestamp) << shift) * mul >> 32) + system_time
    a.tsc()
      .load(R.cx, at('shared', TIME + offsets.tsc_timestamp))
      .sub(R.ax, R.cx)
      .shl(R.ax, 1);
    a.load32(R.cx, at('shared', TIME + offsets.tsc_to_system_mul))
      .mul(R.cx)
      .shr(R.ax, 32)
      .shl(R.dx, 32)
      .alu('or', R.ax, R.dx);
    a.load(R.cx, at('shared', TIME + offsets.system_time))
      .add(R.ax, R.cx)
      .mov(R.r12, R.ax);
    // the hypervisor's own clock must lie between two such readings: a single-shot timer in the past asks it
    const timer = g.struct(vcpu_set_singleshot_timer, { timeout_abs_ns: 0n, flags: VCPU_SSHOTTMR_future });
    a.store(at(timer), R.r12);
    g.call('a time that has just passed', VCPU, VCPUOP_set_singleshot_timer, 0, timer);
    a.addi(R.r12, 10 * MS).store(at(timer), R.r12);
    g.call('a time 10 ms ahead', VCPU, VCPUOP_set_singleshot_timer, 0, timer);
    g.call('stop', VCPU, VCPUOP_stop_singleshot_timer, 0, 0);
    // wall clock: 2026-01-01 in virtual time
    g.showMemory('wall clock seconds', 'shared', shared_info.offsets.wc_sec).showMemory('version', 'shared', shared_info.offsets.wc_version, 1);

    g.upcallBy(CALLBACK);
    const virq = g.struct(evtchn_bind_virq, { virq: VIRQ_TIMER, vcpu: 0 });
    g.call('bind_virq', EVENT, EVTCHNOP_bind_virq, virq);
    const clear = (): void => void a.storei(at('shared', shared_info.offsets.evtchn_pending), 0).storei(at('shared', vcpu_info.offsets.evtchn_pending_sel), 0);
    /** Say whether the time since R12 is at least `ms` and less than 1 ms more. */
    const elapsed = (what: string, ms: number): void => {
      a.tsc()
        .sub(R.ax, R.r12)
        .cmpi(R.ax, ms * MS);
      g.sayIf(CC.ae, `${what}: not early`, `${what}: early`);
      a.cmpi(R.ax, (ms + 1) * MS);
      g.sayIf(CC.b, `${what}: not late`, `${what}: late`);
    };
    const start = (): void => void a.tsc().mov(R.r12, R.ax);

    g.say('single shot, 5 ms');
    start();
    a.mov(R.ax, R.r12)
      .addi(R.ax, 5 * MS)
      .store(at(timer), R.ax)
      .storei(at(timer, 8), 0);
    g.call('set', VCPU, VCPUOP_set_singleshot_timer, 0, timer).open().showCount('at once', CALLBACK);
    g.sleep().showCount('after HLT', CALLBACK);
    elapsed('single shot', 5);
    clear();
    g.say('a past deadline fires at once');
    start();
    a.storei(at(timer), 1);
    g.call('set', VCPU, VCPUOP_set_singleshot_timer, 0, timer).sleep().showCount('upcalls', CALLBACK);
    elapsed('past', 0);
    clear();
    g.call('for another vCPU', VCPU, VCPUOP_set_singleshot_timer, 1, timer);

    g.say('periodic, 2 ms');
    g.call('below a millisecond', VCPU, VCPUOP_set_periodic_timer, 0, g.struct(vcpu_set_periodic_timer, { period_ns: 999_999n }));
    start();
    g.call('set', VCPU, VCPUOP_set_periodic_timer, 0, g.struct(vcpu_set_periodic_timer, { period_ns: 2_000_000n }));
    for (let i = 0; i < 5; i++) {
      g.sleep();
      clear();
    }
    g.showCount('upcalls', CALLBACK);
    elapsed('five periods', 10);
    g.call('stop', VCPU, VCPUOP_stop_periodic_timer, 0, 0);

    g.say('set_timer_op, 3 ms');
    start();
    a.mov(R.di, R.r12).addi(R.di, 3 * MS);
    g.call('set', __HYPERVISOR_set_timer_op, { reg: R.di }).sleep().showCount('upcalls', CALLBACK);
    elapsed('set_timer_op', 3);
    clear();

    g.say('poll with a timeout of 4 ms');
    const port = g.space(4);
    a.load32(R.ax, at(virq, evtchn_bind_virq.offsets.port)).store32(at(port), R.ax);
    const poll = g.struct(sched_poll, { nr_ports: 1, timeout: 0n }, { ports: port });
    start();
    a.mov(R.ax, R.r12)
      .addi(R.ax, 4 * MS)
      .store(at(poll, sched_poll.offsets.timeout), R.ax);
    g.call('poll', SCHED, SCHEDOP_poll, poll);
    elapsed('poll', 4);
    a.storei(at(poll, sched_poll.offsets.timeout), 1);
    g.call('poll until the past', SCHED, SCHEDOP_poll, poll);
    g.call('poll of 129 ports', SCHED, SCHEDOP_poll, g.struct(sched_poll, { nr_ports: 129, timeout: 0n }, { ports: port }));

    g.say('runstate');
    const runstate = g.space(vcpu_runstate_info.size);
    g.call('get', VCPU, VCPUOP_get_runstate_info, 0, runstate).showMemory('state', runstate);
    a.load(R.ax, at(runstate, vcpu_runstate_info.offsets.time + 16)).cmpi(R.ax, 20 * MS);
    g.sayIf(CC.a, 'it was blocked for more than 20 ms', 'it was not blocked long enough');
    const area = g.space(vcpu_runstate_info.size);
    g.call('update flag', __HYPERVISOR_vm_assist, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag);
    g.call('another assist', __HYPERVISOR_vm_assist, VMASST_CMD_enable, 2);
    g.call('register the area', VCPU, VCPUOP_register_runstate_memory_area, 0, g.struct(vcpu_register_runstate_memory_area, {}, { addr: area } as never));
    start();
    a.mov(R.ax, R.r12)
      .addi(R.ax, 7 * MS)
      .store(at(poll, sched_poll.offsets.timeout), R.ax)
      .load(R.r13, at(area, vcpu_runstate_info.offsets.time + 16));
    g.call('poll', SCHED, SCHEDOP_poll, poll).showMemory('state', area);
    a.load(R.ax, at(area, vcpu_runstate_info.offsets.time + 16))
      .sub(R.ax, R.r13)
      .cmpi(R.ax, 6 * MS);
    g.sayIf(CC.a, 'the area tells of the time blocked', 'the area does not tell of the time blocked');
    a.load(R.ax, at(area, vcpu_runstate_info.offsets.state_entry_time)).shr(R.ax, 63);
    g.show('update flag when read');

    g.say('time for user space, and vcpu_info of its own');
    const time = g.space(vcpu_time_info.size);
    g.call('register the time area', VCPU, VCPUOP_register_vcpu_time_memory_area, 0, g.struct(vcpu_register_time_memory_area, {}, { addr: time } as never));
    g.showMemory('multiplier', time, offsets.tsc_to_system_mul);
    g.page('info');
    g.call(
      'vcpu_info across the page end',
      VCPU,
      VCPUOP_register_vcpu_info,
      0,
      g.struct(vcpu_register_vcpu_info, { offset: 4040 }, { mfn: { label: 'info', shift: 12 } }),
    );
    g.call('vcpu_info', VCPU, VCPUOP_register_vcpu_info, 0, g.struct(vcpu_register_vcpu_info, { offset: 64 }, { mfn: { label: 'info', shift: 12 } }));
    g.call('vcpu_info again', VCPU, VCPUOP_register_vcpu_info, 0, g.struct(vcpu_register_vcpu_info, { offset: 128 }, { mfn: { label: 'info', shift: 12 } }));
    g.showMemory('selector', 'info', 64 + vcpu_info.offsets.evtchn_pending_sel, 8).showMemory('upcall', 'info', 64, 1);
  });
  assertConsole(
    run,
    `
    version is even 2
    multiplier 80000000
    shift 1
    flags 1
    a time that has just passed -62
    a time 10 ms ahead 0
    stop 0
    wall clock seconds 6955b900
    version 2
    bind_virq 0
    single shot, 5 ms
    set 0
    at once 0
    after HLT 1
    single shot: not early
    single shot: not late
    a past deadline fires at once
    set 0
    upcalls 2
    past: not early
    past: not late
    for another vCPU -2
    periodic, 2 ms
    below a millisecond -22
    set 0
    upcalls 7
    five periods: not early
    five periods: not late
    stop 0
    set_timer_op, 3 ms
    set 0
    upcalls 8
    set_timer_op: not early
    set_timer_op: not late
    poll with a timeout of 4 ms
    poll 0
    poll: not early
    poll: not late
    poll until the past 0
    poll of 129 ports -22
    runstate
    get 0
    state 0
    it was blocked for more than 20 ms
    update flag 0
    another assist -22
    register the area 0
    poll 0
    state 0
    the area tells of the time blocked
    update flag when read 0
    time for user space, and vcpu_info of its own
    register the time area 0
    multiplier 80000000
    vcpu_info across the page end -6
    vcpu_info 0
    vcpu_info again -22
    selector ffffffffffffffff
    upcall 1
`,
  );
});
