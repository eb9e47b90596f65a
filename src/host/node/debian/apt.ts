/** Asking apt what it knows, and having it fetch packages, without root. @see apt-cache(8), apt-get(8) */
import { OperatorError } from '../../../base/operator-error.ts';
import { parseControl } from './deb-file.ts';
import type { CommandResult, RunCommand } from './run-command.ts';

/** What apt's lists say about a package's candidate version. */
export interface AptRecord {
  readonly package: string;
  readonly version: string;
  readonly architecture: string;
  readonly depends: string;
  /** Lower-case hex, where the lists have it. */
  readonly sha256: string | undefined;
  /** Bytes. */
  readonly size: number | undefined;
}

/** Why apt could not help: the caller may have something in its cache. */
export class AptError extends OperatorError {
  override readonly name = 'AptError';
}

const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+(:[a-z0-9]+)?$/;

/** The candidate record of `name`, or undefined when apt's lists do not know it. Throws AptError when there is no apt. */
export async function showPackage(run: RunCommand, name: string): Promise<AptRecord | undefined> {
  if (!PACKAGE_NAME.test(name)) throw new AptError(`${JSON.stringify(name)} is not the name of a Debian package`);
  const result = await run('apt-cache', ['show', '--no-all-versions', name]);
  if (result.missing) throw noApt();
  const fields = parseControl(result.stdout);
  const [found, version, architecture] = [fields.get('Package'), fields.get('Version'), fields.get('Architecture')];
  if (result.status !== 0 || found === undefined || version === undefined || architecture === undefined) return undefined;
  const sha256 = fields.get('SHA256')?.toLowerCase();
  const size = Number(fields.get('Size'));
  return {
    package: found,
    version,
    architecture,
    depends: fields.get('Depends') ?? '',
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    size: Number.isSafeInteger(size) && size > 0 ? size : undefined,
  };
}

/** Renew apt's lists; true when it worked. Needs root. */
export async function updateLists(run: RunCommand): Promise<CommandResult> {
  return run('apt-get', ['update', '-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20']);
}

/** Have apt put the .deb of `record` into the folder `into`; apt checks it against its signed lists. */
export async function downloadPackage(run: RunCommand, record: AptRecord, into: string, signal: AbortSignal | undefined): Promise<void> {
  const args = ['download', '-q', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20', `${record.package}=${record.version}`];
  const result = await run('apt-get', args, { cwd: into, signal });
  if (result.missing) throw noApt();
  signal?.throwIfAborted();
  if (result.status !== 0) {
    const errors = result.stderr.split('\n').filter((line) => line.startsWith('E:'));
    throw new AptError(`the Debian package ${record.package} ${record.version} cannot be fetched`, {
      details: (errors.length > 0 ? errors : [result.stderr.trim()]).slice(0, 4).join('\n'),
      hint: offlineHint(result.stderr),
    });
  }
}

function offlineHint(stderr: string): string {
  if (/404\s+Not Found/i.test(stderr)) return "apt's lists are older than the archive: run `apt-get update` as root, then try again.";
  if (/resolv|connect|network|timed out|unreachable/i.test(stderr)) return 'Check the network connection, or boot a kernel of your own with --kernel FILE.';
  return 'Try `apt-get download` by hand to see more, or boot a kernel of your own with --kernel FILE.';
}

export function noApt(): AptError {
  return new AptError('apt is not installed on this host', {
    details: 'Debian packages are fetched with `apt-cache` and `apt-get download` (no root needed).',
    hint: 'Run on Debian, or boot a kernel of your own with --kernel FILE and --initrd FILE.',
  });
}

/** The packages a Depends field names, versions and alternatives left out: the first of each group. */
export function dependencies(depends: string): string[] {
  return depends
    .split(',')
    .map((group) => /^\s*([a-z0-9][a-z0-9+.-]+)/.exec(group)?.[1])
    .filter((name) => name !== undefined);
}
