import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_MODELS } from '../../src/spec/x86/cpu-models.ts';
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import {
  SCHEDOP_shutdown_code,
  SCHEDOP_watchdog,
  SHUTDOWN_crash,
  SHUTDOWN_poweroff,
  SHUTDOWN_reboot,
  SHUTDOWN_soft_reset,
  SHUTDOWN_suspend,
  SHUTDOWN_watchdog,
  sched_watchdog,
} from '../../src/spec/xen/sched.ts';
import { VCPUOP_down } from '../../src/spec/xen/vcpu.ts';
import { __HYPERVISOR_sched_op as SCHED, __HYPERVISOR_vcpu_op as VCPU } from '../../src/spec/xen/xen.ts';
import { R } from '../../src/toolstack/guests/assembler.ts';
import { type GuestRun, runGuest } from './kit/run-guest.ts';
import type { TestGuest } from './kit/test-guest.ts';

/** Every way a guest ends: exit status, what the operator is told, and that no host exception shows. */
function check(run: GuestRun, status: number, end: string, words?: RegExp): void {
  assert.equal(run.status, status, run.messages.join('\n'));
  assert.equal(run.summary['end'], end);
  assert.deepEqual(run.lines, ['so far']);
  if (words === undefined) assert.deepEqual(run.messages, []);
  else assert.match(run.messages.join('\n'), words);
  assert.doesNotMatch(run.messages.join('\n'), /\.ts:\d+/);
}

const ends = (name: string, program: (g: TestGuest) => void, status: number, end: string, words?: RegExp): void => {
  test(name, async () => {
    check(
      await runGuest((g) => {
        g.say('so far');
        program(g);
        g.say('STILL ALIVE');
      }),
      status,
      end,
      words,
    );
  });
};

ends('SHUTDOWN_poweroff', (g) => g.shutdown(SHUTDOWN_poweroff), 0, 'poweroff');
ends('SHUTDOWN_reboot', (g) => g.shutdown(SHUTDOWN_reboot), 3, 'reboot');
ends('SHUTDOWN_suspend', (g) => g.shutdown(SHUTDOWN_suspend), 0, 'suspend');
ends('SHUTDOWN_crash', (g) => g.shutdown(SHUTDOWN_crash), 2, 'crash', /the guest crashed[\s\S]*rip/);
ends('SHUTDOWN_watchdog', (g) => g.shutdown(SHUTDOWN_watchdog), 2, 'watchdog', /the guest crashed/);
ends('SHUTDOWN_soft_reset', (g) => g.shutdown(SHUTDOWN_soft_reset), 0, 'reason 5');
ends(
  'a reason said in advance counts',
  (g) =>
    g
      .hypercall(
        SCHED,
        SCHEDOP_shutdown_code,
        g.define((a) => a.dd(SHUTDOWN_reboot)),
      )
      .shutdown(SHUTDOWN_poweroff),
  3,
  'reboot',
);
ends('HLT with interrupts off', (g) => g.a.cli().hlt(), 0, 'poweroff');
ends('the last vCPU goes down', (g) => g.hypercall(VCPU, VCPUOP_down, 0, 0), 0, 'poweroff');
ends(
  'a watchdog that is not fed',
  (g) => {
    const arm = g.struct(sched_watchdog, { id: 0, timeout: 2 });
    g.hypercall(SCHED, SCHEDOP_watchdog, arm).a.sti().label('wait').hlt().jmp('wait');
  },
  2,
  'watchdog',
  /the guest crashed/,
);
ends('a triple fault', (g) => g.a.lidt('no_idt').ud2().label('no_idt').dd(0).dd(0).dd(0), 2, 'crash', /triple fault/i);
ends('a jump to where there is no RAM', (g) => g.a.movi(R.ax, 0xd0000000).jmpTo(R.ax), 2, 'crash', /0xd0000000/);

test('watchdogs: two, fed and disarmed', async () => {
  const run = await runGuest((g) => {
    const dog = (name: string, id: number, timeout: number): void => void g.call(name, SCHED, SCHEDOP_watchdog, g.struct(sched_watchdog, { id, timeout }));
    dog('arm', 0, 1);
    dog('arm', 0, 2);
    dog('arm a third', 0, 3);
    dog('no such watchdog', 3, 1);
    dog('feed', 1, 5);
    dog('disarm', 1, 0);
    dog('disarm again', 1, 0);
    dog('disarm', 2, 0);
  });
  assert.deepEqual(run.lines, ['arm 1', 'arm 2', 'arm a third -28', 'no such watchdog -22', 'feed 0', 'disarm 0', 'disarm again -22', 'disarm 0']);
  assert.equal(run.status, 0);
});

test('a row that is still marked stops the domain with its name', async (t) => {
  const model = CPU_MODELS.get('AMD x86-64-v2');
  const row = ROWS.find(
    ({ todo, feature, map, prefix }) =>
      todo !== undefined && (feature === undefined || model?.features.has(feature as never)) && map === '0F' && prefix === 'any',
  );
  if (row === undefined) {
    t.skip('no row of the model is marked any more');
    return;
  }
  const run = await runGuest((g) => {
    g.say('so far').a.db(0x0f, row.opcode, row.mod === 'reg' ? 0xc0 | (Math.max(0, row.ext) << 3) | Math.max(0, row.rm) : Math.max(0, row.ext) << 3);
  });
  check(run, 2, 'crash', new RegExp(row.mnemonic));
});
