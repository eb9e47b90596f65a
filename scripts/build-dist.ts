/**
 * Builds dist/ for the npm package: each source of src/ as .js without its types, and its .d.ts.
 * dist/ has the shape of src/, so that paths from a file to build/core.wasm are the same in a clone and installed.
 * (Node refuses to strip types below node_modules, so the sources themselves cannot be shipped as the program.)
 * The programs are one file each, but for what only some of their commands want: several hundred small modules take longer to be found and linked than a small guest runs.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { builtinModules, stripTypeScriptTypes } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
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
const builtin = new RegExp(`^(node:.*|${builtinModules.join('|')})$`);
const nodeModules: Plugin = {
  name: "Node's own modules",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: builtin }, ({ path, kind }) =>
      kind === 'import-statement' ? { path: path.replace(/^(?!node:)/, 'node:'), namespace: 'node', sideEffects: false } : undefined,
    );
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

/** What the process begins with, before it loads the command line. Small: it should run at once. */
const FIRST = join(root, 'src/apps/zendo/main.ts');
/** What that leaves to the command line is in these modules: both have the same ones. */
const SHARED = ['src/host/node/worker-host.ts', 'src/apps/zendo/prepare-machine.ts'].map((name) => join(root, name));
const shared = `globalThis[Symbol.for('zendo.shared modules')]`;

/** A module that loads a program beside it, as the module that runs that, and gives it what both share. */
const givesShared: Plugin = {
  name: 'gives shared modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.ts$/ }, ({ path, kind }) => (kind === 'dynamic-import' ? { path: path.replace(/\.ts$/, '.js'), external: true } : undefined));
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path !== FIRST) return undefined;
      const names = SHARED.map((_, k) => `shared${k}`);
      const imports = SHARED.map((module, k) => `import * as ${names[k]} from ${JSON.stringify(module)};`);
      const source = (await readFile(path, 'utf8')).replace(/^await import/m, `(${shared} = [${names.join(', ')}]);\n$&`);
      return { loader: 'ts', contents: [...imports, source].join('\n') };
    });
  },
};

/** A program that finds modules made already. */
const takesShared: Plugin = {
  name: 'takes shared modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const place = SHARED.indexOf(path);
      if (place < 0) return undefined;
      const names = Object.keys((await import(path)) as object);
      return { contents: `export const { ${names.join(', ')} } = ${shared}[${place}];` };
    });
  },
};

const toModule = {
  bundle: true,
  // writes constants of other modules where they are used: each would be a variable to be loaded until V8 optimises
  minifySyntax: true,
  format: 'esm',
  platform: 'node',
  target: 'esnext',
  legalComments: 'none',
  logLevel: 'warning',
} as const;

/** What a program calls its own URL: nothing else of it may have this name. */
const PROGRAM_URL = '__program_url';
/** What a program starts with, and what it keeps functions with (src/host/node/kept-functions.ts). */
const RUN_KEPT = join(root, 'src/host/node/kept-functions.ts');

/**
 * A program is one script, a function of the program's URL, so that V8's code for its functions can be kept; its module runs that. Its name says
 * what is in it.
 */
async function writeProgram(program: string, plugins: readonly Plugin[] = []): Promise<void> {
  const module = join(dist, relative('src', program)).replace(/\.ts$/, '.js');
  const { outputFiles, metafile } = await build({
    ...toModule,
    write: false,
    entryPoints: [join(root, program)],
    metafile: true,
    define: { 'import.meta.url': PROGRAM_URL },
    plugins: [...plugins, filesBeside(join(root, program)), nodeModules],
  });
  for (const { imports, exports } of Object.values(metafile.outputs)) {
    const rest = [...imports.map(({ kind, path }) => `${kind} ${path}`), ...exports];
    if (rest.length > 0) throw new Error(`${program} is not one script: ${rest.join(', ')}`);
  }
  const script = `(async (${PROGRAM_URL}) => {\n${outputFiles[0]?.text}})`;
  const name = basename(module).replace(/\.js$/, `-${createHash('sha256').update(script).digest('hex').slice(0, 16)}.js`);
  writeFileSync(join(dirname(module), name), script);
  const { outputFiles: loader } = await build({
    ...toModule,
    write: false,
    stdin: {
      contents: `import { runKept } from ${JSON.stringify(RUN_KEPT)};\nawait runKept(new URL('./${name}', import.meta.url), import.meta.url);`,
      resolveDir: root,
    },
    plugins: [nodeModules],
  });
  writeFileSync(module, loader[0]?.contents ?? '');
}

const programs = ['zendo/pcpu.worker', 'zendo/regions.worker', 'daemon/main', 'xl/main'].map((name) => `src/apps/${name}.ts`);
for (const program of programs) await writeProgram(program);
await writeProgram('src/apps/zendo/command-line.ts', [takesShared]);
await build({
  ...toModule,
  entryPoints: [FIRST],
  outdir: dirname(join(dist, relative(join(root, 'src'), FIRST))),
  allowOverwrite: true,
  plugins: [givesShared, filesBeside(FIRST), nodeModules],
});

/** The programs hold these packages; their licences want to be told with them. */
const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly dependencies: Readonly<Record<string, string>> };
const licences = Object.keys(dependencies).map((name) => `${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8').trim()}\n`);
writeFileSync(join(dist, 'third-party-licences.txt'), licences.join('\n----\n\n'));
console.log(`dist: ${sources.length} modules, ${programs.length + 1} programs`);
