import type { Fields, Struct, Update } from '../../../src/base/struct.ts';
import { HVMOP_set_param, xen_hvm_param } from '../../../src/spec/xen/hvm/hvm-op.ts';
import { HVM_PARAM_CALLBACK_IRQ } from '../../../src/spec/xen/hvm/params.ts';
import { XENMAPSPACE_shared_info, XENMEM_add_to_physmap, xen_add_to_physmap } from '../../../src/spec/xen/memory.ts';
import { SCHEDOP_shutdown, SHUTDOWN_poweroff } from '../../../src/spec/xen/sched.ts';
import { __HYPERVISOR_hvm_op, __HYPERVISOR_memory_op, __HYPERVISOR_sched_op, DOMID_SELF } from '../../../src/spec/xen/xen.ts';
import { Assembler, at, R } from '../../../src/toolstack/guests/assembler.ts';
import { enterLongMode } from '../../../src/toolstack/guests/long-mode.ts';
import { pvhElf } from '../../../src/toolstack/guests/pvh-elf.ts';
import { emitAddressSpace, TSS, type WindowPage } from './address-space.ts';
import { CLEAR_UPCALL, emitRuntime, loadIdt } from './runtime.ts';

const BASE = 0x100000;
/** System calls, long mode, no-execute pages. */
const EFER_SCE_LME_NXE = 0x901;
const MSR_EFER = 0xc0000080;

/** An argument of a hypercall: a number, the address of a label, or the value of a register. */
export type Argument = number | bigint | string | { readonly reg: number };

const ARGUMENTS = [R.di, R.si, R.dx, R.r10, R.r8] as const;

/** A test guest under construction: the assembler with a small language for what tests do on top. */
export class TestGuest {
  readonly a = new Assembler(BASE, 32);
  private readonly data: (() => void)[] = [];
  private readonly pages = new Map<number, WindowPage>();
  private readonly texts = new Map<string, string>();
  private unique = 0;

  /** A label that nothing else has. */
  fresh(hint = 'l'): string {
    return `${hint}.${this.unique++}`;
  }

  /** Put data behind the code, 8-byte aligned. The label is the answer. */
  define(emit: (a: Assembler) => void, label = this.fresh('data'), alignment = 8): string {
    this.data.push(() => {
      this.a.align(alignment).label(label);
      emit(this.a);
    });
    return label;
  }

  /** Zeroed memory. */
  space(bytes: number, label?: string): string {
    return this.define((a) => a.space(bytes), label);
  }

  /** A page of memory of its own, filled with a byte. */
  page(label?: string, fill = 0): string {
    return this.define((a) => a.db(...new Array<number>(4096).fill(fill)), label, 4096);
  }

  /** A struct of the ABI with fields set; `pointers` gives fields the address of a label (shifted right, for frame numbers). */
  struct<F extends Fields>(
    kind: Struct<F>,
    fields: Update<F>,
    pointers: { readonly [N in keyof F]?: string | { readonly label: string; readonly shift: number } } = {},
  ): string {
    const bytes = new Uint8Array(kind.size);
    kind.write(new DataView(bytes.buffer), 0, fields);
    const targets = new Map(Object.entries(pointers).map(([name, target]) => [(kind.offsets as Record<string, number>)[name] as number, target]));
    return this.define((a) => {
      for (let i = 0; i < bytes.length; ) {
        const target = targets.get(i) as string | { label: string; shift: number } | undefined;
        if (target === undefined) a.db(bytes[i++] as number);
        else {
          if (typeof target === 'string') a.ddLabel(target);
          else a.ddShifted(target.label, target.shift);
          i += 4;
        }
      }
    });
  }

  private text(text: string): string {
    let label = this.texts.get(text);
    if (label === undefined) {
      label = this.fresh('text');
      this.texts.set(text, label);
      this.define((a) => a.text(`${text}\0`), label, 1);
    }
    return label;
  }

  /** Print as it stands. All registers are kept by everything that prints. */
  print(text: string): this {
    this.a.push(R.si).lea(R.si, this.text(text)).call('puts').pop(R.si);
    return this;
  }

  say(text: string): this {
    return this.print(`${text}\n`);
  }

  private value(name: string, reg: number, printer: 'puthex' | 'putdec'): this {
    this.a.push(R.ax);
    if (reg !== R.ax) this.a.mov(R.ax, reg);
    this.print(`${name} `);
    this.a.call(printer).call('newline').pop(R.ax);
    return this;
  }

  /** Print a line: name and register in hexadecimal. */
  show(name: string, reg: number = R.ax): this {
    return this.value(name, reg, 'puthex');
  }

  /** Print a line: name and register as a signed number. */
  showDecimal(name: string, reg: number = R.ax): this {
    return this.value(name, reg, 'putdec');
  }

  /** Print a line: name and 1, 2, 4 or 8 bytes of memory in hexadecimal. RAX is used up. */
  showMemory(name: string, label: string, offset = 0, size: 1 | 2 | 4 | 8 = 4): this {
    const from = at(label, offset);
    if (size === 1) this.a.load8(R.ax, from);
    else if (size === 2) this.a.load16(R.ax, from);
    else if (size === 4) this.a.load32(R.ax, from);
    else this.a.load(R.ax, from);
    return this.show(name);
  }

  private set(reg: number, value: Argument): void {
    if (typeof value === 'string') this.a.lea(reg, value);
    else if (typeof value === 'object') {
      if (value.reg !== reg) this.a.mov(reg, value.reg);
    } else if (value >= 0 && value <= 0xffffffff) this.a.movi(reg, Number(value));
    else this.a.movq(reg, BigInt.asUintN(64, BigInt(value)));
  }

  /** Make a hypercall; the result is in RAX. */
  hypercall(nr: number, ...args: readonly Argument[]): this {
    for (const [i, value] of args.entries()) this.set(ARGUMENTS[i] as number, value);
    this.a.movi(R.ax, nr).vmmcall();
    return this;
  }

  /** Make a hypercall and print its result. */
  call(name: string, nr: number, ...args: readonly Argument[]): this {
    return this.hypercall(nr, ...args).showDecimal(name);
  }

  /** A condition and what is said when it holds and when not; the flags are those of the last instruction. */
  sayIf(condition: number, yes: string, no: string): this {
    const [other, end] = [this.fresh(), this.fresh()];
    this.a.jcc(condition ^ 1, other);
    this.say(yes).a.jmp(end).label(other);
    this.say(no).a.label(end);
    return this;
  }

  /** Do something `count` times (RBX counts down). */
  times(count: number, body: () => void): this {
    const top = this.fresh();
    this.a.movi(R.bx, count).label(top);
    body();
    this.a.subi(R.bx, 1).jcc(5, top);
    return this;
  }

  /**
   * Run code that may fault, and print what happened: vector, error code, how far into the code (or behind `base`) it
   * was, CR2. RBX is used up.
   */
  fault(name: string, body: (a: Assembler) => void, base?: Argument): this {
    const [start, end] = [this.fresh(), this.fresh()];
    this.a.storei(at('fault_vector'), -1).store(at('recover_rsp'), R.sp);
    this.a.operation([0xc7], 0, at('recover')).ddLabel(end).label(start);
    body(this.a);
    this.a.label(end).storei(at('recover'), 0);
    this.set(R.bx, base ?? start);
    this.print(`${name}: `).a.call('report_fault');
    return this;
  }

  /** An exception handler of the test's own: runs with the frame (FRAME) at RBX, then the guest goes on. */
  onException(vector: number, body: (a: Assembler) => void): this {
    const [handler, past] = [this.fresh('hook'), this.fresh()];
    this.a.jmp(past).label(handler);
    body(this.a);
    this.a.ret().label(past);
    this.a.operation([0xc7], 0, at('hooks', vector * 8)).ddLabel(handler);
    return this;
  }

  /** Events come as interrupts of `vector` (HVM_PARAM_CALLBACK_IRQ by vector), which clear the upcall's pending flag. */
  upcallBy(vector: number): this {
    const callback = this.struct(xen_hvm_param, { domid: DOMID_SELF, index: HVM_PARAM_CALLBACK_IRQ, value: (2n << 56n) | BigInt(vector) });
    return this.hypercall(__HYPERVISOR_hvm_op, HVMOP_set_param, callback).onInterrupt(vector, CLEAR_UPCALL);
  }

  /** How interrupts of a vector are answered: the sum of EOI_MMIO, EOI_X2APIC, CLEAR_UPCALL. */
  onInterrupt(vector: number, actions: number): this {
    this.a.storei8(at('irq_action', vector), actions);
    return this;
  }

  /** Print how often a vector came so far. */
  showCount(name: string, vector: number): this {
    return this.showMemory(name, 'irq_count', vector * 4);
  }

  /** Sleep until an interrupt came and was handled. */
  sleep(): this {
    this.a.sti().hlt().cli();
    return this;
  }

  /** Let interrupts in for a moment. */
  open(): this {
    this.a.sti().db(0x90, 0x90).cli();
    return this;
  }

  wrmsr(msr: number, value: number | bigint): this {
    this.a
      .movi(R.cx, msr)
      .movi(R.ax, Number(BigInt.asUintN(32, BigInt(value))))
      .movi(R.dx, Number(BigInt.asUintN(32, BigInt(value) >> 32n)))
      .wrmsr();
    return this;
  }

  /** RAX = the model-specific register; RDX is used up. */
  rdmsr(msr: number): this {
    this.a.movi(R.cx, msr).rdmsr().shl(R.dx, 32).alu('or', R.ax, R.dx);
    return this;
  }

  /** Register = the domain's own id, from the hypervisor's CPUID leaf. */
  rdomid(reg: number): this {
    this.a.movi(R.ax, 0x40000004).movi(R.cx, 0).cpuid().mov(reg, R.cx);
    return this;
  }

  /** Give a page of the window something to show. */
  map(index: number, target: string | bigint, flags: bigint): this {
    this.pages.set(index, { target, flags });
    return this;
  }

  /** Put the shared info page in the place of the page labelled 'shared'. */
  mapSharedInfo(): this {
    this.page('shared');
    const place = this.struct(xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_shared_info }, { gpfn: { label: 'shared', shift: 12 } });
    this.a.operation([0xc7], 0, at('vcpu_info_at')).ddLabel('shared');
    return this.hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, place);
  }

  /** An event handler's interrupt that comes through the callback vector. */
  onUpcall(vector: number): this {
    return this.onInterrupt(vector, CLEAR_UPCALL);
  }

  /** Shut the domain down. */
  shutdown(reason: number): this {
    return this.hypercall(
      __HYPERVISOR_sched_op,
      SCHEDOP_shutdown,
      this.define((a) => a.dd(reason)),
    );
  }

  /** The finished ELF file: the program, then a power-off. */
  static build(program: (g: TestGuest) => void): Uint8Array {
    const g = new TestGuest();
    const { a } = g;
    enterLongMode(a, 'stack_top');
    g.wrmsr(MSR_EFER, EFER_SCE_LME_NXE);
    loadIdt(a);
    a.ltr(TSS);
    program(g);
    g.shutdown(SHUTDOWN_poweroff);
    a.label('stop').cli().hlt().jmp('stop');
    emitRuntime(a);
    for (const emit of g.data) emit();
    emitAddressSpace(a, g.pages);
    return pvhElf(a.finish(), BASE, BASE);
  }
}
