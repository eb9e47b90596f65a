import { spawn } from 'node:child_process';

/** How a command ended. `missing`: there is no such program. */
export interface CommandResult {
  readonly status: number | undefined;
  readonly missing: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a program and collects what it prints; never rejects for what the program does. */
export type RunCommand = (program: string, args: readonly string[], options?: CommandOptions) => Promise<CommandResult>;

/** The tail of a command's output that is kept, in characters: enough for any error message. */
const KEPT = 1 << 20;

/** Run a program of the host, with messages in English, no terminal and no questions asked. */
export const runCommand: RunCommand = (program, args, { cwd, signal } = {}) =>
  new Promise((resolve) => {
    const child = spawn(program, [...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C.UTF-8', LANGUAGE: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      ...(signal === undefined ? {} : { signal }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-KEPT);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-KEPT);
    });
    let failure: NodeJS.ErrnoException | undefined;
    child.on('error', (error: NodeJS.ErrnoException) => {
      failure = error;
      if (child.pid === undefined) resolve({ status: undefined, missing: error.code === 'ENOENT', stdout, stderr: stderr || error.message });
    });
    child.on('close', (status) =>
      resolve({ status: status ?? undefined, missing: false, stdout, stderr: failure === undefined ? stderr : `${stderr}${failure.message}` }),
    );
  });
