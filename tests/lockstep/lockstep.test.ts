import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AgainstQemu, type QemuOutcome } from '../../scripts/lockstep/against-qemu.ts';
import { TwoConfigurations } from '../../scripts/lockstep/two-configurations.ts';
import { temporaryFolder } from '../../src/base/testing/temporary-folder.ts';
import { lockstepGuest } from './guest.ts';

const folder = temporaryFolder('lockstep');
const guests = { plain: lockstepGuest(), early: lockstepGuest('early'), late: lockstepGuest('late') };
const file = (name: keyof typeof guests): string => join(folder, `${name}.elf`);
for (const name of ['plain', 'early', 'late'] as const) writeFileSync(file(name), guests[name].elf);

const qemuMissing = spawnSync('qemu-system-x86_64', ['--version']).status === 0 || process.env['CI'] === 'true' ? false : 'qemu-system-x86_64 is not installed';

/** `plain` on QEMU and the named guest on Zendo. */
const againstQemu = (name: keyof typeof guests): Promise<QemuOutcome> =>
  new AgainstQemu({
    ...{ kernel: file(name), qemuKernel: file('plain'), entry: 0x100000n, memory: 16, options: [] },
    ...{ steps: 2000, patience: 60_000, folder, name: (address) => address.toString(16), onProgress: () => {} },
  }).find();

test('Zendo and QEMU do the same, CPUID and time aside', { skip: qemuMissing }, async () => {
  const outcome = await againstQemu('plain');
  assert.equal(outcome.end, 'ended', JSON.stringify(outcome.values));
  assert.match(outcome.at, /out 0xf4,eax/);
  assert.ok(outcome.runs >= 1, 'the loop was not stepped to its end');
});

test('an instruction that does something else than on QEMU is found', { skip: qemuMissing }, async (t) => {
  await t.test('where it is met first', async () => {
    const outcome = await againstQemu('early');
    assert.equal(outcome.end, 'difference');
    assert.equal(outcome.address, guests.early.address, outcome.at);
    assert.deepEqual(
      outcome.values.map(({ what }) => what),
      ['rbx'],
    );
  });
  await t.test('in a late round of a loop', async () => {
    const outcome = await againstQemu('late');
    assert.equal(outcome.end, 'difference');
    assert.equal(outcome.address, guests.late.address, outcome.at);
    assert.deepEqual(
      outcome.values.map(({ what }) => what),
      ['r10'],
    );
  });
});

test('two configurations of the engine', async (t) => {
  const compare = (b: readonly string[], until: number) =>
    new TwoConfigurations({
      ...{ guest: ['--kernel', file('plain'), '--memory', '16'], configurations: [['--promote-after', '0'], b], until, folder, onProgress: () => {} },
    }).find();
  await t.test('that do the same', async () => assert.equal(await compare(['--promote-after', '1'], 2000), undefined));
  await t.test('that differ from the first CPUID on', async () => {
    const found = await compare(['--promote-after', '1', '--cpu', 'intel-x86-64-v2'], 24);
    assert.match(found?.instruction ?? '', /cpuid/);
    assert.deepEqual(
      found?.values.map(({ what }) => what),
      ['rcx', 'rdx', 'rbx'],
    );
  });
});
