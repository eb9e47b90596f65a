import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DomId, Gfn, type Mfn } from './brand.ts';

test('brands cost nothing at run time and do not mix at compile time', () => {
  const gfn = Gfn(5);
  // @ts-expect-error a guest frame is not a machine frame
  const mfn: Mfn = gfn;
  assert.equal(mfn, 5);
  assert.equal(DomId(0x7ff0) + 1, 0x7ff1);
});
