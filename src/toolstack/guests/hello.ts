import { EVTCHNOP_send } from '../../spec/xen/event-channel.ts';
import { HVMOP_get_param } from '../../spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CONSOLE_EVTCHN, HVM_PARAM_CONSOLE_PFN } from '../../spec/xen/hvm/params.ts';
import { XENMEM_add_to_physmap, xen_add_to_physmap } from '../../spec/xen/memory.ts';
import { SCHEDOP_poll, SCHEDOP_shutdown, SHUTDOWN_poweroff } from '../../spec/xen/sched.ts';
import {
  __HYPERVISOR_console_io,
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_hvm_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_sched_op,
  CONSOLEIO_write,
  DOMID_SELF,
  shared_info,
  vcpu_info,
} from '../../spec/xen/xen.ts';
import { Assembler, CC, R } from './assembler.ts';
import { enterLongMode, longModeTables } from './long-mode.ts';
import { pvhElf } from './pvh-elf.ts';

const BASE = 0x100000;

/** Whether the guest then echoes its console until Ctrl-D, and the reason (SHUTDOWN_*) for which it ends; absent: poweroff. */
export interface HelloOptions {
  readonly echo?: boolean;
  readonly reason?: number;
}

const HELLO = 'Hello from a guest of Zendo';

/**
 * A PVH guest of our own: says hello on port 0xE9, by the console_io hypercall and on the PV console ring, and powers
 * off; with `echo` it first gives back what is typed on the console, until Ctrl-D.
 */
export function helloGuest(options: HelloOptions = {}): Uint8Array {
  const a = new Assembler(BASE, 32);
  a.label('entry');
  enterLongMode(a, 'stack_top');
  // port 0xE9
  a.lea(R.si, 'port_text').label('port_loop').load8(R.ax, { base: R.si }).test(R.ax, R.ax).jcc(CC.e, 'port_done');
  a.outb(0xe9).addi(R.si, 1).jmp('port_loop').label('port_done');
  // console_io
  a.movi(R.di, CONSOLEIO_write).movi(R.si, `${HELLO} by hypercall\n`.length).lea(R.dx, 'call_text').movi(R.ax, __HYPERVISOR_console_io).vmmcall();
  // PV console: its page and port
  a.movi(R.si, HVM_PARAM_CONSOLE_PFN).call('get_param').mov(R.r12, R.ax).shl(R.r12, 12);
  a.movi(R.si, HVM_PARAM_CONSOLE_EVTCHN).call('get_param').mov(R.r13, R.ax);
  a.lea(R.si, 'ring_text').call('puts');
  if (options.echo === true) {
    a.lea(R.si, 'echo_text').call('puts');
    // shared_info takes the place of one of our pages
    a.movi(R.di, XENMEM_add_to_physmap).lea(R.si, 'place_shared').movi(R.ax, __HYPERVISOR_memory_op).vmmcall();
    a.label('echo_loop');
    a.load32(R.ax, { base: R.r12, disp: 3072 }).load32(R.cx, { base: R.r12, disp: 3076 }).cmp(R.ax, R.cx).jcc(CC.ne, 'echo_take');
    // nothing there: sleep until the console's event
    a.lea(R.ax, 'pending_port').store32({ base: R.ax }, R.r13);
    a.movi(R.di, SCHEDOP_poll).lea(R.si, 'poll').movi(R.ax, __HYPERVISOR_sched_op).vmmcall();
    a.call('clear_pending').jmp('echo_loop');
    a.label('echo_take');
    a.mov(R.dx, R.ax).andi(R.dx, 1023).add(R.dx, R.r12).load8(R.bx, { base: R.dx });
    a.addi(R.ax, 1).store32({ base: R.r12, disp: 3072 }, R.ax);
    a.cmpi(R.bx, 4).jcc(CC.e, 'end');
    a.mov(R.ax, R.bx).call('putc').cmpi(R.bx, 13).jcc(CC.ne, 'echo_send').movi(R.ax, 10).call('putc');
    a.label('echo_send').call('notify').jmp('echo_loop');
  }
  a.label('end');
  a.movi(R.di, SCHEDOP_shutdown).lea(R.si, 'shutdown').movi(R.ax, __HYPERVISOR_sched_op).vmmcall();
  a.label('stop').hlt().jmp('stop');

  // rax = HVM parameter rsi
  a.label('get_param').lea(R.dx, 'param').store32({ base: R.dx, disp: 4 }, R.si);
  a.movi(R.di, HVMOP_get_param).mov(R.si, R.dx).movi(R.ax, __HYPERVISOR_hvm_op).vmmcall();
  a.lea(R.dx, 'param').load(R.ax, { base: R.dx, disp: 8 }).ret();
  // write the byte in al to the ring (it is never full: domain 0 is notified after each line)
  a.label('putc').load32(R.cx, { base: R.r12, disp: 3084 });
  a.mov(R.dx, R.cx).andi(R.dx, 2047).add(R.dx, R.r12).store8({ base: R.dx, disp: 1024 }, R.ax);
  a.addi(R.cx, 1).store32({ base: R.r12, disp: 3084 }, R.cx).ret();
  // write the text at rsi, and tell domain 0
  a.label('puts').load8(R.ax, { base: R.si }).test(R.ax, R.ax).jcc(CC.e, 'notify').call('putc').addi(R.si, 1).jmp('puts');
  a.label('notify').lea(R.si, 'send').store32({ base: R.si }, R.r13);
  a.movi(R.di, EVTCHNOP_send).movi(R.ax, __HYPERVISOR_event_channel_op).vmmcall().ret();
  // The console's pending bit, its selector and the upcall flag, or the next poll ends at once.
  a.label('clear_pending').lea(R.dx, 'shared').btr({ base: R.dx, disp: shared_info.offsets.evtchn_pending }, R.r13).xor(R.ax, R.ax);
  a.store({ base: R.dx, disp: vcpu_info.offsets.evtchn_pending_sel }, R.ax).store8({ base: R.dx }, R.ax).ret();

  a.label('port_text').text(`${HELLO} on port 0xE9\n\0`);
  a.label('call_text').text(`${HELLO} by hypercall\n`);
  a.label('ring_text').text(`${HELLO} on the PV console\r\n\0`);
  a.label('echo_text').text('It gives back what you type; Ctrl-D ends it.\r\n\0');
  a.align(8)
    .label('param')
    .db(DOMID_SELF, DOMID_SELF >>> 8)
    .space(14);
  a.label('send').dd(0);
  a.label('pending_port').dd(0);
  a.align(8).label('poll').dqLabel('pending_port').dd(1).dd(0).dq(0n);
  a.label('shutdown').dd(options.reason ?? SHUTDOWN_poweroff);
  const { offsets } = xen_add_to_physmap;
  a.align(8)
    .label('place_shared')
    .db(DOMID_SELF, DOMID_SELF >>> 8)
    .space(offsets.gpfn - 2);
  a.ddShifted('shared', 12).dd(0);
  longModeTables(a);
  a.align(4096).label('shared').space(4096);
  a.label('stack').space(4096).label('stack_top');
  return pvhElf(a.finish(), BASE, BASE);
}
