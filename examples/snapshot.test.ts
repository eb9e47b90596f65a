// Boot once, try many things: a snapshot of the guest that is ready is where each test begins.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Domain, Machine } from 'zendo';
import { helloGuest } from 'zendo/guests/hello';

let ready: Uint8Array;
before(async () => {
  await using machine = await Machine.create({ seed: 1 });
  const guest = await machine.createDomain({ name: 'echo', kernel: helloGuest({ echo: true }), memory: 16 });
  await guest.console.waitFor('Ctrl-D ends it.');
  ready = await machine.snapshot();
});

for (const text of ['one', 'two']) {
  test(`it gives back "${text}"`, async () => {
    await using machine = await Machine.resume(ready);
    const guest = machine.domain('echo') as Domain;
    await guest.console.write(text);
    await guest.console.waitFor(text);
    // what was typed in another test is not there
    assert.equal(guest.console.text, text);
  });
}
