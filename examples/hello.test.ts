// A unikernel author's test: boot the kernel, see what it prints, see how it ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Machine } from 'zendo';
import { helloGuest } from 'zendo/guests/hello';

test('the kernel says hello and powers off', async () => {
  await using machine = await Machine.create({ seed: 1 });
  // `kernel` is a path or bytes; this is the small guest that comes with zendo
  const guest = await machine.createDomain({ kernel: helloGuest(), memory: 16 });
  await guest.console.waitForLine('Hello from a guest');
  const { reason } = await guest.waitForEnd();
  assert.equal(reason, 'poweroff');
});
