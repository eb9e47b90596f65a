import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compressWith, programLike } from './compressor-fixture.test.ts';
import { decompress, decompressAs, detectCodec } from './decompress.ts';
import { type Codec, DecompressError } from './decompress-error.ts';

const LIMIT = 4 << 20;

/** Each way of compressing that the decoders must read. */
const ways: readonly { codec: Codec; tool: string; args: readonly string[]; append?: boolean }[] = [
  { codec: 'gzip', tool: 'gzip', args: ['-9n'] },
  { codec: 'gzip', tool: 'gzip', args: ['-1'] },
  { codec: 'bzip2', tool: 'bzip2', args: ['-9'] },
  { codec: 'bzip2', tool: 'bzip2', args: ['-1'] },
  { codec: 'xz', tool: 'xz', args: ['--check=crc32', '--x86', '--lzma2=dict=8MiB'] },
  { codec: 'xz', tool: 'xz', args: ['--check=crc64', '-9'] },
  { codec: 'xz', tool: 'xz', args: ['--check=crc64', '--block-size=100000', '--lzma2=preset=6,lc=0,lp=3,pb=4'] },
  { codec: 'xz', tool: 'xz', args: ['--check=none', '-0'] },
  { codec: 'xz', tool: 'xz', args: ['--check=sha256', '-1'] },
  { codec: 'xz', tool: 'xz', args: ['--check=crc32', '--x86=start=4096', '--lzma2=lc=4,lp=0,pb=0'] },
  { codec: 'lzma', tool: 'xz', args: ['--format=lzma', '-9'] },
  { codec: 'lzma', tool: 'lzma', args: ['-1'] },
  { codec: 'lzo', tool: 'lzop', args: ['-9'] },
  { codec: 'lzo', tool: 'lzop', args: ['-1', '-CF'] },
  { codec: 'lz4', tool: 'lz4', args: ['-l', '-9', '-c'] },
  { codec: 'lz4', tool: 'lz4', args: ['-l', '-1', '-c'] },
  { codec: 'zstd', tool: 'zstd', args: ['-22', '--ultra'] },
  { codec: 'zstd', tool: 'zstd', args: ['-1', '--no-check'] },
  { codec: 'zstd', tool: 'zstd', args: ['-3', '--check'] },
];

const inputs: readonly { name: string; data: Uint8Array }[] = [
  { name: 'a program-like file', data: programLike(500_000) },
  { name: 'zeros', data: new Uint8Array(300_000) },
  { name: 'one byte', data: new Uint8Array([7]) },
  { name: 'noise', data: noise(150_000) },
];

function noise(size: number): Uint8Array {
  let x = 12345;
  return Uint8Array.from({ length: size }, () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  });
}

for (const { codec, tool, args } of ways) {
  test(`${codec}: what ${tool} ${args.join(' ')} makes`, async (t) => {
    for (const { name, data } of inputs) {
      const packed = compressWith(t, tool, args, data);
      if (packed === undefined) return;
      await t.test(name, () => {
        assert.equal(detectCodec(packed), codec);
        assert.ok(Buffer.compare(decompress(packed, LIMIT), data) === 0, 'the same bytes come back');
        assert.ok(Buffer.compare(decompressAs(codec, packed, data.length, { expected: data.length }), data) === 0, 'at exactly the limit');
        assert.throws(() => decompress(packed, data.length - 1), DecompressError, 'one byte past the limit');
      });
    }
    await t.test('a size appended by a kernel build does not disturb', () => {
      const packed = compressWith(t, tool, args, inputs[0]!.data)!;
      const sized = new Uint8Array(packed.length + 4);
      sized.set(packed);
      new DataView(sized.buffer).setUint32(packed.length, inputs[0]!.data.length, true);
      assert.ok(Buffer.compare(decompress(sized, LIMIT), inputs[0]!.data) === 0);
    });
    await t.test('cut short and damaged', () => {
      const data = programLike(20_000, 3);
      const packed = compressWith(t, tool, args, data)!;
      for (const part of [0, 1, 5, 6, 12, 13, 20, 0.1, 0.5, 0.9, 0.99]) {
        const cut = packed.subarray(0, part < 1 ? Math.floor(packed.length * part) : part);
        assert.throws(() => decompressAs(codec, cut, LIMIT), DecompressError, `cut to ${cut.length} of ${packed.length}`);
      }
      fc.assert(
        fc.property(fc.array(fc.record({ at: fc.nat(packed.length - 1), value: fc.nat(255) }), { minLength: 1, maxLength: 4 }), (changes) => {
          const damaged = packed.slice();
          for (const { at, value } of changes) damaged[at] = value;
          onlyDecompressError(() => decompressAs(codec, damaged, 1 << 19));
        }),
        { numRuns: 60, seed: 1 },
      );
    });
    await t.test('a bomb stops at the limit', () => {
      const packed = compressWith(t, tool, args, new Uint8Array(4 << 20))!;
      assert.throws(() => decompress(packed, 1 << 18), /past the limit/);
    });
  });
}

function onlyDecompressError(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof DecompressError)) throw error;
  }
}

test('any bytes behind any signature end in an error or in output, nothing else', () => {
  const heads: Record<Codec, readonly number[]> = {
    gzip: [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3],
    bzip2: [0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
    lzma: [0x5d, 0, 0, 0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
    xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 0x69, 0x22, 0xde, 0x36],
    lzo: [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a, 0x0a, 0x10, 0x40, 0x20, 0xa0, 9, 0x40, 3, 9, 0, 0, 0, 0],
    lz4: [2, 0x21, 0x4c, 0x18],
    zstd: [0x28, 0xb5, 0x2f, 0xfd],
  };
  for (const codec of Object.keys(heads) as Codec[]) {
    fc.assert(
      fc.property(fc.boolean(), fc.uint8Array({ maxLength: 400 }), (withHead, tail) => {
        const bytes = withHead ? Uint8Array.from([...heads[codec], ...tail]) : tail;
        onlyDecompressError(() => decompressAs(codec, bytes, 1 << 18));
      }),
      { numRuns: 200, seed: 2 },
    );
  }
});

test('xz: an early end gives what was decoded so far', (t) => {
  const data = programLike(3_000_000);
  const packed = compressWith(t, 'xz', ['-0'], data);
  if (packed === undefined) return;
  const part = decompress(packed, LIMIT, { enough: (out) => out.length > 1_000_000 });
  assert.ok(part.length > 1_000_000 && part.length < data.length);
  assert.ok(Buffer.compare(part, data.subarray(0, part.length)) === 0);
});

test('unknown data is refused by name', () => {
  assert.equal(detectCodec(new TextEncoder().encode('plain text')), undefined);
  assert.throws(() => decompress(new TextEncoder().encode('plain text'), LIMIT), DecompressError);
});
