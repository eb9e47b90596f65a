import { accessSync, constants, existsSync, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, totalmem } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function directory(path: string): { path: string; problem: string | undefined; free: number } {
  let problem: string | undefined;
  let free = 0;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    problem = messageOf(error);
  }
  try {
    let there = path;
    while (!existsSync(there)) there = dirname(there);
    const { bavail, bsize } = statfsSync(there);
    free = bavail * bsize;
  } catch {
    // the host does not tell
  }
  return { path, problem, free };
}

function available(): number {
  try {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1];
    return kib === undefined ? totalmem() : Number(kib) * 1024;
  } catch {
    return totalmem();
  }
}

function memoriesProblem(): string | undefined {
  try {
    for (let i = 0; i < 2; i++) new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const portProblem = (): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(error.message));
    server.listen(0, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });

function isThere(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== '';
    } catch {
      return false;
    }
  });
}

/** Look at this host. `programs`: names to look for on PATH. */
export async function hostFacts(folders: { readonly run: string; readonly state: string; readonly cache: string }, programs: readonly string[]) {
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    memory: totalmem(),
    available: available(),
    cores: availableParallelism(),
    memoriesProblem: memoriesProblem(),
    portProblem: await portProblem(),
    run: directory(folders.run),
    state: directory(folders.state),
    cache: directory(folders.cache),
    programs: new Set(programs.filter(isThere)),
  };
}
