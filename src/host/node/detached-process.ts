import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Log files beyond this are set aside when the next process starts, in bytes. */
const LOG_LIMIT = 1 << 20;

/** Start a Node program that lives on by itself and writes its output to `log`. Settles with its end, if we see it. */
export function startDetached(script: URL, args: readonly string[], log: string): Promise<void> {
  try {
    if (statSync(log).size > LOG_LIMIT) renameSync(log, `${log}.old`);
  } catch {
    // there is none yet
  }
  const file = openSync(log, 'a', 0o600);
  const cache = getCompileCacheDir();
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', file, file],
    env: { ...process.env, ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) },
  });
  closeSync(file);
  child.unref();
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.on('error', () => resolve());
  });
}
