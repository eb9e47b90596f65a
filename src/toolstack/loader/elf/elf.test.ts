import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ElfFile, readElf } from './elf-file.ts';
import { buildElf, buildKernel, joined, note } from './elf-fixture.test.ts';
import { readNotes } from './elf-notes.ts';
import { readKallsyms } from './kallsyms.ts';
import { readSymbols, SymbolTable } from './symbol-table.ts';

function read(bytes: Uint8Array): ElfFile {
  const elf = readElf(bytes);
  assert.ok(!('wrong' in elf), 'wrong' in elf ? elf.wrong : '');
  return elf;
}

for (const bits of [32, 64] as const) {
  test(`ELF${bits}: headers, notes, section names`, () => {
    const elf = read(
      buildElf({
        bits,
        machine: bits === 64 ? 62 : 3,
        segments: [
          { paddr: 0x100000, data: new Uint8Array(10), memsz: 100 },
          { type: 4, data: joined(note('GNU', 3, new Uint8Array([1, 2, 3])), note('Xen', 18, 0x100000)) },
        ],
        sections: [{ name: '__xen_guest', type: 1, data: new TextEncoder().encode('GUEST_OS=x\0') }],
      }),
    );
    assert.deepEqual(
      elf.segments.map((s) => [s.type, s.physicalAddress, s.fileSize, s.memorySize]),
      [
        [1, 0x100000, 10, 100],
        [4, 0, elf.segments[1]!.fileSize, elf.segments[1]!.memorySize],
      ],
    );
    assert.deepEqual(
      readNotes(elf).map((n) => [n.name, n.type, [...n.description]]),
      [
        ['GNU', 3, [1, 2, 3]],
        ['Xen', 18, [0, 0, 0x10, 0]],
      ],
    );
    assert.ok(elf.sections.some((s) => s.name === '__xen_guest'));
  });
}

test('notes: eight-byte alignment, sections where there are no segments, damage ends a list', () => {
  const property = joined(note('GNU', 5, new Uint8Array(16)), note('Xen', 18, 7n));
  assert.deepEqual(
    readNotes(read(buildElf({ segments: [{ type: 4, data: property, align: 8 }] }))).map((n) => n.type),
    [5, 18],
  );
  assert.deepEqual(
    readNotes(read(buildElf({ sections: [{ name: '.note', type: 7, data: note('Xen', 1, 0) }] }))).map((n) => n.type),
    [1],
  );
  const huge = note('Xen', 2, 5);
  new Uint32Array(huge.buffer)[1] = 0xfffffffc;
  assert.deepEqual(
    readNotes(read(buildElf({ segments: [{ type: 4, data: joined(note('Xen', 1, 1), huge, note('Xen', 3, 1)) }] }))).map((n) => n.type),
    [1],
  );
});

test('notes: many overlapping segments stay bounded', () => {
  const data = joined(...Array.from({ length: 200 }, () => note('', 0, new Uint8Array(0))));
  const elf = read(buildElf({ segments: Array.from({ length: 400 }, () => ({ type: 4, data })) }));
  assert.ok(readNotes(elf).length <= 4096);
});

test('numbers that wrap or exceed 2^53 are refused', () => {
  for (const segment of [
    { paddr: 0xffff_ffff_ffff_f000n, data: new Uint8Array(1) },
    { paddr: 1n << 52n, memsz: 1n << 53n, data: new Uint8Array(1) },
    { offset: 0xffff_ffff_ffff_ff00n, data: new Uint8Array(1) },
  ]) {
    const elf = readElf(buildElf({ segments: [segment] }));
    assert.ok('wrong' in elf && /2\^53/.test(elf.wrong));
  }
});

test('symbols: functions, objects and labels, by address and by name', () => {
  const strings = new TextEncoder().encode('\0start\0file.c\0data\0away\0');
  const symbol = (name: number, info: number, home: number, value: bigint): Uint8Array => {
    const bytes = new Uint8Array(24);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, name, true);
    bytes[4] = info;
    view.setUint16(6, home, true);
    view.setBigUint64(8, value, true);
    return bytes;
  };
  const table = joined(symbol(1, 2, 1, 0xffffffff81000000n), symbol(7, 4, 1, 0n), symbol(14, 1, 1, 0xffffffff82000000n), symbol(19, 2, 0, 5n));
  const symbols = readSymbols(
    read(
      buildElf({
        sections: [
          { name: '.symtab', type: 2, data: table, link: 2 },
          { name: '.strtab', type: 3, data: strings },
        ],
      }),
    ),
  );
  assert.equal(symbols?.size, 2);
  assert.equal(symbols.describe(0xffffffff81000000n), 'start');
  assert.equal(symbols.describe(0xffffffff8100001cn), 'start+0x1c');
  assert.equal(symbols.describe(0xffffffff90000000n), '0xffffffff90000000');
  assert.equal(symbols.describe(0x10n), '0x10');
  assert.equal(symbols.addressOf('data'), 0xffffffff82000000n);
  assert.equal(symbols.addressOf('nothing'), undefined);
});

test('symbols: the first name of an address is kept', () => {
  const symbols = new SymbolTable([
    { address: 16n, name: 'b' },
    { address: 8n, name: 'a' },
    { address: 16n, name: 'c' },
  ]);
  assert.equal(symbols.size, 2);
  assert.equal(symbols.lookup(17n)?.name, 'b');
  assert.equal(symbols.lookup(0n), undefined);
});

/** A Linux symbol table as scripts/kallsyms lays it out, with tokens for digits, letters and one pair. */
function kallsyms(names: readonly string[], newer: boolean): Uint8Array {
  const tokens = Array.from({ length: 256 }, (_, i) => (i > 0x20 && i < 0x7f ? String.fromCharCode(i) : i === 0x80 ? 'fn' : `\\${i.toString(16)}`));
  const pad8 = (bytes: number[]): number[] => [...bytes, ...Array(Math.ceil(bytes.length / 8) * 8 - bytes.length).fill(0)];
  const u32 = (values: readonly number[]): number[] => [...new Uint8Array(Int32Array.from(values).buffer)];
  const nameBytes: number[] = [];
  const markers: number[] = [];
  names.forEach((name, i) => {
    if (i % 256 === 0) markers.push(nameBytes.length);
    const codes = [...`T${name}`.matchAll(/fn|./g)].map(([t]) => (t === 'fn' ? 0x80 : t.charCodeAt(0)));
    nameBytes.push(codes.length, ...codes);
  });
  const texts = [...tokens.join('\0'), '\0'].map((c) => c.charCodeAt(0));
  let at = 0;
  const index = tokens.map((token) => {
    const here = at;
    at += token.length + 1;
    return here;
  });
  // Every symbol 16 bytes behind the one before; negative offsets count from the base.
  const offsets = pad8(u32(names.map((_, i) => -1 - i * 16)));
  const base = [...new Uint8Array(new BigUint64Array([0xffffffff81000000n]).buffer)];
  const head = pad8(u32([names.length]));
  const middle = [...head, ...pad8(nameBytes), ...pad8(u32(markers))];
  const tail = [...pad8(texts), ...pad8([...new Uint8Array(Uint16Array.from(index).buffer)])];
  return Uint8Array.from(newer ? [...middle, ...tail, ...offsets, ...base] : [...offsets, ...base, ...middle, ...tail]);
}

for (const newer of [false, true]) {
  test(`the kernel's own symbol table, ${newer ? 'since Linux 6.4' : 'until Linux 6.3'}`, () => {
    const names = Array.from({ length: 700 }, (_, i) => `fn_${i}`);
    const data = joined(new Uint8Array(64).fill(0x30), kallsyms(names, newer), new TextEncoder().encode('0\x001\x002\x003\0'));
    const symbols = readKallsyms(read(buildElf({ segments: [{ vaddr: 0xffffffff82000000n, data }] })));
    assert.equal(symbols?.size, 700);
    assert.equal(symbols.addressOf('fn_699'), 0xffffffff81000000n + 699n * 16n);
    assert.equal(symbols.describe(0xffffffff81000025n), 'fn_2+0x5');
  });
}

test('no symbol table where there is none, or a damaged one', () => {
  assert.equal(readKallsyms(read(buildKernel())), undefined);
  const names = Array.from({ length: 600 }, (_, i) => `f${i}`);
  const table = kallsyms(names, false);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(table.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }), (changes) => {
      const damaged = table.slice();
      for (const [at, value] of changes) damaged[at] = value;
      readKallsyms(read(buildElf({ segments: [{ vaddr: 0xffffffff82000000n, data: damaged }] })));
    }),
    { numRuns: 60, seed: 7 },
  );
});

test('any change to an ELF file is read or refused, never thrown', () => {
  const good = buildElf({
    segments: [
      { paddr: 0x1000, data: new Uint8Array(64) },
      { type: 4, data: joined(note('Xen', 18, 4096), note('Xen', 6, 'x')) },
    ],
    sections: [
      { name: '.symtab', type: 2, data: new Uint8Array(48).fill(1), link: 2 },
      { name: '.strtab', type: 3, data: new Uint8Array(9).fill(65) },
    ],
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(good.length * 2), (changes, cut) => {
      const bytes = good.slice(0, cut);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      const elf = readElf(bytes);
      if ('wrong' in elf) return;
      readNotes(elf);
      readSymbols(elf);
      readKallsyms(elf);
    }),
    { numRuns: 1000, seed: 8 },
  );
});
