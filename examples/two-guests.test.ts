// Several guests on one machine, and a run that repeats bit for bit.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Machine } from 'zendo';
import { helloGuest } from 'zendo/guests/hello';

test('two guests share a machine', async () => {
  await using machine = await Machine.create({ memory: 64 });
  await using first = await machine.createDomain({ name: 'first', kernel: helloGuest({ echo: true }), memory: 16 });
  await using second = await machine.createDomain({ name: 'second', kernel: helloGuest({ echo: true }), memory: 16 });
  await Promise.all([first, second].map((guest) => guest.console.waitFor('Ctrl-D ends it.')));
  // the second stands still while the first is talked to
  await second.pause();
  await first.console.write('only you\r');
  await first.console.waitForLine('only you');
  assert.doesNotMatch(second.console.text, /only you/);
  assert.deepEqual(
    machine.domains.map(({ name }) => name),
    ['first', 'second'],
  );
});

test('with a seed, two runs are the same run', async () => {
  const run = async (): Promise<{ console: string; nanoseconds: number }> => {
    await using machine = await Machine.create({ seed: 42 });
    const guest = await machine.createDomain({ kernel: helloGuest(), memory: 16 });
    await guest.waitForEnd();
    return { console: guest.console.text, nanoseconds: (await guest.state()).cpuTime };
  };
  assert.deepEqual(await run(), await run());
});
