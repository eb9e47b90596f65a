/** When VEX instructions run at all, where they fault, how far they get before that, and how their registers are saved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CR0, CR2, CR4, IDTR_LIMIT, MXCSR, RAX, RBX, RDX, RIP, RSP, VEC, VEC_STRIDE, XCR0 } from '../../src/machine/layout.ts';
import type { EngineOptions } from '../../src/translator/engine.ts';
import { coreIsBuilt, TestMachine } from '../../src/translator/testing/test-machine.ts';
import { VectorMachine } from './engine.ts';

const skip = !coreIsBuilt && 'the core has not been built';

const CR0_USUAL = 0x80010033;
const EM = 4;
const TS = 8;
const CR4_USUAL = 0x40620;
const OSFXSR = 0x200;
const OSXSAVE = 0x40000;
const DATA = 0x10000;
/** The second 2 MiB page, which is taken away. */
const UNMAPPED = 0x200000;
const UNMAPPED_ENTRY = 0x3008;
const HANDLERS = 0x9000;
const UD = 6;
const NM = 7;
const GP = 13;
const PF = 14;
const XM = 19;

const VADDPS = 'c5f058c2'; // vaddps xmm0, xmm1, xmm2
const VPADDD = 'c5f5fec2'; // vpaddd ymm0, ymm1, ymm2
const ANDN = 'c4e270f2c2'; // andn eax, ecx, edx
const XSAVE = '0fae23'; // xsave [rbx]
const XRSTOR = '0fae2b'; // xrstor [rbx]

class Trapper {
  readonly machine: TestMachine;
  private at = 0x120000;

  constructor(options: EngineOptions = {}) {
    this.machine = new VectorMachine(options).machine;
  }

  /** Runs `hex` with the control registers given; -1, or the vector it raised. */
  run(hex: string, { cr0 = CR0_USUAL, cr4 = CR4_USUAL, xcr0 = 7, rbx = DATA, mxcsr = 0x1f80 } = {}): number {
    const { machine } = this;
    const { context, ctx } = machine;
    this.at += 64;
    machine.engine.reset();
    machine.write(this.at, [...Buffer.from(hex, 'hex'), 0xf4]);
    machine.enter(64, this.at);
    machine.write64(UNMAPPED_ENTRY, 0n);
    machine.engine.core.flushAll(ctx);
    context.setLow(CR0, cr0);
    context.setLow(CR4, cr4);
    context.setLow(XCR0, xcr0);
    context.setNumber(RBX, rbx);
    context.setLow(MXCSR, mxcsr);
    machine.engine.setRflags(ctx, 2n);
    machine.run(64);
    const rip = context.number(RIP);
    return rip > HANDLERS && rip <= HANDLERS + 32 ? rip - HANDLERS - 1 : -1;
  }

  /** 64-bit lane of a vector register. */
  lane(vector: number, lane: number): bigint {
    return this.machine.memories.stateView.getBigUint64(this.machine.ctx + VEC + vector * VEC_STRIDE + lane * 8, true);
  }

  set(vector: number, ...lanes: bigint[]): void {
    for (let k = 0; k < 4; k++) this.machine.memories.stateView.setBigUint64(this.machine.ctx + VEC + vector * VEC_STRIDE + k * 8, lanes[k] ?? 0n, true);
  }

  lanes(vector: number): bigint[] {
    return [0, 1, 2, 3].map((k) => this.lane(vector, k));
  }
}

test('AVX needs CR4.OSXSAVE and XCR0; CR0.TS traps; CR0.EM and CR4.OSFXSR do not count', { skip }, () => {
  const t = new Trapper();
  for (const code of [VADDPS, VPADDD]) {
    assert.equal(t.run(code), -1);
    assert.equal(t.run(code, { cr4: CR4_USUAL & ~OSXSAVE }), UD);
    for (const xcr0 of [1, 3, 5]) assert.equal(t.run(code, { xcr0 }), UD, `XCR0 ${xcr0}`);
    assert.equal(t.run(code, { cr0: CR0_USUAL | TS }), NM);
    assert.equal(t.run(code, { cr0: CR0_USUAL | TS, xcr0: 3 }), UD, '#UD comes first');
    assert.equal(t.run(code, { cr0: CR0_USUAL | EM }), -1);
    assert.equal(t.run(code, { cr4: CR4_USUAL & ~OSFXSR }), -1);
  }
});

test('VEX instructions on general registers ask for none of that', { skip }, () => {
  const t = new Trapper();
  assert.equal(t.run(ANDN, { cr0: CR0_USUAL | TS | EM, cr4: CR4_USUAL & ~OSXSAVE & ~OSFXSR, xcr0: 1 }), -1);
});

test('VEX is #UD in real-address mode, and with VEX.L where the model has no AVX2', { skip }, () => {
  const machine = new TestMachine();
  machine.enter(16, 0x4000);
  machine.write(0x4000, [...Buffer.from(VADDPS, 'hex'), 0xf4]);
  // vector 6 leads to a HLT of its own
  machine.context.setLow(IDTR_LIMIT, 0x3ff);
  machine.context.setLow(RSP, 0x8000);
  machine.write(6 * 4, [0, 0x50, 0, 0]);
  machine.write(0x5000, [0xf4]);
  machine.run(16);
  assert.equal(machine.context.number(RIP), 0x5001);
  const t = new Trapper({ features: new Set(['avx']), vendor: 'amd' });
  assert.equal(t.run('c5f1fec2'), -1, 'vpaddd xmm');
  assert.equal(t.run(VPADDD), UD);
  assert.equal(t.run('c5f458c2'), -1, 'vaddps ymm');
});

test('aligned moves demand 16 or 32 bytes, nothing else does; #XM keeps the destination', { skip }, () => {
  const t = new Trapper();
  assert.equal(t.run('c5fd6f03', { rbx: DATA + 16 }), GP, 'vmovdqa ymm0, [rbx]');
  assert.equal(t.run('c5f96f03', { rbx: DATA + 16 }), -1, 'vmovdqa xmm0, [rbx]');
  assert.equal(t.run('c5fe6f03', { rbx: DATA + 1 }), -1, 'vmovdqu');
  assert.equal(t.run('c5f5fe03', { rbx: DATA + 1 }), -1, 'vpaddd ymm0, ymm1, [rbx]');
  t.set(0, 1n, 2n, 3n, 4n);
  t.set(1, 0n, 0n, 0n, 0x3ff0000000000000n);
  t.set(2, 0x3ff0000000000000n, 0x3ff0000000000000n, 0x3ff0000000000000n, 0n);
  assert.equal(t.run('c5f55ec2', { mxcsr: 0x1d80 }), XM, 'vdivpd ymm0, ymm1, ymm2');
  assert.equal(t.machine.context.low(MXCSR), 0x1d84, 'by zero in the upper half');
  assert.deepEqual(t.lanes(0), [1n, 2n, 3n, 4n]);
});

test('masked moves touch only what is selected', { skip }, () => {
  const t = new Trapper();
  const top = 0x8000000000000000n;
  t.set(1, top, 0n, 0n, 0n);
  assert.equal(t.run('c4e2752d03', { rbx: UNMAPPED - 8 }), -1, 'vmaskmovpd ymm0, ymm1, [rbx]');
  t.set(1, top, top, 0n, 0n);
  t.set(0, 7n, 7n, 7n, 7n);
  assert.equal(t.run('c4e2752d03', { rbx: UNMAPPED - 8 }), PF);
  assert.equal(t.machine.context.number(CR2), UNMAPPED);
  assert.deepEqual(t.lanes(0), [7n, 7n, 7n, 7n]);
  t.machine.write64(UNMAPPED - 8, 5n);
  assert.equal(t.run('c4e2752f03', { rbx: UNMAPPED - 8 }), PF, 'vmaskmovpd [rbx], ymm1, ymm0');
  assert.equal(t.machine.read64(UNMAPPED - 8), 5n, 'nothing stored');
});

test('a gather keeps what it has before a fault, and goes on', { skip }, () => {
  const t = new Trapper();
  const top = 0x8000000000000000n;
  t.machine.write64(DATA, 11n);
  t.machine.write64(DATA + 8, 22n);
  t.set(1, 0n, 1n, BigInt(UNMAPPED - DATA) / 8n, 0n);
  t.set(0, 5n, 5n, 5n, 5n);
  t.set(2, top, top, top, top);
  // vpgatherqq ymm0, [rbx + ymm1*8], ymm2
  assert.equal(t.run('c4e2ed9104cb'), PF);
  assert.deepEqual(t.lanes(0), [11n, 22n, 5n, 5n]);
  assert.deepEqual(t.lanes(2), [0n, 0n, top, top]);
  t.set(1, 0n, 1n, 0n, 1n);
  assert.equal(t.run('c4e2ed9104cb'), -1);
  assert.deepEqual(t.lanes(0), [11n, 22n, 11n, 22n]);
  assert.deepEqual(t.lanes(2), [0n, 0n, 0n, 0n]);
});

test('XSAVE puts the upper halves at 576, XRSTOR brings them back or clears them', { skip }, () => {
  const t = new Trapper();
  const { machine } = t;
  const all = (): void => {
    machine.context.setLow(RAX, 7);
    machine.context.setLow(RDX, 0);
  };
  for (let k = 0; k < 16; k++) t.set(k, BigInt(k), 0n, BigInt(100 + k), BigInt(200 + k));
  for (let at = 0; at < 1024; at += 8) machine.write64(DATA + at, 0n);
  all();
  assert.equal(t.run(XSAVE), -1);
  assert.equal(machine.read64(DATA + 512) & 6n, 6n, 'both parts are in use');
  for (let k = 0; k < 16; k++) {
    assert.equal(machine.read64(DATA + 160 + 16 * k), BigInt(k));
    assert.equal(machine.read64(DATA + 576 + 16 * k), BigInt(100 + k));
    assert.equal(machine.read64(DATA + 584 + 16 * k), BigInt(200 + k));
  }
  for (let k = 0; k < 16; k++) t.set(k, 9n, 9n, 9n, 9n);
  all();
  assert.equal(t.run(XRSTOR), -1);
  assert.deepEqual(t.lanes(15), [15n, 0n, 115n, 215n]);
  machine.write64(DATA + 512, 2n);
  all();
  assert.equal(t.run(XRSTOR), -1);
  assert.deepEqual(t.lanes(15), [15n, 0n, 0n, 0n]);
});
