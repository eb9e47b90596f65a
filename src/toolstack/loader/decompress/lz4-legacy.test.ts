import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { copyOf, type LateBytes } from '../late-bytes.ts';
import { DecompressError } from './decompress-error.ts';
import { BLOCK_SIZE } from './lz4-block.ts';
import { decompressLz4Legacy, LZ4_LEGACY_MAGIC, lateLz4Legacy } from './lz4-legacy.ts';

interface Sequence {
  readonly literals: Uint8Array;
  /** Of the match behind the literals, modulo what there is to refer to. */
  readonly offset: number;
  readonly length: number;
}

const lengthBytes = (value: number): number[] => {
  const bytes: number[] = [];
  for (let rest = value - 15; rest >= 0; rest -= 255) bytes.push(Math.min(rest, 255));
  return bytes;
};

/** A block of these sequences with `last` as its last literals, and what it stands for, made byte by byte. */
function blockOf(sequences: readonly Sequence[], last: Uint8Array): { block: number[]; output: number[] } {
  const block: number[] = [];
  const output: number[] = [];
  const put = (literals: Uint8Array, match?: { offset: number; length: number }): void => {
    const code = match === undefined ? 0 : match.length - 4;
    block.push((Math.min(literals.length, 15) << 4) | Math.min(code, 15), ...lengthBytes(literals.length), ...literals);
    output.push(...literals);
    if (match === undefined) return;
    block.push(match.offset & 255, match.offset >> 8, ...lengthBytes(code));
    for (let k = 0; k < match.length; k++) output.push(output[output.length - match.offset] as number);
  };
  for (const { literals, offset, length } of sequences) {
    const there = output.length + literals.length;
    if (there > 0) put(literals, { offset: 1 + (offset % Math.min(there, 65535)), length });
  }
  put(last);
  return { block, output };
}

const frame = (blocks: readonly (readonly number[])[]): Uint8Array => {
  const words = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
  return Uint8Array.from([...words(LZ4_LEGACY_MAGIC), ...blocks.flatMap((block) => [...words(block.length), ...block])]);
};

const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 250, maxLength: 300 }));
const sequence = fc.record({
  literals: bytes,
  offset: fc.oneof(fc.nat(40), fc.nat(70000)),
  length: fc.oneof(fc.integer({ min: 4, max: 80 }), fc.integer({ min: 4, max: 1000 })),
});
const blocks = fc.array(fc.tuple(fc.array(sequence, { maxLength: 30 }), bytes), { minLength: 1, maxLength: 3 });

test('literals and matches of all lengths and distances', () => {
  fc.assert(
    fc.property(blocks, (given) => {
      const made = given.map(([sequences, last]) => blockOf(sequences, last));
      const output = made.flatMap((each) => each.output);
      const input = frame(made.map(({ block }) => block));
      assert.deepEqual(decompressLz4Legacy(input, 1 << 20), Uint8Array.from(output));
      assert.deepEqual(decompressLz4Legacy(input, output.length, output.length), Uint8Array.from(output), 'where nothing more fits');
      if (output.length > 0) assert.throws(() => decompressLz4Legacy(input, output.length - 1), /limit|more than/i);
    }),
    { numRuns: 200 },
  );
});

test('a damaged block is refused or gives other bytes, nothing worse', () => {
  fc.assert(
    fc.property(blocks, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), (given, damage) => {
      const input = frame(given.map(([sequences, last]) => blockOf(sequences, last).block));
      for (const [at, value] of damage) input[4 + (at % (input.length - 4))] = value;
      try {
        decompressLz4Legacy(input, 1 << 20);
      } catch (error) {
        assert.ok(error instanceof DecompressError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('a length that never ends', () => {
  const endless = new Array<number>(1 << 17).fill(255);
  assert.throws(() => decompressLz4Legacy(frame([[0xf0, ...endless]]), 1 << 20), DecompressError);
  assert.throws(() => decompressLz4Legacy(frame([[0x1f, 65, 1, 0, ...endless]]), 1 << 20), DecompressError);
});

test('short patterns that repeat, to every length and with all that may lie behind them', () => {
  for (let distance = 1; distance <= 40; distance++) {
    const pattern = Uint8Array.from({ length: distance }, (_, i) => i + 1);
    const sequences = [4, 5, 15, 16, 17, 31, 32, 33, 100, 1000].map((length, k) => ({
      literals: k === 0 ? pattern : Uint8Array.from({ length: k }, (_, i) => 100 + i),
      offset: distance - 1,
      length,
    }));
    const { block, output } = blockOf(sequences, Uint8Array.of(7));
    assert.deepEqual(decompressLz4Legacy(frame([block]), 1 << 20), Uint8Array.from(output), `distance ${distance}`);
  }
});

/** `sizes` blocks' worth of output: literals, matches near and far, long runs. */
function manyBlocks(sizes: readonly number[]): { input: Uint8Array; output: Uint8Array } {
  const made = sizes.map((size, k) => {
    const sequences: Sequence[] = [];
    let length = 0;
    for (let i = 0; size - length > 30_000; i++) {
      const literals = Uint8Array.from({ length: (i * 7) % 40 }, (_, at) => i * 31 + at * k);
      const match = i % 50 === 49 ? 20_000 : 4 + ((i * 13) % 900);
      sequences.push({ literals, offset: (i * 40503) % 65535, length: match });
      length += literals.length + (length + literals.length > 0 ? match : 0);
    }
    const rest = size - blockOf(sequences, new Uint8Array()).output.length;
    return blockOf(
      sequences,
      Uint8Array.from({ length: rest }, (_, at) => at >> 3),
    );
  });
  const output = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  for (const each of made) {
    output.set(each.output, at);
    at += each.output.length;
  }
  return { input: frame(made.map(({ block }) => block)), output };
}

test('what is decoded late is the same, from the beginning on and out of turn', () => {
  const { input, output } = manyBlocks([BLOCK_SIZE, 2_000_000]);
  const late = lateLz4Legacy(input, output.length) ?? assert.fail();
  assert.equal(late.length, output.length);
  assert.ok(Buffer.from(copyOf(late, 0, output.length)).equals(output));
  for (const offset of [output.length - 5, 5, BLOCK_SIZE - 3, 3_000_000, 1_000_000]) {
    const length = Math.min(700_000, output.length - offset);
    assert.ok(Buffer.from(copyOf(late, offset, length)).equals(output.subarray(offset, offset + length)), `from ${offset}`);
  }
});

test('what cannot be decoded late is said before, or where it shows', () => {
  const { input, output } = manyBlocks([400_000]);
  const read = (late: LateBytes | undefined): Uint8Array => copyOf(late ?? assert.fail(), 0, late?.length ?? 0);
  assert.equal(lateLz4Legacy(input, 0), undefined);
  assert.equal(lateLz4Legacy(input, BLOCK_SIZE + 1), undefined, 'a block is missing');
  assert.equal(lateLz4Legacy(Uint8Array.from([...input, ...input]), 800_000), undefined, 'two frames');
  assert.throws(() => read(lateLz4Legacy(input, output.length + 1)), DecompressError);
  assert.throws(() => read(lateLz4Legacy(input, output.length - 3000)), DecompressError);
  const cut = input.slice();
  new DataView(cut.buffer).setUint32(4, 1000, true);
  assert.throws(() => read(lateLz4Legacy(cut.subarray(0, 1008), output.length)), DecompressError);
  const damaged = input.slice();
  damaged.fill(0, 200, 260);
  assert.throws(() => read(lateLz4Legacy(damaged, output.length)), DecompressError);
});
