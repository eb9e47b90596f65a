import { test } from 'node:test';
import { type Assembler, at, CC, R } from '../../src/toolstack/guests/assembler.ts';
import { PRESENT, USER, WRITE, window } from './kit/address-space.ts';
import { assertConsole } from './kit/assert-console.ts';
import { runGuest } from './kit/run-guest.ts';

/**
 * Code that changes itself: thousands of patches, of instructions before and behind the store, across page ends, through
 * another mapping, by string instructions and locked operations, and by the hypervisor. x86 needs no more than a branch
 * in between, and on one processor not even that.
 */
const ALL = PRESENT | WRITE | USER;
const ROUNDS = 3000;

test('self-modifying code', async () => {
  const run = await runGuest((g) => {
    const { a } = g;
    g.page('first');
    g.page('second');
    // the same two pages twice, next to each other
    for (const base of [0, 8]) g.map(base, 'first', ALL).map(base + 1, 'second', ALL);
    const fill = (): void => void a.movq(R.di, window(0)).movi(R.ax, 0x90).movi(R.cx, 8192).db(0xf3, 0xaa);
    /** Put MOV EAX, imm32; RET at window offset R8. */
    const routine = (): void => void a.storei8({ base: R.r8 }, 0xb8).storei32({ base: R.r8, disp: 1 }, 0).storei8({ base: R.r8, disp: 5 }, 0xc3);
    /** Add up what the routine at R9 gives while its number (at R8 + 1) counts; R12 is the sum, the count in RBX. */
    const storm = (name: string, patch: (x: Assembler) => void): void => {
      const [top, expected] = [g.fresh(), (ROUNDS * (ROUNDS + 1)) / 2];
      a.movi(R.bx, ROUNDS).movi(R.r12, 0).label(top);
      patch(a);
      a.callTo(R.r9).add(R.r12, R.ax).subi(R.bx, 1).jcc(CC.ne, top).cmpi(R.r12, expected);
      g.sayIf(CC.e, `${name}: right`, `${name}: WRONG`);
    };
    const place = (name: string, offset: number, through = 0): void => {
      fill();
      a.movq(R.r8, window(0, offset)).movq(R.r9, window(through, offset));
      routine();
      storm(name, (x) => x.store32({ base: R.r8, disp: 1 }, R.bx));
    };
    place('in one page', 0x100);
    place('at the page end', 4096 - 6);
    place('RET in the next page', 4096 - 5);
    place('number across the page end', 4096 - 3);
    place('opcode in the first page only', 4096 - 1);
    place('through another mapping', 0x200, 8);
    place('across the page end, through another mapping', 4096 - 3, 8);
    const others = (name: string, patch: (x: Assembler) => void): void => {
      fill();
      a.movq(R.r8, window(0, 4096 - 3)).movq(R.r9, window(0, 4096 - 3));
      routine();
      storm(name, patch);
    };
    g.space(8, 'number');
    others('by REP MOVSB', (x) => x.store32(at('number'), R.bx).lea(R.si, 'number').mov(R.di, R.r8).addi(R.di, 1).movi(R.cx, 4).db(0xf3, 0xa4));
    others('by REP STOSB and a locked XCHG', (x) => {
      x.mov(R.di, R.r8).addi(R.di, 1).movi(R.ax, 0xff).movi(R.cx, 4).db(0xf3, 0xaa);
      x.mov(R.ax, R.bx).operation([0x87], R.ax, { base: R.r8, disp: 1 }, false);
    });
    others('by a LOCK ADD of one', (x) => {
      x.storei32({ base: R.r8, disp: 1 }, 0).db(0xf0).operation([0x01], R.bx, { base: R.r8, disp: 1 }, false);
    });
    others('by byte stores', (x) => {
      x.mov(R.ax, R.bx).store8({ base: R.r8, disp: 1 }, R.ax).shr(R.ax, 8).store8({ base: R.r8, disp: 2 }, R.ax);
    });
    others('by a 128-bit store', (x) => {
      // MOV EAX, imm32; RET and NOPs in XMM0, then MOVUPS
      x.movi(R.ax, 0xb8).mov(R.cx, R.bx).shl(R.cx, 8).alu('or', R.ax, R.cx).movq(R.cx, 0x9090_c300_0000_0000n).alu('or', R.ax, R.cx);
      x.db(0x66, 0x48, 0x0f, 0x6e, 0xc0).db(0x66, 0x0f, 0x6c, 0xc0).db(0x41, 0x0f, 0x11, 0x00); // movq xmm0, rax; punpcklqdq xmm0, xmm0; movups [r8], xmm0
    });

    // the very next instruction, and one before, in the same block
    g.page('own');
    g.map(20, 'own', ALL);
    const block = (name: string, emit: (x: Assembler) => void, expected: number): void => {
      const code = g.fresh('code');
      const past = g.fresh();
      a.movi(R.r12, 0).movi(R.bx, 100).jmp(past).align(4096).label(code);
      emit(a);
      a.subi(R.bx, 1).jcc(CC.ne, code).cmpi(R.r12, expected);
      g.sayIf(CC.e, `${name}: right`, `${name}: WRONG`).show('  sum', R.r12);
      a.jmp(`${past}.end`).label(past).jmp(code).label(`${past}.end`);
    };
    block(
      'the next instruction',
      (x) => {
        const next = g.fresh('next');
        // add r12, imm32: the number becomes the count just before it is executed
        x.store32(at(next, 3), R.bx).label(next).addi(R.r12, 0x1000);
      },
      5050,
    );
    block(
      'the instruction before, in a loop',
      (x) => {
        const before = g.fresh('before');
        x.label(before).addi(R.r12, 100).mov(R.ax, R.bx).subi(R.ax, 1).store32(at(before, 3), R.ax);
      },
      100 + (99 * 100) / 2,
    );
    block(
      'INT3 put over an instruction and taken away',
      (x) => {
        const poked = g.fresh('poked');
        x.storei8(at(poked), 0xcc).storei8(at(poked), 0x49).label(poked).addi(R.r12, 1);
      },
      100,
    );
    // a trap handler that repairs the instruction it was called for
    g.onException(3, (x) =>
      x.inc32(at('traps')).storei8(at('trapped'), 0x49).load(R.ax, { base: R.bx, disp: 72 }).subi(R.ax, 1).store({ base: R.bx, disp: 72 }, R.ax),
    );
    g.space(8, 'traps');
    block('an INT3 handler that repairs', (x) => x.storei8(at('trapped'), 0xcc).label('trapped').addi(R.r12, 3), 300);
    g.showMemory('  traps', 'traps');
    // by the hypervisor: the hypercall page over code that has run
    fill();
    a.movq(R.r9, window(0, 17 * 32))
      .storei8({ base: R.r9 }, 0xb8)
      .storei32({ base: R.r9, disp: 1 }, 7)
      .storei8({ base: R.r9, disp: 5 }, 0xc3)
      .callTo(R.r9);
    g.show('before the hypercall page');
    a.lea(R.ax, 'first').movi(R.dx, 0).movi(R.cx, 0x40000000).wrmsr().movi(R.di, 0).callTo(R.r9);
    g.show('after');
    // another page behind the same address: INVLPG, then a fresh CR3
    fill();
    a.movq(R.r8, window(0)).movq(R.r9, window(1));
    a.storei8({ base: R.r8 }, 0xb8).storei32({ base: R.r8, disp: 1 }, 1).storei8({ base: R.r8, disp: 5 }, 0xc3);
    a.storei8({ base: R.r9 }, 0xb8).storei32({ base: R.r9, disp: 1 }, 2).storei8({ base: R.r9, disp: 5 }, 0xc3);
    a.callTo(R.r8);
    g.show('page one');
    a.load(R.cx, at('window_pt', 8)).load(R.dx, at('window_pt')).store(at('window_pt'), R.cx).invlpg({ base: R.r8 }).callTo(R.r8);
    g.show('page two at its address, after INVLPG');
    a.store(at('window_pt'), R.dx).movFromCr(R.ax, 3).movToCr(3, R.ax).callTo(R.r8);
    g.show('page one again, after CR3');
  });
  assertConsole(
    run,
    `
    in one page: right
    at the page end: right
    RET in the next page: right
    number across the page end: right
    opcode in the first page only: right
    through another mapping: right
    across the page end, through another mapping: right
    by REP MOVSB: right
    by REP STOSB and a locked XCHG: right
    by a LOCK ADD of one: right
    by byte stores: right
    by a 128-bit store: right
    the next instruction: right
      sum 13ba
    the instruction before, in a loop: right
      sum 13ba
    INT3 put over an instruction and taken away: right
      sum 64
    an INT3 handler that repairs: right
      sum 12c
      traps 64
    before the hypercall page 7
    after 40011
    page one 1
    page two at its address, after INVLPG 2
    page one again, after CR3 1
`,
  );
});
