import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CPUID_FEATURES, cpuidFeature } from './cpuid.ts';
import { ROWS } from './opcodes.ts';

test('no name and no bit is given twice', () => {
  assert.equal(new Set(CPUID_FEATURES.map(({ name }) => name)).size, CPUID_FEATURES.length);
  assert.equal(new Set(CPUID_FEATURES.map(({ leaf, subleaf, register, bit }) => `${leaf}.${subleaf}.${register}.${bit}`)).size, CPUID_FEATURES.length);
  assert.deepEqual(cpuidFeature('nx')?.bit, 20);
  assert.equal(cpuidFeature('no such'), undefined);
});

test('every feature an opcode row asks for is one that a model can have', () => {
  const unknown = new Set(ROWS.flatMap(({ feature }) => (feature === undefined || cpuidFeature(feature) !== undefined ? [] : [feature])));
  assert.deepEqual([...unknown], []);
});

/** Flags that Linux sets or invents by itself, whatever the bit of that name says. */
const madeUpByLinux = new Set([
  'arat',
  'ibpb',
  'ibrs',
  'stibp',
  'ssbd',
  'lfence_rdtsc',
  'md_clear',
  'apic',
  '3dnowprefetch',
  'null_sel_clr_base',
  'btc_no',
  'srso_no',
]);

test("this host's kernel and processor agree with the table about every feature both know", (t) => {
  const missing =
    process.arch !== 'x64' || process.platform !== 'linux'
      ? 'not an x86-64 Linux'
      : spawnSync('gcc', ['--version']).status !== 0
        ? 'gcc is not installed'
        : undefined;
  if (missing !== undefined) {
    assert.ok(process.env['CI'] !== 'true' || process.arch !== 'x64', missing);
    t.skip(missing);
    return;
  }
  const flags = new Set(/^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '));
  const folder = mkdtempSync(join(tmpdir(), 'cpuid-'));
  try {
    const leaves = [...new Set(CPUID_FEATURES.map(({ leaf, subleaf }) => `${leaf},${subleaf}`))];
    const asks = leaves.map((at) => `  __cpuid_count(${at.replace(',', 'u,')}, a, b, c, d); printf("%u %u %u %u\\n", a, b, c, d);`);
    writeFileSync(
      join(folder, 'c.c'),
      `#include <cpuid.h>\n#include <stdio.h>\nint main(void) {\n  unsigned a, b, c, d;\n${asks.join('\n')}\n  return 0;\n}\n`,
    );
    const gcc = spawnSync('gcc', ['-o', 'c', 'c.c'], { cwd: folder, encoding: 'utf8' });
    assert.equal(gcc.status, 0, gcc.stderr);
    const answers = spawnSync(join(folder, 'c'), { encoding: 'utf8' }).stdout.trim().split('\n');
    const registers = new Map(leaves.map((at, i) => [at, (answers[i] ?? '').split(' ').map(Number)]));
    let compared = 0;
    for (const { name, leaf, subleaf, register, bit } of CPUID_FEATURES) {
      if (!flags.has(name) || madeUpByLinux.has(name)) continue;
      const value = registers.get(`${leaf},${subleaf}`)?.['eax ebx ecx edx'.split(' ').indexOf(register)] ?? 0;
      assert.equal((value >>> bit) & 1, 1, `${name} is a flag of this host, but its bit is clear`);
      compared++;
    }
    assert.ok(compared > 20, `only ${compared} features compared`);
    t.diagnostic(`${compared} features compared`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
