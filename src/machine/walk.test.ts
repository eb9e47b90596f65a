import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Harness } from './core-harness.ts';
import * as L from './layout.ts';

const machine = new Harness();
const { cpu, core, ctx } = machine;
const FRAMES = 64;
const BASE = 0x3000;
for (let gfn = 0; gfn < FRAMES; gfn++) machine.map(gfn, BASE + gfn);
const view = machine.memories.frameView;
const physical = (gpa: bigint): number => BASE * 4096 + Number(gpa);

const READ = 0;
const WRITE = 1;
const EXEC = 2;
const SMAP = 2;
const USER = 1;

type Kind = 'two' | 'pae' | 'long';
interface Setup {
  readonly kind: Kind;
  readonly wp: boolean;
  readonly nxe: boolean;
  readonly pse: boolean;
  readonly pge: boolean;
  readonly smep: boolean;
}

interface Outcome {
  /** Page-fault error code, or -1. */
  readonly code: number;
  readonly gpa?: bigint;
  /** Addresses of the entries used, leaf last. */
  readonly path: readonly bigint[];
}

/** The walk by the book, written from the manual's tables for the test: reads entries through `read`, changes nothing. */
const reference = (setup: Setup, va: bigint, access: number, view_: number, read: (gpa: bigint) => bigint): Outcome => {
  const wide = setup.kind !== 'two';
  const nx = wide && setup.nxe;
  const fail = (present: boolean, reserved: boolean): Outcome => ({
    code: (present ? 1 : 0) | (access === WRITE ? 2 : 0) | (view_ === USER ? 4 : 0) | (reserved ? 8 : 0) | (access === EXEC && (setup.smep || nx) ? 16 : 0),
    path: [],
  });
  const levels = { two: [22n, 12n], pae: [30n, 21n, 12n], long: [39n, 30n, 21n, 12n] }[setup.kind];
  const bits = wide ? 9n : 10n;
  let table = 0x1000n;
  let writable = true;
  let user = true;
  let executable = true;
  const path: bigint[] = [];
  for (const shift of levels) {
    const index = (va >> shift) & (setup.kind === 'pae' && shift === 30n ? 3n : (1n << bits) - 1n);
    const where = table + index * (wide ? 8n : 4n);
    const entry = read(where);
    if ((entry & 1n) === 0n) return fail(false, false);
    const paeTop = setup.kind === 'pae' && shift === 30n;
    const big = (entry & 0x80n) !== 0n && shift !== 12n && !paeTop && (wide || setup.pse);
    let reserved = 0n;
    if (wide) {
      reserved = 0x000fffffffffffffn & ~((1n << 40n) - 1n);
      if (!setup.nxe) reserved |= 1n << 63n;
      if (setup.kind === 'pae') reserved |= 0x7ff0000000000000n;
      if (paeTop) reserved |= (1n << 63n) | 0x1e6n;
      if (shift === 39n) reserved |= 0x80n;
      if (big) reserved |= ((1n << shift) - 1n) & ~0x1fffn;
    } else if (big) reserved = 1n << 21n;
    if ((entry & reserved) !== 0n) return fail(true, true);
    path.push(where);
    if (!paeTop) {
      if ((entry & 2n) === 0n) writable = false;
      if ((entry & 4n) === 0n) user = false;
      if (wide && entry >> 63n) executable = false;
    }
    const address = wide ? entry & ((1n << 40n) - 1n) & ~0xfffn : entry & 0xfffff000n;
    if (big || shift === 12n) {
      let allowed: boolean;
      if (view_ === USER) allowed = user && (access !== WRITE || writable) && (access !== EXEC || executable);
      else if (access === EXEC) allowed = executable && !(setup.smep && user);
      else allowed = !(view_ === SMAP && user) && (access !== WRITE || writable || !setup.wp);
      if (!allowed) return fail(true, false);
      const offset = (1n << shift) - 1n;
      const base = big && !wide ? (entry & 0xffc00000n) | (((entry >> 13n) & 0xffn) << 32n) : address & ~offset;
      return { code: -1, gpa: base | (va & offset), path };
    }
    table = address;
  }
  throw new Error('no leaf');
};

const configure = (setup: Setup): void => {
  cpu.set(L.CR3, 0x1000n);
  cpu.set(L.CR0, 0x80000031n | (setup.wp ? 0x10000n : 0n));
  cpu.set(L.CR4, (setup.kind === 'two' ? 0n : 0x20n) | (setup.pse ? 0x10n : 0n) | (setup.pge ? 0x80n : 0n) | (setup.smep ? 0x100000n : 0n));
  cpu.set(L.EFER, (setup.kind === 'long' ? 0x500n : 0n) | (setup.nxe ? 0x800n : 0n));
  core.updateMode(ctx);
  core.flushPcpu(ctx);
};

/** Entries mostly point at other tables, are mostly present, seldom have odd bits: most walks get somewhere. */
const entry = fc.record({
  frame: fc.integer({ min: 1, max: 7 }),
  present: fc.integer({ min: 0, max: 15 }),
  flags: fc.integer({ min: 0, max: 0xfff }),
  large: fc.integer({ min: 0, max: 3 }),
  odd: fc.integer({ min: 0, max: 15 }),
  oddBit: fc.integer({ min: 12, max: 63 }),
  nx: fc.integer({ min: 0, max: 3 }),
});

const setupArb = fc.record({
  kind: fc.constantFrom<Kind>('two', 'pae', 'long'),
  wp: fc.boolean(),
  nxe: fc.boolean(),
  pse: fc.boolean(),
  pge: fc.boolean(),
  smep: fc.boolean(),
});

test('page walks agree with a walker written from the manual', () => {
  let faults = 0;
  let hits = 0;
  fc.assert(
    fc.property(
      setupArb,
      fc.array(entry, { minLength: 64, maxLength: 64 }),
      fc.array(fc.tuple(fc.bigInt({ min: 0n, max: (1n << 48n) - 1n }), fc.constantFrom(READ, WRITE, EXEC), fc.constantFrom(0, USER, SMAP)), {
        minLength: 12,
        maxLength: 12,
      }),
      (setup, entries, accesses) => {
        configure(setup);
        const wide = setup.kind !== 'two';
        // seven tables filled with the same 64 entries, rotated
        for (let table = 1; table <= 7; table++) {
          for (let k = 0; k < (wide ? 512 : 1024); k++) {
            const e = entries[(k + table * 5) % 64] as (typeof entries)[number];
            // the top level of PAE reserves the accessed bit: it cannot serve as another level too
            let value = (BigInt(setup.kind === 'pae' ? Math.max(e.frame, 2) : e.frame) << 12n) | BigInt(e.flags & ~0x81);
            if (e.present !== 0) value |= 1n;
            if (e.large === 0) value |= 0x80n;
            if (e.odd === 0) value |= 1n << BigInt(wide ? e.oddBit : 12 + (e.oddBit % 20));
            if (wide && e.nx === 0 && setup.nxe) value |= 1n << 63n;
            // bits that the PAE top level reserves would make nearly all of its entries bad
            if (setup.kind === 'pae' && table === 1 && k < 4 && e.odd !== 1) value &= ~0x800000000000_01e6n;
            if (wide) view.setBigUint64(physical(BigInt(table * 4096 + k * 8)), value, true);
            else view.setUint32(physical(BigInt(table * 4096 + k * 4)), Number(value & 0xffffffffn), true);
          }
        }
        const read = (gpa: bigint): bigint => {
          if (gpa >> 12n >= BigInt(FRAMES)) return wide ? (1n << 64n) - 1n : 0xffffffffn;
          return wide ? view.getBigUint64(physical(gpa), true) : BigInt(view.getUint32(physical(gpa), true));
        };
        for (const [address, access, viewNumber] of accesses) {
          const va = setup.kind === 'long' ? BigInt.asUintN(64, BigInt.asIntN(48, address)) : address & 0xffffffffn;
          const expected = reference(setup, va, access, viewNumber, read);
          const before = expected.path.map(read);
          const code = core.walkVa(ctx, va, access, viewNumber);
          assert.equal(code, expected.code, `error code of ${access} by view ${viewNumber} at ${va.toString(16)}`);
          if (code !== -1) {
            faults++;
            continue;
          }
          hits++;
          assert.equal(cpu.get(L.WALK_GPA), expected.gpa, 'physical address');
          expected.path.forEach((where, k) => {
            const leaf = expected.path.length - 1;
            // the same entry may serve as two levels of one walk
            const marks = expected.path.reduce(
              (sum, other, j) => (other !== where || (setup.kind === 'pae' && j === 0) ? sum : sum | (j === leaf && access === WRITE ? 0x60n : 0x20n)),
              0n,
            );
            assert.equal(read(where), (before[k] as bigint) | marks, 'accessed and dirty bits');
          });
        }
      },
    ),
    { numRuns: 300, endOnFailure: true },
  );
  assert.ok(hits > 300 && faults > 300, `${hits} translations and ${faults} faults: the tables are too one-sided`);
});

test('without paging the linear address is the physical one', () => {
  cpu.set(L.CR0, 0x31n);
  core.updateMode(ctx);
  assert.equal(core.walkVa(ctx, 0xfee00123n, WRITE, 0), -1);
  assert.equal(cpu.get(L.WALK_GPA), 0xfee00123n);
});

test('a non-canonical address is no page fault', () => {
  configure({ kind: 'long', wp: true, nxe: true, pse: true, pge: true, smep: false });
  machine.reset64();
  cpu.set(L.CR0, 0x80010031n);
  core.updateMode(ctx);
  assert.equal(core.translateVa(ctx, 0x0000800000000000n, READ), -1n);
  assert.equal(cpu.low(L.EXC) & 0x1fff, 0x1000 | 0x100 | 13);
  core.clearFault(ctx);
});
