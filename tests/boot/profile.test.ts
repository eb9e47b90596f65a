import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { runZendo } from './run-zendo.ts';

test('--profile writes a page or a file for speedscope, or says what names it knows', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zendo-profile-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const kernel = join(folder, 'hello.elf');
  await writeFile(kernel, helloGuest());
  const boot = (profile: string) => runZendo(['boot', '--kernel', kernel, '--memory', '16', '--timeout', '120', '--profile', join(folder, profile)]);

  const page = await boot('out.html');
  assert.equal(page.status, 0, page.stderr);
  assert.match(await readFile(join(folder, 'out.html'), 'utf8'), /^<!DOCTYPE html>[\s\S]*<td>hypercall<\/td>/);

  const file = await boot('out.json');
  assert.equal(file.status, 0, file.stderr);
  const { profiles, shared } = JSON.parse(await readFile(join(folder, 'out.json'), 'utf8'));
  const exits = profiles.find(({ name }: { name: string }) => name === 'exits');
  assert.ok(exits.samples.some(([frame]: [number]) => shared.frames[frame].name === 'io'));

  const other = await boot('out.svg');
  assert.equal(other.status, 1);
  assert.match(other.stderr, /out\.svg has no known format[\s\S]*\.html[\s\S]*\.json/);
});
