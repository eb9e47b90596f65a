import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { buildOf, chosenFolder, NodeTranslationCache } from './translation-cache.ts';

const setUp = (t: TestContext) => {
  const root = mkdtempSync(join(tmpdir(), 'zendo-translations-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const part = join(root, 'core');
  writeFileSync(part, 'the engine');
  const folder = join(root, 'cache/translations');
  const secret = join(root, 'state/secret');
  const cache = (limit?: number) => new NodeTranslationCache({ folder, secret, engine: [pathToFileURL(part)], ...(limit === undefined ? {} : { limit }) });
  const only = (): string => {
    const [name, ...more] = readdirSync(folder);
    assert.ok(name !== undefined && more.length === 0);
    return join(folder, name);
  };
  return { root, part, folder, secret, cache, only };
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (found: Uint8Array | undefined): string | undefined => (found === undefined ? undefined : new TextDecoder().decode(found));

test('what was written is read, by another process as well, and is for its owner alone', async (t) => {
  const { cache, folder, only, secret } = setUp(t);
  assert.equal(await cache().read('a kernel'), undefined);
  await cache().write('a kernel', bytes('translations'));
  assert.equal(text(await cache().read('a kernel')), 'translations');
  assert.equal(await cache().read('another'), undefined);
  assert.deepEqual(
    [folder, only(), secret].map((path) => statSync(path).mode & 0o777),
    [0o700, 0o600, 0o600],
  );
});

test('a file that was damaged, cut short, renamed, or made with another secret is not used and removed', async (t) => {
  const { cache, only, secret, folder } = setUp(t);
  const spoil: [string, () => void][] = [];
  for (const at of [0, 31, 32, 40]) {
    spoil.push([
      `byte ${at} changed`,
      () => {
        const file = readFileSync(only());
        file.writeUInt8(file.readUInt8(at) ^ 1, at);
        writeFileSync(only(), file);
      },
    ]);
  }
  spoil.push(['cut short', () => writeFileSync(only(), readFileSync(only()).subarray(0, 40))]);
  spoil.push(['another secret', () => writeFileSync(secret, Buffer.alloc(32, 7))]);
  spoil.push(['no secret', () => rmSync(secret)]);
  for (const [what, spoilIt] of spoil) {
    await cache().write('kernel', bytes('translations'));
    assert.equal(text(await cache().read('kernel')), 'translations');
    spoilIt();
    assert.equal(await cache().read('kernel'), undefined, what);
    assert.deepEqual(readdirSync(folder), [], what);
  }
  await cache().write('kernel', bytes('translations'));
  const own = only();
  await cache().write('other', bytes('translations of the other'));
  for (const name of readdirSync(folder)) if (join(folder, name) !== own) renameSync(join(folder, name), own);
  assert.equal(await cache().read('kernel'), undefined, 'renamed');
});

test('another build of the engine finds nothing', async (t) => {
  const { cache, part, root } = setUp(t);
  await cache().write('kernel', bytes('translations'));
  writeFileSync(part, 'another engine');
  assert.equal(await cache().read('kernel'), undefined);
  const before = buildOf([pathToFileURL(root)]);
  utimesSync(part, 1, 1);
  assert.notEqual(buildOf([pathToFileURL(root)]), before, 'a file in a folder has changed');
});

test('the files not used for longest make room', async (t) => {
  const { cache, folder } = setUp(t);
  for (const name of ['a', 'b', 'c']) await cache().write(name, new Uint8Array(1000));
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1, 1);
  await cache().read('b');
  await cache(3200).write('d', new Uint8Array(1000));
  const left = await Promise.all(['a', 'b', 'c', 'd'].map(async (name) => ((await cache().read(name)) === undefined ? '' : name)));
  assert.equal(left.length, 4);
  assert.ok(left.includes('b') && left.includes('d'), left.join());
  assert.equal(left.filter((name) => name !== '').length, 3);
});

test('a folder that cannot be made costs nothing but the translations', async (t) => {
  const { part, secret } = setUp(t);
  const cache = new NodeTranslationCache({ folder: join(part, 'below a file'), secret, engine: [pathToFileURL(part)] });
  await cache.write('kernel', bytes('translations'));
  assert.equal(await cache.read('kernel'), undefined);
});

test('the folder: what was asked for, else the environment, else the usual one; off is none', () => {
  assert.equal(chosenFolder('/x', '/usual', { ZENDO_TRANSLATION_CACHE: '/y' }), '/x');
  assert.equal(chosenFolder(undefined, '/usual', { ZENDO_TRANSLATION_CACHE: '/y' }), '/y');
  assert.equal(chosenFolder(undefined, '/usual', {}), '/usual');
  assert.equal(chosenFolder('off', '/usual', {}), undefined);
  assert.equal(chosenFolder(undefined, '/usual', { ZENDO_TRANSLATION_CACHE: 'off' }), undefined);
});
