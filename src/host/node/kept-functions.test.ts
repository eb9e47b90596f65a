import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const MODULE = new URL('./kept-functions.ts', import.meta.url).href;
/** Where a file says what sorts of runs it is of, and where its data begin. */
const SORTS_AT = 56;
const DATA_AT = 64;

let folder: string;
let script: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zendo-kept-'));
  script = join(folder, 'program-1.js');
  const functions = Array.from({ length: 50 }, (_, k) => `function f${k}(a) { return a + ${k}; }`);
  const calls = Array.from({ length: 50 }, (_, k) => `f${k}(1)`);
  writeFileSync(script, `(async (program) => {\n${functions.join('\n')}\nconsole.log(program, ${calls.join('+')});\n})`);
  writeFileSync(
    join(folder, 'run.ts'),
    `import { setFlagsFromString } from 'node:v8';
import { keepFunctions, runKept } from ${JSON.stringify(MODULE)};
if (process.env.FLAG !== undefined) setFlagsFromString(process.env.FLAG);
await runKept(new URL(process.argv[2]), 'the program');
keepFunctions(Number(process.argv[3]));`,
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the program in a process of its own, and tells what it has written. */
function run(sort: number, environment: Readonly<Record<string, string>> = {}): string {
  const { NODE_DISABLE_COMPILE_CACHE: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'run.ts'), pathToFileURL(script).href, String(sort)], {
    encoding: 'utf8',
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'cache'), ...environment },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

const kept = (): string[] => globSync('cache/**/zendo-*', { cwd: folder }).map((name) => join(folder, name));

function file(): string {
  const [path, ...others] = kept();
  assert.deepEqual(others, []);
  return path ?? assert.fail('nothing was kept');
}

const OUTPUT = 'the program 1275\n';

test('functions that ran are kept once for each sort of run', () => {
  assert.equal(run(1), OUTPUT);
  const { ino } = statSync(file());
  assert.equal(readFileSync(file()).readUInt32LE(SORTS_AT), 1);
  assert.equal(run(1), OUTPUT);
  assert.equal(statSync(file()).ino, ino, 'what was kept was used: it is not written again');
  assert.equal(run(2), OUTPUT);
  assert.equal(readFileSync(file()).readUInt32LE(SORTS_AT), 3);
});

test('what was kept holds the functions, not only the outermost code', () => {
  run(1);
  assert.ok(readFileSync(file()).length - DATA_AT > 2 * 50 * 100);
});

test('a file that is damaged, cut short, of another build or for other flags is not used, and made anew', () => {
  const harms: readonly ((path: string) => void)[] = [
    (path) => {
      const bytes = readFileSync(path);
      const at = DATA_AT + ((bytes.length - DATA_AT) >> 2);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 0x10, at);
      writeFileSync(path, bytes);
    },
    (path) => truncateSync(path, 1000),
    (path) => truncateSync(path, 10),
    (path) => truncateSync(path, 0),
    (path) => writeFileSync(path, Buffer.alloc(5000, 0xff)),
    () => {
      const next = join(folder, 'program-2.js');
      // of the same length, which is all that V8 looks at
      writeFileSync(script, readFileSync(script, 'utf8').replace('f7(a)', 'f7(b)').replace('return a + 7;', 'return b + 7;'));
      renameSync(script, next);
      script = next;
    },
  ];
  for (const [k, harm] of harms.entries()) {
    run(1);
    const whole = readFileSync(file());
    harm(file());
    assert.equal(run(1), OUTPUT, `harm ${k}`);
    assert.equal(readFileSync(file()).length, whole.length, `harm ${k}`);
    const { ino } = statSync(file());
    run(1);
    assert.equal(statSync(file()).ino, ino, `harm ${k}: made anew, and used`);
  }
  const { ino } = statSync(file());
  run(1, { FLAG: '--max-lazy' });
  assert.notEqual(statSync(file()).ino, ino, 'of other flags');
});

test("what a run left when it was stopped while writing is in nobody's way", () => {
  run(1);
  const left = `${file()}.new`;
  writeFileSync(left, 'half');
  assert.equal(run(2), OUTPUT);
  assert.equal(readFileSync(file()).readUInt32LE(SORTS_AT), 3);
});

test('where Node keeps nothing, nothing is kept; where nothing can be written, the program runs', () => {
  assert.equal(run(1, { NODE_DISABLE_COMPILE_CACHE: '1' }), OUTPUT);
  assert.deepEqual(kept(), []);
  writeFileSync(join(folder, 'cache'), 'no folder');
  assert.equal(run(1), OUTPUT);
});
