/**
 * Speed of the bytecode loop alone: hand-packed blocks, no translator. Prints nanoseconds per micro-op.
 *
 *   node scripts/bench-interpreter.ts [--baseline]
 *
 * The loop has no on-stack replacement: unless the core is compiled by the optimising compiler from the first call
 * (--no-liftoff while it is compiled and instantiated) the first long run() stays in baseline code.
 */
import { setFlagsFromString } from 'node:v8';
import { coreModule, type HandBlock, Harness, type Uop } from '../src/machine/core-harness.ts';
import * as L from '../src/machine/layout.ts';
import * as O from '../src/machine/ops.ts';

const baseline = process.argv.includes('--baseline');
if (!baseline) {
  setFlagsFromString('--no-liftoff');
  // which goes by what baseline code noted: V8 stops where there is none
  setFlagsFromString('--no-wasm-inlining');
}
const started = process.hrtime.bigint();
const module = coreModule();
const compiled = process.hrtime.bigint();
const machine = new Harness(module);
if (!baseline) setFlagsFromString('--liftoff');
console.log(`compile ${Number(compiled - started) / 1e6} ms`);

const { RAX, RBX, RCX, RDX, RSI, RDI } = L;
const T = L.T0;
const low = (value: number): bigint => BigInt(value >>> 0);
const deltas = (taken: number, not: number): bigint => low(taken) | (low(not) << 32n);

/** xorshift and a checksum: register work only. */
const alu: readonly Uop[] = [
  { op: O.OP_SHLI, d: T, a: RAX, imm: 13n },
  { op: O.OP_XOR, d: RAX, a: RAX, b: T },
  { op: O.OP_SHRI, d: T, a: RAX, imm: 7n },
  { op: O.OP_XOR, d: RAX, a: RAX, b: T },
  { op: O.OP_SHLI, d: T, a: RAX, imm: 17n },
  { op: O.OP_XOR, d: RAX, a: RAX, b: T },
  { op: O.OP_ADD, d: RBX, a: RBX, b: RAX },
  { op: O.OP_ADDI32, d: RDX, a: RDX, imm: 3n },
  { op: O.OP_ADDI, d: RCX, a: RCX, imm: -1n },
  { op: O.OP_BRNZ, a: RCX, c: 0, imm: deltas(0, 64) },
];

/** Copies and sums words: two loads and a store. */
const memory: readonly Uop[] = [
  { op: O.OP_LD64, d: RAX, a: RSI, imm: 0n },
  { op: O.OP_ADD, d: RBX, a: RBX, b: RAX },
  { op: O.OP_LDX32, d: RDX, a: RSI, b: RCX, c: 0, imm: 16n },
  { op: O.OP_ST64, d: RAX, a: RDI, imm: 0n },
  { op: O.OP_ADDI, d: RCX, a: RCX, imm: -1n },
  { op: O.OP_BRNZ, a: RCX, c: 0, imm: deltas(0, 64) },
];

/** CRC-32, a bit at a time, as compiled code would be lifted. */
const crc: readonly Uop[] = [
  { op: O.OP_ANDI32, d: T, a: RAX, imm: 1n },
  { op: O.OP_NEG32, d: T, a: T },
  { op: O.OP_ANDI32, d: T, a: T, imm: 0xedb88320n },
  { op: O.OP_SHRI32, d: RAX, a: RAX, imm: 1n },
  { op: O.OP_XOR32, d: RAX, a: RAX, b: T },
  { op: O.OP_SUB32, d: T + 1, a: RCX, b: L.ZERO },
  { op: O.OP_ADDI32, d: RCX, a: RCX, imm: -1n },
  { op: O.OP_CCI, a: RCX, c: L.CC_DEC + 2, imm: 0n },
  { op: O.OP_BRCC, b: 5, c: 0, imm: deltas(0, 64) },
];

/** Compare and branch in one. */
const compare: readonly Uop[] = [
  { op: O.OP_ADDI, d: RDX, a: RDX, imm: 1n },
  { op: O.OP_BRSUB, d: RDX, a: RCX, b: 5, c: 0x30, imm: deltas(0, 64) },
];

const bench = (name: string, uops: readonly Uop[], page: number): void => {
  const rounds = 20_000_000;
  const block: HandBlock = { bytes: 64, insns: 4, uops };
  const end: HandBlock = { bytes: 1, insns: 1, uops: [{ op: O.OP_EXIT, c: L.EXIT_HYPERCALL, imm: 0n }] };
  machine.translate = (phys) => ((phys & 0xfff) === 64 ? end : block);
  machine.cpu.set(L.CR0, 0x10031n & ~0x80000000n);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    machine.cpu.set(L.RIP, BigInt(page * 4096));
    machine.cpu.set(RCX, BigInt(rounds));
    machine.cpu.set(RDX, 0n);
    machine.cpu.set(RSI, 0x5000n - BigInt(0));
    machine.cpu.set(RDI, 0x6000n);
    machine.cpu.set(RAX, 0x12345678n);
    const from = process.hrtime.bigint();
    const reason = machine.run(1e12);
    const ns = Number(process.hrtime.bigint() - from);
    if (reason !== L.EXIT_HYPERCALL) throw new Error(`run() answered ${reason}`);
    best = Math.min(best, ns / rounds);
  }
  console.log(`${name.padEnd(8)} ${best.toFixed(2)} ns per round, ${(best / (uops.length + 1)).toFixed(3)} ns per micro-op (ENTER counted)`);
};

for (let gfn = 0; gfn < 8192; gfn++) machine.map(gfn, 0x1000 + gfn);
bench('alu', alu, 1);
bench('memory', memory, 2);
bench('crc', crc, 3);
bench('compare', compare, 4);
