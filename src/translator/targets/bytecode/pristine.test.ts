import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLK_FLAGS, BLK_HEADER, BLK_MODE, BLK_PHYS, BLK_UOPS, BLKF_DEAD, EXIT_HLT, UOP_SIZE } from '../../../machine/layout.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';
import { pack, packedSize } from './pack.ts';
import { pristine } from './pristine.ts';

const START = 0x10000;
const UOP_WORDS = UOP_SIZE >> 2;

/** Comparisons of 8, 16, 32 and 64 bits with a register, a number, by TEST, and SUB, each before every condition's jump to what follows. */
const COMPARISONS = ['38d8', '6639d8', '39d8', '4839d8', '3c05', '3d05000000', '483d05000000', '84d8', '85d8', '4885d8', '29d8', '4829d8'];
const branches = COMPARISONS.flatMap((compare) => Array.from({ length: 16 }, (_, condition) => `${compare} 7${condition.toString(16)}00`));
// call to a RET behind a jump over it; lea rax, [rip + 2]; jmp rax; the same with call rax, and pop rax
const others = ['e802000000 eb01 c3', '488d0502000000 ffe0', '488d0502000000 ffd0 58'];
const body = [...branches, ...others].join(' ').replaceAll(' ', '');
const back = -(body.length / 2 + 8);
const rel32 = (value: number): string => Buffer.from(Int32Array.of(value).buffer).toString('hex');
/** Three rounds, so that links and guesses are there: mov ecx, 3; ...; dec ecx; jnz. */
const PROGRAM = `b903000000 ${body} ffc9 0f85${rel32(back)} f4`;

test('what became of blocks in the arena is undone: specialised ends, links, guesses, dropped blocks', {
  skip: !coreIsBuilt && process.env['CI'] !== 'true' ? 'build/core.wasm is not there' : false,
}, () => {
  const made = new TestMachine();
  made.writeHex(START, PROGRAM);
  made.enter(64, START);
  const arena = made.engine.cache.reservable;
  assert.equal(made.run(), EXIT_HLT);
  const { engine, memories } = made;
  const { translator, cache } = engine;
  const words = memories.stateWords;
  const compare = (): { blocks: number; changed: number; dead: number } => {
    const seen = { blocks: 0, changed: 0, dead: 0 };
    for (let block = arena; block < arena + cache.used; block += BLK_HEADER + cache.uops(block) * UOP_SIZE) {
      const length = (words[(block + BLK_UOPS) >>> 2] as number) * UOP_WORDS;
      assert.ok(
        translator.translate(memories.frameBytes, (words[(block + BLK_PHYS) >>> 2] as number) >>> 0, -1, words[(block + BLK_MODE) >>> 2] as number, 64),
      );
      const packed = new Int32Array(packedSize(translator.builder) * 2);
      const expected = packed.subarray(0, pack(translator.builder, packed, 0) >> 2);
      assert.deepEqual(pristine(words, block, length), expected);
      const from = (block + BLK_HEADER) >>> 2;
      seen.blocks++;
      if (expected.some((word, k) => words[from + k] !== word)) seen.changed++;
      if (((words[(block + BLK_FLAGS) >>> 2] as number) & BLKF_DEAD) !== 0) seen.dead++;
    }
    return seen;
  };
  const before = compare();
  assert.ok(before.blocks > branches.length && before.changed > branches.length && before.dead === 0, JSON.stringify(before));
  made.engine.core.dropFrame(made.ctx, made.offset(START) >>> 12);
  const after = compare();
  assert.equal(after.dead, after.blocks);
});
