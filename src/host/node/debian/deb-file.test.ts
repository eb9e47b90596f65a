import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatorError } from '../../../base/operator-error.ts';
import { decompress } from '../../../toolstack/loader/decompress/decompress.ts';
import { readAr } from './ar.ts';
import { DebFile, parseControl } from './deb-file.ts';
import { TarReader } from './tar.ts';
import { arArchive, concatenate, plainDeb, tarEnd, tarEntry } from './tar-fixture.test.ts';

const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));
const control = 'Package: demo\nVersion: 1:2.3-4\nDepends: a (>= 1) | b,\n c\nDescription: short\n long\n .\n';

test('control fields, with continuation lines, of the first stanza', () => {
  const fields = parseControl(`${control}\nPackage: other\n`);
  assert.equal(fields.get('Package'), 'demo');
  assert.equal(fields.get('Version'), '1:2.3-4');
  assert.equal(fields.get('Depends'), 'a (>= 1) | b,\nc');
});

test('a package without compression', () => {
  const deb = new DebFile(plainDeb(control, { 'boot/config': 'x', 'boot/vmlinuz-1': 'kernel' }), decompress);
  assert.equal(deb.control.get('Package'), 'demo');
  assert.equal(text(deb.find((path) => path.startsWith('boot/vmlinuz-'))?.data), 'kernel');
  assert.equal(
    deb.find((path) => path === 'nothing'),
    undefined,
  );
});

test('packages that dpkg-deb makes, with every compression it offers', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'deb-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'p/DEBIAN'), { recursive: true });
  mkdirSync(join(folder, 'p/boot'));
  mkdirSync(join(folder, 'p/lib'));
  const content = 'kernel '.repeat(5000);
  const long = `lib/${'n'.repeat(180)}`;
  writeFileSync(join(folder, 'p/DEBIAN/control'), 'Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: me <me@example.org>\nDescription: demo\n');
  writeFileSync(join(folder, 'p/boot/vmlinuz-1'), content);
  writeFileSync(join(folder, 'p', long), 'long');
  for (const compression of ['none', 'gzip', 'xz', 'zstd']) {
    const made = spawnSync('dpkg-deb', [`-Z${compression}`, '--build', 'p', `${compression}.deb`], { cwd: folder, encoding: 'utf8' });
    if (made.error !== undefined) {
      if (process.env['CI'] === 'true') assert.fail('dpkg-deb is needed for this test');
      t.skip('dpkg-deb is not installed');
      return;
    }
    if (made.status !== 0) {
      assert.match(made.stderr, /unknown compression/, made.stderr);
      continue;
    }
    const deb = new DebFile(new Uint8Array(readFileSync(join(folder, `${compression}.deb`))), decompress);
    assert.equal(deb.control.get('Package'), 'demo', compression);
    assert.equal(text(deb.find((path) => path === 'boot/vmlinuz-1')?.data), content, compression);
    assert.equal(text(deb.find((path) => path === long)?.data), 'long', compression);
  }
});

test('tar: long names (GNU and pax), prefixes, links, large numbers', () => {
  const longName = `dir/${'a'.repeat(150)}`;
  const record = (key: string, value: string): string => {
    const body = ` ${key}=${value}\n`;
    let length = body.length + 1;
    while (String(length).length + body.length !== length) length = String(length).length + body.length;
    return `${length}${body}`;
  };
  const link = tarEntry('link', '', '2');
  const archive = concatenate(
    tarEntry('././@LongLink', `${longName}\0`, 'L'),
    tarEntry(longName.slice(0, 100), 'gnu'),
    tarEntry('pax', record('mtime', '1.5') + record('path', `p/${longName}`), 'x'),
    tarEntry('short', 'pax'),
    link,
    tarEnd,
  );
  const reader = new TarReader();
  const seen = [];
  for (let e = reader.next(archive); e !== undefined; e = reader.next(archive)) seen.push([e.path, e.kind, text(e.data)]);
  assert.deepEqual(seen, [
    [longName, 'file', 'gnu'],
    [`p/${longName}`, 'file', 'pax'],
    ['link', 'symlink', ''],
  ]);
});

test('tar: entries appear as the archive grows', () => {
  const archive = concatenate(tarEntry('a', 'x'.repeat(1000)), tarEntry('b', 'y'), tarEnd);
  const reader = new TarReader();
  const seen: [number, string][] = [];
  for (let length = 0; length <= archive.length; length += 100) {
    for (let e = reader.next(archive.subarray(0, length)); e !== undefined; e = reader.next(archive.subarray(0, length))) seen.push([length, e.path]);
  }
  assert.deepEqual(seen, [
    [1600, 'a'],
    [2100, 'b'],
  ]);
});

test('damaged packages are refused with an operator error', () => {
  const good = plainDeb(control, { 'boot/vmlinuz-1': 'kernel' });
  for (const cut of [0, 7, 8, 30, 68, 80, 200, 700, 1500]) assert.throws(() => new DebFile(good.subarray(0, cut), decompress), OperatorError, `cut to ${cut}`);
  assert.throws(() => new DebFile(arArchive([['debian-binary', '3.0\n']]), decompress), OperatorError);
  assert.throws(() => new DebFile(arArchive([['debian-binary', '2.0\n']]), decompress), /control\.tar/);
  const bad = good.slice();
  bad[good.length - 1100] = 0xff;
  const file = new DebFile(bad, decompress);
  assert.ok(file.control.size > 0);
});

test('any bytes end in an operator error or in a result', () => {
  const good = plainDeb(control, { 'boot/vmlinuz-1': 'kernel', b: 'c' });
  const onlyOperatorErrors = (run: () => unknown): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
    }
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.nat(good.length), (changes, cut) => {
      const bytes = good.slice(0, cut < 200 ? good.length : cut);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      onlyOperatorErrors(() => new DebFile(bytes, decompress).find((path) => path === 'b'));
    }),
    { numRuns: 500, seed: 4 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      onlyOperatorErrors(() => readAr(concatenate(new TextEncoder().encode('!<arch>\n'), bytes)));
      onlyOperatorErrors(() => {
        const reader = new TarReader();
        while (reader.next(bytes) !== undefined);
      });
    }),
    { numRuns: 300, seed: 5 },
  );
});
