import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, EXIT_BUDGET, EXIT_HLT, RETIRED_BASE, RIP } from '../../machine/layout.ts';
import { coreIsBuilt, TestMachine } from '../../translator/testing/test-machine.ts';
import { EngineCpu } from '../engine-cpu.ts';
import { GuestSampler } from './guest-sampler.ts';
import { SamplingCpu } from './sampling-cpu.ts';

const START = 0x10000;
/** outer: 200 times inner by a direct call; inner: 100 times leaf by CALL RAX; leaf: a loop of 50. Then HLT. */
const CODE = [
  ['main', 'e8 0b000000 f4 90909090909090909090'], // call outer (0x10010); hlt
  ['outer', 'b9 c8000000 51 e8 15000000 59 ffc9 75f5 c3'], // mov ecx,200; l: push rcx; call inner (0x10030); pop rcx; dec ecx; jnz l; ret
] as const;

const skip = !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false;

/** A machine at the start of a program of three functions, in the kernel's half of the addresses, where return addresses are looked for. */
function program(): { machine: TestMachine; high: bigint } {
  const machine = new TestMachine({}, 1024);
  machine.writeHex(START, CODE[0][1]);
  machine.writeHex(START + 0x10, CODE[1][1]);
  // inner: lea rax,[rip+0x19] (leaf, 0x10050); mov edx,100; m: push rdx; call rax; pop rdx; dec edx; jnz m; ret
  machine.writeHex(START + 0x30, '488d0519000000 ba64000000 52 ffd0 5a ffca 75f8 c3');
  // leaf: mov esi,50; n: dec esi; jnz n; ret
  machine.writeHex(START + 0x50, 'be32000000 ffce 75fc c3');
  machine.enter(64, START);
  // the first GiB once more at the top of the address space
  const high = 0xffff_ffff_c000_0000n;
  machine.write64(0x1000 + 511 * 8, 0x2003n);
  machine.write64(0x2000 + 511 * 8, 0x3003n);
  machine.context.set(RIP, high + BigInt(START));
  machine.setReg(4, high + 0x80000n);
  return { machine, high };
}

const functions = [
  ['main', 0],
  ['outer', 0x10],
  ['inner', 0x30],
  ['leaf', 0x50],
] as const;

const run = (cpu: { run(ctx: number): number }, machine: TestMachine): bigint => {
  let retired = 0n;
  for (;;) {
    machine.context.set(BUDGET, 100_003n);
    machine.context.set(RETIRED_BASE, retired + 100_003n);
    const exit = cpu.run(machine.ctx);
    retired = machine.reg(RETIRED_BASE) - BigInt.asIntN(64, machine.reg(BUDGET));
    if (exit === EXIT_HLT) return retired;
    assert.equal(exit, EXIT_BUDGET);
  }
};

test('the hot function is on top, below those that called it, and the run is the same', { skip }, () => {
  const plain = program();
  const retired = run(new EngineCpu(plain.machine.memories, plain.machine.engine), plain.machine);

  const { machine, high } = program();
  const sampler = new GuestSampler(
    machine.memories,
    (address) => {
      const offset = Number(BigInt.asUintN(64, address - high)) - START;
      const found = functions.findLast(([, start]) => start <= offset);
      return offset >= 0x70 || found === undefined ? undefined : { name: found[0], start: high + BigInt(START + found[1]) };
    },
    997,
  );
  const cpu = new SamplingCpu(new EngineCpu(machine.memories, machine.engine), machine.memories, 997, (context) => sampler.sample(context));
  assert.equal(run(cpu, machine), retired);
  for (let slot = 0; slot < 17; slot++) assert.equal(machine.reg(slot), plain.machine.reg(slot));

  const { names, stacks, interval } = sampler.profile();
  const samples = stacks.reduce((sum, { count }) => sum + count, 0);
  assert.equal(interval, 997);
  assert.equal(samples, Math.floor(Number(retired) / 997));
  const [top] = [...stacks].sort((a, b) => b.count - a.count);
  assert.deepEqual(
    top?.frames.map((frame) => names[frame]),
    ['kernel', 'main', 'outer', 'inner', 'leaf'],
  );
  assert.ok((top?.count ?? 0) > samples * 0.9);
});
