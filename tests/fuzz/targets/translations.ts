import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { BUDGET, RAX } from '../../../src/machine/layout.ts';
import { Engine, type EngineOptions } from '../../../src/translator/engine.ts';
import { fromHex } from '../../../src/translator/testing/hex.ts';
import { TestMachine } from '../../../src/translator/testing/test-machine.ts';
import { mutate } from '../mutate.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';

const START = 0x10000;
const RESULT = 0x20000;
const PAGES = 256;
const LIMIT = 1 << 20;
/**
 * Sums of squares by a loop with a call:
 *   mov ecx, 500; xor eax, eax
 *   again: call square; add eax, edx; dec ecx; jnz again; hlt
 *   square: mov edx, ecx; imul edx, ecx; mov [0x20000], edx; ret
 */
const PROGRAM = 'b9f401000031c0e80700000001d0ffc975f5f489ca0fafd189142500000200c3';
const STEPS = 5000;

/** Bytes of the head: magic, words of the blocks, words of the regions, bytes of their module, and two places. */
const HEAD = 24;

/** Half of the inputs have a head that fits, so that what is behind it is looked at. */
function changed(random: Random, file: Uint8Array): Uint8Array {
  const bytes = mutate(random, [file], LIMIT);
  if (random.once(2) || bytes.length < HEAD) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let left = (bytes.length - HEAD) >> 2;
  for (const at of [4, 8]) {
    const words = Math.min(view.getUint32(at, true), left);
    view.setUint32(at, words, true);
    left -= words;
  }
  view.setUint32(12, left * 4, true);
  return bytes;
}

export const translationsTarget: Target = {
  name: 'translations',
  about: 'kept translations that were authenticated and are wrong all the same, with --verify-translations',
  slow: true,
  prepare: () => {
    const core = new WebAssembly.Module(readFileSync(new URL('../../../build/core.wasm', import.meta.url)));
    const machine = new TestMachine({ promoteAfter: 20 }, PAGES);
    const { memories, ctx } = machine;
    const run = (engine: Engine): unknown => {
      machine.write(START, fromHex(PROGRAM));
      machine.enter(64, START);
      engine.runFor(ctx, STEPS);
      return [machine.reg(RAX), machine.reg(BUDGET), machine.read32(RESULT)];
    };
    const first = new Engine(memories, core, { stored: 'none', promoteAfter: 20 });
    /** With an empty arena: the blocks of an engine's file have places there from its start. */
    const engineWith = (options: EngineOptions): Engine => {
      first.cache.reset();
      return new Engine(memories, core, options);
    };
    const expected = run(first);
    const file = first.store?.save();
    if (file === undefined) throw new Error('nothing was kept');
    assert.deepEqual([machine.reg(RAX), (first.regions?.counters.regions ?? 0) > 0], [BigInt((500 * 501 * 1001) / 6), true]);
    return {
      run(random) {
        const stored = changed(random, file);
        // regions are loaded and looked at, not run: what is sound may still do something else
        const { storedRegions } = engineWith({ stored, verifyStored: true, promoteAfter: 20 }).store?.counters ?? {};
        const engine = engineWith({ stored, verifyStored: true });
        assert.deepEqual(run(engine), expected);
        engine.store?.save();
        const { usedBlocks = 0 } = engine.store?.counters ?? {};
        return `${storedRegions === 0 ? 'no regions' : 'regions'}, ${usedBlocks === 0 ? 'no blocks' : 'blocks'}`;
      },
    };
  },
};
