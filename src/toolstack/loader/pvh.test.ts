import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatorError } from '../../base/operator-error.ts';
import { hvm_memmap_table_entry, hvm_modlist_entry, hvm_start_info } from '../../spec/xen/hvm/start-info.ts';
import { loadKernel } from './domain-image.ts';
import { buildElf, buildKernel, joined, note } from './elf/elf-fixture.test.ts';
import { buildPvhStart, LONGEST_COMMAND_LINE, type PvhStart } from './pvh.ts';

const MIB = 1 << 20;
const GIB = 2 ** 30;
const kernel = loadKernel(buildKernel());

/** Guest memory made of the writes alone. */
function memory(start: PvhStart): (gpa: number, length: number) => Uint8Array {
  return (gpa, length) => {
    const out = new Uint8Array(length);
    for (const write of start.writes) {
      const from = Math.max(gpa, write.gpa);
      const to = Math.min(gpa + length, write.gpa + write.bytes.length);
      if (from >= to) continue;
      assert.ok(write.bytes instanceof Uint8Array);
      out.set(write.bytes.subarray(from - write.gpa, to - write.gpa), from - gpa);
    }
    return out;
  };
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

test('start info, module list, memory map and command line say what was asked for', () => {
  const initrd = new Uint8Array(5000).map((_, i) => i);
  const start = buildPvhStart({ kernel, initrd, cmdline: 'console=hvc0 größe', memoryBytes: 64 * MIB, vcpus: 2 });
  const read = memory(start);
  assert.equal(start.entry.eip, 0x1000010);
  const info = hvm_start_info.read(view(read(start.entry.ebx, 56)), 0);
  assert.equal(info.magic, 0x336ec578);
  assert.equal(info.version, 1);
  assert.equal(info.flags, 0);
  assert.equal(info.nr_modules, 1);
  const module = hvm_modlist_entry.read(view(read(info.modlist_paddr, 32)), 0);
  assert.equal(module.size, 5000);
  assert.equal(module.paddr % 4096, 0);
  assert.ok(module.paddr > 60 * MIB && module.paddr + module.size <= 64 * MIB, 'high in low memory');
  assert.deepEqual(read(module.paddr, 5000), initrd);
  assert.equal(new TextDecoder().decode(read(info.cmdline_paddr, 20)), 'console=hvc0 größe');
  assert.equal(read(info.cmdline_paddr + 20, 1)[0], 0);
  assert.equal(new TextDecoder().decode(read(info.rsdp_paddr, 8)), 'RSD PTR ');
  const map = Array.from({ length: info.memmap_entries }, (_, i) => hvm_memmap_table_entry.read(view(read(info.memmap_paddr + i * 24, 24)), 0));
  assert.deepEqual(
    map.map((e) => [e.addr, e.size, e.type]),
    [
      [0, 64 * MIB, 1],
      [0xfc000000, 4096, 4],
      [0xfeff8000, 0x8000, 2],
    ],
  );
  assert.deepEqual(
    map.map((e) => [e.addr, e.size, e.type]),
    start.memmap.map((e) => [e.address, e.size, e.type]),
  );
  assert.deepEqual(read(0x1000000, 4096), new Uint8Array(4096).fill(0x90));
  assert.equal(start.specialPages.xenstore, 0xfeffc);
  assert.equal(start.specialPages.console, 0xfefff);
  assert.deepEqual(start.populate, [
    { gfn: 0, pages: 16384, use: 'ram' },
    { gfn: 0xfc000, pages: 1, use: 'acpi' },
    { gfn: 0xfeff8, pages: 8, use: 'special' },
  ]);
});

test('without an initrd there is no module', () => {
  const start = buildPvhStart({ kernel, cmdline: '', memoryBytes: 32 * MIB, vcpus: 1 });
  const info = hvm_start_info.read(view(memory(start)(start.entry.ebx, 56)), 0);
  assert.equal(info.nr_modules, 0);
  assert.equal(info.modlist_paddr, 0);
  assert.equal(start.places.initrd, undefined);
});

test('memory beyond the hole continues at 4 GiB', () => {
  const start = buildPvhStart({ kernel, cmdline: '', memoryBytes: 6 * GIB, vcpus: 1 });
  assert.deepEqual(
    start.memmap.filter((e) => e.type === 1).map((e) => [e.address, e.size]),
    [
      [0, 0xf0000000],
      [4 * GIB, 6 * GIB - 0xf0000000],
    ],
  );
  assert.equal(start.populate.reduce((sum, r) => sum + (r.use === 'ram' ? r.pages : 0), 0) * 4096, 6 * GIB);
});

test('an old Linux finds its RSDP below 1 MiB, others are told where it is', () => {
  const old = (notes: Uint8Array): PvhStart =>
    buildPvhStart({
      kernel: loadKernel(
        buildElf({
          segments: [
            { paddr: MIB, data: new Uint8Array(8) },
            { type: 4, data: notes },
          ],
        }),
      ),
      cmdline: '',
      memoryBytes: 8 * MIB,
      vcpus: 1,
    });
  assert.equal(old(joined(note('Xen', 6, 'linux'), note('Xen', 18, MIB))).places.rsdp, 0xfffc0);
  assert.equal(old(joined(note('Xen', 6, 'linux'), note('Xen', 17, 0x8000), note('Xen', 18, MIB))).places.rsdp, 0xfc000000);
  assert.equal(old(joined(note('Xen', 6, 'Mini-OS'), note('Xen', 18, MIB))).places.rsdp, 0xfc000000);
});

test('what does not fit is refused with the numbers', () => {
  const base = { kernel, cmdline: '', memoryBytes: 64 * MIB, vcpus: 1 };
  const no = (more: Partial<Parameters<typeof buildPvhStart>[0]>, pattern: RegExp): void =>
    assert.throws(
      () => buildPvhStart({ ...base, ...more }),
      (e) => e instanceof OperatorError && pattern.test(e.message),
    );
  no({ memoryBytes: 16 * MIB }, /too little memory for its kernel[\s\S]*at least 17 MiB/);
  no({ initrd: new Uint8Array(48 * MIB) }, /too little memory/);
  no({ cmdline: 'x'.repeat(LONGEST_COMMAND_LINE + 1) }, /too long/);
  no({ cmdline: 'a\0b' }, /NUL/);
  for (const vcpus of [0, 129, 1.5, Number.NaN]) no({ vcpus }, /vCPUs/);
  for (const memoryBytes of [0, 4096, MIB + 1, -MIB, 2 ** 50, Number.NaN]) no({ memoryBytes }, /bytes of memory/);
  const high = loadKernel(
    buildElf({
      segments: [
        { paddr: 0x80000000, data: new Uint8Array(8) },
        { type: 4, data: note('Xen', 18, 0x80000000) },
      ],
    }),
  );
  no({ kernel: high, memoryBytes: 3 * GIB }, /too high/);
  const beyond = loadKernel(
    buildElf({
      segments: [
        { paddr: MIB, data: new Uint8Array(8) },
        { paddr: 1n << 45n, data: new Uint8Array(8) },
        { type: 4, data: note('Xen', 18, MIB) },
      ],
    }),
  );
  no({ kernel: beyond }, /too little memory/);
});

test('nothing overlaps, everything lies in memory that is there, page 0 stays free', () => {
  fc.assert(
    fc.property(
      fc.record({
        memory: fc.integer({ min: 256, max: 3_000_000 }),
        kernelAt: fc.integer({ min: 1, max: 200_000 }),
        kernelSize: fc.nat(3000),
        bss: fc.nat(3_000_000),
        initrd: fc.option(fc.nat(200_000), { nil: undefined }),
        vcpus: fc.integer({ min: 1, max: 128 }),
        cmdline: fc.string({ maxLength: 1000 }),
      }),
      (r) => {
        const segments = [{ paddr: r.kernelAt * 4096, bytes: new Uint8Array(r.kernelSize), memsz: r.kernelSize + r.bss }];
        let start: PvhStart;
        try {
          start = buildPvhStart({
            kernel: { segments, entry: r.kernelAt * 4096, notes: kernel.notes },
            ...(r.initrd === undefined ? {} : { initrd: new Uint8Array(r.initrd) }),
            cmdline: r.cmdline,
            memoryBytes: r.memory * 4096,
            vcpus: r.vcpus,
          });
        } catch (error) {
          if (error instanceof OperatorError) return;
          throw error;
        }
        const used = [
          ...start.writes.map((w) => ({ from: w.gpa, to: w.gpa + w.bytes.length })),
          { from: segments[0]!.paddr + r.kernelSize, to: segments[0]!.paddr + segments[0]!.memsz },
        ]
          .filter((range) => range.to > range.from)
          .sort((a, b) => a.from - b.from);
        used.forEach((range, i) => {
          assert.ok(i === 0 || used[i - 1]!.to <= range.from, 'no overlap');
          assert.ok(range.from >= 4096);
          assert.ok(
            start.populate.some((p) => p.gfn * 4096 <= range.from && range.to <= (p.gfn + p.pages) * 4096),
            'inside memory',
          );
        });
      },
    ),
    { numRuns: 200, seed: 11 },
  );
});
