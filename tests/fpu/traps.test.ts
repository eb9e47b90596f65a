/** Where x87, MMX and SSE instructions fault: control registers, pending exceptions, alignment, page faults; and what the x87 notes of its last instruction. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CR0, CR2, CR4, FCW, FDP, FIP, FOP, FSW, FTW, MXCSR, RAX, RBX, RIP, X87, XCR0 } from '../../src/machine/layout.ts';
import { coreIsBuilt } from '../../src/translator/testing/test-machine.ts';
import { FpuMachine } from './engine.ts';

const skip = !coreIsBuilt && 'the core has not been built';

const CR0_USUAL = 0x80010033;
const MP = 2;
const EM = 4;
const TS = 8;
const NE = 0x20;
const CR4_USUAL = 0x40620;
const OSFXSR = 0x200;
const OSXMMEXCPT = 0x400;
const OSXSAVE = 0x40000;
const DATA = 0x10000;
/** The second 2 MiB page, which the trapper takes away. */
const UNMAPPED = 0x200000;
const UNMAPPED_ENTRY = 0x3008;
const HANDLERS = 0x9000;

const UD = 6;
const NM = 7;
const GP = 13;
const PF = 14;
const MF = 16;
const XM = 19;

class Trapper {
  readonly fpu = new FpuMachine();
  private at = 0x120000;

  /** Runs `hex` with the control registers given; -1, or the vector it raised. `prepare` may change the state before. */
  run(hex: string, { cr0 = CR0_USUAL, cr4 = CR4_USUAL, rbx = DATA, prepare = (): void => {} } = {}): number {
    const { machine } = this.fpu;
    const { context, ctx } = machine;
    this.at += 64;
    machine.engine.reset();
    machine.write(this.at, [...Buffer.from(hex.replaceAll(' ', ''), 'hex'), 0xf4]);
    machine.enter(64, this.at);
    machine.write64(UNMAPPED_ENTRY, 0n);
    machine.engine.core.flushAll(ctx);
    context.setLow(CR0, cr0);
    context.setLow(CR4, cr4);
    context.setLow(XCR0, 7);
    context.setNumber(RBX, rbx);
    context.setLow(FCW, 0x37f);
    context.setLow(FSW, 0);
    context.setLow(FTW, 0);
    context.setLow(MXCSR, 0x1f80);
    prepare();
    machine.engine.setRflags(ctx, 2n);
    machine.run(64);
    const rip = context.number(RIP);
    return rip > HANDLERS && rip <= HANDLERS + 32 ? rip - HANDLERS - 1 : -1;
  }

  get start(): number {
    return this.at;
  }

  low(slot: number): number {
    return this.fpu.machine.context.low(slot);
  }

  set(slot: number, value: number): void {
    this.fpu.machine.context.setLow(slot, value);
  }
}

const X87_CODE = 'd9e8';
const X87_CONTROL = 'dbe3';
const FWAIT = '9b';
const MMX_CODE = '0fefc0';
const SSE_CODE = '0f57c1';
const SSE_MOVE = '0f28c1';
const LDMXCSR = '0fae13';
const FXSAVE = '0fae03';
const XSAVE = '0fae23';
const XGETBV = '31c90f01d0';

test('control registers decide between #NM, #UD and running', { skip }, () => {
  const t = new Trapper();
  const table: [string, string, number, number, number][] = [
    ['x87', X87_CODE, CR0_USUAL, CR4_USUAL, -1],
    ['x87 TS', X87_CODE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['x87 EM', X87_CODE, CR0_USUAL | EM, CR4_USUAL, NM],
    ['FNINIT TS', X87_CONTROL, CR0_USUAL | TS, CR4_USUAL, NM],
    ['FNSTCW EM', 'd93b', CR0_USUAL | EM, CR4_USUAL, NM],
    ['FNSTSW AX TS', 'dfe0', CR0_USUAL | TS, CR4_USUAL, NM],
    ['FWAIT TS MP', FWAIT, CR0_USUAL | TS, CR4_USUAL, NM],
    ['FWAIT TS', FWAIT, (CR0_USUAL & ~MP) | TS, CR4_USUAL, -1],
    ['FWAIT EM', FWAIT, CR0_USUAL | EM, CR4_USUAL, -1],
    ['MMX TS', MMX_CODE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['MMX EM', MMX_CODE, CR0_USUAL | EM, CR4_USUAL, UD],
    ['MMX EM TS', MMX_CODE, CR0_USUAL | EM | TS, CR4_USUAL, UD],
    ['MMX without OSFXSR', MMX_CODE, CR0_USUAL, CR4_USUAL & ~OSFXSR, -1],
    ['SSE', SSE_CODE, CR0_USUAL, CR4_USUAL, -1],
    ['SSE TS', SSE_CODE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['SSE EM', SSE_CODE, CR0_USUAL | EM, CR4_USUAL, UD],
    ['SSE without OSFXSR', SSE_CODE, CR0_USUAL, CR4_USUAL & ~OSFXSR, UD],
    ['MOVAPS TS', SSE_MOVE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['LDMXCSR EM', LDMXCSR, CR0_USUAL | EM, CR4_USUAL, UD],
    ['STMXCSR without OSFXSR', '0fae1b', CR0_USUAL, CR4_USUAL & ~OSFXSR, UD],
    ['FXSAVE TS', FXSAVE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['FXSAVE EM', FXSAVE, CR0_USUAL | EM, CR4_USUAL, NM],
    ['FXSAVE without OSFXSR', FXSAVE, CR0_USUAL, CR4_USUAL & ~OSFXSR, -1],
    ['XSAVE without OSXSAVE', XSAVE, CR0_USUAL, CR4_USUAL & ~OSXSAVE, UD],
    ['XSAVE TS', XSAVE, CR0_USUAL | TS, CR4_USUAL, NM],
    ['XSAVE EM', XSAVE, CR0_USUAL | EM, CR4_USUAL, -1],
    ['XGETBV without OSXSAVE', XGETBV, CR0_USUAL, CR4_USUAL & ~OSXSAVE, UD],
    ['XGETBV TS', XGETBV, CR0_USUAL | TS, CR4_USUAL, -1],
    ['MFENCE EM', '0faef0', CR0_USUAL | EM | TS, CR4_USUAL & ~OSFXSR, -1],
  ];
  for (const [name, code, cr0, cr4, vector] of table) assert.equal(t.run(code, { cr0, cr4 }), vector, name);
});

test('a pending x87 exception is #MF at the next waiting instruction', { skip }, () => {
  const t = new Trapper();
  // ZE, unmasked
  const pending = (): void => {
    t.set(FCW, 0x37b);
    t.set(FSW, 0x8084);
  };
  for (const [name, code, vector] of [
    ['FLD1', X87_CODE, MF],
    ['FWAIT', FWAIT, MF],
    ['PXOR', MMX_CODE, MF],
    ['EMMS', '0f77', MF],
    ['FLDCW', 'd92b', MF],
    ['FNOP', 'd9d0', MF],
    ['FNCLEX', 'dbe2', -1],
    ['FNINIT', 'dbe3', -1],
    ['FNSTSW AX', 'dfe0', -1],
    ['FNSTENV', 'd933', -1],
    ['FNSAVE', 'dd33', -1],
    ['FXSAVE', FXSAVE, -1],
    ['XORPS', SSE_CODE, -1],
    ['CVTPS2PI', '0f2dc1', MF],
    ['MOVDQ2Q', 'f20fd6c1', MF],
  ] as const) {
    assert.equal(t.run(code, { prepare: pending }), vector, name);
  }
  assert.equal(t.run(X87_CODE, { prepare: pending, cr0: CR0_USUAL & ~NE }), -1, 'without CR0.NE nobody answers the error line');
});

test('SSE exceptions are #XM or #UD and leave the destination', { skip }, () => {
  const t = new Trapper();
  const prepare = (): void => t.set(MXCSR, 0x1f80 & ~0x200);
  // 0f58: ADDPS; DIVSS of 0x3f800000 by 0 with ZE unmasked
  assert.equal(t.run('0f57c9 b80000803f 660f6ec0 f30f5ec1', { prepare }), XM);
  assert.equal(t.low(MXCSR), 0x1d84);
  assert.equal(t.run('0f57c9 b80000803f 660f6ec0 f30f5ec1', { prepare, cr4: CR4_USUAL & ~OSXMMEXCPT }), UD);
  assert.equal(t.run('b80000803f 660f6ec0 0f57c9 f30f5ec1 660f7ec0'), -1);
  assert.equal(t.low(RAX), 0x7f800000);
});

test('alignment and reserved bits', { skip }, () => {
  const t = new Trapper();
  for (const [name, code, rbx, vector] of [
    ['MOVAPS', '0f2803', DATA + 4, GP],
    ['MOVAPS store', '0f2903', DATA + 8, GP],
    ['MOVUPS', '0f1003', DATA + 4, -1],
    ['ADDPS', '0f5803', DATA + 4, GP],
    ['PADDB', '660ffc03', DATA + 1, GP],
    ['ADDSD', 'f20f5803', DATA + 4, -1],
    ['LDDQU', 'f20ff003', DATA + 1, -1],
    ['PCMPISTRI', '660f3a630300', DATA + 1, -1],
    ['MOVNTDQ', '660fe703', DATA + 2, GP],
    ['FXSAVE', FXSAVE, DATA + 8, GP],
    ['FXRSTOR', '0fae0b', DATA + 8, GP],
    ['XSAVE', XSAVE, DATA + 16, GP],
    ['XRSTOR', '0fae2b', DATA + 32, GP],
    ['FLD m80', 'db2b', DATA + 3, -1],
  ] as const) {
    t.fpu.machine.write(DATA, new Uint8Array(2048));
    assert.equal(t.run(code, { rbx }), vector, name);
  }
  t.fpu.machine.write(DATA, [0x80, 0x1f, 1, 0]);
  assert.equal(t.run(LDMXCSR), GP);
  t.fpu.machine.write(DATA, [0x3f, 0x9f, 0, 0]);
  assert.equal(t.run(LDMXCSR), -1);
  assert.equal(t.low(MXCSR), 0x9f3f);
});

test('a faulting access changes nothing', { skip }, () => {
  const t = new Trapper();
  const view = t.fpu.machine.memories.stateView;
  const { ctx } = t.fpu.machine;
  const prepare = (): void => {
    t.set(FSW, 0x1800);
    t.set(FTW, 0xff);
    for (let k = 0; k < 8; k++) {
      view.setBigUint64(ctx + X87 + 16 * k, 0xc000000000000123n, true);
      view.setBigUint64(ctx + X87 + 16 * k + 8, 0x3fffn, true);
    }
  };
  // FST, FSTP, FISTP, FSTP m80, FBSTP, FADD, FLD, FNSAVE, FNSTENV, FRSTOR, MOVQ store, MOVNTQ, FXSAVE, FXRSTOR, XSAVE, MASKMOVQ's address is RDI
  for (const code of [
    'd913',
    'd91b',
    'dd1b',
    'df3b',
    'db3b',
    'df33',
    'd803',
    'd903',
    'dd33',
    'd933',
    'dd23',
    '0f7f03',
    '0fe703',
    '0fae03',
    '0fae0b',
    '0fae23',
  ]) {
    for (const rbx of [UNMAPPED, UNMAPPED - 2]) {
      if (code.startsWith('0fae') && rbx !== UNMAPPED) continue;
      const vector = t.run(code, { prepare, rbx });
      assert.equal(vector, PF, code);
      // AMD's processors try the end of FXSAVE's and FXRSTOR's area first
      assert.equal(t.low(CR2) >>> 0, code === '0fae03' || code === '0fae0b' ? UNMAPPED + 511 : UNMAPPED, code);
      assert.equal(t.low(FSW), 0x1800, code);
      assert.equal(t.low(FTW), 0xff, code);
      assert.equal(t.low(FCW), 0x37f, code);
      assert.equal(view.getBigUint64(ctx + X87 + 48, true), 0xc000000000000123n, code);
    }
  }
});

test('the x87 notes its last instruction and operand', { skip }, () => {
  const t = new Trapper();
  // FLD m32 at [RBX + 4], behind a NOP; then FNSTENV, which does not count
  assert.equal(t.run('90 d94304 d93b d937'), -1);
  assert.equal(t.low(FIP), t.start + 1);
  assert.equal(t.low(FDP), DATA + 4);
  assert.equal(t.low(FOP) & 0x7ff, 0x143);
  // FADD ST, ST leaves the data pointer
  assert.equal(t.run('d94304 d8c0'), -1);
  assert.equal(t.low(FIP), t.start + 3);
  assert.equal(t.low(FDP), DATA + 4);
  assert.equal(t.low(FOP) & 0x7ff, 0xc0);
  t.run('d94304 d933');
  assert.equal(t.fpu.machine.read32(DATA + 12), t.start);
  assert.equal(t.fpu.machine.read32(DATA + 16) >>> 16, 0x143);
  assert.equal(t.fpu.machine.read32(DATA + 20), DATA + 4);
});
