import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CR4, EXIT_BUDGET, EXIT_HLT, XCR0 } from '../../../machine/layout.ts';
import { nasm, nasmIsThere } from '../../testing/nasm.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';

const START = 0x10000;
const OPERANDS = 0x40000;
const RESULTS = 0x100000;
const PAIRS = 400;
const skip = (!coreIsBuilt || !nasmIsThere) && process.env.CI !== 'true' ? 'build/core.wasm or nasm is not there' : false;

/** Each operation on each pair of operands of 256 bits, from each of a few MXCSR values; results, flags and MXCSR are stored. */
const operations = [
  ...['addsd', 'subsd', 'mulsd', 'divsd', 'sqrtsd', 'minsd', 'maxsd', 'ucomisd', 'comisd', 'cvtsd2ss', 'cvtss2sd'].map((name) => `${name} xmm0, xmm1`),
  ...['addss', 'subss', 'mulss', 'divss', 'sqrtss', 'minss', 'maxss', 'ucomiss', 'comiss'].map((name) => `${name} xmm0, xmm1`),
  ...['cvttsd2si', 'cvtsd2si', 'cvttss2si', 'cvtss2si'].flatMap((name) => [`${name} rax, xmm1`, `${name} eax, xmm1`]),
  ...['cvtsi2sd', 'cvtsi2ss'].flatMap((name) => [`${name} xmm0, rax`, `${name} xmm0, eax`]),
  ...['addpd', 'mulps', 'cvtps2pd', 'cvtpd2ps', 'cvtdq2pd', 'cvttpd2dq', 'haddps'].map((name) => `${name} xmm0, xmm1`),
  ...['addpd', 'subps', 'mulpd', 'divps', 'divpd', 'minps', 'maxpd', 'haddpd', 'hsubps', 'addsubps'].map((name) => `v${name} ymm0, ymm0, ymm1`),
  ...['vsqrtps', 'vsqrtpd', 'vcvtdq2ps', 'vcvtps2dq', 'vcvttps2dq'].map((name) => `${name} ymm0, ymm1`),
  ...['vcvtpd2ps xmm0, ymm1', 'vcvtps2pd ymm0, xmm1', 'vcvtdq2pd ymm0, xmm1', 'vcvtpd2dq xmm0, ymm1', 'vmulsd xmm0, xmm1, xmm0', 'vsubss xmm0, xmm1, xmm0'],
  ...[0, 5, 11, 14, 23, 31].flatMap((predicate) => [`vcmppd ymm0, ymm0, ymm1, ${predicate}`, `vcmpss xmm0, xmm0, xmm1, ${predicate}`]),
  ...['vfmadd132', 'vfmsub213', 'vfnmadd231', 'vfnmsub132'].flatMap((name) => ['pd', 'ps'].map((kind) => `${name}${kind} ymm0, ymm1, ymm2`)),
  ...['vfmadd231', 'vfmsub132', 'vfnmadd213', 'vfnmsub231'].flatMap((name) => ['sd', 'ss'].map((kind) => `${name}${kind} xmm0, xmm1, xmm2`)),
  ...['vfmaddsub231pd', 'vfmsubadd132ps'].map((name) => `${name} ymm0, ymm1, ymm2`),
  ...['vfmaddsub213ps', 'vfmsubadd231pd'].map((name) => `${name} xmm0, xmm1, xmm2`),
  // the addend takes away what the product has, but for its last bits
  ...['vmulpd ymm2, ymm0, ymm1\n vfmsub213pd ymm0, ymm1, ymm2', 'vmulps ymm2, ymm0, ymm1\n vfnmadd213ps ymm0, ymm1, ymm2'],
  ...['vcvtph2ps ymm0, xmm1', 'vcvtph2ps xmm0, xmm1', 'vcvtps2ph xmm0, ymm1, 0', 'vcvtps2ph xmm0, ymm1, 4'],
  ...[0, 2, 4, 11, 12].flatMap((how) => [`vroundps ymm0, ymm1, ${how}`, `roundsd xmm0, xmm1, ${how}`]),
];
const RESULT = 48;
const OPERAND = 64;
const program = nasm(`
bits 64
org ${START}
  mov esi, ${OPERANDS}
  mov ecx, ${PAIRS}
next: mov ebp, modes
mode: mov edi, ${RESULTS}
${operations
  .map(
    (operation) => `
  vmovupd ymm0, [rsi]
  vmovupd ymm1, [rsi + 32]
  vmovupd ymm2, [rsi + 64]
  mov rax, [rsi]
  ldmxcsr [rbp]
  ${operation}
  pushfq
  pop rdx
  vmovupd [rdi], ymm0
  mov [rdi + 32], rax
  mov [rdi + 40], edx
  stmxcsr [rdi + 44]
  add edi, ${RESULT}`,
  )
  .join('\n')}
  mov edi, ${RESULTS}
  mov edx, ${(operations.length * RESULT) / 8}
sum: crc32 r9, qword [rdi]
  add edi, 8
  dec edx
  jnz sum
  add ebp, 4
  cmp ebp, modes_end
  jb mode
  mov [rsi], r9
  add esi, ${OPERAND}
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

const specialSingles = [
  0n,
  0x80000000n,
  1n,
  0x7fffffn,
  0x800000n,
  0x800001n,
  0x1000000n,
  0x3f800000n,
  0xbf800000n,
  0x7f7fffffn,
  0x7f800000n,
  0xff800000n,
  0x7fc00000n,
  0x7f800001n,
  0x4f000000n,
  0xcf000000n,
  0x4effffffn,
  0x3f000000n,
];

test('floating point: results and every flag are the helper’s, for random and special operands in any rounding mode', { skip }, () => {
  const run = (promoteAfter: number | undefined): string[] => {
    const machine = new TestMachine(promoteAfter === undefined ? {} : { promoteAfter });
    let x = 12345n;
    const random = (): bigint => {
      x = BigInt.asUintN(64, x * 6364136223846793005n + 1442695040888963407n);
      return x;
    };
    const singles = (): bigint => {
      let both = 0n;
      for (const shift of [0n, 32n]) {
        const bits = random() >> 32n;
        const choice = Number(random() >> 61n);
        const single =
          choice === 0
            ? (specialSingles[Number(bits) % specialSingles.length] as bigint)
            : choice < 6
              ? (bits & 0x807fffffn) | ((0x78n + (random() >> 60n)) << 23n)
              : bits;
        both |= single << shift;
      }
      return both;
    };
    const doubles = (): bigint => {
      const choice = Number(random() >> 60n);
      if (choice < 4) return special[Number(random() >> 40n) % special.length] as bigint;
      const bits = random();
      // near 1, with few bits, near the ends of the range, or anything
      if (choice < 8) return (bits & 0x800fffffffffffffn) | ((0x3f8n + (random() >> 60n)) << 52n);
      if (choice < 12) return (bits & 0x800ffff000000000n) | ((0x3fen + (random() >> 62n)) << 52n);
      return choice === 12 ? bits & 0x803fffffffffffffn : choice === 13 ? bits | 0x7fc0000000000000n : bits;
    };
    for (let k = 0; k < PAIRS; k++) {
      const operand = k % 2 === 0 ? doubles : singles;
      for (let at = 0; at < OPERAND; at += 8) machine.write64(OPERANDS + k * OPERAND + at, operand());
    }
    machine.write(START, program);
    machine.enter(64, START);
    machine.context.setLow(CR4, 0x40620);
    machine.context.setLow(XCR0, 7);
    for (let exit = EXIT_BUDGET; exit !== EXIT_HLT; exit = machine.run(10_000_000)) assert.equal(exit, EXIT_BUDGET);
    if (promoteAfter !== undefined) assert.ok((machine.engine.regions?.counters.regions ?? 0) > 0);
    return Array.from({ length: PAIRS }, (_, k) => machine.read64(OPERANDS + k * OPERAND).toString(16));
  };
  assert.deepEqual(run(3), run(undefined));
});
