/** NMIs wait for IRET, and what the image of RFLAGS says when an event comes between two iterations of REP. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  CPU_FLAGS,
  CPU_INTEL,
  EFLAGS_SYS,
  EXIT_BUDGET,
  EXIT_HLT,
  EXIT_WINDOW,
  NMI_BLOCKED,
  RCX,
  RDI,
  RIP,
  RSP,
  WANT_WINDOW,
  WINDOW_INTERRUPT,
  WINDOW_NMI,
} from '../../machine/layout.ts';
import type { CoreExports } from '../engine.ts';
import { briefLong, runLong } from '../testing/long-program.ts';
import { coreIsBuilt, type TestMachine } from '../testing/test-machine.ts';

const skip = coreIsBuilt ? false : 'needs build/core.wasm';
const RF = 0x10000n;

interface Events extends CoreExports {
  injectNmi(ctx: number): void;
  injectInterrupt(ctx: number, vector: number): void;
}
const core = (machine: TestMachine): Events => machine.engine.core as Events;

/** Runs to the first HLT, injects an NMI there, whose handler does not IRET, and runs to the next HLT. */
function inHandler(code: string, cpu = 0): TestMachine {
  const { machine, reason } = runLong(`mov qword [resume], handling\nhlt\nhandling:\n${code}`);
  machine.setReg(CPU_FLAGS, BigInt(cpu));
  assert.equal(reason, EXIT_HLT);
  core(machine).injectNmi(machine.ctx);
  assert.equal(machine.run(), EXIT_HLT);
  assert.equal(machine.reg(NMI_BLOCKED), 1n);
  return machine;
}

/** A frame for IRETQ to `target`. */
const frame = (target: string, selector = 'CODE0'): string =>
  `push qword 0\npush qword 0x18800\npush qword 2\npush qword ${selector}\nlea rax, [${target}]\npush rax\niretq`;

describe('NMI', { skip }, () => {
  test('one that is handled holds back the next until IRET, not until the end of an interrupt window', () => {
    const machine = inHandler(`hlt\nsti\nnop\nnop\n${frame('home')}\nnop\nhome: nop\nhlt`);
    machine.setReg(WANT_WINDOW, BigInt(WINDOW_NMI));
    const before = Number(machine.reg(RIP));
    assert.equal(machine.run(), EXIT_WINDOW);
    assert.equal(machine.reg(NMI_BLOCKED), 0n);
    assert.ok(Number(machine.reg(RIP)) > before + 10, 'behind IRET');
    assert.equal(machine.read(Number(machine.reg(RIP)) - 1, 2).join(), '144,144', 'at its target, before anything ran there');
    // both windows: whichever comes first
    const other = inHandler(`hlt\nsti\nnop\nnop\n${frame('home')}\nhome: hlt`);
    other.setReg(WANT_WINDOW, BigInt(WINDOW_NMI | WINDOW_INTERRUPT));
    assert.equal(other.run(), EXIT_WINDOW);
    assert.deepEqual([other.reg(NMI_BLOCKED), other.read(Number(other.reg(RIP)) - 1, 1)[0]], [1n, 0x90]);
  });

  test('other events in the handler leave it blocked, and their IRET ends that', () => {
    const machine = inHandler('hlt\nfaults ud2\nnote 5\nhlt');
    assert.equal(machine.run(), EXIT_HLT);
    assert.equal(machine.reg(NMI_BLOCKED), 1n);
    assert.equal(briefLong(runLong('faults ud2\nnote 5').log), '6:0 =5');
  });

  test('an IRET that faults: AMD goes on blocking, Intel does not', () => {
    for (const [cpu, blocked] of [
      [0, 1n],
      [CPU_INTEL, 0n],
    ] as const) {
      const machine = inHandler(`hlt\nmov qword [resume], after\n${frame('after', '0x1230')}\nafter: hlt`, cpu);
      assert.equal(machine.run(), EXIT_HLT);
      assert.equal(machine.reg(NMI_BLOCKED), blocked);
    }
  });

  test('a vector of 2 that is no NMI blocks nothing', () => {
    const { machine } = runLong('faults int 2\nhlt');
    assert.equal(machine.reg(NMI_BLOCKED), 0n);
  });
});

describe('RF between iterations', { skip }, () => {
  const program = 'mov rdi, 0x30000\nmov ecx, 20\nmov qword [resume], behind\nstrings: rep stosb\nnop\nbehind: hlt';
  /** The image an interrupt pushes after `budget` more instructions from the start of the REP. */
  const image = (budget: number): { flags: bigint; rcx: bigint } => {
    const { machine } = runLong(`hlt\n${program}`);
    machine.run(3);
    assert.equal(machine.run(budget), EXIT_BUDGET);
    const rcx = machine.reg(RCX);
    core(machine).injectInterrupt(machine.ctx, 0x20 - 1);
    // the first instruction of the handler has run then; the frame lies above
    assert.equal(machine.run(1), EXIT_BUDGET);
    const frameAt = 0x18800 - 40;
    assert.ok(machine.reg(RSP) <= BigInt(frameAt));
    return { flags: machine.read64(frameAt + 16) & RF, rcx };
  };

  test('set after some iterations, clear before the first and after the last', () => {
    assert.deepEqual(image(1), { flags: RF, rcx: 19n });
    assert.deepEqual(image(10), { flags: RF, rcx: 10n });
    assert.deepEqual(image(20), { flags: 0n, rcx: 0n });
    const { machine } = runLong(`hlt\n${program}`);
    machine.run(3);
    machine.run(5);
    assert.equal(machine.reg(EFLAGS_SYS) & RF, RF);
    machine.run(1);
    machine.run(20);
    assert.deepEqual([machine.reg(EFLAGS_SYS) & RF, machine.reg(RDI)], [0n, 0x30014n]);
  });

  test('a trap after each iteration: RF set in the image of all but the last', () => {
    const { log } = runLong(`
      mov rdi, 0x30000
      mov ecx, 3
      mov qword [resume], once
      pushfq
      or qword [rsp], 0x100
      popfq
      rep stosb
      hlt
      once: mov qword [resume], twice
      jmp again
      twice: mov qword [resume], finish
      again:
      ; TF is on again for one more iteration
      pushfq
      or qword [rsp], 0x100
      popfq
      rep stosb
      hlt`);
    assert.deepEqual(
      log.map(({ vector, rflags }) => [vector, (rflags & RF) !== 0n]),
      [
        [1, true],
        [1, true],
        [1, false],
      ],
    );
  });
});
