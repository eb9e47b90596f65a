import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { OperatorError } from '../../../src/base/operator-error.ts';
import { crashGuest } from '../../../src/toolstack/guests/crash.ts';
import { helloGuest } from '../../../src/toolstack/guests/hello.ts';
import { S_IFDIR, S_IFREG, writeCpio } from '../../../src/toolstack/images/cpio.ts';
import { programLike } from '../../../src/toolstack/loader/decompress/compressor-fixture.test.ts';
import { decompress } from '../../../src/toolstack/loader/decompress/decompress.ts';
import { DecompressError } from '../../../src/toolstack/loader/decompress/decompress-error.ts';
import { loadKernel } from '../../../src/toolstack/loader/domain-image.ts';
import { checkInitrd } from '../../../src/toolstack/loader/domain-initrd.ts';
import { buildBzImage, buildKernel } from '../../../src/toolstack/loader/elf/elf-fixture.test.ts';
import { copyOf } from '../../../src/toolstack/loader/late-bytes.ts';
import { mutate } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

/** Bytes of one input, and of what it may expand to. */
const LIMIT = 32768;
const EXPANDS_TO = 1 << 20;

/** The data as every tool that is installed packs it. */
function packed(data: Uint8Array): Uint8Array[] {
  const tools: readonly (readonly [string, ...string[]])[] = [
    ['gzip', '-c'],
    ['bzip2', '-c'],
    ['lzma', '-c'],
    ['xz', '-c', '--check=crc32'],
    ['xz', '-c', '--check=crc64', '--x86', '--lzma2=preset=1'],
    ['lz4', '-l', '-c'],
    ['lzop', '-c'],
  ];
  const found = [new Uint8Array(zstdCompressSync(data))];
  for (const [tool, ...args] of tools) {
    const { status, stdout } = spawnSync(tool, args, { input: data });
    if (status === 0) found.push(new Uint8Array(stdout));
  }
  return found;
}

/** What Node's own decoder makes of it, if it takes it (it reads what is behind the last frame, and no large windows), is the same. */
function compareZstd(input: Uint8Array, out: Uint8Array): void {
  let other: Uint8Array;
  try {
    other = zstdDecompressSync(input, { maxOutputLength: EXPANDS_TO });
  } catch {
    return;
  }
  assert.ok(Buffer.compare(out, other) === 0, 'Node decodes it to something else');
}

export const decompressTarget: Target = {
  name: 'decompress',
  about: 'every decompressor: damaged streams end in an error, expansion is bounded',
  slow: true,
  prepare: () => {
    const corpus = [200, 3000, 20000].flatMap((size) => packed(programLike(size)));
    return {
      run(random) {
        return refusing(() => {
          const input = mutate(random, corpus, LIMIT);
          const out = decompress(input, EXPANDS_TO);
          if (out.length > EXPANDS_TO) throw new Error(`${out.length} bytes`);
          if (input[0] === 0x28) compareZstd(input, out);
        }, DecompressError);
      },
    };
  },
};

export const kernelTarget: Target = {
  name: 'kernel',
  about: 'kernel files: ELF, bzImage, Xen notes, symbols, packed or not',
  slow: true,
  prepare: () => {
    const small = buildKernel({}, programLike(600));
    const corpus = [
      small,
      buildKernel({ bits: 32, machine: 3 }, programLike(300)),
      helloGuest().slice(0, 8192),
      crashGuest('ud2').slice(0, 8192),
      ...packed(small),
      ...packed(small).map((each) => buildBzImage(each)),
    ];
    return {
      run(random) {
        return refusing(() => {
          const file = mutate(random, corpus, LIMIT);
          for (const { bytes } of loadKernel(file, 'kernel', true).segments) if (!(bytes instanceof Uint8Array)) copyOf(bytes, 0, bytes.length);
          const image = loadKernel(file, 'kernel');
          image.symbols()?.lookup(0x1000010n);
        }, OperatorError);
      },
    };
  },
};

export const initrdTarget: Target = {
  name: 'initrd',
  about: 'initial RAM disks: cpio archives, one behind the other, packed or not',
  slow: true,
  prepare: () => {
    const cpio = writeCpio([
      { path: 'dev', mode: S_IFDIR | 0o755, data: new Uint8Array() },
      { path: 'init', mode: S_IFREG | 0o755, data: programLike(700) },
    ]);
    const both = new Uint8Array([...cpio, ...(packed(cpio)[1] ?? cpio)]);
    const corpus = [cpio, both, ...packed(cpio)];
    return {
      run: (random) => refusing(() => checkInitrd(mutate(random, corpus, LIMIT), 'initrd'), OperatorError),
    };
  },
};
