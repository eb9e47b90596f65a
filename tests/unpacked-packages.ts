import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { showPackage, updateLists } from '../src/host/node/debian/apt.ts';
import { defaultCacheFolder } from '../src/host/node/debian/debian-cache.ts';
import { runCommand } from '../src/host/node/debian/run-command.ts';

/**
 * The folder that Debian's `packages` were unpacked into (not installed), by this run or an earlier one; or why that cannot be.
 * It is kept in the cache as `kind`, under the version of the first package.
 */
export async function unpackedPackages(kind: string, packages: readonly [string, ...string[]]): Promise<string | { readonly missing: string }> {
  const kept = join(defaultCacheFolder(), kind);
  const first = packages[0];
  let record = await showPackage(runCommand, first).catch(() => undefined);
  if (record === undefined && process.getuid?.() === 0) {
    await updateLists(runCommand);
    record = await showPackage(runCommand, first).catch(() => undefined);
  }
  if (record === undefined) {
    const earlier = existsSync(kept) ? readdirSync(kept).find((name) => !name.startsWith('unfinished-')) : undefined;
    return earlier === undefined ? { missing: `apt has no ${first} (Debian 12 has)` } : join(kept, earlier);
  }
  const folder = join(kept, record.version.replaceAll(':', '%3a'));
  if (existsSync(folder)) return folder;
  mkdirSync(kept, { recursive: true });
  const unfinished = mkdtempSync(join(kept, 'unfinished-'));
  try {
    const fetched = await runCommand('apt-get', ['download', '-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20', ...packages], {
      cwd: unfinished,
    });
    if (fetched.status !== 0) return { missing: `Debian's ${first} cannot be fetched: ${fetched.stderr.trim()}` };
    for (const name of readdirSync(unfinished)) {
      const { status, stderr } = await runCommand('dpkg-deb', ['-x', name, 'files'], { cwd: unfinished });
      if (status !== 0) return { missing: `${name} cannot be unpacked: ${stderr.trim()}` };
    }
    try {
      renameSync(join(unfinished, 'files'), folder);
    } catch (error) {
      // another test file, which runs at the same time, may have been quicker
      if (!existsSync(folder)) throw error;
    }
    return folder;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
