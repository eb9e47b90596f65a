import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { type HandBlock, Harness } from './core-harness.ts';
import * as L from './layout.ts';
import * as O from './ops.ts';

// Delivery outside long mode. The handlers are HLT; what counts is the frame and the state they find.
const machine = new Harness();
const { cpu, core, ctx } = machine;
const BASE = 0x3000;
for (let gfn = 0; gfn < 64; gfn++) machine.map(gfn, BASE + gfn);
const view = machine.memories.frameView;
const physical = (gpa: number): number => BASE * 4096 + gpa;
const halt: HandBlock = { bytes: 1, insns: 1, uops: [{ op: O.OP_EXIT, c: L.EXIT_HLT, d: 1, imm: 1n }] };
machine.translate = () => halt;

const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5];
const segment = (n: number, selector: number, base: number, limit: number, attr: number): void => {
  cpu.setLow(L.SEG_SEL + n, selector);
  cpu.setLow(L.SEG_BASE + n, base);
  cpu.setLow(L.SEG_LIMIT + n, limit);
  cpu.setLow(L.SEG_ATTR + n, attr);
};
const words = (at: number, count: number): readonly number[] => Array.from({ length: count }, (_, k) => view.getUint16(physical(at + k * 2), true));
const dwords = (at: number, count: number): readonly number[] => Array.from({ length: count }, (_, k) => view.getUint32(physical(at + k * 4), true));
const gate = (vector: number, handler: number, selector: number, type: number, dpl = 0): void =>
  view.setBigUint64(
    physical(0x8000 + vector * 8),
    BigInt(handler & 0xffff) | (BigInt(selector) << 16n) | (BigInt(0x80 | (dpl << 5) | type) << 40n) | (BigInt(handler >>> 16) << 48n),
    true,
  );

beforeEach(() => {
  for (let at = 0; at < 0x40000; at += 8) view.setBigUint64(physical(at), 0n, true);
  machine.reset64();
  cpu.set(L.EFER, 0n);
  cpu.set(L.CR4, 0n);
  cpu.set(L.EXC, 0n);
  cpu.set(L.EXIT_PENDING, 0n);
  cpu.set(L.DELIVERING, 0n);
  cpu.set(L.DR7, 0x400n);
});

const real = (): void => {
  cpu.set(L.CR0, 0x10n);
  for (const n of [ES, CS, SS, DS, FS, GS]) segment(n, 0x100, 0x1000, 0xffff, n === CS ? 0x9b : 0x93);
  cpu.set(L.IDTR_BASE, 0n);
  cpu.set(L.IDTR_LIMIT, 0x3ffn);
  cpu.set(L.RSP, 0xaaaa_0004n);
  cpu.set(L.RIP, 0x1234n);
  core.setRflags(ctx, 0x40702n);
  core.updateMode(ctx);
};

test('real mode: three words, the stack pointer wraps at 64 KiB, IF TF AC cleared', () => {
  real();
  view.setUint32(physical(0x21 * 4), 0x02000042, true);
  core.injectInterrupt(ctx, 0x21);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.low(L.SEG_SEL + CS), 0x200);
  assert.equal(cpu.low(L.SEG_BASE + CS), 0x2000);
  assert.equal(cpu.get(L.RIP), 0x43n);
  assert.equal(cpu.get(L.RSP), 0xaaaa_fffen);
  assert.deepEqual(words(0x1002, 1), [0x702], 'flags');
  assert.deepEqual(words(0x1000, 1), [0x100], 'CS');
  assert.deepEqual(words(0x10ffe, 1), [0x1234], 'IP');
  assert.equal(core.getRflags(ctx), 0x402n);
});

test('real mode: a vector beyond the table ends in shutdown', () => {
  real();
  cpu.set(L.IDTR_LIMIT, 0x10n);
  core.injectInterrupt(ctx, 0x21);
  assert.equal(machine.run(5), L.EXIT_TRIPLE);
});

/** GDT at 0x7000: 8 code, 10 data, 18 user data, 20 user code, 28 conforming code, 30 16-bit code; 32-bit TSS at 0x7800. */
const protectedMode = (): void => {
  const descriptors = [0n, 0x00cf9b000000ffffn, 0x00cf93000000ffffn, 0x00cff3000000ffffn, 0x00cffb000000ffffn, 0x00cf9f000000ffffn, 0x00009b000000ffffn];
  descriptors.forEach((descriptor, k) => {
    view.setBigUint64(physical(0x7000 + k * 8), descriptor, true);
  });
  cpu.set(L.GDTR_BASE, 0x7000n);
  cpu.set(L.GDTR_LIMIT, 0x37n);
  cpu.set(L.IDTR_BASE, 0x8000n);
  cpu.set(L.IDTR_LIMIT, 0x7ffn);
  cpu.set(L.TR_BASE, 0x7800n);
  cpu.set(L.TR_LIMIT, 0x67n);
  cpu.set(L.TR_ATTR, 0x8bn);
  cpu.set(L.TR_SEL, 0x50n);
  view.setUint32(physical(0x7804), 0xb008, true);
  view.setUint16(physical(0x7808), 0x10, true);
  cpu.set(L.CR0, 0x31n);
  for (const n of [ES, SS, DS, FS, GS]) segment(n, 0x10, 0, 0xffffffff, 0xc93);
  segment(CS, 8, 0, 0xffffffff, 0xc9b);
  cpu.set(L.RSP, 0xa000n);
  cpu.set(L.RIP, 0x5000n);
  core.setRflags(ctx, 0x202n);
  core.updateMode(ctx);
};
const user = (): void => {
  cpu.set(L.CPL, 3n);
  for (const n of [ES, SS, DS, FS, GS]) segment(n, 0x1b, 0, 0xffffffff, 0xcf3);
  segment(CS, 0x23, 0, 0xffffffff, 0xcfb);
  core.updateMode(ctx);
};

test('protected mode, same level: 32-bit and 16-bit gates, error code', () => {
  protectedMode();
  gate(13, 0x6000, 8, 14);
  core.injectException(ctx, 13, 1, 0x1234);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.get(L.RSP), 0xa000n - 16n);
  assert.deepEqual(dwords(0x9ff0, 4), [0x1234, 0x5000, 8, 0x10202]);
  assert.equal(core.getRflags(ctx), 2n);
  protectedMode();
  gate(0x40, 0x6000, 0x30, 7);
  core.injectInterrupt(ctx, 0x40);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.get(L.RSP), 0xa000n - 6n);
  assert.deepEqual(words(0x9ffa, 3), [0x5000, 8, 0x202]);
  assert.equal(cpu.low(L.MODE) & L.MODE_SIZE_MASK, L.MODE_CODE16);
  assert.equal(core.getRflags(ctx), 0x202n, 'a trap gate leaves IF');
});

test('protected mode, from user level: stack out of the TSS; conforming code stays at its level', () => {
  protectedMode();
  user();
  gate(0x40, 0x6000, 8, 14);
  core.injectInterrupt(ctx, 0x40);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.get(L.CPL), 0n);
  assert.deepEqual([cpu.low(L.SEG_SEL + SS), cpu.low(L.SEG_SEL + CS)], [0x10, 8]);
  assert.equal(cpu.get(L.RSP), 0xb008n - 20n);
  assert.deepEqual(dwords(0xb008 - 20, 5), [0x5000, 0x23, 0x202, 0xa000, 0x1b]);
  protectedMode();
  user();
  gate(0x40, 0x6000, 0x28, 14);
  core.injectInterrupt(ctx, 0x40);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.get(L.CPL), 3n);
  assert.equal(cpu.low(L.SEG_SEL + CS), 0x2b);
  assert.deepEqual(dwords(0x9ff4, 3), [0x5000, 0x23, 0x202]);
});

test('virtual-8086 mode: nine words to the level 0 stack, data segments null', () => {
  protectedMode();
  cpu.set(L.CPL, 3n);
  for (const n of [ES, CS, SS, DS, FS, GS]) segment(n, 0x300 + n, (0x300 + n) * 16, 0xffff, 0xf3);
  core.setRflags(ctx, 0x23202n);
  core.updateMode(ctx);
  cpu.set(L.RSP, 0x100n);
  gate(13, 0x6000, 8, 14);
  core.injectException(ctx, 13, 1, 0);
  assert.equal(machine.run(5), L.EXIT_HLT);
  assert.equal(cpu.get(L.RSP), 0xb008n - 40n);
  assert.deepEqual(dwords(0xb008 - 40, 10), [0, 0x5000, 0x301, 0x33202, 0x100, 0x302, 0x300, 0x303, 0x304, 0x305]);
  assert.equal(cpu.low(L.EFLAGS_SYS) & 0x20000, 0);
  for (const n of [ES, DS, FS, GS]) assert.deepEqual([cpu.low(L.SEG_SEL + n), cpu.low(L.SEG_ATTR + n) & 0x10000], [0, 0x10000]);
});

test('what is wrong with the way in: #TS, #NP, #SS with the selector and EXT', () => {
  const outcome = (prepare: () => void): readonly number[] => {
    protectedMode();
    user();
    for (const vector of [10, 11, 12, 13]) gate(vector, 0x6000 + vector * 16, 0x28, 14);
    gate(0x40, 0x6000, 8, 14);
    prepare();
    core.injectInterrupt(ctx, 0x40);
    assert.equal(machine.run(5), L.EXIT_HLT);
    // handlers run in conforming code on the user's stack; the vector is known by its handler
    return [Number(cpu.get(L.RIP)) - 1, ...dwords(0x9ff0, 2)];
  };
  assert.deepEqual(
    outcome(() => view.setUint16(physical(0x7808), 0x18, true)),
    [0x60a0, 0x19, 0x5000],
    'stack of the wrong level',
  );
  assert.deepEqual(
    outcome(() => view.setUint16(physical(0x7808), 0, true)),
    [0x60a0, 1, 0x5000],
    'null stack',
  );
  assert.deepEqual(
    outcome(() => cpu.set(L.TR_LIMIT, 6n)),
    [0x60a0, 0x51, 0x5000],
    'task state too short',
  );
  assert.deepEqual(
    outcome(() => view.setUint8(physical(0x7015), 0x13)),
    [0x60c0, 0x11, 0x5000],
    'stack not present',
  );
  assert.deepEqual(
    outcome(() => view.setUint8(physical(0x700d), 0x1b)),
    [0x60b0, 9, 0x5000],
    'code not present',
  );
  assert.deepEqual(
    outcome(() => gate(0x40, 0x6000, 0x10, 14)),
    [0x60d0, 0x11, 0x5000],
    'not code',
  );
  assert.deepEqual(
    outcome(() => gate(0x40, 0x6000, 0, 14)),
    [0x60d0, 1, 0x5000],
    'null code',
  );
});
