import { SCHEDOP_shutdown, SHUTDOWN_crash } from '../../../src/spec/xen/sched.ts';
import { __HYPERVISOR_sched_op } from '../../../src/spec/xen/xen.ts';
import { type Assembler, at, CC, R } from '../../../src/toolstack/guests/assembler.ts';
import { CODE64, DATA } from '../../../src/toolstack/guests/long-mode.ts';

/**
 * What every test guest carries: printing on port 0xE9, and handlers for all 256 vectors. Exceptions are recorded and
 * execution goes on at the address in `recover`; interrupts are counted, and answered as `irq_action` says.
 */

/** Bits of `irq_action`. */
export const EOI_MMIO = 1;
export const EOI_X2APIC = 2;
/** Clear the upcall's pending flag of the vcpu_info that `vcpu_info_at` points to. */
export const CLEAR_UPCALL = 4;

/** Vectors that push an error code. */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17, 21, 29, 30]);
const SAVED = [R.ax, R.cx, R.dx, R.bx, R.si, R.di, R.r8];
/** Offsets from RSP in the handlers, above the saved registers. */
export const FRAME = { vector: 56, error: 64, rip: 72, cs: 80, flags: 88, rsp: 96, ss: 104 };

/** LAPIC registers. */
const EOI_ADDRESS = 0xfee000b0;
const EOI_MSR = 0x80b;

/** Printing: each keeps all registers. puts: text at RSI up to a zero byte; puthex, putdec: RAX; newline. */
function printing(a: Assembler): void {
  a.label('puts').push(R.ax, R.si).label('puts_loop').load8(R.ax, { base: R.si }).test(R.ax, R.ax).jcc(CC.e, 'puts_end');
  a.outb(0xe9).addi(R.si, 1).jmp('puts_loop').label('puts_end').pop(R.si, R.ax).ret();
  a.label('newline').push(R.ax).movi(R.ax, 10).outb(0xe9).pop(R.ax).ret();
  a.label('puthex').push(R.ax, R.cx, R.dx, R.bx).mov(R.dx, R.ax).movi(R.cx, 60).xor(R.bx, R.bx);
  a.label('puthex_loop').mov(R.ax, R.dx).operation([0xd3], 5, R.ax).andi(R.ax, 15).alu('or', R.bx, R.ax).jcc(CC.ne, 'puthex_digit');
  a.test(R.cx, R.cx).jcc(CC.ne, 'puthex_next');
  a.label('puthex_digit').cmpi(R.ax, 10).jcc(CC.b, 'puthex_out').addi(R.ax, 39).label('puthex_out').addi(R.ax, 48).outb(0xe9);
  a.label('puthex_next').subi(R.cx, 4).jcc(CC.ns, 'puthex_loop').pop(R.bx, R.dx, R.cx, R.ax).ret();
  a.label('putdec').push(R.ax, R.cx, R.dx, R.bx).test(R.ax, R.ax).jcc(CC.ns, 'putdec_positive');
  a.mov(R.dx, R.ax).movi(R.ax, 45).outb(0xe9).mov(R.ax, R.dx).neg(R.ax);
  a.label('putdec_positive').movi(R.cx, 10).xor(R.bx, R.bx);
  a.label('putdec_divide').xor(R.dx, R.dx).div(R.cx).push(R.dx).addi(R.bx, 1).test(R.ax, R.ax).jcc(CC.ne, 'putdec_divide');
  a.label('putdec_out').pop(R.ax).addi(R.ax, 48).outb(0xe9).subi(R.bx, 1).jcc(CC.ne, 'putdec_out').pop(R.bx, R.dx, R.cx, R.ax).ret();
}

/** Print what the last fault was: "#14 error 2 at +0 cr2 1000", or "no fault". */
function report(a: Assembler): void {
  a.label('report_fault').push(R.ax, R.si).load(R.ax, at('fault_vector')).cmpi(R.ax, -1).jcc(CC.ne, 'report_one');
  a.lea(R.si, 'text_no_fault').call('puts').pop(R.si, R.ax).ret();
  a.label('report_one').lea(R.si, 'text_vector').call('puts').call('putdec');
  a.lea(R.si, 'text_error').call('puts').load(R.ax, at('fault_error')).call('puthex');
  a.lea(R.si, 'text_rip').call('puts').load(R.ax, at('fault_rip')).alu('sub', R.ax, R.bx).call('putdec');
  a.cmpi(at('fault_vector'), 14).jcc(CC.ne, 'report_end').lea(R.si, 'text_cr2').call('puts').load(R.ax, at('fault_cr2')).call('puthex');
  a.label('report_end').call('newline').pop(R.si, R.ax).ret();
  a.label('text_no_fault').text('no fault\n\0').label('text_vector').text('#\0').label('text_error').text(' error \0');
  a.label('text_rip').text(' at +\0').label('text_cr2').text(' cr2 \0').label('text_unexpected').text('UNEXPECTED \0');
}

function handlers(a: Assembler): void {
  a.align(16).label('stubs');
  for (let vector = 0; vector < 256; vector++) {
    a.align(16);
    if (!WITH_ERROR.has(vector)) a.pushi(0);
    a.pushi(vector).jmp('any_vector');
  }
  a.label('any_vector')
    .push(...SAVED)
    .load(R.ax, { base: R.sp, disp: FRAME.vector })
    .cmpi(R.ax, 32)
    .jcc(CC.ae, 'interrupt');
  // a handler of the test's own? It is called with the frame at RBX.
  a.mov(R.cx, R.ax).shl(R.cx, 3).load(R.cx, { base: R.cx, label: 'hooks' }).mov(R.bx, R.sp).test(R.cx, R.cx).jcc(CC.e, 'record').callTo(R.cx).jmp('leave');
  a.label('record').store(at('fault_vector'), R.ax);
  for (const [field, label] of [
    [FRAME.error, 'fault_error'],
    [FRAME.rip, 'fault_rip'],
    [FRAME.rsp, 'fault_rsp'],
  ] as const) {
    a.load(R.ax, { base: R.sp, disp: field }).store(at(label), R.ax);
  }
  a.movFromCr(R.ax, 2).store(at('fault_cr2'), R.ax);
  a.load(R.cx, at('recover')).test(R.cx, R.cx).jcc(CC.e, 'unexpected').storei(at('recover'), 0);
  a.store({ base: R.sp, disp: FRAME.rip }, R.cx).load(R.cx, at('recover_rsp')).store({ base: R.sp, disp: FRAME.rsp }, R.cx);
  a.storei({ base: R.sp, disp: FRAME.cs }, CODE64).storei({ base: R.sp, disp: FRAME.ss }, DATA).storei({ base: R.sp, disp: FRAME.flags }, 2);
  a.label('leave')
    .pop(...SAVED.toReversed())
    .addi(R.sp, 16)
    .iretq();
  a.label('unexpected').lea(R.si, 'text_unexpected').call('puts').xor(R.bx, R.bx).call('report_fault');
  a.movi(R.di, SCHEDOP_shutdown).lea(R.si, 'crash_reason').movi(R.ax, __HYPERVISOR_sched_op).vmmcall();
  a.align(8).label('crash_reason').dd(SHUTDOWN_crash);
  a.label('interrupt').mov(R.cx, R.ax).shl(R.cx, 2).inc32({ base: R.cx, label: 'irq_count' });
  a.load8(R.bx, { base: R.ax, label: 'irq_action' });
  a.mov(R.cx, R.bx).andi(R.cx, CLEAR_UPCALL).jcc(CC.e, 'no_upcall').load(R.cx, at('vcpu_info_at')).storei8({ base: R.cx }, 0).label('no_upcall');
  a.mov(R.cx, R.bx).andi(R.cx, EOI_MMIO).jcc(CC.e, 'no_mmio').movi(R.cx, EOI_ADDRESS).storei32({ base: R.cx }, 0).label('no_mmio');
  a.mov(R.cx, R.bx).andi(R.cx, EOI_X2APIC).jcc(CC.e, 'leave').movi(R.cx, EOI_MSR).xor(R.ax, R.ax).xor(R.dx, R.dx).wrmsr().jmp('leave');
}

function tables(a: Assembler): void {
  a.align(8)
    .label('hooks')
    .space(32 * 8)
    .label('irq_count')
    .space(256 * 4)
    .label('irq_action')
    .space(256);
  for (const name of ['recover', 'recover_rsp', 'vcpu_info_at', 'fault_vector', 'fault_error', 'fault_rip', 'fault_rsp', 'fault_cr2']) a.label(name).dq(0n);
  a.label('idt')
    .space(256 * 16)
    .label('idt_pointer')
    .db(0xff, 0x0f)
    .dqLabel('idt');
}

/** Fill the IDT with the stubs; vector 8 (double fault) runs on the stack of IST 1. */
export function loadIdt(a: Assembler): void {
  a.lea(R.si, 'stubs').lea(R.di, 'idt').movi(R.cx, 256);
  // offset 15..0, selector, IST and type (present, DPL 3, interrupt gate), offset 31..16, offset 63..32 and the rest 0
  a.label('idt_loop')
    .mov(R.ax, R.si)
    .andi(R.ax, 0xffff)
    .movi(R.dx, CODE64 << 16)
    .alu('or', R.ax, R.dx)
    .store32({ base: R.di }, R.ax);
  a.mov(R.ax, R.si).shr(R.ax, 16).shl(R.ax, 16).alui('or', R.ax, 0xee00).store32({ base: R.di, disp: 4 }, R.ax);
  a.addi(R.si, 16)
    .addi(R.di, 16)
    .subi(R.cx, 1)
    .jcc(CC.ne, 'idt_loop')
    .storei8(at('idt', 8 * 16 + 4), 1)
    .lidt('idt_pointer');
}

/** Everything above, behind the guest's code. */
export function emitRuntime(a: Assembler): void {
  printing(a);
  report(a);
  handlers(a);
  tables(a);
}
