import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { updateLists } from '../../src/host/node/debian/apt.ts';
import { type RunCommand, runCommand } from '../../src/host/node/debian/run-command.ts';

/** For how long lists are good, in milliseconds. */
const FRESH = 86_400_000;

/**
 * Runs apt's programs for another architecture than the host's, with lists of their own in `folder`: neither root nor a change of the
 * host's architectures is needed. The lists are fetched when apt is asked first, from the archives that the host uses.
 */
export function foreignApt(architecture: string, folder: string): RunCommand {
  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'Acquire::GzipIndexes': 'true',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': '',
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const run: RunCommand = (program, args, where) => runCommand(program, [...options, ...args], where);
  let fresh: Promise<void> | undefined;
  return async (program, args, where) => {
    fresh ??= renewLists(run, folder);
    await fresh;
    return run(program, args, where);
  };
}

async function renewLists(run: RunCommand, folder: string): Promise<void> {
  const stamp = join(folder, 'renewed');
  const age = await stat(stamp).then(
    ({ mtimeMs }) => Math.abs(Date.now() - mtimeMs),
    () => Number.POSITIVE_INFINITY,
  );
  if (age < FRESH) return;
  for (const each of ['lists/partial', 'archives/partial']) await mkdir(join(folder, each), { recursive: true });
  await writeFile(join(folder, 'status'), '');
  const { status } = await updateLists(run);
  // older lists, where there are some, may still do
  if (status === 0) await writeFile(stamp, '');
  else await rm(stamp, { force: true });
}
