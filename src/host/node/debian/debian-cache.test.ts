import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OperatorError } from '../../../base/operator-error.ts';
import { decompress } from '../../../toolstack/loader/decompress/decompress.ts';
import { dependencies } from './apt.ts';
import { DebianCache, type DebianCacheOptions, type DebianProgress, defaultCacheFolder } from './debian-cache.ts';
import type { CommandResult, RunCommand } from './run-command.ts';
import { plainDeb } from './tar-fixture.test.ts';

const META = 'linux-image-cloud-amd64';

/** An apt of the test's own: what it knows, and how often it was asked. */
class FakeApt {
  version = '6.1.1-1';
  missing = false;
  offline = false;
  listsEmpty = false;
  wrongHash = false;
  readonly calls: string[] = [];

  private deb(): Uint8Array {
    return plainDeb(`Package: linux-image-6.1.0-9-cloud-amd64\nVersion: ${this.version}\n`, {
      'boot/System.map-6.1.0-9': 'x',
      'boot/vmlinuz-6.1.0-9-cloud-amd64': `kernel ${this.version}`,
    });
  }

  readonly run: RunCommand = async (program, args, options) => {
    this.calls.push(`${program} ${args[0]}`);
    const answer = (status: number, stdout = '', stderr = ''): CommandResult => ({ status, missing: false, stdout, stderr });
    if (this.missing) return { status: undefined, missing: true, stdout: '', stderr: '' };
    if (args[0] === 'update') {
      if (this.offline) return answer(100, '', 'E: Temporary failure resolving');
      this.listsEmpty = false;
      return answer(0);
    }
    if (args[0] === 'show') {
      if (this.listsEmpty) return answer(100, '', 'E: No packages found');
      const name = args.at(-1);
      const common = `Version: ${this.version}\nArchitecture: amd64\n`;
      if (name === 'apt') return answer(0, `Package: apt\n${common}SHA256: ${'0'.repeat(64)}\n`);
      // (another one's name begins with a number, but is no version)
      if (name === META || name === 'linux-image-686-pae')
        return answer(0, `Package: ${name}\n${common}Depends: linux-image-6.1.0-9-cloud-amd64 (= ${this.version})\n`);
      if (name === 'linux-image-6.1.0-9-cloud-amd64') {
        const hash = createHash('sha256').update(this.deb()).digest('hex');
        return answer(
          0,
          `Package: ${name}\n${common}Depends: kmod, linux-base\nSize: ${this.deb().length}\nSHA256: ${this.wrongHash ? 'f'.repeat(64) : hash}\n`,
        );
      }
      return answer(100, '', 'E: No packages found');
    }
    if (args[0] === 'download') {
      if (this.offline) return answer(100, '', "W: ignored\nE: Failed to fetch http://example.org/x.deb  Could not resolve 'example.org'");
      writeFileSync(join(options!.cwd!, 'some.deb'), this.deb());
      return answer(0);
    }
    throw new Error(`unexpected ${program} ${args.join(' ')}`);
  };
}

function setUp(t: TestContext): { apt: FakeApt; folder: string; cache: (more?: Partial<DebianCacheOptions>) => DebianCache; steps: DebianProgress[] } {
  const folder = mkdtempSync(join(tmpdir(), 'cache-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const apt = new FakeApt();
  const steps: DebianProgress[] = [];
  const cache = (more: Partial<DebianCacheOptions> = {}): DebianCache =>
    new DebianCache({ decompress, folder, run: apt.run, onProgress: (p) => steps.push(p), freshFor: 0, mayUpdate: false, ...more });
  return { apt, folder, cache, steps };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('a meta package leads to its image, whose kernel is taken out and kept', async (t) => {
  const { apt, folder, cache, steps } = setUp(t);
  const kernel = await cache().kernel(META);
  assert.equal(kernel.package, 'linux-image-6.1.0-9-cloud-amd64');
  assert.equal(kernel.path, 'boot/vmlinuz-6.1.0-9-cloud-amd64');
  assert.equal(text(kernel.data), 'kernel 6.1.1-1');
  assert.deepEqual([...new Set(steps.map((s) => s.step))], ['resolve', 'download', 'verify', 'unpack']);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('download-')),
    [],
  );
  apt.calls.length = 0;
  assert.deepEqual(await cache().kernel(META), kernel);
  assert.ok(!apt.calls.includes('apt-get download'), 'not fetched twice');
  apt.calls.length = 0;
  assert.deepEqual(await cache({ freshFor: 60_000 }).kernel(META), kernel);
  assert.deepEqual(apt.calls, [], 'within a day apt is not even asked');
});

test('a meta package may have a number for a name', async (t) => {
  const { cache } = setUp(t);
  assert.equal((await cache().kernel('linux-image-686-pae')).package, 'linux-image-6.1.0-9-cloud-amd64');
});

test('a newer version replaces the kept one', async (t) => {
  const { apt, cache } = setUp(t);
  await cache().kernel(META);
  apt.version = '6.1.2-1';
  assert.equal(text((await cache().kernel(META)).data), 'kernel 6.1.2-1');
});

test('what was kept serves when the network or apt itself is gone', async (t) => {
  const { apt, cache, steps } = setUp(t);
  await cache().kernel(META);
  apt.version = '6.1.2-1';
  apt.offline = true;
  assert.equal(text((await cache().kernel(META)).data), 'kernel 6.1.1-1');
  assert.match(steps.at(-1)!.what, /cannot be fetched/);
  apt.missing = true;
  assert.equal(text((await cache().kernel(META)).data), 'kernel 6.1.1-1');
});

test('without anything kept the error says why and what to do', async (t) => {
  const { apt, cache } = setUp(t);
  apt.offline = true;
  await assert.rejects(cache().kernel(META), (e) => e instanceof OperatorError && /Could not resolve/.test(e.details ?? '') && /network/.test(e.hint ?? ''));
  apt.offline = false;
  apt.wrongHash = true;
  await assert.rejects(cache().kernel(META), /not what apt's lists say/);
  apt.wrongHash = false;
  await assert.rejects(cache().kernel('linux-image-nonesuch'), /does not know the package/);
  await assert.rejects(cache().kernel('--option'), /not the name of a Debian package/);
  await assert.rejects(cache().busybox(), /does not know the package busybox-static/);
  apt.missing = true;
  await assert.rejects(cache().kernel(META), /apt is not installed/);
});

test('empty lists are renewed by root only', async (t) => {
  const { apt, cache } = setUp(t);
  apt.listsEmpty = true;
  await assert.rejects(cache().kernel(META), /apt-get update/);
  assert.ok(!apt.calls.includes('apt-get update'));
  assert.equal(text((await cache({ mayUpdate: true }).kernel(META)).data), 'kernel 6.1.1-1');
  assert.ok(apt.calls.includes('apt-get update'));
});

test('a damaged memory is forgotten, also one that points out of the cache', async (t) => {
  const { folder, cache, steps } = setUp(t);
  await cache().kernel(META);
  for (const damage of ['', 'null', '[]', '{"package":"../../etc","version":"1","architecture":"a","path":"x"}']) {
    writeFileSync(join(folder, `${META}.vmlinuz.json`), damage);
    steps.length = 0;
    assert.equal(text((await cache({ freshFor: 60_000 }).kernel(META)).data), 'kernel 6.1.1-1');
    assert.ok(steps.some((s) => s.step === 'download'));
  }
});

test('a cache that cannot be written is an operator error', async (t) => {
  const { folder, cache } = setUp(t);
  // root may write into every folder, but nobody below a file
  writeFileSync(join(folder, 'file'), '');
  await assert.rejects(cache({ folder: join(folder, 'file/below') }).kernel(META), /XDG_CACHE_HOME/);
});

test('a cancelled fetch throws the reason it was cancelled for', async (t) => {
  const { cache } = setUp(t);
  await assert.rejects(cache({ signal: AbortSignal.abort(new Error('enough')) }).kernel(META), /enough/);
});

test('the folder follows XDG_CACHE_HOME where it is absolute', () => {
  assert.equal(defaultCacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/zendo/debian');
  assert.match(defaultCacheFolder({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/zendo\/debian$/);
});

test('dependencies: first alternatives, without versions', () => {
  assert.deepEqual(dependencies('aa (>= 1) | bb, c-c:any,d+d'), ['aa', 'c-c', 'd+d']);
  assert.deepEqual(dependencies(''), []);
});
