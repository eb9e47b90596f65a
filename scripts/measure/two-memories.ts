/**
 * What the second memory costs: the same soft-TLB loop with guest memory in a memory of its own and in the same one.
 * Each round looks a page up in a table of tags and addends (state) and adds to a word of that page (frames).
 * Prints nanoseconds per round, medians of alternating runs. Numbers of record are in docs/decisions/0001.
 *
 *   node scripts/measure/two-memories.ts
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');
const rounds = 20_000_000;
const runs = 9;

/** `step` is what the address advances by each round: 4 is a stream, a large odd number of pages is random access. */
const program = (frames: '$state' | '$frames', step: number): string => `(module
  (import "env" "state" (memory $state 65536 65536 shared))
  (import "env" "frames" (memory $frames 65536 65536 shared))
  (func (export "run") (param $rounds i32) (result i32)
    (local $va i32) (local $entry i32) (local $at i32) (local $misses i32)
    (loop $next
      (local.set $va (i32.and (i32.add (local.get $va) (i32.const ${step})) (i32.const 0xfffffc)))
      (local.set $entry (i32.and (i32.shr_u (local.get $va) (i32.const 8)) (i32.const 0xff0)))
      (if (i32.eq (i32.load $state (local.get $entry)) (i32.and (local.get $va) (i32.const 0xff000)))
        (then
          (local.set $at (i32.add (i32.load $state offset=4 (local.get $entry)) (i32.and (local.get $va) (i32.const 0xfffff))))
          (i32.store ${frames} (local.get $at) (i32.add (i32.load ${frames} (local.get $at)) (local.get $va))))
        (else (local.set $misses (i32.add (local.get $misses) (i32.const 1)))))
      (br_if $next (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (local.get $misses)))`;

const folder = mkdtempSync(join(tmpdir(), 'zendo-measure-'));
const instance = (frames: '$state' | '$frames', step: number): ((rounds: number) => number) => {
  const [wat, wasm] = [join(folder, 'loop.wat'), join(folder, 'loop.wasm')];
  writeFileSync(wat, program(frames, step));
  spawnSync(
    process.execPath,
    [join(root, 'node_modules/binaryen/bin/wasm-as'), wat, '--enable-threads', '--enable-bulk-memory', '--enable-multimemory', '-o', wasm],
    { stdio: 'inherit' },
  );
  const memory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
  const state = memory();
  const table = new Uint32Array(state.buffer);
  // 256 pages of 4 KiB, tag = page address, addend = 1 MiB past the table
  for (let page = 0; page < 256; page++) [table[page * 4], table[page * 4 + 1]] = [page * 4096, 0x100000];
  return new WebAssembly.Instance(new WebAssembly.Module(readFileSync(wasm)), { env: { state, frames: memory() } }).exports['run'] as (
    rounds: number,
  ) => number;
};

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

for (const [name, step] of [
  ['stream', 4],
  ['random pages', 4 * 0x4a37d],
] as const) {
  const programs = { one: instance('$state', step), two: instance('$frames', step) };
  const times = { one: [] as number[], two: [] as number[] };
  for (let run = 0; run < runs; run++) {
    for (const which of ['one', 'two'] as const) {
      const start = process.hrtime.bigint();
      if (programs[which](rounds) !== 0) throw new Error('the loop must hit');
      // the first run is V8's baseline code
      if (run > 1) times[which].push(Number(process.hrtime.bigint() - start) / rounds);
    }
  }
  const [one, two] = [median(times.one), median(times.two)];
  console.log(`${name}: one memory ${one.toFixed(3)} ns, two memories ${two.toFixed(3)} ns, ratio ${(two / one).toFixed(3)}`);
}
rmSync(folder, { recursive: true });
