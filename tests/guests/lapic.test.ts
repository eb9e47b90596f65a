import { test } from 'node:test';
import { CC, R } from '../../src/toolstack/guests/assembler.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';
import { EOI_MMIO, EOI_X2APIC } from './kit/runtime.ts';
import type { TestGuest } from './kit/test-guest.ts';

/**
 * The local APIC in both its forms: identification, self-IPIs and priorities, the timer's three modes, errors, NMI,
 * and the way from xAPIC to x2APIC and back.
 */
const BASE = 0xfee00000;
const MSR_BASE = 0x1b;
const MSR_TSC_DEADLINE = 0x6e0;
const MS = 1_000_000;

interface Form {
  read(register: number): void;
  write(register: number, value: number): void;
}

const xapic = ({ a }: TestGuest): Form => ({
  read: (register) => void a.movi(R.r15, BASE + register).load32(R.ax, { base: R.r15 }),
  write: (register, value) => void a.movi(R.r15, BASE + register).storei32({ base: R.r15 }, value),
});
const x2apic = (g: TestGuest): Form => ({
  read: (register) => void g.rdmsr(0x800 + register / 16),
  write: (register, value) => void g.wrmsr(0x800 + register / 16, value >>> 0),
});

const [ID, VERSION, TPR, PPR, LDR, SVR, ESR, ICR, TIMER, ERROR, INITIAL, CURRENT, DIVIDE] = [
  0x20, 0x30, 0x80, 0xa0, 0xd0, 0xf0, 0x280, 0x300, 0x320, 0x370, 0x380, 0x390, 0x3e0,
] as const;

function drive(g: TestGuest, form: Form, eoi: number): void {
  const { a } = g;
  const show = (name: string, register: number): void => {
    form.read(register);
    g.show(name);
  };
  show('id', ID);
  show('version', VERSION);
  show('logical', LDR);
  for (const vector of [0x51, 0x52, 0x61, 0x71]) g.onInterrupt(vector, eoi);
  // off: nothing is taken
  form.write(SVR, 0xff);
  form.write(ICR, 0x40051);
  g.open().showCount('while off', 0x51);
  form.write(SVR, 0x1ff);
  show('spurious', SVR);
  // self-IPIs by shorthand and by id, and what waits behind a higher priority
  form.write(ICR, 0x40051);
  show('requested', 0x220);
  g.open().showCount('self-IPI', 0x51);
  form.write(TPR, 0x60);
  form.write(ICR, 0x40061);
  g.open().showCount('held back by TPR', 0x61);
  show('PPR', PPR);
  form.write(TPR, 0);
  g.open().showCount('let in', 0x61);
  form.write(ICR, 0x00071);
  g.open().showCount('by id 0', 0x71);
  form.write(ICR, 0x40400);
  g.say('NMI sent').open();
  // errors: a vector that cannot be sent
  form.write(ICR, 0x40003);
  form.write(ESR, 0);
  show('error', ESR);
  form.write(ESR, 0);
  show('error after a second write', ESR);
  form.write(ERROR, 0x52);
  form.write(ICR, 0x40003);
  g.open().showCount('error interrupt', 0x52);
  form.write(ERROR, 0x10052);
  // timer: 10 ns a tick, divided by 16
  const elapsed = (what: string, ms: number): void => {
    a.tsc()
      .sub(R.ax, R.r12)
      .cmpi(R.ax, ms * MS);
    g.sayIf(CC.ae, `${what}: not early`, `${what}: early`);
    a.cmpi(R.ax, (ms + 1) * MS);
    g.sayIf(CC.b, `${what}: not late`, `${what}: late`);
  };
  const start = (): void => void a.tsc().mov(R.r12, R.ax);
  form.write(DIVIDE, 3);
  form.write(TIMER, 0x51);
  start();
  form.write(INITIAL, (3 * MS) / 160);
  form.read(CURRENT);
  a.cmpi(R.ax, (2 * MS) / 160);
  g.sayIf(CC.a, 'it counts', 'it does not count');
  g.sleep().showCount('one-shot', 0x51);
  elapsed('one-shot', 3);
  show('current', CURRENT);
  form.write(TIMER, 0x20051);
  start();
  form.write(INITIAL, (2 * MS) / 160);
  for (let i = 0; i < 4; i++) g.sleep();
  g.showCount('periodic', 0x51);
  elapsed('four periods', 8);
  form.write(INITIAL, 0);
  show('current when stopped', CURRENT);
  form.write(TIMER, 0x40051);
  start();
  a.mov(R.ax, R.r12)
    .addi(R.ax, 5 * MS)
    .mov(R.dx, R.ax)
    .shr(R.dx, 32)
    .movi(R.cx, MSR_TSC_DEADLINE)
    .wrmsr();
  g.rdmsr(MSR_TSC_DEADLINE).a.sub(R.ax, R.r12);
  g.showDecimal('deadline ahead').sleep().showCount('TSC deadline', 0x51);
  elapsed('TSC deadline', 5);
  g.rdmsr(MSR_TSC_DEADLINE).show('deadline afterwards');
  g.wrmsr(MSR_TSC_DEADLINE, 1).open().showCount('past deadline at once', 0x51);
  form.write(TIMER, 0x50051);
  g.wrmsr(MSR_TSC_DEADLINE, 1).open().showCount('masked', 0x51);
  show('LVT timer', TIMER);
}

test('local APIC', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.onException(2, (x) => x.inc32({ label: 'nmis' })).define((x) => x.dd(0), 'nmis');
    g.rdmsr(MSR_BASE).show('base');
    g.fault('x2APIC MSR before the switch', (x) => x.movi(R.cx, 0x802).rdmsr());
    g.say('xAPIC');
    drive(g, xapic(g), EOI_MMIO);
    g.showMemory('NMIs', 'nmis');
    a.movi(R.r15, BASE + 0x40).load32(R.ax, { base: R.r15 });
    g.show('a register that is none').say('x2APIC');
    g.wrmsr(MSR_BASE, BASE + 0xd00)
      .rdmsr(MSR_BASE)
      .show('base');
    drive(g, x2apic(g), EOI_X2APIC);
    g.showMemory('NMIs', 'nmis');
    g.wrmsr(0x83f, 0x71).open().showCount('self-IPI register', 0x71);
    for (const [name, msr, value] of [
      ['id is read-only', 0x802, 1],
      ['logical id is read-only', 0x80d, 1],
      ['end of interrupt takes 0', 0x80b, 1],
      ['no destination format', 0x80e, 0],
      ['upper ICR is no register', 0x831, 0],
      ['reserved register', 0x805, 0],
      ['back to xAPIC', MSR_BASE, BASE + 0x900],
      ['reserved bits of the base', MSR_BASE, BASE + 0xd01],
    ] as const) {
      g.fault(name, (x) => x.movi(R.cx, msr).movi(R.ax, value).movi(R.dx, 0).wrmsr());
    }
    g.fault('upper half', (x) => x.movi(R.cx, 0x808).movi(R.ax, 0).movi(R.dx, 1).wrmsr());
    a.movi(R.r15, BASE + 0x20).load32(R.ax, { base: R.r15 });
    g.show('memory-mapped while in x2APIC');
    g.wrmsr(MSR_BASE, BASE).rdmsr(MSR_BASE).show('off');
    g.fault('off to x2APIC', (x) =>
      x
        .movi(R.cx, MSR_BASE)
        .movi(R.ax, BASE + 0xc00)
        .movi(R.dx, 0)
        .wrmsr(),
    );
    g.wrmsr(MSR_BASE, BASE + 0x800)
      .rdmsr(MSR_BASE)
      .show('on again');
  });
  assertConsole(
    run,
    `
    base fee00900
    x2APIC MSR before the switch: #13 error 0 at +5
    xAPIC
    id 0
    version 50014
    logical 0
    while off 0
    spurious 1ff
    requested 20000
    self-IPI 1
    held back by TPR 0
    PPR 60
    let in 1
    by id 0 1
    NMI sent
    error 20
    error after a second write 0
    error interrupt 1
    it counts
    one-shot 2
    one-shot: not early
    one-shot: not late
    current 0
    periodic 6
    four periods: not early
    four periods: not late
    current when stopped 0
    deadline ahead 5000000
    TSC deadline 7
    TSC deadline: not early
    TSC deadline: not late
    deadline afterwards 0
    past deadline at once 8
    masked 8
    LVT timer 50051
    NMIs 1
    a register that is none 0
    x2APIC
    base fee00d00
    id 0
    version 50014
    logical 1
    while off 8
    spurious 1ff
    requested 20000
    self-IPI 9
    held back by TPR 1
    PPR 60
    let in 2
    by id 0 2
    NMI sent
    error 20
    error after a second write 0
    error interrupt 2
    it counts
    one-shot a
    one-shot: not early
    one-shot: not late
    current 0
    periodic e
    four periods: not early
    four periods: not late
    current when stopped 0
    deadline ahead 5000000
    TSC deadline f
    TSC deadline: not early
    TSC deadline: not late
    deadline afterwards 0
    past deadline at once 10
    masked 10
    LVT timer 50051
    NMIs 2
    self-IPI register 3
    id is read-only: #13 error 0 at +15
    logical id is read-only: #13 error 0 at +15
    end of interrupt takes 0: #13 error 0 at +15
    no destination format: #13 error 0 at +15
    upper ICR is no register: #13 error 0 at +15
    reserved register: #13 error 0 at +15
    back to xAPIC: #13 error 0 at +15
    reserved bits of the base: #13 error 0 at +15
    upper half: #13 error 0 at +15
    memory-mapped while in x2APIC ffffffff
    off fee00100
    off to x2APIC: #13 error 0 at +15
    on again fee00900
`,
  );
});

test('interrupts between accesses that leave the processor: each access happens once', async () => {
  const text = 'the quick brown fox jumps over the lazy dog '.repeat(20);
  const run = await runGuest((g) => {
    const { a } = g;
    const { write } = xapic(g);
    for (const vector of [0x51, 0x61]) g.onInterrupt(vector, EOI_MMIO);
    write(SVR, 0x1ff);
    a.sti();
    // a self-IPI is taken as soon as the store that sent it has ended
    g.times(500, () => write(ICR, 0x40061)).showCount('self-IPIs', 0x61);
    write(DIVIDE, 0xb);
    write(TIMER, 0x20051);
    write(INITIAL, 20); // every 200 ns
    a.lea(
      R.si,
      g.define((x) => x.text(`${text}\n`)),
    )
      .movi(R.cx, text.length + 1)
      .movi(R.dx, 0xe9)
      .db(0xf3, 0x6e);
    g.times(500, () => write(ICR, 0x40061));
    write(INITIAL, 0);
    a.cli();
    g.showCount('self-IPIs', 0x61);
    a.load32(R.ax, { label: 'irq_count', disp: 0x51 * 4 }).cmpi(R.ax, 100);
    g.sayIf(CC.a, 'the timer came often', 'the timer did not come often');
  });
  assertConsole(run, `self-IPIs 1f4\n${text.trim()}\nself-IPIs 3e8\nthe timer came often`);
});
