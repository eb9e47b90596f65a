/**
 * Why the bytecode loop is AssemblyScript: one small interpreter of 64-bit register operations, three times:
 * in AssemblyScript, in TypeScript on pairs of 32-bit halves, and in TypeScript on bigint. All run the same program
 * (xorshift, 7 operations a round) and must end with the same register. Prints nanoseconds per operation.
 * Numbers of record are in docs/decisions/0003.
 *
 *   node scripts/measure/interpreter.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** Operations are quads (what, to, from, shift): 0 shift left, 1 shift right, 2 exclusive or, 3 count down and loop, 4 end. */
const code = Int32Array.of(0, 1, 0, 13, 2, 0, 1, 0, 1, 1, 0, 7, 2, 0, 1, 0, 0, 1, 0, 17, 2, 0, 1, 0, 3, 2, 0, 0, 4, 0, 0, 0);
const operationsPerRound = 7;
const seed = 0x1234_5678_9abc_def1n;

const assemblyScript = `
export function run(code: usize, registers: usize): void {
  let at = code;
  while (true) {
    const to = registers + (<usize>load<u32>(at, 4) << 3);
    const from = load<u64>(registers + (<usize>load<u32>(at, 8) << 3));
    switch (load<u32>(at)) {
      case 0: store<u64>(to, from << load<u32>(at, 12)); break;
      case 1: store<u64>(to, from >> load<u32>(at, 12)); break;
      case 2: store<u64>(to, load<u64>(to) ^ from); break;
      case 3: { const left = load<u64>(to) - 1; store<u64>(to, left); if (left != 0) { at = code; continue; } break; }
      default: return;
    }
    at += 16;
  }
}`;

const inAssemblyScript = (): ((rounds: number) => bigint) => {
  const folder = mkdtempSync(join(root, 'build-measure-'));
  try {
    writeFileSync(join(folder, 'loop.ts'), assemblyScript);
    const asc = join(root, 'node_modules/assemblyscript/bin/asc.js');
    spawnSync(process.execPath, [asc, join(folder, 'loop.ts'), '-O3', '--runtime', 'stub', '--initialMemory', '1', '--outFile', join(folder, 'loop.wasm')], {
      stdio: 'inherit',
    });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(join(folder, 'loop.wasm'))), { env: { abort: () => {} } });
    const buffer: ArrayBuffer = exports['memory'].buffer;
    new Int32Array(buffer, 4096).set(code);
    const registers = new BigUint64Array(buffer, 8192, 4);
    return (rounds) => {
      registers.set([seed, 0n, BigInt(rounds)]);
      exports['run'](4096, 8192);
      return registers[0] ?? 0n;
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const onHalves = (rounds: number): bigint => {
  const registers = Int32Array.of(Number(seed & 0xffff_ffffn), Number(seed >> 32n), 0, 0, rounds, 0);
  for (let at = 0; ; at += 4) {
    const to = (code[at + 1] as number) * 2;
    const from = (code[at + 2] as number) * 2;
    const shift = code[at + 3] as number;
    const [low, high] = [registers[from] as number, registers[from + 1] as number];
    const what = code[at];
    if (what === 0) {
      registers[to + 1] = (high << shift) | (low >>> (32 - shift));
      registers[to] = low << shift;
    } else if (what === 1) {
      registers[to] = (low >>> shift) | (high << (32 - shift));
      registers[to + 1] = high >>> shift;
    } else if (what === 2) {
      registers[to] = (registers[to] as number) ^ low;
      registers[to + 1] = (registers[to + 1] as number) ^ high;
    } else if (what === 3) {
      const left = (registers[to] as number) - 1;
      registers[to] = left;
      if (left !== 0) at = -4;
    } else return (BigInt((registers[1] as number) >>> 0) << 32n) | BigInt((registers[0] as number) >>> 0);
  }
};

const onBigint = (rounds: number): bigint => {
  const registers = BigUint64Array.of(seed, 0n, BigInt(rounds));
  for (let at = 0; ; at += 4) {
    const to = code[at + 1] as number;
    const from = registers[code[at + 2] as number] as bigint;
    const shift = BigInt(code[at + 3] as number);
    const what = code[at];
    if (what === 0) registers[to] = BigInt.asUintN(64, from << shift);
    else if (what === 1) registers[to] = from >> shift;
    else if (what === 2) registers[to] = (registers[to] as bigint) ^ from;
    else if (what === 3) {
      const left = BigInt.asUintN(64, (registers[to] as bigint) - 1n);
      registers[to] = left;
      if (left !== 0n) at = -4;
    } else return registers[0] as bigint;
  }
};

const rounds = 1_000_000;
const contenders = { AssemblyScript: inAssemblyScript(), 'TypeScript, 32-bit halves': onHalves, 'TypeScript, bigint': onBigint };
const expected = contenders.AssemblyScript(rounds);
for (const [name, run] of Object.entries(contenders)) {
  const times = Array.from({ length: 7 }, () => {
    const start = process.hrtime.bigint();
    if (run(rounds) !== expected) throw new Error(`${name} computes something else`);
    return Number(process.hrtime.bigint() - start) / rounds / operationsPerRound;
  });
  console.log(`${name}: ${(times.toSorted((a, b) => a - b)[3] ?? Number.NaN).toFixed(2)} ns per operation`);
}
