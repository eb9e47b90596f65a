import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatorError } from '../../base/operator-error.ts';
import { checkInitrd } from '../loader/domain-initrd.ts';
import { readApplets } from './busybox-applets.ts';
import { type CpioEntry, readCpio, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, writeCpio } from './cpio.ts';
import { acceptanceInit, interactiveInit, SEQUENCE_SHA256 } from './init-scripts.ts';
import { buildInitramfs } from './initramfs.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);

test('cpio: what is written is read back', () => {
  const entry = fc.record(
    {
      path: fc.stringMatching(/^[a-zé][a-z0-9/._-]{0,60}$/),
      mode: fc.constantFrom(S_IFREG | 0o644, S_IFDIR | 0o755, S_IFLNK | 0o777),
      data: fc.uint8Array({ maxLength: 300 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
      const archive = writeCpio(entries);
      assert.equal(archive.length % 4, 0);
      assert.deepEqual(
        readCpio(archive).map((e) => ({ ...e, data: new Uint8Array(e.data) })),
        entries,
      );
      assert.equal(checkInitrd(archive), archive);
    }),
    { numRuns: 200, seed: 1 },
  );
  const node: CpioEntry = { path: 'dev/console', mode: S_IFCHR | 0o600, data: new Uint8Array(0), device: { major: 5, minor: 1 } };
  assert.deepEqual(readCpio(writeCpio([node]))[0]?.device, { major: 5, minor: 1 });
});

test('cpio: the same entries give the same bytes', () => {
  const entries = [{ path: 'a', mode: S_IFREG | 0o644, data: text('x') }];
  assert.deepEqual(writeCpio(entries), writeCpio(entries));
});

test('cpio: impossible paths are refused', () => {
  for (const path of ['', 'a\0b', 'x'.repeat(4096)]) assert.throws(() => writeCpio([{ path, mode: S_IFREG, data: text('') }]), OperatorError);
});

test('cpio: any bytes end in entries or an operator error', () => {
  const good = writeCpio([
    { path: 'a', mode: S_IFREG | 0o644, data: text('hello') },
    { path: 'b', mode: S_IFLNK | 0o777, data: text('a') },
  ]);
  for (let cut = 0; cut < good.length - 13; cut += 5) assert.throws(() => readCpio(good.subarray(0, cut)), OperatorError);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }), (changes) => {
      const bytes = good.slice();
      for (const [at, value] of changes) bytes[at] = value;
      try {
        readCpio(bytes);
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
      }
    }),
    { numRuns: 500, seed: 2 },
  );
});

const applets = ['[', '[[', 'ash', 'awk', 'busybox', 'cat', 'cttyhack', 'ls', 'mount', 'poweroff', 'sh', 'xz-x'];
const fakeBusybox = text(`\x7fELF\0\0[\0[[\0no\0junk\0${'\0'}${['', ...applets].join('\0')}\0\0more`);

test('applet names are read out of the program', () => {
  assert.deepEqual(readApplets(fakeBusybox), applets);
  assert.equal(readApplets(text('no applets here')), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const names = readApplets(bytes);
      assert.ok(names === undefined || names.length > 0);
    }),
    { numRuns: 200, seed: 3 },
  );
});

test('an initramfs has /init, a console, busybox and all its names', () => {
  const archive = buildInitramfs({ busybox: fakeBusybox, init: 'interactive', files: [{ path: '/opt/data/x', data: 'hi', mode: 0o755 }] });
  const entries = new Map(readCpio(archive).map((e) => [e.path, e]));
  assert.equal(entries.get('init')?.mode, S_IFREG | 0o755);
  assert.equal(new TextDecoder().decode(entries.get('init')?.data), interactiveInit);
  assert.deepEqual(entries.get('dev/console')?.device, { major: 5, minor: 1 });
  for (const name of applets) assert.equal(entries.get(`bin/${name}`)?.mode, name === 'busybox' ? S_IFREG | 0o755 : S_IFLNK | 0o777);
  assert.equal(entries.get('opt/data')?.mode, S_IFDIR | 0o755);
  assert.equal(entries.get('opt/data/x')?.mode, S_IFREG | 0o755);
  assert.equal(entries.get('sbin/poweroff')?.mode, S_IFREG | 0o755, 'what the kernel calls for an orderly end');
  const order = [...entries.keys()];
  for (const path of order) {
    const parent = path.split('/').slice(0, -1).join('/');
    if (parent !== '') assert.ok(order.indexOf(parent) < order.indexOf(path), `${parent} comes before ${path}`);
  }
});

test('an initramfs is refused without a busybox, or with a path that leads out', () => {
  assert.throws(() => buildInitramfs({ busybox: text('nothing'), init: 'interactive' }), OperatorError);
  for (const path of ['', '/', '../x', 'a/../../b', 'a//b']) {
    assert.throws(() => buildInitramfs({ busybox: fakeBusybox, init: { script: '#!/bin/sh\n' }, files: [{ path, data: '' }] }), OperatorError);
  }
});

test('the init scripts are shell, and the digest in them is right', (t) => {
  const lines = Array.from({ length: 20000 }, (_, i) => `${i + 1}\n`).join('');
  assert.equal(createHash('sha256').update(lines).digest('hex'), SEQUENCE_SHA256);
  assert.equal(lines.length, 108894);
  const folder = mkdtempSync(join(tmpdir(), 'init-'));
  try {
    for (const [name, script] of Object.entries({ interactiveInit, acceptanceInit })) {
      assert.match(script, /^#!\/bin\/sh\n/);
      const path = join(folder, name);
      writeFileSync(path, script);
      const checked = spawnSync('sh', ['-n', path], { encoding: 'utf8' });
      if (checked.error !== undefined) return t.skip('sh is not installed');
      assert.equal(checked.status, 0, checked.stderr);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
