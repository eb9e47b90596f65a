import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVTCHNOP_send, EVTCHNOP_unmask } from '../../src/spec/xen/event-channel.ts';
import { HVMOP_get_param, xen_hvm_param } from '../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN } from '../../src/spec/xen/hvm/params.ts';
import { DOMID_SELF, __HYPERVISOR_event_channel_op as EVENT, __HYPERVISOR_hvm_op as HVM, shared_info, vcpu_info } from '../../src/spec/xen/xen.ts';
import { at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { runGuest } from './kit/run-guest.ts';

/**
 * The console ring both ways, driven by interrupts: the guest sleeps in HLT until the console's event, gives back in
 * capital letters what was typed, and writes far more than the ring holds.
 */
const IN_CONS = 3072;
const IN_PROD = 3076;
const OUT_CONS = 3080;
const OUT_PROD = 3084;
const OUT_SIZE = 2048;
const CALLBACK = 0x31;
const LINES = 300;

test('the console ring both ways', async () => {
  const run = await runGuest(
    (g) => {
      const { a } = g;
      g.mapSharedInfo();
      g.upcallBy(CALLBACK);
      const param = g.struct(xen_hvm_param, { domid: DOMID_SELF, index: HVM_PARAM_CONSOLE_PFN });
      g.hypercall(HVM, HVMOP_get_param, param).a.load(R.r12, at(param, 8)).shl(R.r12, 12);
      a.storei32(at(param, 4), HVM_PARAM_CONSOLE_EVTCHN);
      const port = g.space(4);
      g.hypercall(HVM, HVMOP_get_param, param).a.load32(R.r13, at(param, 8)).store32(at(port), R.r13);
      g.hypercall(EVENT, EVTCHNOP_unmask, port);
      const notify = (): void => void g.hypercall(EVENT, EVTCHNOP_send, port);
      const clear = (): void => {
        a.lea(R.dx, 'shared')
          .btr({ base: R.dx, disp: shared_info.offsets.evtchn_pending }, R.r13)
          .storei({ base: R.dx, disp: vcpu_info.offsets.evtchn_pending_sel }, 0);
      };
      /** The byte in AL to the ring; waits for room. */
      a.jmp('begin').label('putc').load32(R.cx, { base: R.r12, disp: OUT_PROD }).load32(R.dx, { base: R.r12, disp: OUT_CONS });
      a.mov(R.si, R.cx).sub(R.si, R.dx).cmpi(R.si, OUT_SIZE).jcc(CC.b, 'room').push(R.ax);
      notify();
      // domain 0 empties the ring and says so
      a.sti().hlt().cli();
      clear();
      a.pop(R.ax)
        .jmp('putc')
        .label('room')
        .andi(R.cx, OUT_SIZE - 1)
        .add(R.cx, R.r12)
        .store8({ base: R.cx, disp: 1024 }, R.ax);
      a.operation([0xff], 0, { base: R.r12, disp: OUT_PROD }, false).ret();
      a.label('ring_puts')
        .load8(R.ax, { base: R.di })
        .test(R.ax, R.ax)
        .jcc(CC.e, 'ring_end')
        .push(R.di)
        .call('putc')
        .pop(R.di)
        .addi(R.di, 1)
        .jmp('ring_puts')
        .label('ring_end')
        .ret();
      a.label('begin');
      const write = (text: string): void =>
        void a
          .lea(
            R.di,
            g.define((x) => x.text(`${text}\0`)),
          )
          .call('ring_puts');
      g.times(LINES, () => write('this line is written many times, more often than the ring has room for\r\n'));
      write('type now\r\n');
      notify();
      a.label('input').load32(R.ax, { base: R.r12, disp: IN_CONS }).load32(R.cx, { base: R.r12, disp: IN_PROD }).cmp(R.ax, R.cx).jcc(CC.ne, 'typed');
      a.sti().hlt().cli();
      clear();
      a.jmp('input').label('typed').mov(R.dx, R.ax).andi(R.dx, 1023).add(R.dx, R.r12).load8(R.bx, { base: R.dx });
      a.operation([0xff], 0, { base: R.r12, disp: IN_CONS }, false).cmpi(R.bx, 4).jcc(CC.e, 'bye');
      a.mov(R.ax, R.bx).cmpi(R.ax, 97).jcc(CC.b, 'small').subi(R.ax, 32).label('small').call('putc');
      notify();
      a.jmp('input').label('bye');
      write('\r\nbye\r\n');
      notify();
    },
    {
      typing: [
        { after: /type now/, bytes: 'hello ring 1234' },
        { after: /HELLO RING 1234/, bytes: `${'x'.repeat(3000)}\u0004` },
      ],
    },
  );
  assert.equal(run.status, 0, run.messages.join('\n'));
  assert.equal(run.lines.filter((line) => line === 'this line is written many times, more often than the ring has room for').length, LINES);
  assert.deepEqual(run.lines.slice(-3), ['type now', `HELLO RING 1234${'X'.repeat(3000)}`, 'bye']);
  assert.deepEqual(run.messages, []);
});
