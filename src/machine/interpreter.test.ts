import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HandBlock, Harness, type Uop } from './core-harness.ts';
import * as L from './layout.ts';
import * as O from './ops.ts';

const M64 = (1n << 64n) - 1n;
const M32 = 0xffffffffn;
const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const machine = new Harness();
const { cpu } = machine;
for (let gfn = 0; gfn < 64; gfn++) machine.map(gfn, 0x2000 + gfn);

const leave: Uop = { op: O.OP_EXIT, c: L.EXIT_HYPERCALL };
let page = 8;

/** Runs the micro-ops as one instruction at a fresh address. */
const execute = (uops: readonly Uop[]): void => {
  page = page >= 60 ? 8 : page + 1;
  const block: HandBlock = { bytes: 4, insns: 1, uops: [...uops, leave] };
  machine.translate = () => block;
  machine.core.dropFrame(machine.ctx, 0x2000 + page);
  cpu.set(L.RIP, BigInt(page * 4096));
  assert.equal(machine.run(10), L.EXIT_HYPERCALL);
};

type Model = (a: bigint, b: bigint, imm: bigint, c: number, d: bigint) => bigint;
const shifted = (x: bigint, n: bigint): bigint => u64(x << n);
const sx = (bits: number, x: bigint): bigint => u64(BigInt.asIntN(bits, x));
const popcount = (x: bigint): bigint => BigInt(x.toString(2).replaceAll('0', '').length);
const ctz = (x: bigint): bigint => (x === 0n ? 64n : popcount((x & -x) - 1n));
const clz = (x: bigint): bigint => (x === 0n ? 64n : BigInt(64 - x.toString(2).length));
const bswap = (bytes: number, x: bigint): bigint => {
  let result = 0n;
  for (let i = 0; i < bytes; i++) result = (result << 8n) | ((x >> BigInt(i * 8)) & 0xffn);
  return result;
};

const models: Record<string, Model> = {
  OP_MOV: (a) => a,
  OP_MOVI: (_a, _b, imm) => imm,
  OP_ZX8: (a) => a & 0xffn,
  OP_ZX8H: (a) => (a >> 8n) & 0xffn,
  OP_ZX16: (a) => a & 0xffffn,
  OP_ZX32: (a) => a & M32,
  OP_SX8: (a) => sx(8, a),
  OP_SX16: (a) => sx(16, a),
  OP_SX32: (a) => sx(32, a),
  OP_INS8: (a, _b, _i, _c, d) => (d & ~0xffn) | (a & 0xffn),
  OP_INS8H: (a, _b, _i, _c, d) => (d & ~0xff00n) | ((a & 0xffn) << 8n),
  OP_INS16: (a, _b, _i, _c, d) => (d & ~0xffffn) | (a & 0xffffn),
  OP_ADD: (a, b) => a + b,
  OP_SUB: (a, b) => a - b,
  OP_AND: (a, b) => a & b,
  OP_OR: (a, b) => a | b,
  OP_XOR: (a, b) => a ^ b,
  OP_SHL: (a, b) => shifted(a, b & 63n),
  OP_SHR: (a, b) => a >> (b & 63n),
  OP_SAR: (a, b) => s64(a) >> (b & 63n),
  OP_MUL: (a, b) => a * b,
  OP_MULHU: (a, b) => (a * b) >> 64n,
  OP_MULHS: (a, b) => (s64(a) * s64(b)) >> 64n,
  OP_ADDI: (a, _b, imm) => a + imm,
  OP_ANDI: (a, _b, imm) => a & imm,
  OP_ORI: (a, _b, imm) => a | imm,
  OP_XORI: (a, _b, imm) => a ^ imm,
  OP_SHLI: (a, _b, imm) => shifted(a, imm & 63n),
  OP_SHRI: (a, _b, imm) => a >> (imm & 63n),
  OP_SARI: (a, _b, imm) => s64(a) >> (imm & 63n),
  OP_NEG: (a) => -a,
  OP_NOT: (a) => ~a,
  OP_LEA: (a, b, imm, c) => a + (b << BigInt(c)) + imm,
  OP_ADD32: (a, b) => (a + b) & M32,
  OP_SUB32: (a, b) => (a - b) & M32,
  OP_AND32: (a, b) => a & b & M32,
  OP_OR32: (a, b) => (a | b) & M32,
  OP_XOR32: (a, b) => (a ^ b) & M32,
  OP_SHL32: (a, b) => (a << (b & 31n)) & M32,
  OP_SHR32: (a, b) => (a & M32) >> (b & 31n),
  OP_SAR32: (a, b) => (BigInt.asIntN(32, a) >> (b & 31n)) & M32,
  OP_MUL32: (a, b) => (a * b) & M32,
  OP_ADDI32: (a, _b, imm) => (a + imm) & M32,
  OP_ANDI32: (a, _b, imm) => a & imm & M32,
  OP_ORI32: (a, _b, imm) => (a | imm) & M32,
  OP_XORI32: (a, _b, imm) => (a ^ imm) & M32,
  OP_SHLI32: (a, _b, imm) => (a << (imm & 31n)) & M32,
  OP_SHRI32: (a, _b, imm) => (a & M32) >> (imm & 31n),
  OP_SARI32: (a, _b, imm) => (BigInt.asIntN(32, a) >> (imm & 31n)) & M32,
  OP_NEG32: (a) => -a & M32,
  OP_NOT32: (a) => ~a & M32,
  OP_LEA32: (a, b, imm, c) => (a + (b << BigInt(c)) + imm) & M32,
  OP_ROL: (a, b) => (a << (b & 63n)) | (a >> ((64n - (b & 63n)) & 63n)),
  OP_ROR: (a, b) => (a >> (b & 63n)) | (a << ((64n - (b & 63n)) & 63n)),
  OP_ROL32: (a, b) => (((a & M32) << (b & 31n)) | ((a & M32) >> ((32n - (b & 31n)) & 31n))) & M32,
  OP_ROLI: (a, _b, imm) => (a << (imm & 63n)) | (a >> ((64n - (imm & 63n)) & 63n)),
  OP_RORI: (a, _b, imm) => (a >> (imm & 63n)) | (a << ((64n - (imm & 63n)) & 63n)),
  OP_ROLI32: (a, _b, imm) => (((a & M32) << (imm & 31n)) | ((a & M32) >> ((32n - (imm & 31n)) & 31n))) & M32,
  OP_RORI32: (a, _b, imm) => (((a & M32) >> (imm & 31n)) | ((a & M32) << ((32n - (imm & 31n)) & 31n))) & M32,
  OP_ROR32: (a, b) => (((a & M32) >> (b & 31n)) | ((a & M32) << ((32n - (b & 31n)) & 31n))) & M32,
  OP_BSWAP: (a) => bswap(8, a),
  OP_BSWAP32: (a) => bswap(4, a),
  OP_CTZ: (a) => ctz(a),
  OP_CLZ: (a) => clz(a),
  OP_POPCNT: (a) => popcount(a),
  OP_SETEQ: (a, b) => BigInt(a === b),
  OP_SETNE: (a, b) => BigInt(a !== b),
  OP_SETLTU: (a, b) => BigInt(a < b),
  OP_SETLTS: (a, b) => BigInt(s64(a) < s64(b)),
  OP_SETLEU: (a, b) => BigInt(a <= b),
  OP_SETLES: (a, b) => BigInt(s64(a) <= s64(b)),
};

const word = fc.oneof(
  fc.bigInt({ min: 0n, max: M64 }),
  fc.constantFrom(0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0x7fffffffn, 0x80000000n, M32, 1n << 63n, M64 >> 1n, M64),
);

test('register operations follow their models', () => {
  fc.assert(
    fc.property(word, word, word, word, fc.integer({ min: 0, max: 3 }), (a, b, d, imm, c) => {
      const names = Object.keys(models);
      // all operations in one block, each into a temporary of its own page of the run
      for (let first = 0; first < names.length; first += L.TEMPS) {
        const part = names.slice(first, first + L.TEMPS);
        cpu.set(L.RAX, a);
        cpu.set(L.RBX, b);
        part.forEach((_, k) => {
          cpu.set(L.T0 + k, d);
        });
        execute(part.map((name, k) => ({ op: (O as Record<string, number>)[name] as number, d: L.T0 + k, a: L.RAX, b: L.RBX, c, imm })));
        part.forEach((name, k) => {
          assert.equal(cpu.get(L.T0 + k), u64((models[name] as Model)(a, b, imm, c, d)), name);
        });
      }
    }),
    { numRuns: 300 },
  );
});

test('SEL and CCNZ choose', () => {
  for (const c of [0n, 1n, 1n << 40n]) {
    cpu.set(L.RCX, c);
    cpu.set(L.RAX, 11n);
    cpu.set(L.RBX, 22n);
    cpu.set(L.CC_OP, BigInt(L.CC_EFLAGS));
    cpu.set(L.CC_A, 0n);
    execute([
      { op: O.OP_SEL, d: L.RDX, a: L.RAX, b: L.RBX, c: L.RCX },
      { op: O.OP_CCNZ, d: L.RCX, a: L.RAX, b: L.RBX, c: L.CC_SUB + 3 },
    ]);
    assert.equal(cpu.get(L.RDX), c === 0n ? 22n : 11n);
    assert.equal(cpu.get(L.CC_OP), BigInt(c === 0n ? L.CC_EFLAGS : L.CC_SUB + 3));
  }
});

/** OSZAPC by the book. */
const flags = (bits: number, r: bigint, cf: boolean, of: boolean, af: boolean): bigint => {
  const value = BigInt.asUintN(bits, r);
  const parity = popcount(value & 0xffn) % 2n === 0n;
  return (cf ? 1n : 0n) | (parity ? 4n : 0n) | (af ? 0x10n : 0n) | (value === 0n ? 0x40n : 0n) | (value >> BigInt(bits - 1) ? 0x80n : 0n) | (of ? 0x800n : 0n);
};
const signed = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
const inRange = (bits: number, x: bigint): boolean => x >= -(1n << BigInt(bits - 1)) && x < 1n << BigInt(bits - 1);

/** Flags of a CC operation, its operands already as an instruction leaves them in CC_A and CC_B. */
const flagModel = (kind: number, bits: number, a: bigint, b: bigint): bigint => {
  const mask = (1n << BigInt(bits)) - 1n;
  const x = a & mask;
  const y = b & mask;
  const top = (v: bigint): bigint => (v >> BigInt(bits - 1)) & 1n;
  const sum = (carry: bigint): bigint =>
    flags(bits, x + y + carry, x + y + carry > mask, !inRange(bits, signed(bits, x) + signed(bits, y) + carry), (x & 15n) + (y & 15n) + carry > 15n);
  const difference = (borrow: bigint): bigint =>
    flags(bits, x - y - borrow, x - y - borrow < 0n, !inRange(bits, signed(bits, x) - signed(bits, y) - borrow), (x & 15n) - (y & 15n) - borrow < 0n);
  switch (kind) {
    case L.CC_EFLAGS:
      return a & 0x8d5n;
    case L.CC_ADD:
      return sum(0n);
    case L.CC_ADC1:
      return sum(1n);
    case L.CC_SUB:
      return difference(0n);
    case L.CC_SBB1:
      return difference(1n);
    case L.CC_LOGIC:
      return flags(bits, x, false, false, false);
    case L.CC_INC:
      return flags(bits, x, (b & 1n) === 1n, x === 1n << BigInt(bits - 1), (x & 15n) === 0n);
    case L.CC_DEC:
      return flags(bits, x, (b & 1n) === 1n, x === mask >> 1n, (x & 15n) === 15n);
    case L.CC_SHL:
      return flags(bits, y, top(x) === 1n, (top(x) ^ top(y)) === 1n, false);
    case L.CC_SHR:
      return flags(bits, y, (x & 1n) === 1n, (top(x) ^ top(y)) === 1n, false);
    default:
      return flags(bits, x, b !== 0n, b !== 0n, false);
  }
};

const condModel = (f: bigint, cc: number): bigint => {
  const bit = (n: number): bigint => (f >> BigInt(n)) & 1n;
  const [o, s, z, p, c] = [bit(11), bit(7), bit(6), bit(2), bit(0)] as [bigint, bigint, bigint, bigint, bigint];
  const value = [o, c, z, c | z, s, p, s ^ o, z | (s ^ o)][cc >> 1] as bigint;
  return value ^ BigInt(cc & 1);
};

test('lazy flags, conditions and branches on them', () => {
  const kinds = [L.CC_EFLAGS, L.CC_ADD, L.CC_ADC1, L.CC_SUB, L.CC_SBB1, L.CC_LOGIC, L.CC_INC, L.CC_DEC, L.CC_SHL, L.CC_SHR, L.CC_MUL];
  fc.assert(
    fc.property(word, word, fc.constantFrom(...kinds), fc.integer({ min: 0, max: 3 }), (a, b, kind, size) => {
      const expected = flagModel(kind, 8 << size, a, b);
      const what = `CC ${kind}+${size}`;
      cpu.set(L.RAX, a);
      cpu.set(L.RBX, b);
      const conditions = Array.from({ length: 16 }, (_, cc): Uop => ({ op: O.OP_COND, d: L.T0 + 4 + cc, c: cc }));
      execute([{ op: O.OP_CC, a: L.RAX, b: L.RBX, c: kind + size }, { op: O.OP_GETFLAGS, d: L.T0 }, { op: O.OP_CARRY, d: L.T0 + 1 }, ...conditions]);
      assert.equal(cpu.get(L.T0), expected, what);
      assert.equal(cpu.get(L.T0 + 1), expected & 1n, what);
      for (let cc = 0; cc < 16; cc++) assert.equal(cpu.get(L.T0 + 4 + cc), condModel(expected, cc), `${what} condition ${cc}`);
      assert.equal(machine.core.getRflags(machine.ctx), expected | 2n);
      const subtracted = flagModel(L.CC_SUB, 8 << size, a, b);
      execute(Array.from({ length: 16 }, (_, cc): Uop => ({ op: O.OP_CONDSUB, d: L.T0 + 4 + cc, a: L.RAX, b: L.RBX, c: cc, imm: BigInt(size) })));
      for (let cc = 0; cc < 16; cc++) assert.equal(cpu.get(L.T0 + 4 + cc), condModel(subtracted, cc), `CONDSUB ${size} condition ${cc}`);
    }),
    { numRuns: 2000 },
  );
});

test('SETFLAGS keeps the six flags only', () => {
  cpu.set(L.RAX, M64);
  execute([
    { op: O.OP_SETFLAGS, a: L.RAX },
    { op: O.OP_GETFLAGS, d: L.T0 },
  ]);
  assert.equal(cpu.get(L.T0), 0x8d5n);
});

const at = (gpa: number): number => 0x2000 * 4096 + gpa;
const low = (taken: number, not: number): bigint => BigInt(taken >>> 0) | (BigInt(not >>> 0) << 32n);

test('loads and stores, plain and indexed, across a page end too', () => {
  const view = machine.memories.frameView;
  for (const address of [0x1008, 0x1ffb, 0x1ffd]) {
    for (const [name, bytes] of [
      ['8', 1],
      ['16', 2],
      ['32', 4],
      ['64', 8],
    ] as const) {
      const value = 0x8182838485868788n;
      const stored = BigInt.asUintN(bytes * 8, value);
      for (const indexed of [false, true]) {
        cpu.set(L.RSI, BigInt(address) - 100n);
        cpu.set(L.RCX, 10n);
        cpu.set(L.RAX, value);
        const x = indexed ? 'X' : '';
        const memory = { a: L.RSI, b: L.RCX, c: indexed ? 1 : 0, imm: indexed ? 80n : 100n };
        const op = (prefix: string): number => (O as Record<string, number>)[`OP_${prefix}${name}`] as number;
        for (let k = 0; k < 16; k++) view.setUint8(at(address + k), 0xcc);
        const uops: Uop[] = [
          { op: op(`ST${x}`), d: L.RAX, ...memory },
          { op: op(`LD${x}`), d: L.RBX, ...memory },
          { op: op(`LDM${x}`), d: L.RDX, ...memory },
        ];
        if (bytes < 8) uops.push({ op: op(`LD${x}S`), d: L.RDI, ...memory });
        execute(uops);
        assert.equal(cpu.get(L.RBX), stored);
        assert.equal(cpu.get(L.RDX), stored);
        if (bytes < 8) assert.equal(cpu.get(L.RDI), sx(bytes * 8, stored));
        for (let k = 0; k < 8; k++) {
          assert.equal(
            view.getUint8(at(address + k)),
            k < bytes ? Number((stored >> BigInt(k * 8)) & 0xffn) : 0xcc,
            `byte ${k} of ST${x}${name} at ${address}`,
          );
        }
      }
    }
  }
});

test('vector moves, loads and stores', () => {
  const view = machine.memories.frameView;
  for (const address of [0x1010n, 0x1ff9n]) {
    cpu.set(L.RSI, address);
    cpu.set(L.RAX, 0x1111222233334444n);
    cpu.set(L.RBX, 0x5555666677778888n);
    execute([
      { op: O.OP_VPUT, d: 3, a: L.RAX, c: 0 },
      { op: O.OP_VPUT, d: 3, a: L.RBX, c: 1 },
      { op: O.OP_VST128, d: 3, a: L.RSI },
      { op: O.OP_VLD128, d: L.VT0, a: L.RSI },
      { op: O.OP_VGET, d: L.RCX, a: L.VT0, c: 1 },
      { op: O.OP_VMOV, d: 4, a: 3 },
      { op: O.OP_VLD32, d: 5, a: L.RSI, imm: 8n },
      { op: O.OP_VGET, d: L.RDX, a: 5, c: 0 },
      { op: O.OP_VLD64, d: 4, a: L.RSI },
      { op: O.OP_VGET, d: L.RDI, a: 4, c: 1 },
      { op: O.OP_VZERO, d: 3 },
      { op: O.OP_VGET, d: L.RBP, a: 3, c: 1 },
    ]);
    assert.equal(cpu.get(L.RCX), 0x5555666677778888n);
    assert.equal(cpu.get(L.RDX), 0x77778888n);
    assert.equal(cpu.get(L.RDI), 0n);
    assert.equal(cpu.get(L.RBP), 0n);
    assert.equal(view.getBigUint64(at(Number(address)), true), 0x1111222233334444n);
  }
});

test('branches: deltas, wrap, links within a page, lookups elsewhere', () => {
  const size = { bytes: 4, insns: 1 };
  // 0x3000: BRSUB loop of 10 rounds, then a jump to another page, which calls indirectly back to an exit
  const blocks: Record<number, HandBlock> = {
    [0x3000]: {
      ...size,
      uops: [
        { op: O.OP_ADDI, d: L.RAX, a: L.RAX, imm: 1n },
        { op: O.OP_BRSUB, d: L.RAX, a: L.RCX, b: 12, c: 0x30, imm: low(0, 4) },
      ],
    },
    [0x3004]: { ...size, uops: [{ op: O.OP_JMP, imm: low(0x1000 - 4, 0) }] },
    [0x4000]: {
      ...size,
      uops: [
        { op: O.OP_MOVI, d: L.RBX, imm: 0x3008n },
        { op: O.OP_CALLIND, a: L.RBX },
      ],
    },
    [0x3008]: {
      ...size,
      uops: [
        { op: O.OP_CC, a: L.RAX, b: L.RCX, c: L.CC_SUB + 3 },
        { op: O.OP_BRCC, b: 4, imm: low(8, 4) },
      ],
    },
    [0x3010]: { ...size, uops: [{ op: O.OP_BRNZ, a: L.RCX, c: 2, imm: low(0x10000 - 0x10 + 0x20, 0) }] },
    [0x3020]: { ...size, uops: [leave] },
  };
  machine.translate = (phys) => blocks[phys - 0x2000 * 4096];
  const before = machine.translations;
  for (let round = 0; round < 3; round++) {
    cpu.set(L.RIP, 0x3000n);
    cpu.set(L.RAX, 0n);
    cpu.set(L.RCX, 10n);
    assert.equal(machine.run(1000), L.EXIT_HYPERCALL);
    assert.equal(cpu.get(L.RAX), 10n);
    assert.equal(cpu.get(L.RIP), 0x3020n);
    assert.equal(cpu.get(L.BUDGET), 1000n - 14n);
  }
  assert.equal(machine.translations - before, 6, 'each block translated once');
});

test('compare and branch: every kind, size and condition, specialised when its block is inserted', () => {
  const kinds = [O.OP_BRSUB, O.OP_F_CMPBR, O.OP_F_CMPIBR, O.OP_F_TESTBR];
  const size = { bytes: 4, insns: 1 };
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 15 }),
      fc.array(fc.tuple(word, word), { minLength: 4, maxLength: 4 }),
      (op, log, cc, pairs) => {
        const bits = 8 << log;
        const uop = {
          op,
          a: op === O.OP_BRSUB ? L.RBX : L.RAX,
          d: op === O.OP_BRSUB ? L.RAX : cc,
          b: op === O.OP_BRSUB ? cc : L.RBX,
          c: log << 4,
          imm: low(0x20, 4),
          constant: pairs[0]?.[1] ?? 0n,
        };
        const { constant } = uop;
        const at = 7 * 4096;
        machine.core.dropFrame(machine.ctx, 0x2000 + 7);
        machine.translate = (phys) => (phys === 0x2000 * 4096 + at ? { ...size, uops: [uop] } : { ...size, uops: [leave] });
        for (const [a, b] of pairs) {
          const y = op === O.OP_F_CMPIBR ? constant : op === O.OP_F_TESTBR ? 0n : b;
          cpu.set(L.RAX, a);
          cpu.set(L.RBX, b);
          cpu.set(L.RIP, BigInt(at));
          cpu.set(L.CC_OP, 0n);
          cpu.set(L.CC_A, 0n);
          assert.equal(machine.run(10), L.EXIT_HYPERCALL);
          const flags = op === O.OP_F_TESTBR ? flagModel(L.CC_LOGIC, bits, a, 0n) : flagModel(L.CC_SUB, bits, a, y);
          const taken = condModel(flags, cc) === 1n;
          assert.equal(cpu.get(L.RIP), BigInt(at + (taken ? 0x20 : 4)), `operation ${op}, ${bits} bits, condition ${cc}, ${a.toString(16)} ${y.toString(16)}`);
          if (op !== O.OP_BRSUB) assert.equal(machine.core.getRflags(machine.ctx) & 0x8d5n, flags);
        }
      },
    ),
    { numRuns: 600 },
  );
});
