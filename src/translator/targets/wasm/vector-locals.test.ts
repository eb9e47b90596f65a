import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { CR4, EXIT_BUDGET, EXIT_HLT, GDTR_BASE, GDTR_LIMIT, IDTR_BASE, IDTR_LIMIT, MXCSR, RIP, VEC, VEC_STRIDE, XCR0 } from '../../../machine/layout.ts';
import { nasm, nasmIsThere } from '../../testing/nasm.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';

const START = 0x10000;
const HANDLER = 0x18000;
const IDT = 0x8000;
const LOG = 0x100000;
const DATA = 0x40000;
const REGISTERS = 16;
const SLICE = 61;
/** Budgets that a program may use up. */
const MOST = 4000;
const skip = (!coreIsBuilt || !nasmIsThere) && process.env.CI !== 'true' ? 'build/core.wasm or nasm is not there' : false;
const seed = Number(process.env['ZENDO_VECTOR_SEED'] ?? 1);
const count = Number(process.env['ZENDO_VECTOR_PROGRAMS'] ?? 6);

class Dice {
  private state: number;
  constructor(from: number) {
    this.state = from >>> 0;
  }
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }
  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Each exception writes two registers to the log and skips as many bytes as R15 says. */
const handler = `
bits 64
org ${HANDLER}
  inc r14
  add rsp, 8
  add [rsp], r15
  vmovdqu [r13], ymm3
  vmovdqu [r13 + 32], ymm9
  add r13, 64
  iretq
`;

/** Templates: x y z vector numbers, L xmm or ymm, m memory of any alignment, i an immediate, e a 32-bit register of the program's. */
const templates = `
vpaddb Lx, Ly, Lz|vpaddd Lx, Ly, Lz|vpmulld Lx, Ly, Lz|vpxor Lx, Ly, Lz|vpsubq Lx, Ly, m|vpmaddwd Lx, Ly, Lz|vpsadbw Lx, Ly, Lz
vpshufb Lx, Ly, Lz|vpshufd Lx, Ly, i|vpalignr Lx, Ly, Lz, i|vpunpcklbw Lx, Ly, m|vpacksswb Lx, Ly, Lz|vpermq ymmx, ymmy, i
vpermd ymmx, ymmy, ymmz|vperm2i128 ymmx, ymmy, ymmz, i|vinserti128 ymmx, ymmy, xmmz, i|vextracti128 xmmx, ymmy, i|vextracti128 m, ymmy, i
vpbroadcastb Lx, xmmy|vpbroadcastd Lx, m|vpblendvb Lx, Ly, Lz, Lx|vpblendd Lx, Ly, Lz, i|vpmovmskb e, Ly|vmovmskps e, Ly|vptest Lx, Ly
vpsrlw Lx, Ly, i|vpslld Lx, Ly, xmmz|vpsrad Lx, Ly, xmmz|vpsllvd Lx, Ly, Lz|vpmovzxbw Lx, xmmy|vpmovsxdq Lx, xmmy|vpminub Lx, Ly, m
vmovdqu Lx, m|vmovdqu m, Ly|vmovdqu Lx, m|vmovdqu m, Lz|vmovdqa Lx, Ly|vmovd xmmx, e|vmovq xmmx, xmmy|vmovd e, xmmy|vpinsrb xmmx, xmmy, e, i
vmovss xmmx, m|vmovsd m, xmmy|vmovhlps xmmx, xmmy, xmmz|vmovddup Lx, Ly|vzeroupper|vpcmpeqb Lx, Ly, m|vpcmpgtd Lx, Ly, Lz|vpsignw Lx, Ly, Lz
movdqu xmmx, m|movdqu m, xmmy|paddw xmmx, xmmy|pxor xmmx, xmmx|pshuflw xmmx, xmmy, i|punpckhdq xmmx, xmmy|pmuludq xmmx, xmmy|psrldq xmmx, i
movq xmmx, m|movd m, xmmy|movhlps xmmx, xmmy|pinsrw xmmx, e, i|movsd xmmx, xmmy|aesenc xmmx, xmmy|vpclmulqdq xmmx, xmmy, xmmz, i|vphminposuw xmmx, xmmy
vaddpd Lx, Ly, Lz|vmulps Lx, Ly, Lz|addsd xmmx, xmmy|vsqrtss xmmx, xmmy, xmmz|vcvtdq2ps Lx, Ly|vcvttps2dq Lx, Ly|vucomisd xmmx, xmmy|cvtsi2sd xmmx, e
vcvtsi2ss xmmx, xmmy, e|cvttsd2si e, xmmy|vminpd Lx, Ly, Lz|vcmpps Lx, Ly, Lz, i|vfmadd231ps Lx, Ly, Lz|vmaskmovps Lx, Ly, m|vpmaskmovd m, Lx, Ly
fld1|fstp st0|div ebx|ud2`
  .trim()
  .split(/[\n|]/);

const instruction = (dice: Dice): string => {
  const wide = dice.below(2) === 1;
  const register = (): string => String(dice.below(4) === 0 ? dice.below(REGISTERS) : 1 + dice.below(5));
  return dice
    .of(templates)
    .replaceAll('L', wide ? 'ymm' : 'xmm')
    .replace(/\bm\b/, () => `[rsi + ${dice.below(64) - 32}]`)
    .replace(/\bi\b/, () => String(dice.below(dice.below(3) === 0 ? 256 : 8)))
    .replace(/\be\b/, () => dice.of(['eax', 'ebx', 'r8d', 'r9d']))
    .replace(/mm[xyz]/g, () => `mm${register()}`);
};

const some = (dice: Dice, most: number): string => Array.from({ length: 1 + dice.below(most) }, () => `  ${instruction(dice)}`).join('\n');

/** Loops in loops with vectors in some of their parts, a function that is called from within, and one that jumps into the middle. */
const program = (dice: Dice): string => `
bits 64
org ${START}
  mov r15, 2
  mov r13, ${LOG}
  mov esi, ${DATA + 0x1000 - 16}
  xor r14d, r14d
  mov r11d, 12
outer:
${some(dice, 3)}
  mov esi, ${DATA + 0x1000 - 16}
  mov edi, 9
first:
${some(dice, 8)}
  add rsi, ${dice.of([1, 16, 32, 40])}
  test dil, ${dice.of([1, 2, 4])}
  jz around
${some(dice, 4)}
around:
  dec edi
  jnz first
  ${dice.of(['call function', 'nop'])}
  mov edi, 5
second:
  ${dice.of(['call function', 'nop', 'nop'])}
${some(dice, 5)}
  mov r12d, 3
inner:
${some(dice, 5)}
  ${dice.of(['jc out', 'nop'])}
  dec r12d
  jnz inner
  ${dice.of(['', '  add eax, ebx'])}
  dec edi
  jnz second
out:
  test r11b, 3
  jnz on
${some(dice, 6)}
on:
  dec r11d
  jnz outer
  hlt
function:
${some(dice, 4)}
  ret
`;

/** What the vector registers and the memory hold whenever a budget of `slice` instructions is used up, and how it ends. */
function run(code: Uint8Array, slice: number, promoteAfter: number | undefined): { states: string[][]; regions: number } {
  const machine = new TestMachine(promoteAfter === undefined ? {} : { promoteAfter });
  const { context, ctx } = machine;
  const data = new Dice(99);
  machine.write(
    DATA,
    Array.from({ length: 0x3000 }, () => data.below(256)),
  );
  machine.write(HANDLER, handlerCode);
  for (let vector = 0; vector < 32; vector++) {
    // #UD and #DE have no error code: the handler's entry that pops one is 4 bytes in
    const entry = HANDLER + ([8, 10, 11, 12, 13, 14, 17].includes(vector) ? 0 : FIRST);
    machine.write64(IDT + vector * 16, BigInt((entry & 0xffff) | 0x80000) | (0x8e00n << 32n) | (BigInt(entry >>> 16) << 48n));
    machine.write64(IDT + vector * 16 + 8, 0n);
  }
  machine.write64(0x7008, 0x00af9b000000ffffn);
  machine.write64(0x7010, 0x00cf93000000ffffn);
  machine.write(START, code);
  machine.enter(64, START);
  context.setLow(GDTR_BASE, 0x7000);
  context.setLow(GDTR_LIMIT, 0x17);
  context.setLow(IDTR_BASE, IDT);
  context.setLow(IDTR_LIMIT, 0x1ff);
  context.setLow(CR4, 0x40620);
  context.setLow(XCR0, 7);
  for (let n = 0; n < REGISTERS; n++) for (let at = 0; at < 32; at++) machine.memories.stateView.setUint8(ctx + VEC + n * VEC_STRIDE + at, data.below(256));
  const states: string[][] = [];
  for (let exit = EXIT_BUDGET; exit === EXIT_BUDGET && states.length < MOST; ) {
    exit = machine.run(slice);
    const hash = createHash('sha1').update(machine.read(DATA, 0x3000)).update(machine.read(LOG, 0x1000));
    const state = [exit === EXIT_HLT ? 'halt' : String(exit), ...Array.from({ length: 16 }, (_, slot) => `r${slot} ${context.get(slot).toString(16)}`)];
    state.push(`rip ${context.get(RIP).toString(16)}`, `flags ${machine.engine.rflags(ctx).toString(16)}`);
    state.push(`mxcsr ${context.low(MXCSR).toString(16)}`);
    for (let n = 0; n < REGISTERS; n++) {
      const at = ctx + VEC + n * VEC_STRIDE;
      state.push(
        `v${n} ${Buffer.from(machine.memories.stateBytes.slice(at, at + 64))
          .reverse()
          .toString('hex')}`,
      );
    }
    states.push([...state, `memory ${hash.digest('hex')}`]);
  }
  return { states, regions: machine.engine.regions?.counters.regions ?? 0 };
}

/** Bytes of the handler's first instructions, which drop an error code. */
const FIRST = 7;
const handlerCode = skip === false ? nasm(handler) : new Uint8Array();

test('loops with vectors in locals: registers and memory are the interpreter’s at every end of a budget, after faults too', { skip }, (t) => {
  let regions = 0;
  let faults = 0;
  for (let k = 0; k < count; k++) {
    const source = program(new Dice(seed * 1000 + k));
    const code = nasm(source);
    const expected = run(code, SLICE, undefined);
    const found = run(code, SLICE, 1 + (k % 3));
    regions += found.regions;
    faults += expected.states.length;
    for (const [n, state] of expected.states.entries()) {
      const here = `program ${k} of seed ${seed}, after ${(n + 1) * SLICE} instructions`;
      assert.deepEqual(found.states[n], state, `${here}\n${source}`);
    }
    assert.equal(expected.states.at(-1)?.[0], 'halt', `program ${k} of seed ${seed} does not end\n${expected.states.at(-2)?.join(' ')}\n${source}`);
  }
  t.diagnostic(`seed ${seed}, ${count} programs, ${regions} regions, ${faults} states`);
  assert.ok(regions > count * 2);
});
