/**
 * Builds build/core.wasm: the AssemblyScript core joined with the accessors of guest memory.
 *
 * AssemblyScript knows a single memory, so its module calls one function for each access to `frames`; those functions
 * (src/machine/frames-access.wat) are merged in and inlined here, and the build fails if one of them is left.
 * The result imports two shared memories of 65,536 pages, `env.state` (index 0) and `env.frames` (index 1), and
 * whatever functions the core declares. Nothing is built when no source has changed since the last build.
 *
 *   node scripts/build-core.ts [--debug] [--force] [--entry FILE] [--output FILE]
 *
 * --debug keeps the names of functions and locals, --force builds even when nothing changed.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  encodeExports,
  encodeImports,
  isNameSection,
  readExports,
  readFunctionNames,
  readImports,
  readSections,
  type WasmSection,
  writeSections,
} from './wasm-sections.ts';

const root = resolve(import.meta.dirname, '..');
const { values: options } = parseArgs({
  options: {
    debug: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
    entry: { type: 'string', default: 'src/machine/assembly/index.ts' },
    output: { type: 'string', default: 'build/core.wasm' },
  },
});
const accessors = 'src/machine/frames-access.wat';
const output = resolve(root, options.output);
const stampFile = `${output}.stamp`;

/** 4 GiB: initial is maximum, a machine never grows. Untouched pages cost the host nothing. */
const pages = 65536;

const assemblyScript =
  `--sharedMemory --importMemory --initialMemory ${pages} --maximumMemory ${pages} --enable threads,simd --runtime stub --noAssert -O3 --exportTable --debug`.split(
    ' ',
  );

/** What V8 and the other engines have for years; `-all` would switch on encodings that none of them reads yet. */
const features =
  '--enable-threads --enable-simd --enable-bulk-memory --enable-bulk-memory-opt --enable-multimemory --enable-mutable-globals --enable-sign-ext --enable-nontrapping-float-to-int --enable-tail-call --enable-reference-types --enable-multivalue'.split(
    ' ',
  );

const stamp = (): string => {
  const hash = createHash('sha256').update(JSON.stringify({ debug: options.debug }));
  const sources = globSync(['src/machine/**/*.ts', accessors, 'scripts/build-core.ts', 'scripts/wasm-sections.ts', 'package-lock.json'], {
    cwd: root,
  });
  for (const source of sources.sort()) hash.update(`\0${source}\0`).update(readFileSync(join(root, source)));
  return hash.digest('hex');
};

const tool = (path: string, ...args: string[]): void => {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], { cwd: root, encoding: 'utf8' });
  if (error) throw error;
  // wasm-opt prints its warnings even when all is well: show them only with a failure
  if (status !== 0) {
    process.stderr.write(stdout + stderr);
    throw new Error(`${path} failed with status ${status}`);
  }
};

const replace = (sections: readonly WasmSection[], id: number, payload: Uint8Array): WasmSection[] =>
  sections.map((section) => (section.id === id ? { id, payload } : section));

/** After the merge: AssemblyScript's memory gets its own name, and neither it nor the accessors are entry points. */
const dress = (wasm: Uint8Array): Uint8Array => {
  const sections = readSections(wasm);
  const imports = readImports(sections).map((one) => (one.kind === 2 && one.name === 'memory' ? { ...one, name: 'state' } : one));
  const names = readFunctionNames(sections);
  const exports = readExports(sections).filter(({ kind, index }) => kind !== 2 && !(kind === 0 && names.get(index)?.startsWith('frames.')));
  return writeSections(replace(replace(sections, 2, encodeImports(imports)), 7, encodeExports(exports)));
};

/** Fails unless both memories are as every host expects them and each accessor was inlined. */
const verify = (sections: readonly WasmSection[]): void => {
  const memories = readImports(sections).filter(({ kind }) => kind === 2);
  const found = memories.map(({ module, name }) => `${module}.${name}`).join(' ');
  if (found !== 'env.state env.frames') throw new Error(`the core must import the memories env.state env.frames, it has: ${found}`);
  const left = [...readFunctionNames(sections).values()].filter((name) => name.startsWith('frames.'));
  if (left.length > 0) throw new Error(`accessors not inlined: ${left.join(', ')}`);
};

const build = (): void => {
  mkdirSync(dirname(output), { recursive: true });
  const work = mkdtempSync(`${output}-`);
  const file = (name: string): string => join(work, name);
  try {
    tool('assemblyscript/bin/asc.js', options.entry, '--outFile', file('assembly.wasm'), ...assemblyScript);
    tool('binaryen/bin/wasm-as', accessors, ...features, '-g', '-o', file('frames.wasm'));
    tool(
      'binaryen/bin/wasm-merge',
      file('assembly.wasm'),
      'core',
      file('frames.wasm'),
      'frames',
      '--rename-export-conflicts',
      ...features,
      '-g',
      '-o',
      file('merged.wasm'),
    );
    writeFileSync(file('dressed.wasm'), dress(readFileSync(file('merged.wasm'))));
    tool('binaryen/bin/wasm-opt', file('dressed.wasm'), ...features, '-g', '-O3', '--always-inline-max-function-size', '6', '-o', file('inlined.wasm'));
    const sections = readSections(readFileSync(file('inlined.wasm')));
    verify(sections);
    writeFileSync(file('core.wasm'), options.debug ? writeSections(sections) : writeSections(sections.filter((section) => !isNameSection(section))));
    renameSync(file('core.wasm'), output);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

const now = stamp();
if (options.force || !existsSync(output) || !existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== now) {
  process.stderr.write('zendo: building the Wasm core\n');
  build();
  writeFileSync(stampFile, now);
}
