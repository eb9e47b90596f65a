import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { optimiseAhead, withoutHurry } from './optimise-ahead.ts';

type Answer = () => number;

/** A module: (func (export "f") (result i32) i32.const n). */
const bytesOf = (n: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 6, 1, 4, 0, 0x41, n, 0x0b]);

/** A module: (func (export "f") (result i32) (local i32) (local.set 0 (i32.const 65535)) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) i32.const 7). */
const loops = Uint8Array.from(
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0, 7, 5, 1, 1, 0x66, 0, 0, 10, 0x1a, 1, 0x18, 1, 1, 0x7f].concat([
    0x41, 0xff, 0xff, 3, 0x21, 0, 3, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b, 0x41, 7, 0x0b,
  ]),
);

const constant = (n: number): Answer => new WebAssembly.Instance(new WebAssembly.Module(bytesOf(n))).exports['f'] as Answer;

test('functions are optimised without having run', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isOptimised = new Function('f', 'return %IsTurboFanFunction(f)') as (f: Answer) => boolean;
  const functions = [constant(1), constant(2), constant(3)];
  assert.equal(isOptimised(functions[0] as Answer), false);
  setFlagsFromString('--no-allow-natives-syntax');
  for (const one of functions.slice(0, 2)) optimiseAhead(one);
  assert.deepEqual(functions.map(isOptimised), [true, true, false]);
  assert.deepEqual(
    functions.map((one) => one()),
    [1, 2, 3],
  );
  // the engine's functions have no names for anybody else
  assert.throws(() => new Function('%WasmNumCodeSpaces(0)'), SyntaxError);
});

test('what is optimised in one thread is so in all that have the module', async () => {
  const module = new WebAssembly.Module(bytesOf(7));
  const program = `Promise.all([import(${JSON.stringify(new URL('./optimise-ahead.ts', import.meta.url).href)}), require('node:worker_threads')]).then(
    ([{ optimiseAhead }, { workerData }]) => optimiseAhead(new WebAssembly.Instance(workerData).exports.f))`;
  const [code] = await once(new Worker(program, { eval: true, workerData: module }), 'exit');
  assert.equal(code, 0);
  setFlagsFromString('--allow-natives-syntax');
  assert.equal((new Function('f', 'return %IsTurboFanFunction(f)') as (f: Answer) => boolean)(new WebAssembly.Instance(module).exports['f'] as Answer), true);
  setFlagsFromString('--no-allow-natives-syntax');
});

test('the host leaves functions alone that were made without hurry, and finds others hot by itself', async () => {
  const functions = [withoutHurry(() => new WebAssembly.Module(loops)), new WebAssembly.Module(Uint8Array.from([...loops, 0, 2, 1, 0x78]))].map(
    (module) => new WebAssembly.Instance(module).exports['f'] as Answer,
  );
  setFlagsFromString('--allow-natives-syntax');
  const isOptimised = new Function('f', 'return %IsTurboFanFunction(f)') as (f: Answer) => boolean;
  setFlagsFromString('--no-allow-natives-syntax');
  for (let k = 0; k < 2000 && !isOptimised(functions[1] as Answer); k++) {
    for (const one of functions) one();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.deepEqual(functions.map(isOptimised), [false, true]);
});
