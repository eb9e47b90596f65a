// Talking with a guest: type on its console, wait for what it answers, look at it while it stands still.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Domain, Machine } from 'zendo';
import { helloGuest } from 'zendo/guests/hello';

let machine: Machine;
let guest: Domain;

// one guest for all tests of the file
before(async () => {
  machine = await Machine.create();
  guest = await machine.createDomain({ name: 'echo', kernel: helloGuest({ echo: true }), memory: 16 });
  await guest.console.waitFor('Ctrl-D ends it.');
});
after(() => machine.close());

test('it gives back what is typed', async () => {
  await guest.console.write('40 + 2\r');
  const [, left, right] = await guest.console.waitFor(/(\d+) \+ (\d+)/);
  assert.equal(Number(left) + Number(right), 42);
});

test('a paused guest can be looked at', async () => {
  await guest.pause();
  const { rip, cr3 } = await guest.registers();
  const code = await guest.memory.readVirtual(rip, 16);
  assert.equal(code.length, 16);
  // the first entry of the page tables is present
  const [entry = 0] = await guest.memory.read(cr3 & ~0xfffn, 8);
  assert.equal(entry & 1, 1);
  await guest.unpause();
});

test('it is in xenstore, as on any Xen', async () => {
  assert.equal(await machine.xenstore.read(`${guest.path}/name`), 'echo');
});

test('it ends on Ctrl-D', async () => {
  await guest.console.write('\x04');
  assert.equal((await guest.waitForEnd({ timeout: 10_000 })).reason, 'poweroff');
});
