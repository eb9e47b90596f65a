import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Harness } from './core-harness.ts';
import * as L from './layout.ts';

const machine = new Harness();
const { cpu, core, ctx } = machine;
const BASE = 0x3000;
for (let gfn = 0; gfn < 1024; gfn++) machine.map(gfn, BASE + gfn);
const view = machine.memories.frameView;
const physical = (gpa: number): number => BASE * 4096 + gpa;
const READ = 0;
const WRITE = 1;
const EXEC = 2;

/** PML4 1, PDPT 2, PD 3, PT 4. */
const set = (table: number, index: number, value: number | bigint): void => view.setBigUint64(physical(table * 4096 + index * 8), BigInt(value), true);

beforeEach(() => {
  machine.reset64();
  set(1, 0, 0x2007);
  set(2, 0, 0x3007);
  set(3, 0, 0x4007);
  for (let k = 0; k < 512; k++) set(4, k, ((16 + k) << 12) | 7);
  cpu.set(L.CR3, 0x1000n);
  cpu.set(L.CR0, 0x80010031n);
  cpu.set(L.CR4, 0xa0n);
  cpu.set(L.CPL, 0n);
  cpu.set(L.DR7, 0x400n);
  core.updateMode(ctx);
  core.flushPcpu(ctx);
});

const gfnAt = (va: bigint, access = READ): number => {
  const offset = core.translateVa(ctx, va, access);
  core.clearFault(ctx);
  return offset === -1n ? -1 : Number(offset >> 12n) - BASE;
};
const tags = (va: bigint): readonly boolean[] => {
  const entry = Number(cpu.get(L.TLB)) + Number((va >> 12n) & BigInt(L.TLB_ENTRIES - 1)) * L.TLB_STRIDE;
  const quads = machine.memories.stateView;
  return [L.TLB_READ, L.TLB_WRITE, L.TLB_EXEC].map((field) => quads.getBigUint64(entry + field, true) >> 12n === va >> 12n);
};

test('what was cached stays until it is flushed, as on the real thing', () => {
  assert.equal(gfnAt(0x5000n), 21);
  set(4, 5, (50 << 12) | 7);
  assert.equal(gfnAt(0x5000n), 21);
  core.flushPage(ctx, 0x5000n);
  assert.equal(gfnAt(0x5000n), 50);
  set(4, 5, (51 << 12) | 7);
  core.flushNonGlobal(ctx);
  assert.equal(gfnAt(0x5000n), 51);
  set(4, 5, (52 << 12) | 7);
  core.flushAll(ctx);
  assert.equal(gfnAt(0x5000n), 52);
});

test('global pages survive a CR3 write, not INVLPG and not a change of CR4.PGE', () => {
  set(4, 5, (21 << 12) | 0x107);
  gfnAt(0x5000n);
  set(4, 5, (50 << 12) | 0x107);
  core.flushNonGlobal(ctx);
  assert.equal(gfnAt(0x5000n), 21);
  core.flushPage(ctx, 0x5000n);
  assert.equal(gfnAt(0x5000n), 50);
  set(4, 5, (51 << 12) | 0x107);
  cpu.set(L.CR4, 0x20n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x5000n), 51);
});

test('many pages: a CR3 write drops every one, however the entries were shared', () => {
  for (let round = 0; round < 3; round++) {
    for (let k = 0; k < 512; k++) set(4, k, ((16 + k + round) << 12) | 7 | (k % 3 === 0 && round === 1 ? 0x100 : 0));
    // the same table at either end of the soft TLB
    set(3, 15, 0x4007);
    for (let k = 0; k < 512; k++) {
      const global = k % 3 === 0 && round === 2;
      for (const base of [0n, 0x1e00000n]) assert.equal(gfnAt(base + (BigInt(k) << 12n)), 16 + k + (global ? 1 : round), `page ${k} in round ${round}`);
    }
    core.flushNonGlobal(ctx);
  }
});

test('INVLPG of any address of a 2 MiB page drops all of it', () => {
  set(3, 0, 0x87);
  for (const va of [0x0n, 0x7000n, 0x1ff000n]) assert.equal(gfnAt(va), Number(va >> 12n));
  set(3, 0, 0x200087);
  core.flushPage(ctx, 0x12345n);
  for (const va of [0x0n, 0x7000n, 0x1ff000n]) assert.equal(gfnAt(va), 512 + Number(va >> 12n));
});

test('INVLPG of any address of a 1 GiB page drops all of it', () => {
  set(2, 0, 0x87);
  for (const va of [0x0n, 0x3ff000n]) assert.equal(gfnAt(va), Number(va >> 12n));
  set(2, 0, 0x3007);
  core.flushPage(ctx, 0x12345678n);
  assert.equal(gfnAt(0n), 16);
});

test('a read fills no write tag while the page is clean; a write sets dirty', () => {
  gfnAt(0x5000n);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  assert.equal(gfnAt(0x5000n, WRITE), 21);
  assert.deepEqual(tags(0x5000n), [true, true, true]);
  assert.equal(view.getUint8(physical(0x4000 + 5 * 8)) & 0x60, 0x60);
  core.flushAll(ctx);
  gfnAt(0x5000n);
  assert.deepEqual(tags(0x5000n), [true, true, true]);
});

test('a page that is entered to run has no write tag until it is written to', () => {
  assert.equal(gfnAt(0x5000n, WRITE), 21);
  core.flushAll(ctx);
  gfnAt(0x5000n, EXEC);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  gfnAt(0x5000n, WRITE);
  assert.deepEqual(tags(0x5000n), [true, true, true]);
});

test('views have entries of their own: user, supervisor, SMAP', () => {
  set(4, 6, (22 << 12) | 3);
  assert.equal(gfnAt(0x6000n), 22);
  cpu.set(L.CPL, 3n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x6000n), -1);
  assert.equal(gfnAt(0x5000n), 21);
  cpu.set(L.CPL, 0n);
  cpu.set(L.CR4, 0x2000a0n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x5000n), -1);
  assert.equal(gfnAt(0x6000n), 22);
  cpu.set(L.EFLAGS_SYS, 0x40000n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x5000n), 21);
});

test('frames with translated code, p2m read-only pages and watched pages are never written on the fast path', () => {
  const quads = machine.memories.stateView;
  quads.setBigUint64(L.FRAME_CODE_BITS + (BASE + 21) * 8, 1n, true);
  gfnAt(0x5000n, WRITE);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  quads.setBigUint64(L.FRAME_CODE_BITS + (BASE + 21) * 8, 0n, true);

  machine.map(22, BASE + 22, L.P2M_VALID);
  assert.equal(gfnAt(0x6000n), 22);
  assert.equal(gfnAt(0x6000n, WRITE), -1);
  assert.deepEqual(tags(0x6000n), [true, false, true]);
  machine.map(22, BASE + 22);

  cpu.set(L.DR0, 0x7010n);
  cpu.set(L.DR7, 0x30401n);
  core.updateMode(ctx);
  gfnAt(0x7000n, WRITE);
  assert.deepEqual(tags(0x7000n), [false, false, true]);
});

test('protectFrame and flushFrame find the entries of a frame', () => {
  set(4, 7, (21 << 12) | 7);
  gfnAt(0x5000n, WRITE);
  gfnAt(0x7000n, WRITE);
  core.protectFrame(ctx, BASE + 21);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  assert.deepEqual(tags(0x7000n), [true, false, true]);
  core.flushFrame(ctx, BASE + 21);
  assert.deepEqual(tags(0x5000n), [false, false, false]);
});

test('protectFrame finds the entries of a frame when others were noted before, one, two or many', () => {
  set(4, 7, (21 << 12) | 7);
  set(4, 9, (21 << 12) | 7);
  for (const round of [0, 1]) {
    gfnAt(0x5000n, WRITE);
    core.flushPage(ctx, 0x5000n);
    gfnAt(0x7000n, WRITE);
    core.protectFrame(ctx, BASE + 21);
    assert.deepEqual(tags(0x7000n), [true, false, true], `alone, ${round}`);
    gfnAt(0x5000n, WRITE);
    gfnAt(0x7000n, WRITE);
    core.protectFrame(ctx, BASE + 21);
    assert.deepEqual(tags(0x5000n), [true, false, true], `first of two, ${round}`);
    assert.deepEqual(tags(0x7000n), [true, false, true], `second of two, ${round}`);
    for (const va of [0x7000n, 0x9000n, 0x5000n]) gfnAt(va, WRITE);
    core.protectFrame(ctx, BASE + 21);
    for (const va of [0x5000n, 0x7000n, 0x9000n]) assert.deepEqual(tags(va), [true, false, true], `three, ${round}`);
  }
});

test('a write that only code kept from the fast path asks no page table, and opens it when the code is gone', () => {
  const quads = machine.memories.stateView;
  const bits = L.FRAME_CODE_BITS + (BASE + 21) * 8;
  quads.setBigUint64(bits, 1n, true);
  gfnAt(0x5000n, WRITE);
  set(4, 5, (50 << 12) | 7);
  assert.equal(gfnAt(0x5000n, WRITE), 21);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  quads.setBigUint64(bits, 0n, true);
  assert.equal(gfnAt(0x5000n, WRITE), 21);
  assert.deepEqual(tags(0x5000n), [true, true, true]);
  core.protectFrame(ctx, BASE + 21);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
  // a page that may not be written to, or is clean, has no such way
  set(4, 5, (50 << 12) | 5);
  core.flushPage(ctx, 0x5000n);
  assert.equal(gfnAt(0x5000n), 50);
  cpu.set(L.CR0, 0x80010031n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x5000n), 50);
  assert.equal(gfnAt(0x5000n, WRITE), -1);
});

test('user views are forgotten at a CR3 write whenever something was entered for them', () => {
  const user = (): void => {
    cpu.set(L.CPL, 3n);
    core.updateMode(ctx);
  };
  for (let round = 0; round < 4; round++) {
    set(4, 5, ((30 + round) << 12) | 7);
    core.flushNonGlobal(ctx);
    core.flushNonGlobal(ctx);
    user();
    assert.equal(gfnAt(0x5000n), 30 + round);
    cpu.set(L.CPL, 0n);
    core.updateMode(ctx);
  }
});

test('no memory behind the p2m: trapped, absent, beyond the root', () => {
  machine.map(23, BASE + 23, L.P2M_VALID | L.P2M_TRAP);
  assert.equal(gfnAt(0x7000n), -1);
  machine.map(23, 0, 0);
  assert.equal(gfnAt(0x7000n), -1);
  machine.map(23, BASE + 23);
  set(4, 8, (1n << 39n) | 7n);
  assert.equal(gfnAt(0x8000n, EXEC), -1);
});

test('alignment checks: a user with AC and AM never has data on the fast path', () => {
  cpu.set(L.CPL, 3n);
  cpu.set(L.CR0, 0x80050031n);
  cpu.set(L.EFLAGS_SYS, 0x40000n);
  core.updateMode(ctx);
  assert.equal(gfnAt(0x5000n), 21);
  assert.deepEqual(tags(0x5000n), [false, false, true]);
  cpu.set(L.EFLAGS_SYS, 0n);
  core.updateMode(ctx);
  gfnAt(0x5000n);
  assert.deepEqual(tags(0x5000n), [true, false, true]);
});
