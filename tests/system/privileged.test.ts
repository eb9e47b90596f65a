import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { pvhElf } from '../../src/toolstack/guests/pvh-elf.ts';
import { runKernel } from '../guests/kit/run-guest.ts';
import { QEMU_ERRORS } from './qemu-errors.ts';

/** Privileged, protected, real-mode, virtual-8086, paging and mode-switching rows, on QEMU's TCG and on Zendo, line by line. */

const BASE = 0x100000;
const QEMU = 'qemu-system-x86_64';
const source = fileURLToPath(new URL('privileged.asm', import.meta.url));

/** Lines as [name, result]: indented ones carry the name of the heading above them, and lines without a name that of the case above. */
function cases(text: string): [string, string][] {
  const out: [string, string][] = [];
  let heading = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, indent, name, result] = /^( *)(.*): (.*)$/.exec(line) ?? [];
    if (name === undefined || indent === undefined || result === undefined) {
      if (line.startsWith('    ')) out.push([`${out.at(-1)?.[0]}, flags, CS, result`, line.trim()]);
      else heading = line;
    } else out.push([indent !== '' && heading !== '' ? `${heading}: ${name}` : name, result]);
  }
  return out;
}

/** A program that the test cannot do without under CI; elsewhere it is skipped. */
function missing(program: string, option: string): string | undefined {
  if (spawnSync(program, [option]).error === undefined) return undefined;
  if (process.env['CI'] === 'true') assert.fail(`${program} is needed`);
  return `${program} is not installed`;
}

test('privileged instructions and modes are as on QEMU, its known errors aside', async (t) => {
  const reason = missing('nasm', '-v') ?? missing(QEMU, '--version');
  if (reason !== undefined) {
    t.skip(reason);
    return;
  }
  const folder = temporaryFolder('system');
  const binary = join(folder, 'privileged.bin');
  const assembled = spawnSync('nasm', ['-f', 'bin', '-o', binary, source], { encoding: 'utf8' });
  assert.equal(assembled.status, 0, assembled.stderr);
  const elf = pvhElf(new Uint8Array(readFileSync(binary)), BASE, BASE);
  const kernel = join(folder, 'privileged.elf');
  writeFileSync(kernel, elf);

  const qemu = spawnSync(
    QEMU,
    [
      ...['-accel', 'tcg', '-cpu', 'max', '-m', '64', '-M', 'pc', '-display', 'none', '-no-reboot', '-debugcon', 'stdio'],
      ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
    ],
    { encoding: 'latin1', timeout: 120_000, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  assert.equal(qemu.status, 1, `QEMU: ${qemu.stderr}`);
  const run = await runKernel(elf, { memory: 64 });
  assert.equal(run.status, 0, run.messages.join('\n'));

  const theirs = cases(qemu.stdout);
  const ours = cases(run.console);
  assert.deepEqual(
    ours.map(([name]) => name),
    theirs.map(([name]) => name),
  );
  assert.ok(ours.length > 200, `${ours.length} cases`);
  assert.equal(new Set(ours.map(([name]) => name)).size, ours.length, 'names are unique');
  const known = new Map(QEMU_ERRORS.map((each) => [each.name, each]));
  const pinned = /version 7\.2/.test(spawnSync(QEMU, ['--version'], { encoding: 'utf8' }).stdout);
  for (const [i, [name, result]] of ours.entries()) {
    const other = theirs[i]?.[1];
    const error = known.get(name);
    known.delete(name);
    assert.equal(result, error?.right ?? other, `${name}${error === undefined ? '' : ` (${error.reason})`}`);
    // Other versions of QEMU have other errors; the list is 7.2's.
    if (error !== undefined && pinned) assert.notEqual(other, result, `${name}: QEMU is right, take it off the list`);
  }
  assert.deepEqual([...known.keys()], [], 'the list names cases that there are not');
});
