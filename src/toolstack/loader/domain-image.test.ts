import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { OperatorError } from '../../base/operator-error.ts';
import { compressWith } from './decompress/compressor-fixture.test.ts';
import { type KernelSegment, loadKernel } from './domain-image.ts';
import { checkInitrd } from './domain-initrd.ts';
import { buildBzImage, buildElf, buildKernel, joined, note, pvhNotes } from './elf/elf-fixture.test.ts';
import { identifyFile } from './identify-file.ts';
import { ImageError, unreadable } from './image-error.ts';
import { copyOf } from './late-bytes.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const refused = (bytes: Uint8Array, pattern: RegExp): void => {
  assert.throws(
    () => loadKernel(bytes, 'some/path'),
    (error: unknown) => {
      assert.ok(error instanceof ImageError, String(error));
      assert.match(error.message, pattern);
      assert.match(error.shortMessage, /^the kernel some\/path /);
      assert.ok(error.hint !== undefined, 'it says what to do');
      return true;
    },
  );
};

for (const bits of [32, 64] as const) {
  test(`an ELF${bits} kernel with a PVH entry`, () => {
    const kernel = loadKernel(buildKernel({ bits, machine: bits === 64 ? 62 : 3 }));
    assert.equal(kernel.format, `ELF${bits}`);
    assert.equal(kernel.entry, 0x1000010);
    assert.equal(kernel.notes.guestOs, 'linux');
    assert.equal(kernel.notes.supportedFeatures, 0x8801n);
    assert.deepEqual(
      kernel.segments.map((s) => [s.paddr, s.bytes.length, s.memsz]),
      [[0x1000000, 4096, 12288]],
    );
    assert.equal(kernel.symbols(), undefined);
  });
}

test('segments come sorted; parts of the file that are not loaded are left out', () => {
  const kernel = loadKernel(
    buildElf({
      segments: [
        { paddr: 0x300000, data: new Uint8Array(3) },
        { paddr: 0x100000, data: new Uint8Array(2), memsz: 0x1000 },
        { paddr: 0x200000, data: new Uint8Array(0), memsz: 0 },
        { type: 4, data: pvhNotes(0x100000) },
      ],
    }),
  );
  assert.deepEqual(
    kernel.segments.map((s) => s.paddr),
    [0x100000, 0x300000],
  );
});

const bytesOfSegment = ({ bytes, paddr, memsz }: KernelSegment): unknown => ({
  paddr,
  memsz,
  bytes: bytes instanceof Uint8Array ? bytes : copyOf(bytes, 0, bytes.length),
});

for (const [codec, tool, args] of [
  ['gzip', 'gzip', ['-9n']],
  ['bzip2', 'bzip2', ['-9']],
  ['lzma', 'xz', ['--format=lzma', '-9']],
  ['xz', 'xz', ['--check=crc32', '--x86', '--lzma2=dict=32MiB']],
  ['lzo', 'lzop', ['-9']],
  ['lz4', 'lz4', ['-l', '-9', '-c']],
  ['zstd', 'zstd', ['-22', '--ultra']],
] as const) {
  test(`a bzImage packed as kernel builds do it: ${codec}`, (t) => {
    const vmlinux = buildKernel(
      {},
      new Uint8Array(300_000).map((_, i) => (i * i) >> 7),
    );
    const packed = compressWith(t, tool, args, vmlinux);
    if (packed === undefined) return;
    const size = new Uint8Array(new Uint32Array([vmlinux.length]).buffer);
    const kernel = loadKernel(buildBzImage(codec === 'gzip' ? packed : joined(packed, size)));
    assert.equal(kernel.format, `bzImage (${codec})`);
    assert.equal(kernel.entry, 0x1000010);
    assert.equal(kernel.segments[0]!.bytes.length, 300_000);
    const late = loadKernel(buildBzImage(codec === 'gzip' ? packed : joined(packed, size)), 'late', true);
    assert.deepEqual({ ...late, segments: [], symbols: 0 }, { ...kernel, segments: [], symbols: 0 });
    assert.deepEqual(late.segments.map(bytesOfSegment), kernel.segments.map(bytesOfSegment), 'the same, unpacked late');
    assert.equal(late.symbols(), kernel.symbols());
    const cut = buildBzImage(packed);
    refused(cut.subarray(0, cut.length - 100), /is cut short[\s\S]*bzImage/);
    const damaged = cut.slice();
    damaged.fill(0x55, 1024 + 64 + 60, 1024 + 64 + 260);
    refused(damaged, /is damaged|no Xen|is for another/);
    assert.equal(loadKernel(packed).format, `${codec}-compressed ELF64`);
  });
}

test('what is not a kernel is named', () => {
  refused(new Uint8Array(0), /is empty/);
  refused(text('just some text\n'), /is not a kernel\nFound ASCII text\./);
  refused(text('#!/bin/sh\n'), /Found a script/);
  refused(text('<!DOCTYPE html><html>'), /Found an HTML page/);
  refused(text('grüße'), /Found UTF-8 text/);
  refused(gzipSync(text(`070701${'0'.repeat(200)}`)), /Found gzip-compressed data, and in it a cpio archive/);
  refused(text(`070701${'0'.repeat(200)}`), /Found a cpio archive/);
  refused(text('!<arch>\ndebian-binary   '), /Found a Debian package/);
  refused(new Uint8Array(100), /nothing but zero bytes/);
  refused(new Uint8Array([1, 2, 3, 200, 5]), /unknown data \(it starts with 01 02 03 c8 05\)/);
  refused(buildKernel({ machine: 183 }), /is for another processor\nFound an ELF file for AArch64 \(64-bit, an executable\)/);
  refused(buildBzImage(buildKernel({ machine: 8 })), /Found an ELF file for MIPS/);
  refused(buildElf({ type: 1, segments: [] }), /a relocatable object/);
  const bigEndian = buildKernel({ machine: 0x1500 });
  bigEndian[5] = 2;
  bigEndian.copyWithin(17, 16, 17);
  refused(bigEndian, /is for another processor\nFound an ELF file for PowerPC64 \(64-bit, big-endian/);
  const arm64 = new Uint8Array(4096);
  arm64.set(text('ARM\x64'), 0x38);
  refused(arm64, /Found a Linux kernel for AArch64/);
  refused(gzipSync(text('x'.repeat(100))).subarray(0, 20), /is damaged\nFound gzip-compressed data that cannot be unpacked/);
});

test('a kernel without the PVH note', () => {
  const data = new Uint8Array(16);
  refused(buildElf({ segments: [{ paddr: 0, data }] }), /has no Xen PVH entry[\s\S]*PHYS32_ENTRY \(18\)[\s\S]*CONFIG_PVH/);
  refused(
    buildElf({
      segments: [
        { paddr: 0, data },
        { type: 4, data: joined(note('Xen', 6, 'Mini-OS'), note('Xen', 1, 0n)) },
      ],
    }),
    /"Mini-OS"[\s\S]*only those of a PV kernel/,
  );
  refused(
    buildElf({
      segments: [{ paddr: 0, data }],
      sections: [{ name: '__xen_guest', type: 1, data: text('GUEST_OS=Mini-OS,XEN_VER=xen-3.0,HYPERCALL_PAGE=0x2\0') }],
    }),
    /only those of a PV kernel/,
  );
  refused(
    buildElf({
      segments: [
        { paddr: 0, data },
        { type: 4, data: note('Other', 18, 0) },
      ],
    }),
    /has no Xen PVH entry/,
  );
  refused(
    buildElf({
      segments: [
        { paddr: 0, data },
        { type: 4, data: note('Xen', 18, new Uint8Array(3)) },
      ],
    }),
    /has no Xen PVH entry/,
  );
});

test('hostile headers', () => {
  const data = new Uint8Array(16);
  const notes = { type: 4, data: pvhNotes(8) };
  refused(buildElf({ segments: [{ paddr: 0, data, filesz: 1 << 30, memsz: 1 << 30 }, notes] }), /cut short/);
  refused(buildElf({ segments: [{ paddr: 0, data, memsz: 4 }, notes] }), /more bytes in the file \(16\) than in memory \(4\)/);
  refused(buildElf({ segments: [{ paddr: 0, data }, { paddr: 8, data }, notes] }), /overlap at 0x8/);
  refused(buildElf({ segments: [notes] }), /nothing to load/);
  refused(buildElf({ segments: [...Array.from({ length: 65 }, (_, i) => ({ paddr: i * 4096, data })), notes] }), /65 segments/);
  refused(buildElf({ segments: [{ paddr: 0x100000, data }, notes] }), /0x8 lies outside the memory it loads/);
  refused(
    buildElf({
      segments: [
        { paddr: 0, data },
        { type: 4, data: note('Xen', 18, 1n << 40n) },
      ],
    }),
    /above 4 GiB/,
  );
  refused(buildElf({ segments: [{ paddr: 0xffff_ffff_ffff_f000n, data }, notes] }), /2\^53/);
  const kernel = buildKernel();
  refused(kernel.subarray(0, 40), /ends after 40 bytes, inside the ELF header/);
  refused(kernel.subarray(0, 100), /its program headers reach to/);
  refused(kernel.subarray(0, 600), /cut short|no Xen/);
});

test('a bzImage of an old protocol, or with a payload of nothing known', () => {
  refused(buildBzImage(buildKernel(), 0x207), /is too old[\s\S]*2\.7/);
  refused(buildBzImage(text('just text here, no kernel')), /is packed in an unknown way[\s\S]*ASCII text/);
});

test('any change to a kernel file ends in an operator error or a kernel', () => {
  for (const good of [buildKernel(), buildBzImage(gzipSync(buildKernel())), buildKernel({ bits: 32, machine: 3 })]) {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(Math.min(good.length - 1, 1300)), fc.nat(255)), { maxLength: 6 }), fc.nat(good.length * 3), (changes, cut) => {
        const bytes = good.slice(0, cut);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        try {
          loadKernel(bytes);
        } catch (error) {
          if (!(error instanceof OperatorError)) throw error;
        }
      }),
      { numRuns: 400, seed: 9 },
    );
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
      assert.equal(typeof identifyFile(bytes), 'string');
    }),
    { numRuns: 300, seed: 10 },
  );
});

test('a file the host cannot read', () => {
  const error = unreadable({ what: 'initrd', path: 'x' }, Object.assign(new Error("ENOENT: no such file or directory, open 'x'"), { code: 'ENOENT' }));
  assert.equal(error.shortMessage, 'the initrd x does not exist');
  assert.match(error.message, /ENOENT/);
  assert.match(unreadable({ what: 'kernel', path: 'x' }, 'odd').message, /cannot be read/);
});

/** One file and the trailer, as cpio writes them. */
function archive(): Uint8Array {
  const member = (name: string, data: string): string => {
    const fields = [1, 0o100644, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0].map((n) => n.toString(16).padStart(8, '0')).join('');
    const pad = (s: string): string => s + '\0'.repeat((4 - (s.length % 4)) % 4);
    return pad(`070701${fields}${name}\0`) + pad(data);
  };
  return text(member('init', 'data!') + member('TRAILER!!!', ''));
}

test('initrds: plain, compressed, behind another archive', () => {
  const plain = archive();
  for (const good of [plain, joined(plain, new Uint8Array(300)), gzipSync(plain), joined(plain, new Uint8Array(12), gzipSync(plain)), joined(plain, plain)]) {
    assert.equal(checkInitrd(good), good);
  }
});

test('initrds that are none', () => {
  const no = (bytes: Uint8Array, pattern: RegExp): void =>
    assert.throws(
      () => checkInitrd(bytes, 'i'),
      (e) => e instanceof ImageError && pattern.test(e.message),
    );
  no(new Uint8Array(0), /the initrd i is empty/);
  no(text('hello there'), /is not an initrd\nFound ASCII text/);
  no(buildKernel(), /Found an ELF file for x86-64/);
  no(buildBzImage(text('x')), /Found a Linux kernel \(bzImage\)/);
  for (let cut = 6; cut < archive().length - 13; cut += 7) no(archive().subarray(0, cut), /is cut short/);
  no(gzipSync(text('x'.repeat(1000))).subarray(0, 25), /is damaged/);
});
