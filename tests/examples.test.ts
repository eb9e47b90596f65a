/** The examples run as a reader runs them: node's test runner on the files, `zendo` being this package. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');

test('every example passes', () => {
  const files = globSync('examples/*.test.ts', { cwd: root }).sort();
  assert.ok(files.length > 0);
  // in the environment of a test file the runner believes to be one of its own children
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=zendo-source', '--test', '--test-concurrency=1', ...files], {
    cwd: root,
    encoding: 'utf8',
    env,
  });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /fail 0/);
});
