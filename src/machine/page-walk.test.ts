import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PagingState, walkPages } from './page-walk.ts';

const PG = 1n << 31n;
const LONG: PagingState = { cr0: PG | 1n, cr3: 0x1000n, cr4: 0x20n, efer: 0x500n };

/** Physical memory as words by address. */
const memory = (words: Record<string, bigint>) => (gpa: bigint) => words[`0x${gpa.toString(16)}`];

test('without paging an address is its own, cut to 32 bits', () => {
  assert.equal(walkPages({ cr0: 1n, cr3: 0n, cr4: 0n, efer: 0n }, 0x1_2345_6789n, memory({})), 0x2345_6789n);
});

test('long mode: 4 KiB, 2 MiB and 1 GiB pages, NX and reserved-for-software bits left out', () => {
  const read = memory({
    '0x1ff8': 0x8000_0000_0000_2003n, // PML4[511]
    '0x2ff0': 0x3063n, // PDPT[510]
    '0x2ff8': 0x4000_0083n, // PDPT[511]: 1 GiB
    '0x3000': 0x4003n, // PD[0]
    '0x3008': 0x0060_0083n | (1n << 63n), // PD[1]: 2 MiB
    '0x4008': 0x5e00_0000_0000_5003n | (1n << 63n), // PT[1]
  });
  assert.equal(walkPages(LONG, 0xffff_ffff_8000_1abcn, read), 0x5abcn);
  assert.equal(walkPages(LONG, 0xffff_ffff_8020_0abcn, read), 0x60_0abcn);
  assert.equal(walkPages(LONG, 0xffff_ffff_c123_4567n, read), 0x4123_4567n);
  assert.equal(walkPages(LONG, 0xffff_ffff_8000_0000n, read), undefined, 'no entry');
  assert.equal(walkPages(LONG, 0x0000_ffff_8000_1abcn, read), undefined, 'not canonical');
  assert.equal(walkPages(LONG, 0x1000n, read), undefined);
});

test('PAE: four pointers, then two levels', () => {
  const state: PagingState = { cr0: PG | 1n, cr3: 0x1020n, cr4: 0x20n, efer: 0n };
  const read = memory({ '0x1038': 0x2001n, '0x2010': 0x3003n, '0x2018': 0x1_0060_0083n, '0x3028': 0x7_0000_5003n });
  assert.equal(walkPages(state, 0xc040_5123n, read), 0x7_0000_5123n);
  assert.equal(walkPages(state, 0xc060_5123n, read), 0x1_0060_5123n);
  assert.equal(walkPages(state, 0x0040_5123n, read), undefined);
});

test('two levels: 4 KiB and 4 MiB pages, the latter only with PSE', () => {
  const read = memory({ '0x1c00': 0x2003n, '0x1c04': 0x0040_0083n | (0x5n << 13n), '0x2004': 0x9003n, '0x400000': 0x8003n });
  const state: PagingState = { cr0: PG | 1n, cr3: 0x1000n, cr4: 0x10n, efer: 0n };
  assert.equal(walkPages(state, 0xc000_1042n, read), 0x9042n);
  assert.equal(walkPages(state, 0xc040_0042n, read), 0x5_0040_0042n);
  assert.notEqual(walkPages({ ...state, cr4: 0n }, 0xc040_0042n, read), 0x5_0040_0042n);
});
