import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_CODE16, MODE_CODE32, MODE_CODE64, MODE_FLAT, MODE_PROTECTED, MODE_SSE, MODE_STACK32 } from '../../machine/layout.ts';
import { ROWS } from '../../spec/x86/opcodes.ts';
import { type CodeSize, Dice, encode, existsIn } from '../decode/encodings.ts';
import { allPasses, noPasses } from '../ir/passes/pipeline.ts';
import { printBlock } from '../ir/printer.ts';
import { verify } from '../ir/verifier.ts';
import { BlockTranslator } from '../translate-block.ts';
import { liftOf } from './lift-table.ts';

const modes: readonly (readonly [string, CodeSize, number])[] = [
  ['16-bit', 0, MODE_CODE16],
  ['16-bit protected, 32-bit stack', 0, MODE_CODE16 | MODE_PROTECTED | MODE_STACK32 | MODE_SSE],
  ['32-bit flat', 1, MODE_CODE32 | MODE_PROTECTED | MODE_STACK32 | MODE_FLAT | MODE_SSE],
  ['32-bit segmented', 1, MODE_CODE32 | MODE_PROTECTED | MODE_STACK32 | MODE_SSE],
  ['64-bit', 2, MODE_CODE64 | MODE_PROTECTED | MODE_FLAT | MODE_SSE],
];

for (const [name, code, mode] of modes) {
  test(`${name}: the IR of every lifted row is sound, before and after the passes`, () => {
    const translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
    translator.fuse = false;
    const memory = new Uint8Array(4096);
    const bad: string[] = [];
    ROWS.forEach((row, index) => {
      if (liftOf(index) === undefined || row.todo !== undefined || row.undefinedOpcode !== undefined || !existsIn(row, code)) return;
      const dice = new Dice(index + 1);
      for (let round = 0; round < 12; round++) {
        const bytes = encode(row, code, dice);
        if (bytes === undefined) return;
        memory.fill(0x90);
        memory.set(bytes);
        for (const passes of [noPasses, allPasses]) {
          translator.passes = passes;
          let errors: string[];
          try {
            assert.ok(translator.translate(memory, 0, -1, mode, 1));
            errors = verify(translator.builder);
          } catch (error) {
            errors = [String(error)];
          }
          if (errors.length > 0) {
            const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
            bad.push(`${row.mnemonic} ${row.operands.join(' ')} (${row.lift}), ${hex}\n  ${errors.join('\n  ')}\n${printBlock(translator.builder)}`);
          }
        }
      }
    });
    assert.equal(bad.length, 0, `${bad.length} unsound blocks, the first:\n${bad.slice(0, 3).join('\n')}`);
  });
}
