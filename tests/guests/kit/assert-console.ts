import assert from 'node:assert/strict';
import type { GuestRun } from './run-guest.ts';

/** The console shows exactly these lines (indentation aside), zendo had nothing to say, and the guest ended with `status`. */
export function assertConsole(run: GuestRun, expected: string, status = 0): void {
  const lines = expected.trim().split('\n');
  assert.deepEqual(
    run.lines.map((line) => line.trim()),
    lines.map((line) => line.trim()),
  );
  assert.deepEqual(run.messages, []);
  assert.equal(run.status, status);
}
