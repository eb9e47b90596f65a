/**
 * Builds dist/ for the npm package: each source of src/ as .js without its types, and its .d.ts.
 * dist/ has the shape of src/, so that paths from a file to build/core.wasm are the same in a clone and installed.
 * (Node refuses to strip types below node_modules, so the sources themselves cannot be shipped as the program.)
 * The programs are one file each, but for what only some of their commands want: several hundred small modules take longer to be found and linked than a small guest runs.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** `from './x.ts'`, `import './x.ts'`, `import('./x.ts')` and `new URL('./x.ts', ...)`, the ways one file names another. */
const reference = /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(['"])(\.{1,2}\/[^'"\n]+)\.ts\2/g;

const nameJavaScript = (text: string): string => text.replace(reference, '$1$2$3.js$2');

rmSync(dist, { recursive: true, force: true });
const { status, stdout } = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.dist.json'], {
  cwd: root,
  encoding: 'utf8',
});
if (status !== 0) {
  process.stderr.write(stdout);
  throw new Error('tsc cannot write the declarations');
}
for (const file of globSync('**/*.d.ts', { cwd: dist })) writeFileSync(join(dist, file), nameJavaScript(readFileSync(join(dist, file), 'utf8')));

/** What ships: not the core's sources, not tests, not what only tests stand on (.dependency-cruiser.mjs proves that nothing else needs it). */
const exclude = ['src/machine/assembly/**', 'src/machine/core-harness.ts', 'src/**/testing/**', 'src/**/*.test.ts', 'src/**/*.bench.ts', 'src/**/*.d.ts'];
const sources = globSync('src/**/*.ts', { cwd: root, exclude });
for (const source of sources) {
  const target = join(dist, relative('src', source)).replace(/\.ts$/, '.js');
  mkdirSync(dirname(target), { recursive: true });
  const code = nameJavaScript(stripTypeScriptTypes(readFileSync(join(root, source), 'utf8'), { mode: 'strip' }));
  // blanks stand where the types were, so that lines and columns in stack traces are those of the sources
  writeFileSync(target, code);
}

/** A file that a module names beside itself is named from where the program lies, which holds the module now. */
const filesBeside = (program: string): Plugin => ({
  name: 'files beside a module',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      loader: 'ts',
      contents: (await readFile(path, 'utf8')).replaceAll(/\bnew URL\('(\.[^']+)', import\.meta\.url\)/g, (_, name: string) => {
        const from = relative(dirname(program), resolve(dirname(path), name)).replace(/\.ts$/, '.js');
        return `new URL(${JSON.stringify(from)}, import.meta.url)`;
      }),
    }));
  },
});

/** Node's own modules that are not there yet when a program begins, and take a while to come. */
const LATE = new Set(['node:child_process']);

/**
 * Node's own modules are asked for by name, when they are wanted. An import of one reads every name that it exports, which loads much that nobody
 * uses; and it is loaded at the start even if only some command calls it.
 */
const nodeModules: Plugin = {
  name: "Node's own modules",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) => (kind === 'import-statement' ? { path, namespace: 'node', sideEffects: false } : undefined));
    onLoad({ filter: /.*/, namespace: 'node' }, async ({ path }) => {
      const module = `process.getBuiltinModule(${JSON.stringify(path)})`;
      const members = Object.entries((await import(path)) as Readonly<Record<string, unknown>>).filter(([name]) => name !== 'default');
      const isFunction = ([name, value]: readonly [string, unknown]): boolean => typeof value === 'function' && /^[a-z]/.test(name);
      const late = members.filter(isFunction).map(([name]) => `${name}: (...given) => ${module}.${name}(...given)`);
      return {
        contents: [
          ...members.map(
            (member) =>
              `export const ${member[0]} = ${isFunction(member) ? `(...given) => ${module}.${member[0]}(...given)` : `/* @__PURE__ */ (() => ${module}.${member[0]})()`};`,
          ),
          `export default ${LATE.has(path) ? `{ ${late.join(', ')} }` : `/* @__PURE__ */ ${module}`};`,
        ].join('\n'),
      };
    });
  },
};

const programs = ['zendo/main', 'zendo/pcpu.worker', 'zendo/regions.worker', 'daemon/main', 'xl/main'].map((name) => `src/apps/${name}.ts`);
for (const program of programs) {
  await build({
    entryPoints: [join(root, program)],
    outdir: dirname(join(dist, relative('src', program))),
    // what a program loads later, when it is wanted, is a file of its own beside it
    splitting: true,
    chunkNames: '[name]-[hash]',
    allowOverwrite: true,
    bundle: true,
    // writes constants of other modules where they are used: each would be a variable to be loaded until V8 optimises
    minifySyntax: true,
    format: 'esm',
    platform: 'node',
    target: 'esnext',
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [filesBeside(join(root, program)), nodeModules],
  });
}

/** The programs hold these packages; their licences want to be told with them. */
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly dependencies: Readonly<Record<string, string>> };
const licences = Object.keys(dependencies).map((name) => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`);
writeFileSync(join(dist, 'third-party-licences.txt'), licences.join('\n----\n\n'));
console.log(`dist: ${sources.length} modules, ${programs.length} programs`);
