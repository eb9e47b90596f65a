const REASONS: Readonly<Record<string, string>> = { ENOSPC: 'no space left on device', EDQUOT: 'the quota of the disk is used up', EIO: 'input/output error' };

/**
 * Let the process live on when what it writes to stdout or stderr cannot be taken. A reader that went away (EPIPE) is nothing to talk about, as
 * the rest is for nobody; anything else is said once, and the process ends with status 1 where it would end with 0.
 */
export function surviveFullOutput(program: string): void {
  let failed = false;
  const failure =
    (name: 'stdout' | 'stderr') =>
    ({ code = '', message }: NodeJS.ErrnoException): void => {
      if (failed || code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') return;
      failed = true;
      if (name === 'stdout') process.stderr.write(`${program}: the output cannot be written: ${REASONS[code] ?? message}\n`);
    };
  process.stdout.on('error', failure('stdout'));
  process.stderr.on('error', failure('stderr'));
  process.on('exit', (status) => {
    if (failed && status === 0) process.exitCode = 1;
  });
}
