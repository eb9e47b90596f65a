import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { installPackage } from '../scripts/installed-package.ts';
import { helloGuest } from '../src/toolstack/guests/hello.ts';

const root = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'zendo-pack-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (command: string, args: readonly string[], cwd: string, environment: Readonly<Record<string, string>> = {}): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, npm_config_audit: 'false', npm_config_fund: 'false', ...environment },
  });
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${error ?? ''}${stdout}${stderr}`);
  return stdout;
};

test('npm pack makes a package that installs in an empty project and boots a guest there', () => {
  const project = installPackage(folder);
  const installed = join(project, 'node_modules/zendo');
  assert.ok(existsSync(join(installed, 'build/core.wasm')));
  assert.ok(existsSync(join(installed, 'LICENSE')));
  assert.deepEqual(globSync('**/*.ts', { cwd: installed, exclude: ['**/*.d.ts'] }), [], 'no TypeScript source is shipped');
  assert.deepEqual(globSync('**/*.test.*', { cwd: installed }), []);
  for (const declaration of globSync('dist/**/*.d.ts', { cwd: installed })) assert.ok(existsSync(join(installed, declaration.replace(/\.d\.ts$/, '.js'))));

  const kernel = join(folder, 'hello.elf');
  writeFileSync(kernel, helloGuest());
  const zendo = join(project, 'node_modules/.bin/zendo');
  assert.match(run(process.execPath, [zendo, '--help'], project), /Usage: zendo/);
  assert.match(run(process.execPath, [join(project, 'node_modules/.bin/xl'), 'help'], project), /^Usage xl/);
  const boot = [zendo, 'boot', '--kernel', kernel, '--memory', '16', '--timeout', '120'];
  const compileCache = { NODE_COMPILE_CACHE: join(folder, 'compile-cache') };
  assert.match(run(process.execPath, boot, project, compileCache), /Hello from a guest of Zendo/);
  const kept = (): string[] => globSync('compile-cache/**/zendo-*', { cwd: folder }).map((name) => `${name} ${statSync(join(folder, name)).ino}`);
  const first = kept();
  assert.equal(first.length, 2, 'the functions of the command line and of the thread that runs guests are kept');
  assert.match(run(process.execPath, boot, project, compileCache), /Hello from a guest of Zendo/);
  assert.deepEqual(kept(), first, 'what was kept is used');

  // the API: an example as it stands, and its types as a strict project sees them
  const example = readFileSync(join(root, 'examples/console.test.ts'), 'utf8');
  writeFileSync(join(project, 'console.test.ts'), example);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ['--test', 'console.test.ts'], { cwd: project, encoding: 'utf8', env });
  assert.equal(status, 0, stdout);
  symlinkSync(join(root, 'node_modules/@types'), join(project, 'node_modules/@types'));
  const options = { module: 'nodenext', strict: true, noEmit: true, target: 'esnext', lib: ['esnext'], types: ['node'] };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], project);
});
