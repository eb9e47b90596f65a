import assert from 'node:assert/strict';
import { test } from 'node:test';
import { R } from '../../src/toolstack/guests/assembler.ts';
import { PRESENT, USER, WRITE, window } from './kit/address-space.ts';
import { runGuest } from './kit/run-guest.ts';

/** The kit itself: what it prints, and that a fault is told with everything about it. */
test('a test guest prints numbers, recovers from faults and powers off', async () => {
  const run = await runGuest((g) => {
    g.say('hello');
    g.a.movq(R.cx, 0xfedcba9876543210n);
    g.show('hex', R.cx).showDecimal('decimal', R.cx);
    g.a.movi(R.ax, 0);
    g.show('zero').showDecimal('zero');
    g.fault('nothing', (a) => a.db(0x90));
    g.fault('null', (a) => a.db(0x90).movi(R.ax, 8).load(R.ax, { base: R.ax }));
    g.fault('undefined', (a) => a.ud2());
    g.page('readonly', 7);
    g.map(3, 'readonly', PRESENT | USER).map(4, 'readonly', PRESENT | WRITE);
    g.a.movq(R.di, window(3));
    g.fault('write to a read-only page', (a) => a.load8(R.cx, { base: R.di }).storei8({ base: R.di, disp: 9 }, 1));
    g.show('it reads', R.cx);
    g.say('end');
  });
  assert.deepEqual(run.lines, [
    'hello',
    'hex fedcba9876543210',
    'decimal -81985529216486896',
    'zero 0',
    'zero 0',
    'nothing: no fault',
    'null: #14 error 0 at +6 cr2 8',
    'undefined: #6 error 0 at +0',
    'write to a read-only page: #14 error 3 at +7 cr2 8000003009',
    'it reads 7',
    'end',
  ]);
  assert.equal(run.status, 0);
  assert.deepEqual(run.messages, []);
});
