import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { OperatorError } from '../../base/operator-error.ts';
import { stateFolder } from './xdg.ts';

/**
 * The directory of the daemon's sockets and records: `$ZENDO_RUN_DIR`, else `zendo` below `$XDG_RUNTIME_DIR` or
 * `/run/user/<uid>`, else `~/.zendo/run`.
 */
export function runDirectoryPath(env: NodeJS.ProcessEnv = process.env): string {
  const { ZENDO_RUN_DIR: own, XDG_RUNTIME_DIR: runtime } = env;
  if (own !== undefined && own !== '') return own;
  if (runtime !== undefined && runtime !== '' && existsSync(runtime)) return join(runtime, 'zendo');
  const user = `/run/user/${process.getuid?.() ?? ''}`;
  return existsSync(user) ? join(user, 'zendo') : join(homedir(), '.zendo/run');
}

/**
 * The directory of what the daemon keeps (logs of consoles, cores, domains to start): `$ZENDO_STATE_DIR`, else `$ZENDO_RUN_DIR`, else
 * `zendo` below `$XDG_STATE_HOME` or `~/.local/state`.
 */
export function stateDirectoryPath(env: NodeJS.ProcessEnv = process.env): string {
  const { ZENDO_STATE_DIR: own, ZENDO_RUN_DIR: run } = env;
  return own || run || stateFolder(env);
}

/** Make the directory for its owner alone. Stops: others of this machine reaching or replacing the sockets. */
export function makeRunDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== process.getuid())) {
    throw new OperatorError(`the directory ${path} is not ours`, { hint: 'Remove it, or name another with ZENDO_RUN_DIR.' });
  }
  if ((found.mode & 0o077) !== 0) chmodSync(path, 0o700);
}

/**
 * When a process started, in a form that no later process of the same number has; empty where the host does not tell.
 * One that is dead, and only waits for its parent to notice, has none.
 */
function startOf(pid: number): string {
  try {
    // field 22, counted behind the name in parentheses, which may hold anything
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state = '', ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return 'ZX'.includes(state) ? 'dead' : (rest[18] ?? '');
  } catch {
    return '';
  }
}

function alive(owner: string): boolean {
  const [pid = '', start = ''] = owner.split(' ');
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return Number(pid) > 0 && (start === '' || startOf(Number(pid)) === start);
}

/**
 * Take the lock file at `path` for this process; false while another living process has it. The lock of a process that
 * was killed is taken over.
 */
export function takeLock(path: string): boolean {
  const mine = `${path}.${process.pid}`;
  writeFileSync(mine, `${process.pid} ${startOf(process.pid)}`);
  try {
    for (;;) {
      try {
        // makes the file with its contents at once, or fails
        linkSync(mine, path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      let owner: string;
      try {
        owner = readFileSync(path, 'latin1');
      } catch {
        continue; // just released
      }
      if (alive(owner)) return false;
      const aside = `${mine}.stale`;
      try {
        renameSync(path, aside);
      } catch {
        continue; // another one was quicker
      }
      // Between reading and moving, another process may have taken it over: then it is given back.
      const moved = readFileSync(aside, 'latin1');
      if (moved !== owner && alive(moved)) {
        try {
          linkSync(aside, path);
        } catch {
          // a third one has it now
        }
        rmSync(aside, { force: true });
        return false;
      }
      rmSync(aside, { force: true });
    }
  } finally {
    rmSync(mine, { force: true });
  }
}
