import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXIT_BUDGET, EXIT_HLT } from '../../../machine/layout.ts';
import { nasm, nasmIsThere } from '../../testing/nasm.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';

const START = 0x10000;
const OPERANDS = 0x40000;
const RESULTS = 0x100000;
const PAIRS = 1500;
const skip = (!coreIsBuilt || !nasmIsThere) && process.env.CI !== 'true' ? 'build/core.wasm or nasm is not there' : false;

/** Each operation on each pair of operands, from each of a few MXCSR values; results and MXCSR are stored. */
const operations = [
  'addsd xmm0, xmm1',
  'subsd xmm0, xmm1',
  'mulsd xmm0, xmm1',
  'divsd xmm0, xmm1',
  'sqrtsd xmm0, xmm1',
  'ucomisd xmm0, xmm1',
  'comisd xmm0, xmm1',
  'cvttsd2si rax, xmm1',
  'cvttsd2si eax, xmm1',
  'cvtsi2sd xmm0, eax',
  'addss xmm0, xmm1',
  'mulpd xmm0, xmm1',
];
const program = nasm(`
bits 64
org ${START}
  mov esi, ${OPERANDS}
  mov edi, ${RESULTS}
  mov ecx, ${PAIRS}
next: mov ebp, modes
mode:
${operations
  .map(
    (operation) => `
  movsd xmm0, [rsi]
  movsd xmm1, [rsi + 8]
  mov eax, [rsi]
  ldmxcsr [rbp]
  ${operation}
  pushfq
  pop rdx
  movsd [rdi], xmm0
  mov [rdi + 8], rax
  mov [rdi + 16], edx
  stmxcsr [rdi + 20]
  add edi, 24`,
  )
  .join('\n')}
  mov edi, ${RESULTS}
  mov r8, [rdi]
${operations.map((_, k) => `  crc32 r9, qword [rdi + ${k * 24}]\n  crc32 r9, qword [rdi + ${k * 24 + 8}]\n  crc32 r9, qword [rdi + ${k * 24 + 16}]`).join('\n')}
  mov [rsi + ${PAIRS * 16}], r9
  add ebp, 4
  cmp ebp, modes_end
  jb mode
  mov [rsi], r9
  add esi, 16
  dec ecx
  jnz next
  hlt
  align 8
modes: dd 0x1f80, 0x1fa0, 0x1fbf, 0x3f80, 0x5fa0, 0x7f80, 0x9fc0, 0x1fe0
modes_end:
`);

const special = [
  0n,
  1n << 63n,
  1n,
  0xfffffffffffffn,
  0x10000000000000n,
  0x10000000000001n,
  0x20000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x7fefffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0x7ff0000000000001n,
  0x41e0000000000000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x3ca0000000000000n,
  0x4340000000000000n,
];

test('scalar doubles: results and every flag are the helper’s, for random and special operands in any rounding mode', { skip }, () => {
  const run = (promoteAfter: number | undefined): string[] => {
    const machine = new TestMachine(promoteAfter === undefined ? {} : { promoteAfter });
    let x = 12345n;
    const random = (): bigint => {
      x = BigInt.asUintN(64, x * 6364136223846793005n + 1442695040888963407n);
      return x;
    };
    const operand = (): bigint => {
      const choice = Number(random() >> 60n);
      if (choice < 4) return special[Number(random() >> 40n) % special.length] as bigint;
      const bits = random();
      // near 1, with few bits, near the ends of the range, or anything
      if (choice < 8) return (bits & 0x800fffffffffffffn) | ((0x3f8n + (random() >> 60n)) << 52n);
      if (choice < 12) return (bits & 0x800ffff000000000n) | ((0x3fen + (random() >> 62n)) << 52n);
      return choice === 12 ? bits & 0x803fffffffffffffn : choice === 13 ? bits | 0x7fc0000000000000n : bits;
    };
    for (let k = 0; k < PAIRS * 2; k++) machine.write64(OPERANDS + k * 8, operand());
    machine.write(START, program);
    machine.enter(64, START);
    for (let exit = EXIT_BUDGET; exit !== EXIT_HLT; exit = machine.run(10_000_000)) assert.equal(exit, EXIT_BUDGET);
    if (promoteAfter !== undefined) assert.ok((machine.engine.regions?.counters.regions ?? 0) > 0);
    return Array.from({ length: PAIRS }, (_, k) => machine.read64(OPERANDS + k * 16).toString(16));
  };
  assert.deepEqual(run(3), run(undefined));
});
