import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../bin/zendo.js', import.meta.url));

/** How a run of the command ended. */
export interface ZendoRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The object of --json, undefined without it. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** Run `zendo` with arguments in a process of its own; `input` is typed when the run is under way. */
export function runZendo(args: readonly string[], input?: { readonly after: RegExp; readonly bytes: string }[]): Promise<ZendoRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'], env: { ZENDO_TRANSLATION_CACHE: 'off', ...process.env } });
    const waiting = [...(input ?? [])];
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      stdout += text;
      while (waiting[0]?.after.test(stdout)) child.stdin.write(waiting.shift()?.bytes ?? '');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (status) => {
      const line = stderr.split('\n').findLast((each) => each.startsWith('{"end"'));
      resolve({ status, stdout, stderr, json: line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>) });
    });
    if (input === undefined) child.stdin.end();
  });
}
