import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SymbolTable } from '../loader/elf/symbol-table.ts';
import { backtrace } from './backtrace.ts';

const TEXT = 0xffff_ffff_8100_0000n;
const STACK = 0xffff_c900_0000_3f00n;
const symbols = new SymbolTable([
  { name: '_stext', address: TEXT },
  { name: 'start', address: TEXT + 0x10n },
  { name: 'middle', address: TEXT + 0x100n },
  { name: 'leaf', address: TEXT + 0x200n },
  { name: '_etext', address: TEXT + 0x1000n },
  { name: 'data', address: TEXT + 0x2000n },
]);

/** Memory of `text` and a stack of words. A CALL rel32 ends at each of `returns`, an FF /2 call at each of `indirect`. */
function memory(words: readonly bigint[], returns: readonly bigint[], indirect: readonly bigint[] = []) {
  const text = new Uint8Array(0x3000);
  for (const at of returns) text[Number(at - TEXT) - 5] = 0xe8;
  for (const at of indirect) text.set([0xff, 0x54, 0x24, 0x10], Number(at - TEXT) - 4); // call [rsp+16]
  const stack = new Uint8Array(BigUint64Array.from(words).buffer);
  return (va: bigint, length: number): Uint8Array => {
    for (const [base, bytes] of [
      [TEXT, text],
      [STACK, stack],
    ] as const) {
      if (va >= base && va < base + BigInt(bytes.length)) return bytes.slice(Number(va - base), Number(va - base) + length);
    }
    return new Uint8Array();
  };
}

test('a chain of frame pointers gives return addresses without a mark', () => {
  const inMiddle = TEXT + 0x120n;
  const inStart = TEXT + 0x20n;
  const read = memory([7n, STACK + 32n, inMiddle, 0n, 0n, inStart], [inMiddle, inStart]);
  assert.deepEqual(backtrace({ rip: TEXT + 0x204n, rsp: STACK, rbp: STACK + 8n, word: 8 }, read, symbols), [
    '0xffffffff81000204 leaf+0x4',
    '0xffffffff81000120 middle+0x20',
    '0xffffffff81000020 start+0x10',
  ]);
});

test('without frame pointers, what follows a call and lies in code is listed with a mark', () => {
  const called = TEXT + 0x120n;
  const indirect = TEXT + 0x20n;
  const notCalled = TEXT + 0x140n;
  const inData = TEXT + 0x2010n;
  const read = memory([1n, called, notCalled, inData, indirect, 0n], [called, inData], [indirect]);
  assert.deepEqual(backtrace({ rip: TEXT + 0x200n, rsp: STACK, rbp: 5n, word: 8 }, read, symbols), [
    '0xffffffff81000200 leaf',
    '? 0xffffffff81000120 middle+0x20',
    '? 0xffffffff81000020 start+0x10',
  ]);
});

test('a stack that is not mapped and a kernel without names still give RIP', () => {
  const read = memory([], []);
  assert.deepEqual(backtrace({ rip: 0x1234n, rsp: 0n, rbp: 0n, word: 4 }, read, undefined), ['0x0000000000001234']);
});
