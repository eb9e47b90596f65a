import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { readFunctionNames, readImports, readSections } from './wasm-sections.ts';

const root = resolve(import.meta.dirname, '..');

/** Every accessor of frames.ts as an export of its own under the same name, so that each must be inlined somewhere. */
const everyAccessor = (): string => {
  const declarations = [...readFileSync(join(root, 'src/machine/assembly/frames.ts'), 'utf8').matchAll(/declare function (\w+)\((.*?)\): (\w+);/g)];
  const wrappers = declarations.flatMap(([, name, parameters, result]) => {
    if (/v128/.test(`${parameters}${result}`)) return []; // no v128 crosses to JavaScript
    const names = [...(parameters ?? '').matchAll(/(\w+): /g)].map((match) => match[1]);
    return `export function ${name}(${parameters}): ${result} { ${result === 'void' ? '' : 'return '}frames.${name}(${names.join(', ')}); }`;
  });
  return [
    "import * as frames from '../../src/machine/assembly/frames';",
    ...wrappers,
    'export function copy128(to: u32, from: u32): void { frames.st128(to, frames.ld128(from)); }',
    'export function countState(at: usize): u32 { return atomic.add<u32>(at, 1); }',
  ].join('\n');
};

type Accessors = Record<string, (...args: (number | bigint)[]) => number | bigint>;

let folder = '';
let wasm = new Uint8Array();
const state = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
const frames = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });

before(() => {
  mkdirSync(join(root, 'build'), { recursive: true });
  folder = mkdtempSync(join(root, 'build/test-'));
  writeFileSync(join(folder, 'entry.ts'), everyAccessor());
  const output = join(folder, 'core.wasm');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['scripts/build-core.ts', '--debug', '--entry', relative(root, join(folder, 'entry.ts')), '--output', output],
    { cwd: root, encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  wasm = readFileSync(output);
});

after(() => rmSync(folder, { recursive: true, force: true }));

const instantiate = (): Accessors => new WebAssembly.Instance(new WebAssembly.Module(wasm.slice()), { env: { state, frames } }).exports as unknown as Accessors;

test('the core imports both memories in their order and no accessor', () => {
  const imports = readImports(readSections(wasm)).map(({ module, name, kind }) => `${module}.${name} ${kind}`);
  assert.deepEqual(imports, ['env.state 2', 'env.frames 2']);
  assert.deepEqual(
    [...readFunctionNames(readSections(wasm)).values()].filter((name) => name.startsWith('frames.')),
    [],
  );
});

test('plain accesses reach frames, also above 2 GiB and unaligned, and leave state alone', () => {
  const core = instantiate();
  for (const at of [0x1001, 0xf000_0003]) {
    core.st64?.(at, 0x8877_6655_4433_2211n);
    assert.equal(core.ld8u?.(at), 0x11);
    assert.equal(core.ld16u?.(at + 1), 0x3322);
    assert.equal(core.ld32u?.(at + 4) ?? 0, 0x8877_6655 | 0);
    assert.equal(core.ld8s?.(at + 7), -0x78);
    core.copy128?.(at + 32, at);
    assert.equal(BigInt.asUintN(64, BigInt(core.ld64?.(at + 32) ?? 0)), 0x8877_6655_4433_2211n);
    core.fill?.(at, 0x5a, 3);
    assert.equal(core.ld32u?.(at), 0x445a_5a5a);
    assert.equal(new DataView(frames.buffer).getUint32(at, true), 0x445a_5a5a);
    assert.equal(new DataView(state.buffer).getUint32(at, true), 0);
  }
});

test('copies within frames may overlap', () => {
  const core = instantiate();
  core.st32?.(0xe000_0000, 0x04030201);
  core.copy_within?.(0xe000_0002, 0xe000_0000, 4);
  assert.deepEqual([...new Uint8Array(frames.buffer, 0xe000_0000, 6)], [1, 2, 1, 2, 3, 4]);
});

test('atomics give the old value', () => {
  const core = instantiate();
  core.st32?.(0x2000, 5);
  assert.equal(core.atomic_cmpxchg32?.(0x2000, 5, 9), 5);
  assert.equal(core.atomic_cmpxchg32?.(0x2000, 5, 7), 9);
  assert.equal(core.atomic_add8?.(0x2000, 255), 9);
  assert.equal(core.atomic_xchg16?.(0x2000, 0xffff), 8);
  assert.equal(core.atomic_and32?.(0x2000, 0xff00), 0xffff);
  assert.equal(core.atomic_or64?.(0x2000, 1n), 0xff00n);
  assert.equal(core.atomic_xor64?.(0x2000, 1n), 0xff01n);
  assert.equal(core.ld64?.(0x2000), 0xff00n);
});

const countingWorker = `
  const { workerData: { wasm, state, frames, rounds } } = require('node:worker_threads');
  const core = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { state, frames } }).exports;
  for (let round = 0; round < rounds; round++) {
    core.atomic_add32(0xd0000000, 1);
    core.countState(0xd0000000);
  }
`;

test('two Workers count in both memories and lose nothing', async () => {
  const rounds = 20_000;
  const run = (): Promise<number> =>
    new Promise((done, fail) => new Worker(countingWorker, { eval: true, workerData: { wasm, state, frames, rounds } }).on('exit', done).on('error', fail));
  assert.deepEqual(await Promise.all([run(), run()]), [0, 0]);
  assert.equal(Atomics.load(new Uint32Array(frames.buffer), 0xd000_0000 / 4), 2 * rounds);
  assert.equal(Atomics.load(new Uint32Array(state.buffer), 0xd000_0000 / 4), 2 * rounds);
});
