import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ESCAPES, ROWS, UNUSED } from './opcodes.ts';
import { flagMask, type OpcodeMap, type Row, rowsOf } from './row.ts';

const LEGACY: readonly OpcodeMap[] = ['1', '0F', '0F38', '0F3A'];

function name(row: Row): string {
  return `${row.map} ${row.opcode.toString(16)} ${row.mnemonic}`;
}

test('every opcode of every map is a row, a prefix or escape, or known to be unused', () => {
  for (const map of LEGACY) {
    const claims = new Array<string[]>(256).fill([]).map(() => [] as string[]);
    for (const row of ROWS) if (row.map === map) for (let k = 0; k < row.span; k++) claims[row.opcode + k]?.push('row');
    for (const opcode of ESCAPES[map] ?? []) claims[opcode]?.push('escape');
    for (const [first, last] of UNUSED[map] ?? []) for (let opcode = first; opcode <= last; opcode++) claims[opcode]?.push('unused');
    claims.forEach((claim, opcode) => {
      assert.equal(new Set(claim).size, 1, `map ${map} opcode ${opcode.toString(16)}: ${claim.join(', ') || 'nothing'}`);
    });
  }
});

test('every row names a lift function, states its flags in the notation and is done or says why not', () => {
  for (const row of ROWS) {
    assert.match(row.lift, /^[a-z0-9]+\.[a-zA-Z0-9]+$/, name(row));
    for (const which of ['w', 'r', 'u'] as const) flagMask(row, which);
    assert.equal(flagMask(row, 'w') & flagMask(row, 'u'), 0, `${name(row)}: a flag is both written and undefined`);
    if (row.todo !== undefined) assert.notEqual(row.todo, '', name(row));
    if (row.elseIgnorePrefix) assert.notEqual(row.feature, undefined, name(row));
  }
});

test('no row exists nowhere', () => {
  for (const row of ROWS) assert.ok(!(row.i64 && row.o64), name(row));
});

test('the encoding notation', () => {
  const op = rowsOf('0F');
  const shape = (encoding: string) => {
    const { opcode, span, prefix, w, ext, mod, rm } = op(encoding, 'X', '-', 'a.b');
    return { opcode, span, prefix, w, ext, mod, rm };
  };
  assert.deepEqual(shape('F2 W1 C7 /1 mem'), { opcode: 0xc7, span: 1, prefix: 'F2', w: 1, ext: 1, mod: 'mem', rm: -1 });
  assert.deepEqual(shape('80+cc'), { opcode: 0x80, span: 16, prefix: 'any', w: -1, ext: -1, mod: 'any', rm: -1 });
  assert.deepEqual(shape('NP 01 C1'), { opcode: 0x01, span: 1, prefix: 'NP', w: -1, ext: 0, mod: 'reg', rm: 1 });
  assert.deepEqual(shape('D8 C8+i'), { opcode: 0xd8, span: 1, prefix: 'any', w: -1, ext: 1, mod: 'reg', rm: -1 });
  assert.throws(() => shape('01 7F'), /memory form/);
  assert.throws(() => shape('1 /9'), /bad encoding/);
});
