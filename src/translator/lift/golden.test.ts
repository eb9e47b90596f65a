/**
 * Golden IR: what each instruction family becomes, as text beside this file, so that a change of lifters or passes is a readable
 * diff. UPDATE_GOLDEN=1 writes the files anew.
 */
import { join } from 'node:path';
import { test } from 'node:test';
import { MODE_AVX, MODE_CODE16, MODE_CODE32, MODE_CODE64, MODE_FLAT, MODE_PROTECTED, MODE_SSE, MODE_STACK32 } from '../../machine/layout.ts';
import { allPasses, noPasses } from '../ir/passes/pipeline.ts';
import { printBlock } from '../ir/printer.ts';
import { agreesWithGolden } from '../testing/golden.ts';
import { FAMILIES, type GoldenExample } from '../testing/golden-examples.ts';
import { fromHex } from '../testing/hex.ts';
import { BlockTranslator } from '../translate-block.ts';

const modes = {
  16: MODE_CODE16,
  32: MODE_CODE32 | MODE_PROTECTED | MODE_STACK32 | MODE_FLAT | MODE_SSE,
  64: MODE_CODE64 | MODE_PROTECTED | MODE_FLAT | MODE_SSE | MODE_AVX,
} as const;

const render = (examples: readonly GoldenExample[]): string => {
  const translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
  translator.fuse = false;
  const memory = new Uint8Array(4096);
  const parts: string[] = [];
  for (const [code, hex, text] of examples) {
    const bytes = fromHex(hex);
    memory.fill(0xf4);
    memory.set(bytes, 0x100);
    let count = 1;
    const lift = (passes: typeof allPasses): string => {
      translator.passes = passes;
      translator.translate(memory, 0x100, -1, modes[code], count);
      return printBlock(translator.builder);
    };
    lift(noPasses);
    while (translator.bytes < bytes.length) {
      count++;
      lift(noPasses);
    }
    const plain = lift(noPasses);
    const optimised = lift(allPasses);
    parts.push(`# ${code}-bit: ${text}\n${plain}${optimised === plain ? '' : `after the passes\n${optimised}`}`);
  }
  return parts.join('\n');
};

for (const [family, examples] of Object.entries(FAMILIES)) {
  test(`golden IR of family ${family}`, () => {
    agreesWithGolden(join(import.meta.dirname, 'golden', `${family}.ir.txt`), render(examples));
  });
}
