import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Assembler, at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { NO_EXECUTE, PRESENT, USER, USER_CODE64, USER_DATA, WRITE, window } from './kit/address-space.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';
import { FRAME } from './kit/runtime.ts';
import type { TestGuest } from './kit/test-guest.ts';

/** What goes wrong in a guest and is its own to handle: every fault at the right instruction, with the right words about it. */

const outAx = (a: Assembler): unknown => a.db(0x66, 0xef);
const READ_ONLY = PRESENT | USER;
const ALL = PRESENT | WRITE | USER;

/** Run code in user mode until it faults, and print the fault. */
function userFault(g: TestGuest, name: string, body: (a: Assembler) => void): void {
  const user = g.fresh('user');
  g.fault(name, (a) => {
    a.mov(R.bp, R.sp).pushi(USER_DATA).push(R.bp).pushi(2).pushi(USER_CODE64).pushLabel(user).iretq().label(user);
    body(a);
  });
}

test('exceptions', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.say('model-specific registers and ports');
    g.fault('read of an unknown MSR', (x) => x.movi(R.cx, 0xdead).rdmsr());
    g.fault('write of an unknown MSR', (x) => x.movi(R.cx, 0xdead).movi(R.ax, 0).movi(R.dx, 0).wrmsr());
    a.movi(R.ax, 0).db(0xe4, 0x71);
    g.show('IN 8');
    a.movi(R.dx, 0x3f8).db(0x66, 0xed);
    g.show('IN 16');
    a.movi(R.dx, 0xcf8).db(0xed);
    g.show('IN 32');
    outAx(a);
    a.movi(R.dx, 0xd0).lea(R.di, 'buffer').movi(R.cx, 5).db(0xf3, 0x6c);
    g.space(64, 'buffer');
    g.showMemory('REP INSB', 'buffer', 0, 8).show('  left', R.cx);
    a.lea(
      R.si,
      g.define((x) => x.text('REP OUTSB\n')),
    )
      .movi(R.cx, 10)
      .movi(R.dx, 0xe9)
      .db(0xf3, 0x6e);
    g.show('  left', R.cx);
    g.fault('OUTSB of no memory', (x) => x.movi(R.si, 0x10).movi(R.cx, 3).movi(R.dx, 0xe9).db(0xf3, 0x6e));
    g.show('  left', R.cx).show('  at', R.si);

    g.say('memory that is not there');
    a.movi(R.si, 0xd0000000).load8(R.ax, { base: R.si });
    g.show('8 bits');
    a.load16(R.ax, { base: R.si, disp: 2 });
    g.show('16 bits');
    a.load32(R.ax, { base: R.si, disp: 4 });
    g.show('32 bits');
    a.load(R.ax, { base: R.si, disp: 8 });
    g.show('64 bits');
    a.movi(R.cx, 4).lea(R.di, 'buffer').db(0xf3, 0xa5); // rep movsd
    g.showMemory('REP MOVSD', 'buffer', 8, 8).show('  at', R.si);
    a.movi(R.si, 0xcffffffc).load(R.ax, { base: R.si });
    g.show('64 bits over a page end');

    g.say('exceptions by instructions');
    g.fault('UD2', (x) => x.ud2());
    g.fault('INT3', (x) => x.db(0xcc));
    g.fault('INT1', (x) => x.db(0xf1));
    g.fault('INTO in 64-bit code', (x) => x.db(0xce));
    g.fault('XBEGIN, which the model lacks', (x) => x.db(0xc7, 0xf8, 0, 0, 0, 0));
    g.fault('VMLAUNCH', (x) => x.db(0x0f, 0x01, 0xc2));
    g.fault('a byte that is no opcode', (x) => x.db(0x0f, 0x04));
    g.fault('INT 4', (x) => x.int(4));
    g.fault('division by 0', (x) => x.movi(R.cx, 0).movi(R.dx, 0).div(R.cx));
    g.fault('division overflow', (x) => x.movi(R.cx, 1).movi(R.dx, 2).div(R.cx));
    g.fault('LOCK on a register', (x) => x.db(0xf0, 0x01, 0xc0));
    g.fault('16 bytes long', (x) => x.db(...new Array<number>(15).fill(0x66), 0x90));
    g.fault('data selector that is none', (x) => x.movi(R.ax, 0x50).db(0x8e, 0xd8));
    g.fault('code selector as data', (x) => x.movi(R.ax, 8).db(0x8e, 0xd0));
    g.fault('MOV to CR0, paging without protection', (x) => x.movq(R.ax, 0x80000000n).movToCr(0, R.ax));
    g.fault('MOV to CR4, reserved bit', (x) =>
      x
        .movFromCr(R.ax, 4)
        .movq(R.cx, 1n << 31n)
        .alu('or', R.ax, R.cx)
        .movToCr(4, R.ax),
    );
    g.fault('MOV to CR4, PAE off', (x) => x.movi(R.ax, 0x600).movToCr(4, R.ax));
    g.fault('EFER, reserved bit', (x) => x.movi(R.cx, 0xc0000080).movi(R.ax, 0x80000d01).movi(R.dx, 0).wrmsr());
    g.fault('IRET to a selector that is none', (x) => x.mov(R.bp, R.sp).pushi(0x10).push(R.bp).pushi(2).pushi(0x48).pushLabel('puts').iretq());

    g.say('pages');
    g.page('one', 0x11);
    g.map(0, 'one', READ_ONLY)
      .map(1, 'one', ALL | NO_EXECUTE)
      .map(2, 'one', PRESENT | WRITE)
      .map(3, 'one', ALL | (1n << 51n))
      .map(7, 'one', ALL);
    const touch =
      (index: number, offset = 0) =>
      (x: Assembler) =>
        x.movq(R.di, window(index, offset)).load(R.ax, { base: R.di });
    const write =
      (index: number, offset = 0) =>
      (x: Assembler) =>
        x.movq(R.di, window(index, offset)).store({ base: R.di }, R.ax);
    g.fault('absent', touch(9));
    g.fault('write, absent', write(9));
    g.fault('write, read-only', write(0, 8));
    g.fault('read across into absent', touch(7, 4092));
    g.fault('reserved bit', touch(3));
    const jump = (name: string, target: bigint): void => {
      g.fault(name, (x) => x.movq(R.ax, target).callTo(R.ax), target);
    };
    jump('call of a page that is not executable', window(1));
    jump('call of absent memory', window(9, 5));
    g.fault('call of a non-canonical address', (x) => x.movq(R.ax, 1n << 47n).callTo(R.ax));
    g.fault('read, non-canonical', (x) => x.movq(R.di, 0x8000_0000_0000_0000n).load(R.ax, { base: R.di }));
    g.fault('stack, non-canonical', (x) => x.mov(R.bp, R.sp).movq(R.sp, 0x8000_0000_0000_0000n).push(R.ax));
    userFault(g, 'user: supervisor page', touch(2));
    userFault(g, 'user: write, read-only', write(0));
    userFault(g, 'user: absent', touch(9));
    userFault(g, 'user: IN', (x) => x.db(0xe4, 0x71));
    userFault(g, 'user: CLI', (x) => x.cli());
    userFault(g, 'user: RDMSR', (x) => x.movi(R.cx, 0x10).rdmsr());
    userFault(g, 'user: MOV from CR0', (x) => x.movFromCr(R.ax, 0));
    userFault(g, 'user: LGDT', (x) => x.lgdt('gdt_pointer'));
    userFault(g, 'user: INVLPG', (x) => x.invlpg({ base: R.ax }));
    userFault(g, 'user: INT 0x80', (x) => x.int(0x80).ud2());
    g.showCount('  it came', 0x80);

    g.say('double fault');
    a.mov(R.bp, R.sp);
    g.fault('push onto no stack', (x) => x.movq(R.sp, window(9, 0x100)).push(R.ax));
    g.showMemory('  rsp', 'fault_rsp', 0, 8);
  });
  assertConsole(
    run,
    `
    model-specific registers and ports
    read of an unknown MSR: #13 error 0 at +5
    write of an unknown MSR: #13 error 0 at +15
    IN 8 ff
    IN 16 ffff
    IN 32 ffffffff
    REP INSB ffffffffff
      left 0
    REP OUTSB
      left 0
    OUTSB of no memory: #14 error 0 at +15 cr2 10
      left 3
      at 10
    memory that is not there
    8 bits ff
    16 bits ffff
    32 bits ffffffff
    64 bits ffffffffffffffff
    REP MOVSD ffffffffffffffff
      at d0000010
    64 bits over a page end ffffffffffffffff
    exceptions by instructions
    UD2: #6 error 0 at +0
    INT3: #3 error 0 at +1
    INT1: #1 error 0 at +1
    INTO in 64-bit code: #6 error 0 at +0
    XBEGIN, which the model lacks: #6 error 0 at +0
    VMLAUNCH: #6 error 0 at +0
    a byte that is no opcode: #6 error 0 at +0
    INT 4: #4 error 0 at +2
    division by 0: #0 error 0 at +10
    division overflow: #0 error 0 at +10
    LOCK on a register: #6 error 0 at +0
    16 bytes long: #13 error 0 at +0
    data selector that is none: #13 error 50 at +5
    code selector as data: #13 error 8 at +5
    MOV to CR0, paging without protection: #13 error 0 at +10
    MOV to CR4, reserved bit: #13 error 0 at +16
    MOV to CR4, PAE off: #13 error 0 at +5
    EFER, reserved bit: #13 error 0 at +15
    IRET to a selector that is none: #13 error 48 at +24
    pages
    absent: #14 error 0 at +10 cr2 8000009000
    write, absent: #14 error 2 at +10 cr2 8000009000
    write, read-only: #14 error 3 at +10 cr2 8000000008
    read across into absent: #14 error 0 at +10 cr2 8000008000
    reserved bit: #14 error 9 at +10 cr2 8000003000
    call of a page that is not executable: #14 error 11 at +0 cr2 8000001000
    call of absent memory: #14 error 10 at +0 cr2 8000009005
    call of a non-canonical address: #13 error 0 at +10
    read, non-canonical: #13 error 0 at +10
    stack, non-canonical: #8 error 0 at +13
    user: supervisor page: #14 error 5 at +36 cr2 8000002000
    user: write, read-only: #14 error 7 at +36 cr2 8000000000
    user: absent: #14 error 4 at +36 cr2 8000009000
    user: IN: #13 error 0 at +26
    user: CLI: #13 error 0 at +26
    user: RDMSR: #13 error 0 at +31
    user: MOV from CR0: #13 error 0 at +26
    user: LGDT: #13 error 0 at +26
    user: INVLPG: #13 error 0 at +26
    user: INT 0x80: #6 error 0 at +28
      it came 1
    double fault
    push onto no stack: #8 error 0 at +10
      rsp 8000009100
`,
  );
  assert.deepEqual(run.summary['unknownMsrs'], { '0xdead': 2 });
});

test('traps, breakpoints and single steps', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.space(8, 'steps');
    g.space(8, 'last_dr6');
    g.onException(1, (x) => {
      x.inc32(at('steps')).db(0x0f, 0x21, 0xf0).store(at('last_dr6'), R.ax); // mov rax, dr6
      x.movi(R.ax, 0xffff0ff0).db(0x0f, 0x23, 0xf0);
      // an instruction breakpoint would come again without RF
      x.load(R.ax, { base: R.bx, disp: FRAME.flags }).alui('or', R.ax, 0x10000).store({ base: R.bx, disp: FRAME.flags }, R.ax);
    });
    const flags = (or: number, and: number): void => void a.db(0x9c).pop(R.ax).alui('or', R.ax, or).alui('and', R.ax, and).push(R.ax).db(0x9d);
    flags(0x100, -1);
    a.db(0x90, 0x90, 0x90);
    a.movi(R.cx, 3).db(0xf3, 0x90); // pause: one step
    a.lea(R.si, 'steps').lea(R.di, 'copy').movi(R.cx, 3).db(0xf3, 0xa4); // rep movsb: a step for each
    flags(0, ~0x100);
    g.showMemory('steps', 'steps').showMemory('DR6', 'last_dr6', 0, 8);
    a.storei(at('steps'), 0);
    // breakpoints: instruction, write, read or write
    a.lea(R.ax, 'here').db(0x0f, 0x23, 0xc0).lea(R.ax, 'watched').db(0x0f, 0x23, 0xc8).movi(R.ax, 0x00d0040a).db(0x0f, 0x23, 0xf8);
    g.space(8, 'watched');
    g.space(8, 'copy');
    a.label('here').db(0x90);
    g.showMemory('instruction breakpoint', 'steps').showMemory('DR6', 'last_dr6', 0, 8);
    a.load32(R.ax, at('watched'));
    g.showMemory('after a read', 'steps');
    a.storei32(at('watched'), 5);
    g.showMemory('after a write', 'steps').showMemory('DR6', 'last_dr6', 0, 8).showMemory('written', 'watched');
    a.lea(R.si, 'watched').lea(R.di, 'copy').movi(R.cx, 2).db(0xf3, 0xa5);
    g.showMemory('REP MOVSD beside it', 'steps');
    a.movi(R.ax, 0x400).db(0x0f, 0x23, 0xf8).storei32(at('watched'), 6);
    g.showMemory('off', 'steps');
    // the handler finds DR7.GD off, so the access that trapped then works
    a.movi(R.ax, 0x2400).db(0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xc1);
    g.showMemory('general detect', 'steps').showMemory('DR6', 'last_dr6', 0, 8);
  });
  assertConsole(
    run,
    `
    steps 11
    DR6 ffff4ff0
    instruction breakpoint 1
    DR6 ffff0ff1
    after a read 1
    after a write 2
    DR6 ffff0ff2
    written 5
    REP MOVSD beside it 2
    off 2
    general detect 3
    DR6 ffff2ff0
`,
  );
});

test('restartable string instructions and locked operations', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.say('REP MOVSB into pages that come when they are touched');
    g.space(8, 'faults');
    g.define(
      (x) => {
        for (let i = 0; i < 3 * 4096; i++) x.db((i * 7 + (i >> 8)) & 0xff);
      },
      'source',
      4096,
    );
    for (let i = 0; i < 4; i++) g.page(`dest${i}`);
    for (let i = 0; i < 4; i++) g.map(16 + i, `dest${i}`, WRITE | USER);
    g.onException(14, (x) => {
      // make the page of CR2 present
      x.inc32(at('faults')).movFromCr(R.cx, 2).shr(R.cx, 12).andi(R.cx, 511).shl(R.cx, 3).alui('or', { base: R.cx, label: 'window_pt' }, 1);
    });
    const compare = (): void => {
      a.lea(R.si, 'source')
        .movq(R.di, window(16, 100))
        .movi(R.cx, 3 * 4096)
        .db(0xf3, 0xa6); // repe cmpsb
      g.sayIf(CC.e, '  the same', '  different');
    };
    const absent = (): void => {
      for (let i = 0; i < 4; i++) a.alui('and', at('window_pt', (16 + i) * 8), ~1);
      a.movFromCr(R.ax, 3).movToCr(3, R.ax);
    };
    for (const [name, opcode, count] of [
      ['MOVSB', [0xf3, 0xa4], 3 * 4096],
      ['MOVSQ', [0xf3, 0x48, 0xa5], 3 * 512],
    ] as const) {
      absent();
      a.storei(at('faults'), 0)
        .lea(R.si, 'source')
        .movq(R.di, window(16, 100))
        .movi(R.cx, count)
        .db(...opcode);
      g.say(`REP ${name}`).show('  left', R.cx).show('  to', R.di).showMemory('  faults', 'faults');
      compare();
    }
    absent();
    a.storei(at('faults'), 0)
      .db(0xfd)
      .lea(R.si, 'source')
      .addi(R.si, 3 * 4096 - 1)
      .movq(R.di, window(16, 100 + 3 * 4096 - 1))
      .movi(R.cx, 3 * 4096)
      .db(0xf3, 0xa4, 0xfc);
    g.say('REP MOVSB downwards').show('  left', R.cx).show('  to', R.di).showMemory('  faults', 'faults');
    compare();
    absent();
    a.storei(at('faults'), 0).movi(R.ax, 0x5a5a).movq(R.di, window(16, 1)).movi(R.cx, 4096).db(0xf3, 0x66, 0xab);
    g.say('REP STOSW, words over page ends').show('  left', R.cx).show('  to', R.di).showMemory('  faults', 'faults');
    a.movi(R.ax, 0x5a).movq(R.di, window(16, 1)).movi(R.cx, 9000).db(0xf3, 0xae);
    g.show('  SCASB finds the end after', R.di);
    absent();
    a.storei(at('faults'), 0).movq(R.di, window(17, -3)).movq(R.ax, 0x1122334455667788n).store({ base: R.di }, R.ax).load(R.cx, { base: R.di });
    g.show('a store across', R.cx).showMemory('  faults', 'faults');
    g.say('LOCK');
    const word = g.define((x) => x.dq(5n).dq(6n), undefined, 16);
    const m = at(word);
    a.movi(R.cx, 3).db(0xf0).operation([0x0f, 0xc1], R.cx, m);
    g.show('XADD gives', R.cx).showMemory('  memory', word, 0, 8);
    a.movi(R.ax, 8).movi(R.cx, 40).db(0xf0).operation([0x0f, 0xb1], R.cx, m);
    g.sayIf(CC.e, 'CMPXCHG equal', 'CMPXCHG unequal').showMemory('  memory', word, 0, 8);
    a.movi(R.ax, 9).db(0xf0).operation([0x0f, 0xb1], R.cx, m);
    g.sayIf(CC.e, 'CMPXCHG equal', 'CMPXCHG unequal').show('  RAX');
    a.movi(R.ax, 40).movi(R.dx, 6).movi(R.bx, 1).movi(R.cx, 2).db(0xf0).operation([0x0f, 0xc7], 1, m);
    g.sayIf(CC.e, 'CMPXCHG16B equal', 'CMPXCHG16B unequal').showMemory('  low', word, 0, 8).showMemory('  high', word, 8, 8);
    g.fault('CMPXCHG16B, not aligned', (x) => x.db(0xf0).operation([0x0f, 0xc7], 1, at(word, 8)));
    a.movi(R.cx, 5).db(0xf0).operation([0x0f, 0xbb], R.cx, m);
    g.showMemory('BTC', word, 0, 8);
    a.movi(R.cx, 0x77).operation([0x87], R.cx, m);
    g.show('XCHG', R.cx).showMemory('  memory', word, 0, 8);
    g.fault('LOCK MOV', (x) => x.db(0xf0).store(m, R.ax));
    g.fault('LOCK CMP', (x) => x.db(0xf0).alu('cmp', m, R.ax));
    // a locked operation across a page end, both pages must be writable
    a.movq(R.di, window(17, -4)).movi(R.ax, 1).db(0xf0).alu('add', { base: R.di }, R.ax);
    g.say('LOCK ADD across a page end');
  });
  assertConsole(
    run,
    `
    REP MOVSB into pages that come when they are touched
    REP MOVSB
      left 0
      to 8000013064
      faults 4
      the same
    REP MOVSQ
      left 0
      to 8000013064
      faults 4
      the same
    REP MOVSB downwards
      left 0
      to 8000010063
      faults 4
      the same
    REP STOSW, words over page ends
      left 0
      to 8000012001
      faults 3
      SCASB finds the end after 8000012002
    a store across 1122334455667788
      faults 2
    LOCK
    XADD gives 5
      memory 8
    CMPXCHG equal
      memory 28
    CMPXCHG unequal
      RAX 28
    CMPXCHG16B equal
      low 1
      high 2
    CMPXCHG16B, not aligned: #13 error 0 at +0
    BTC 21
    XCHG 21
      memory 77
    LOCK MOV: #6 error 0 at +0
    LOCK CMP: #6 error 0 at +0
    LOCK ADD across a page end
`,
  );
});
