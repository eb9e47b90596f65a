import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { CRASH_MARK, crashGuest, crashGuestAddress } from '../../src/toolstack/guests/crash.ts';
import { loadKernel } from '../../src/toolstack/loader/domain-image.ts';
import { debianImages } from './debian-images.ts';

const main = fileURLToPath(new URL('../../src/apps/zendo/main.ts', import.meta.url));
const folder = temporaryFolder('gdb');
const missing = spawnSync('gdb', ['--version']).status === 0 || process.env['CI'] === 'true' ? false : 'gdb is not installed';

/** Run zendo with --gdb, and GDB with these commands on it. What each said, and zendo's exit status. */
async function debug(args: readonly string[], commands: readonly string[]) {
  const zendo = spawn(process.execPath, [main, ...args, '--gdb', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const ended = new Promise<number | null>((resolve) => void zendo.on('close', resolve));
  zendo.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
  });
  const port = await new Promise<string>((resolve, reject) => {
    zendo.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      const found = /target remote 127\.0\.0\.1:(\d+)/.exec(stderr)?.[1];
      if (found !== undefined) resolve(found);
    });
    zendo.on('close', () => reject(new Error(stderr)));
  });
  const script = [`target remote 127.0.0.1:${port}`, ...commands].flatMap((command) => ['-ex', command]);
  const gdb = spawn('gdb', ['-nx', '-batch', '-ex', 'set width 0', '-ex', 'set tcp connect-timeout 60', '-ex', 'set remotetimeout 120', ...script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [gdb.stdout, gdb.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  await new Promise((resolve) => gdb.on('close', resolve));
  return { gdb: said, status: await ended, stdout, stderr };
}

const at = (label: Parameters<typeof crashGuestAddress>[1]): string => `0x${crashGuestAddress('hypercall', label).toString(16)}`;

test('gdb on a guest of our own: registers, memory, breakpoints, steps, what is left of a crash', { skip: missing }, async () => {
  const kernel = join(folder, 'crash');
  await writeFile(kernel, crashGuest('hypercall'));
  const run = await debug(
    ['boot', '--kernel', kernel, '--memory', '16', '--timeout', '120'],
    [
      'echo [start]\\n',
      'p/x $pc',
      'p/x $cr0',
      'x/i $pc',
      'echo [outer]\\n',
      `break *${at('outer')}`,
      `hbreak *${at('inner')}`,
      'continue',
      'p/x $pc',
      'p/x $rbx',
      'p/x $cs',
      `x/2xb ${at('outer')}`,
      'echo [step]\\n',
      'stepi',
      'p/x $pc',
      'stepi 2',
      'p/x $pc',
      'echo [inner]\\n',
      'continue',
      'p/x $pc',
      'echo [watch]\\n',
      'watch -l *(long*)($rsp - 8)',
      'continue',
      'p/x $pc',
      'delete',
      'echo [write]\\n',
      'set $r15 = 0x7766554433221100',
      'p/x $r15',
      'set $xmm3.v2_int64[1] = 0x1234',
      'p/x $xmm3.v2_int64[1]',
      'set {long}0x180000 = 0x1122334455667788',
      'x/gx 0x180000',
      'x/gx 0x90000000000',
      'echo [crash]\\n',
      'continue',
      'p/x $r15',
      'info threads',
      'kill',
    ],
  );
  const part = (name: string): string => run.gdb.split(`[${name}]`)[1]?.split('[')[0] ?? '';
  assert.match(part('start'), new RegExp(`= ${at('entry')}\\b`));
  assert.match(part('start'), /= 0x11\b/);
  assert.match(part('start'), /lgdt/);
  assert.match(part('outer'), /Breakpoint 1, /);
  assert.match(part('outer'), new RegExp(`= ${at('outer')}\\b`));
  assert.match(part('outer'), new RegExp(`= 0x${CRASH_MARK.toString(16)}\\b`));
  assert.match(part('outer'), /= 0x8\b/);
  assert.match(part('outer'), /0x55\s+0x48/, 'push rbp, as the guest has it: no INT3');
  const outer = crashGuestAddress('hypercall', 'outer');
  assert.match(part('step'), new RegExp(`= 0x${(outer + 1).toString(16)}\\b`));
  assert.match(part('step'), new RegExp(`= ${at('middle')}\\b`));
  assert.match(part('inner'), /Breakpoint 2, /);
  assert.match(part('inner'), new RegExp(`= ${at('inner')}\\b`));
  assert.match(part('watch'), /Hardware watchpoint 3: [^\n]*\n\nOld value = 0\nNew value = \d+/);
  assert.match(part('watch'), new RegExp(`= 0x${(crashGuestAddress('hypercall', 'inner') + 1).toString(16)}\\b`), 'behind the push that wrote it');
  assert.match(part('write'), /= 0x7766554433221100\b/);
  assert.match(part('write'), /= 0x1234\b/);
  assert.match(part('write'), /0x180000:\s+0x1122334455667788/);
  assert.match(run.gdb, /Cannot access memory at address 0x90000000000/);
  assert.match(part('crash'), /SIGABRT/);
  assert.match(part('crash'), /= 0x7766554433221100\b/);
  assert.equal(run.status, 2, run.stderr);
  assert.match(run.stderr, /r15: 7766554433221100/);
});

test("gdb on Debian's kernel: from the first instruction to a function, then without gdb to the end", { skip: missing }, async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', { script: '#!/bin/sh\nmount -t proc proc /proc\necho here it ends\npoweroff -f\n' });
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const symbols = loadKernel(await readFile(images.kernel)).symbols();
  const address = (name: string): string => `0x${symbols?.addressOf(name)?.toString(16)}`;
  const run = await debug(
    ['boot', '--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--seed', '1', '--timeout', '300'],
    [
      `break *${address('start_kernel')}`,
      'continue',
      'p/x $pc',
      `x/s ${address('linux_banner')}`,
      'stepi',
      'delete',
      `hbreak *${address('rest_init')}`,
      'continue',
      'echo [rest]\\n',
      'p/x $pc',
      'info threads',
      'detach',
    ],
  );
  assert.match(run.gdb, /Breakpoint 1, /);
  assert.match(run.gdb, new RegExp(`= ${address('start_kernel')}\\b`));
  assert.match(run.gdb, /"Linux version 6\./);
  assert.match(run.gdb.split('[rest]')[1] ?? '', new RegExp(`= ${address('rest_init')}\\b`));
  assert.match(run.gdb, /vCPU 0/);
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /here it ends/);
});
