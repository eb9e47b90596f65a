/** String instructions against a byte-by-byte model: overlaps, page ends, directions, sizes, any budget; faults in the middle; ports. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BUDGET,
  EXIT_A,
  EXIT_B,
  EXIT_BUDGET,
  EXIT_C,
  EXIT_HLT,
  EXIT_IO_STRING,
  RAX,
  RCX,
  RDI,
  RDX,
  RETIRED_BASE,
  RIP,
  RSI,
  SEG_BASE,
  SEG_LIMIT,
} from '../../machine/layout.ts';
import { coreIsBuilt, TestMachine, type TestMode } from '../testing/test-machine.ts';

const skip = coreIsBuilt ? false : 'needs build/core.wasm';

const CODE = 0x6000;
const AREA = 0x10000;
const AREA_SIZE = 0x4000;

let seed = 1;
/** 0..below-1, the same sequence in every run. */
const random = (below: number): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return (seed >>> 8) % below;
};

/** Registers and memory of the model. */
interface Model {
  memory: Uint8Array;
  rax: bigint;
  rcx: bigint;
  rsi: bigint;
  rdi: bigint;
}

const load = (m: Model, at: bigint, size: number): bigint => {
  let value = 0n;
  for (let k = size - 1; k >= 0; k--) value = (value << 8n) | BigInt(m.memory[Number(at) - AREA + k] as number);
  return value;
};

const store = (m: Model, at: bigint, size: number, value: bigint): void => {
  for (let k = 0; k < size; k++) m.memory[Number(at) - AREA + k] = Number((value >> BigInt(8 * k)) & 0xffn);
};

/** One iteration; the result of a comparison, or undefined. */
const step = (m: Model, opcode: number, size: number, stride: bigint): boolean | undefined => {
  const mask = (1n << BigInt(8 * size)) - 1n;
  const kind = opcode & 0xfe;
  let equal: boolean | undefined;
  if (kind === 0xa4) store(m, m.rdi, size, load(m, m.rsi, size));
  else if (kind === 0xaa) store(m, m.rdi, size, m.rax);
  else if (kind === 0xac) m.rax = size === 4 ? load(m, m.rsi, size) : (m.rax & ~mask) | load(m, m.rsi, size);
  else if (kind === 0xa6) equal = load(m, m.rsi, size) === load(m, m.rdi, size);
  else equal = (m.rax & mask) === load(m, m.rdi, size);
  if (kind !== 0xaa && kind !== 0xae) m.rsi += stride;
  if (kind !== 0xac) m.rdi += stride;
  return equal;
};

const encode = (opcode: number, size: number, mode: TestMode, repeat: number): number[] => {
  const bytes: number[] = [];
  if (size === 2) bytes.push(0x66);
  if (repeat !== 0) bytes.push(repeat);
  if (size === 8) bytes.push(0x48);
  bytes.push(size === 1 ? opcode & 0xfe : opcode | 1);
  assert.notEqual(mode, 16);
  return bytes;
};

describe('string instructions', { skip }, () => {
  test('A4-AF with REP, REPE, REPNE against the model', () => {
    const machine = new TestMachine();
    const opcodes = [0xa4, 0xaa, 0xac, 0xa6, 0xae];
    for (let round = 0; round < 1500; round++) {
      const mode: TestMode = random(3) === 0 ? 32 : 64;
      const opcode = opcodes[random(5)] as number;
      const size = [1, 2, 4, 8][random(mode === 64 ? 4 : 3)] as number;
      const repeat = [0, 0xf3, 0xf2][random(3)] as number;
      const backward = random(4) === 0;
      const few = random(3) !== 0;
      const count = few ? random(20) : random(700);
      const middle = AREA + AREA_SIZE / 2;
      const spread = random(2) === 0 ? 40 : 5000;
      const model: Model = {
        memory: Uint8Array.from({ length: AREA_SIZE }, () => (opcode === 0xa6 || opcode === 0xae ? random(40) >> 5 : random(256))),
        rax: random(2) === 0 ? 0n : BigInt(random(0x1000000)) * 0x10001n,
        rcx: BigInt(count),
        rsi: BigInt(middle + random(spread) - spread / 2),
        rdi: BigInt(middle + random(spread) - spread / 2),
      };
      if (random(2) === 0) model.rdi = model.rsi + BigInt(random(20) - 10);
      if (Number(model.rsi > model.rdi ? model.rsi : model.rdi) + 5600 > AREA + AREA_SIZE && !backward) model.rcx = BigInt(random(9));
      if (Number(model.rsi < model.rdi ? model.rsi : model.rdi) - 5600 < AREA && backward) model.rcx = BigInt(random(9));

      // the code is rewritten behind the engine's back
      machine.engine.reset();
      machine.enter(mode, CODE);
      machine.write(CODE, [backward ? 0xfd : 0xfc, ...encode(opcode, size, mode, repeat), 0x9c, 0xf4]);
      machine.write(AREA, model.memory);
      machine.setReg(RAX, model.rax);
      machine.setReg(RCX, model.rcx);
      machine.setReg(RSI, model.rsi);
      machine.setReg(RDI, model.rdi);
      machine.setReg(RETIRED_BASE, 0n);
      machine.setReg(BUDGET, 0n);
      let reason = EXIT_BUDGET;
      while (reason === EXIT_BUDGET) {
        const budget = few ? 1 + random(5) : 1 + random(600);
        machine.setReg(RETIRED_BASE, machine.reg(RETIRED_BASE) - machine.reg(BUDGET) + BigInt(budget));
        reason = machine.run(budget);
      }
      assert.equal(reason, EXIT_HLT);

      const stride = BigInt(backward ? -size : size);
      let retired = 3n;
      let equal: boolean | undefined;
      if (repeat === 0) {
        equal = step(model, opcode, size, stride);
        retired++;
      } else {
        while (model.rcx !== 0n) {
          equal = step(model, opcode, size, stride);
          model.rcx--;
          retired++;
          if (equal !== undefined && equal !== (repeat === 0xf3)) break;
        }
        if (retired === 3n) retired++;
      }
      const what = `round ${round}: ${encode(opcode, size, mode, repeat).map((byte) => byte.toString(16))} mode ${mode} count ${count} backward ${backward}`;
      assert.deepEqual([machine.reg(RCX), machine.reg(RSI), machine.reg(RDI), machine.reg(RAX)], [model.rcx, model.rsi, model.rdi, model.rax], what);
      assert.deepEqual(Buffer.from(machine.read(AREA, AREA_SIZE)), Buffer.from(model.memory), what);
      assert.equal(machine.reg(RETIRED_BASE) - machine.reg(BUDGET), retired, what);
      const flags = machine.read32(0x80000 - (mode === 64 ? 8 : 4));
      if (equal !== undefined) assert.equal((flags & 0x40) !== 0, equal, what);
    }
  });

  test('16-bit addresses wrap, 32-bit ones in 64-bit code clear upper halves', () => {
    const machine = new TestMachine();
    machine.enter(16, CODE);
    machine.write(CODE, [0xfc, 0xf3, 0xaa, 0xf4]);
    machine.setReg(RCX, 0x77770004n);
    machine.setReg(RDI, 0x5555fffen);
    machine.setReg(RAX, 0xabn);
    assert.equal(machine.run(), EXIT_HLT);
    assert.deepEqual([machine.reg(RCX), machine.reg(RDI)], [0x77770000n, 0x55550002n]);
    assert.deepEqual([...machine.read(0xfffe, 2), ...machine.read(0, 2)], [0xab, 0xab, 0xab, 0xab]);

    machine.enter(64, CODE);
    machine.write(CODE, [0xfc, 0x67, 0xf3, 0xaa, 0xf4]);
    machine.setReg(RCX, 0x7700000002n);
    machine.setReg(RDI, 0x5500010000n);
    assert.equal(machine.run(), EXIT_HLT);
    assert.deepEqual([machine.reg(RCX), machine.reg(RDI)], [0n, 0x10002n]);
    machine.enter(64, CODE);
    machine.setReg(RCX, 0x7700000000n);
    machine.setReg(RDI, 0x5500010000n);
    assert.equal(machine.run(), EXIT_HLT);
    assert.deepEqual([machine.reg(RCX), machine.reg(RDI)], [0x7700000000n, 0x5500010000n]);
  });

  test('segment bases and limits outside 64-bit code', () => {
    const machine = new TestMachine();
    machine.enter(32, CODE);
    machine.write(AREA, [1, 2, 3, 4]);
    // FS: MOVSD from FS:[ESI]
    machine.write(CODE, [0xfc, 0x64, 0xa5, 0xf4]);
    machine.setReg(SEG_BASE + 4, BigInt(AREA));
    machine.setReg(RSI, 0n);
    machine.setReg(RDI, 0x11000n);
    assert.equal(machine.run(), EXIT_HLT);
    assert.equal(machine.read32(0x11000), 0x04030201);
    machine.enter(32, CODE);
    machine.setReg(SEG_LIMIT + 4, 2n);
    machine.setReg(RSI, 0n);
    machine.setReg(RIP, BigInt(CODE));
    // no IDT: the #GP ends in a triple fault, with nothing copied
    machine.setReg(RDI, 0x12000n);
    assert.equal(machine.run(), 11);
    assert.deepEqual([machine.reg(RSI), machine.read32(0x12000)], [0n, 0]);
  });

  test('INS and OUTS: one exit per iteration, memory and registers brought up to date here', () => {
    const machine = new TestMachine();
    machine.enter(64, CODE);
    // REP OUTSW, REP INSB
    machine.write(CODE, [0xfc, 0x66, 0xf3, 0x6f, 0xb9, 3, 0, 0, 0, 0xf3, 0x6c, 0xf4]);
    machine.write(AREA, [1, 2, 3, 4]);
    machine.setReg(RSI, BigInt(AREA));
    machine.setReg(RDI, BigInt(AREA + 0x100));
    machine.setReg(RCX, 2n);
    machine.setReg(RDX, 0x3f8n);
    machine.setReg(RETIRED_BASE, 1_000_000n);
    const seen: bigint[] = [];
    let reason = machine.run();
    for (let value = 0x40n; reason === EXIT_IO_STRING; value++) {
      seen.push(machine.reg(EXIT_A), machine.reg(EXIT_B), machine.reg(EXIT_C));
      machine.setReg(EXIT_C, value);
      machine.setReg(EXIT_B, machine.reg(EXIT_B) | 0x1000n);
      reason = machine.engine.run(machine.ctx);
    }
    assert.equal(reason, EXIT_HLT);
    assert.deepEqual(seen, [0x3f8n, 0x102n, 0x201n, 0x3f8n, 0x102n, 0x403n, 0x3f8n, 1n, 0n, 0x3f8n, 1n, 0n, 0x3f8n, 1n, 0n]);
    assert.deepEqual([...machine.read(AREA + 0x100, 4)], [0x42, 0x43, 0x44, 0]);
    assert.deepEqual([machine.reg(RSI), machine.reg(RDI), machine.reg(RCX)], [BigInt(AREA + 4), BigInt(AREA + 0x103), 0n]);
    assert.equal(machine.reg(RETIRED_BASE) - machine.reg(BUDGET), 8n);
  });
});
