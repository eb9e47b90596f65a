// A guest that crashes says where: the end has the reason, registers and a backtrace.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DomainEndedError, Machine } from 'zendo';
import { CRASH_MARK, crashGuest } from 'zendo/guests/crash';

test('a crash is told with registers and a backtrace', async () => {
  await using machine = await Machine.create({ seed: 1 });
  const guest = await machine.createDomain({ kernel: crashGuest('ud2'), memory: 16 });
  const { reason, crash } = await guest.waitForEnd();
  assert.equal(reason, 'crash');
  assert.equal(crash?.vcpus[0]?.registers.rbx, CRASH_MARK);
  assert.equal(crash?.vcpus[0]?.backtrace.length, 4);
});

test('who waits for a line of a guest that crashed is told of the crash', async () => {
  await using machine = await Machine.create({ seed: 1 });
  const guest = await machine.createDomain({ kernel: crashGuest('page fault'), memory: 16 });
  await assert.rejects(guest.console.waitForLine('ready'), (error) => error instanceof DomainEndedError && error.end.reason === 'crash');
});
