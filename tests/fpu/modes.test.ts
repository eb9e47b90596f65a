/** What depends on the code size: formats of FNSTENV and FXSAVE in real mode and in 32-bit code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CR4, FCW, FOP, FSW, FTW, MXCSR, RBX, RSI, SEG_BASE, SEG_SEL, VEC, VEC_STRIDE } from '../../src/machine/layout.ts';
import { coreIsBuilt, TestMachine, type TestMode } from '../../src/translator/testing/test-machine.ts';

const skip = !coreIsBuilt && 'the core has not been built';
const HLT = 0xf4;

/** Runs `hex` at `ip`, BX/EBX at 0x200, SI/ESI at 0x300 of the data segment. */
function run(mode: TestMode, hex: string, prepare = (_: TestMachine): void => {}): TestMachine {
  const machine = new TestMachine();
  const { context } = machine;
  machine.enter(mode, 0x100);
  context.setLow(CR4, 0x600);
  context.setLow(FCW, 0x37f);
  context.setLow(FSW, 0);
  context.setLow(FTW, 0);
  context.setLow(MXCSR, 0x1f80);
  context.setLow(RBX, 0x200);
  context.setLow(RSI, 0x300);
  prepare(machine);
  machine.engine.setRflags(machine.ctx, 2n);
  machine.write(context.number(SEG_BASE + 1) + 0x100, [...Buffer.from(hex.replaceAll(' ', ''), 'hex'), HLT]);
  assert.equal(machine.run(64), 2);
  return machine;
}

/** Code segment 0x1230, data segment 0x2340. */
const realSegments = ({ context }: TestMachine): void => {
  for (const [segment, selector] of [
    [1, 0x1230],
    [3, 0x2340],
  ] as const) {
    context.setLow(SEG_SEL + segment, selector);
    context.setLow(SEG_BASE + segment, selector * 16);
  }
};

const words = (machine: TestMachine, at: number, count: number): number[] => {
  const bytes = Buffer.from(machine.read(at, 2 * count));
  return Array.from({ length: count }, (_, k) => bytes.readUInt16LE(2 * k));
};

test('real-mode environments hold linear addresses', { skip }, () => {
  // FLD m32 [BX]; FNSTENV [SI] of 14 bytes
  const machine = run(16, 'd907 d934', realSegments);
  const [control, status, tags, ip, ipHigh, dp, dpHigh] = words(machine, 0x23400 + 0x300, 7);
  assert.deepEqual([control, status, tags], [0x37f, 0x3800, 0x7fff]);
  assert.deepEqual([ip, ipHigh], [0x2400, 0x1107]);
  assert.deepEqual([dp, dpHigh], [0x3600, 0x2000]);
});

test('real-mode environments of 28 bytes', { skip }, () => {
  const machine = run(16, 'd907 66d934', realSegments);
  const all = words(machine, 0x23400 + 0x300, 14);
  assert.deepEqual(all.slice(0, 6), [0x37f, 0xffff, 0x3800, 0xffff, 0x7fff, 0xffff]);
  assert.deepEqual(all.slice(6, 14), [0x2400, 0xffff, 0x1107, 0, 0x3600, 0xffff, 0x2000, 0]);
});

test('an environment read back gives the same registers', { skip }, () => {
  // FLD1; FNSTENV [SI]; FNINIT; FLDENV [SI]
  for (const mode of [16, 32] as const) {
    for (const prefix of ['', '66']) {
      const store = mode === 16 ? `${prefix}d934` : `${prefix}d936`;
      const load = mode === 16 ? `${prefix}d924` : `${prefix}d926`;
      const machine = run(mode, `d9e8 ${store} dbe3 ${load}`);
      assert.equal(machine.context.low(FSW), 0x3800);
      assert.equal(machine.context.low(FTW), 0x80);
      // FNSTENV stored the control word before it masked everything
      assert.equal(machine.context.low(FCW), 0x37f);
    }
  }
});

test('32-bit protected environments hold selectors', { skip }, () => {
  const machine = run(32, 'd903 d936');
  const all = words(machine, 0x300, 14);
  assert.deepEqual(all.slice(6), [0x100, 0, 8, 0x103, 0x200, 0, 16, 0xffff]);
  assert.equal(machine.context.low(FOP) & 0x7ff, 0x103);
});

test('FXSAVE outside 64-bit code has eight vector registers', { skip }, () => {
  const machine = run(32, '0fae06', (m) => {
    for (let k = 0; k < 16; k++) m.memories.stateView.setUint32(m.ctx + VEC + k * VEC_STRIDE, 0x11111111, true);
    m.write(0x300, new Uint8Array(512).fill(0xee));
  });
  assert.equal(machine.read32(0x300 + 160 + 16 * 7), 0x11111111);
  assert.equal(machine.read32(0x300 + 160 + 16 * 8), 0xeeeeeeee);
});
