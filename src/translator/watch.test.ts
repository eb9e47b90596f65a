import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET, EXIT_BREAKPOINT, EXIT_BUDGET, EXIT_HLT, RAX, RCX, RETIRED_BASE, RIP } from '../machine/layout.ts';
import type { WatchedInstruction } from './engine.ts';
import { coreIsBuilt, TestMachine } from './testing/test-machine.ts';

const START = 0x10000;
const skip = !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false;
// mov ecx,1000; xor eax,eax; L: add rax,rcx; dec ecx; jnz L; hlt
const LOOP = 'b9e803000031c0 4801c8 ffc9 75f9 f4';
const ADD = 0x10007;
const DEC = 0x1000a;

function machine(): TestMachine {
  const made = new TestMachine();
  made.writeHex(START, LOOP);
  made.enter(64, START);
  made.setReg(RETIRED_BASE, 1_000_000n);
  return made;
}

function stopsAt(...addresses: number[]): Uint8Array {
  const stops = new Uint8Array(4096);
  for (const address of addresses) stops[address & 4095] = 1;
  return stops;
}

test('a watch of every instruction sees each one before it runs, and changes nothing', { skip }, () => {
  const made = machine();
  const seen: bigint[] = [];
  const retired: bigint[] = [];
  made.engine.watch({
    stops: undefined,
    before: (instruction: WatchedInstruction) => {
      assert.equal(instruction.phys, made.offset(Number(made.reg(RIP))));
      seen.push(made.reg(RIP));
      retired.push(instruction.retired);
      return false;
    },
  });
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RAX), 500500n);
  assert.equal(made.reg(BUDGET), BigInt(1_000_000 - 2 - 3000 - 1));
  assert.equal(seen.length, 3003);
  assert.deepEqual(seen.slice(0, 6), [0x10000n, 0x10005n, 0x10007n, 0x1000an, 0x1000cn, 0x10007n]);
  assert.deepEqual(
    retired,
    Array.from(retired, (_, i) => BigInt(i)),
  );
});

test('a watched address in the middle of a block stops before its instruction, each time', { skip }, () => {
  const made = machine();
  made.run(1); // with translations made before
  let passes = 0;
  made.engine.watch({ stops: stopsAt(DEC), before: () => passes++ % 2 === 0 });
  for (let round = 0; round < 3; round++) {
    assert.equal(made.run(), EXIT_BREAKPOINT);
    assert.equal(made.reg(RIP), BigInt(DEC));
    assert.equal(made.reg(RCX), BigInt(1000 - round));
    assert.equal(
      made.reg(RAX),
      Array.from({ length: round + 1 }, (_, i) => 1000n - BigInt(i)).reduce((a, b) => a + b),
    );
  }
  made.engine.watch(undefined);
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RAX), 500500n);
});

test('a stop gives the whole budget of what did not run back', { skip }, () => {
  const made = machine();
  made.engine.watch({ stops: stopsAt(ADD), before: () => true });
  assert.equal(made.run(100), EXIT_BREAKPOINT);
  assert.equal(made.reg(BUDGET), 98n);
  made.engine.watch({ stops: stopsAt(ADD), before: () => false });
  assert.equal(made.run(7), EXIT_BUDGET);
  assert.equal(made.reg(RIP), 0x1000an, 'seven instructions on: add dec jnz add dec jnz add');
});

test('blocks that run once, because the budget ends in them, are watched too', { skip }, () => {
  const made = machine();
  let asked = 0;
  made.engine.watch({ stops: stopsAt(0x10005), before: () => ++asked === 1 });
  assert.equal(made.run(1), EXIT_BUDGET);
  assert.equal(made.run(1), EXIT_BREAKPOINT);
  assert.equal(made.run(1), EXIT_BUDGET);
  assert.equal(made.reg(RIP), BigInt(ADD));
  assert.equal(asked, 2);
});
