import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, machine, release, tmpdir, version } from 'node:os';
import { join, resolve } from 'node:path';
import { type DaemonClient, findDaemon, needDaemon } from '../../src/apps/daemon/connect.ts';
import { places } from '../../src/apps/daemon/places.ts';
import { runXl } from '../../src/apps/xl/run-xl.ts';
import { startDetached } from '../../src/host/node/detached-process.ts';
import { unixSockets } from '../../src/host/node/local-socket.ts';
import { readWholeFile } from '../../src/host/node/read-whole-file.ts';
import { makeRunDirectory } from '../../src/host/node/run-directory.ts';
import { processTerminal } from '../../src/host/node/terminal.ts';

const root = resolve(import.meta.dirname, '../..');
const XL = join(root, 'src/apps/xl/main.ts');
const DAEMON = new URL('../../src/apps/daemon/main.ts', import.meta.url);

/** Output, `! ` errors, `= status`. */
const transcript = (out: string, err: string, status: number | null): string =>
  [out, ...err.split(/(?<=\n)/).map((line) => (line === '' ? '' : `! ${line}`)), `= ${status}`].join('');

/** A directory of our own with a daemon in it, and `xl` on that. */
export class Toolstack {
  readonly folder = mkdtempSync(join(tmpdir(), 'zendo-xl-'));
  readonly directory = join(this.folder, 'run');
  readonly env = { ...process.env, ZENDO_RUN_DIR: this.directory, ZENDO_MEMORY: '512' };

  /** Write a file into the folder; its path. */
  file(name: string, contents: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, contents);
    return path;
  }

  /** Run `xl`; what it printed, in the form of a transcript: output, `! ` errors, `= status`. */
  xl(...args: string[]): string {
    const { stdout, stderr, status } = spawnSync(process.execPath, [XL, ...args], {
      cwd: this.folder,
      env: this.env,
      encoding: 'utf8',
      input: '',
      timeout: PATIENCE * 1000,
    });
    return transcript(stdout, stderr, status);
  }

  /** As `xl`, without a process of its own. */
  async quickXl(...args: string[]): Promise<string> {
    const printed: [stream: 'out' | 'err', text: string][] = [];
    const daemon = await this.client();
    const status = await runXl(
      {
        daemon: async () => daemon,
        runningDaemon: async () => daemon,
        out: (text) => void printed.push(['out', text]),
        err: (text) => void printed.push(['err', text]),
        readFile: readWholeFile,
        resolve: (path) => resolve(this.folder, path),
        uuid: randomUUID,
        wall: Date.now,
        clock: () => new Date().toTimeString().slice(0, 8),
        after: (milliseconds, callback) => {
          const timer = setTimeout(callback, milliseconds);
          return () => clearTimeout(timer);
        },
        system: { host: hostname(), release: release(), version: version(), machine: machine() },
        terminal: processTerminal(),
        onInterrupt: () => () => {},
      },
      args,
    );
    daemon.close();
    const said = (stream: 'out' | 'err'): string => printed.flatMap(([to, text]) => (to === stream ? [text] : [])).join('');
    return transcript(said('out'), said('err'), status);
  }

  /** Start `xl` with a console to talk to; what it printed so far, and its end. */
  console(...args: string[]): { output: () => string; type: (text: string) => void; ended: Promise<number | null>; kill: () => void } {
    const child = spawn(process.execPath, [XL, ...args], { cwd: this.folder, env: this.env, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString('latin1');
    });
    return {
      output: () => output,
      type: (text) => void child.stdin.write(text),
      ended: new Promise((done) => child.on('exit', done)),
      kill: () => void child.kill('SIGKILL'),
    };
  }

  /** A connection to the daemon, which is started when none runs. */
  async client(): Promise<DaemonClient> {
    makeRunDirectory(this.directory);
    process.env['ZENDO_RUN_DIR'] = this.directory;
    process.env['ZENDO_MEMORY'] = '512';
    return await needDaemon({
      sockets: unixSockets,
      directory: this.directory,
      launch: () => startDetached(DAEMON, [], places(this.directory).log),
      after: (milliseconds, callback) => void setTimeout(callback, milliseconds),
    });
  }

  log(): string {
    return readFileSync(places(this.directory).log, 'utf8');
  }

  /** Kill the daemon, if one runs. */
  async kill(): Promise<void> {
    const client = await findDaemon({ sockets: unixSockets, directory: this.directory });
    if (client === undefined) return;
    const { pid } = await client.call('status', {});
    process.kill(pid, 'SIGKILL');
    await client.gone();
  }

  /** End the daemon, whatever its guests do, and take the folder away. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How long a test waits for what must come, in seconds: far longer than it takes, as a machine may be busy with other things. */
const PATIENCE = 240;

/** Wait until something holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < PATIENCE * 20; tries++) {
    if (await holds()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`it did not happen: ${what}`);
}
