import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AMD_X86_64_V2, type CpuidContext, type CpuidResult, cpuid, cr4Mask, eferMask, withFeatures, xcr0Mask } from './cpu-models.ts';
import { CPUID_FEATURES, X86_64_LEVELS } from './cpuid.ts';

const boot: CpuidContext = { apicId: 0, vcpus: 1, apicEnabled: true, osxsave: false, ospke: false, xcr0: 1 };
const ask = (leaf: number, subleaf = 0, context: Partial<CpuidContext> = {}): CpuidResult => cpuid(AMD_X86_64_V2, leaf, subleaf, { ...boot, ...context });

const bytesOf = (...registers: number[]): string => Buffer.from(new Uint32Array(registers).buffer).toString('latin1');

test('leaf 0 and 0x80000000: highest leaves and the vendor in ebx, edx, ecx', () => {
  for (const [leaf, highest] of [
    [0, 0xd],
    [0x8000_0000, 0x8000_0021],
  ] as const) {
    const { eax, ebx, ecx, edx } = ask(leaf);
    assert.equal(eax, highest);
    assert.equal(bytesOf(ebx, edx, ecx), 'AuthenticAMD');
  }
});

test('leaf 1: family 19h, model 11h, stepping 1, as AMD writes them', () => {
  assert.equal(ask(1).eax, 0x00a1_0f11);
  assert.equal(ask(0x8000_0001).eax, 0x00a1_0f11);
});

test('the brand is 48 bytes with its NUL', () => {
  const brand = [0x8000_0002, 0x8000_0003, 0x8000_0004].map((leaf) => ask(leaf)).map(({ eax, ebx, ecx, edx }) => bytesOf(eax, ebx, ecx, edx));
  assert.equal(brand.join('').replace(/\0+$/, ''), AMD_X86_64_V2.brand);
  assert.ok(AMD_X86_64_V2.brand.length < 48);
});

test('every feature of the model is announced where its row says, and no other', () => {
  for (const { name, leaf, subleaf, register, bit } of CPUID_FEATURES) {
    const announced = (ask(leaf, subleaf)[register] >>> bit) & 1;
    assert.equal(announced === 1, AMD_X86_64_V2.features.has(name), name);
  }
});

test('x86-64-v2 is complete and nothing of v3 and v4 but XSAVE is there', () => {
  for (const name of [...X86_64_LEVELS.v1, ...X86_64_LEVELS.v2]) assert.ok(AMD_X86_64_V2.features.has(name), name);
  for (const name of [...X86_64_LEVELS.v3, ...X86_64_LEVELS.v4]) assert.equal(AMD_X86_64_V2.features.has(name), name === 'xsave', name);
});

test('answers are unsigned 32-bit numbers', () => {
  for (const leaf of [0, 1, 6, 7, 0xb, 0xd, ...Array.from({ length: 0x22 }, (_, i) => 0x8000_0000 + i)]) {
    for (const value of Object.values(ask(leaf, 0, { apicId: 254, vcpus: 128 })))
      assert.ok(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff, leaf.toString(16));
  }
});

test('dynamic bits: APIC enable, OSXSAVE, OSPKE, initial APIC id', () => {
  assert.equal((ask(1).edx >>> 9) & 1, 1);
  assert.equal((ask(1, 0, { apicEnabled: false }).edx >>> 9) & 1, 0);
  assert.equal((ask(0x8000_0001, 0, { apicEnabled: false }).edx >>> 9) & 1, 0);
  assert.equal((ask(1).ecx >>> 27) & 1, 0);
  assert.equal((ask(1, 0, { osxsave: true }).ecx >>> 27) & 1, 1);
  assert.equal((ask(7, 0, { ospke: true }).ecx >>> 4) & 1, 0, 'the model has no protection keys');
  const withKeys = withFeatures(AMD_X86_64_V2, { add: ['pku'] });
  assert.equal((cpuid(withKeys, 7, 0, { ...boot, ospke: true }).ecx >>> 4) & 1, 1);
  assert.equal(ask(1, 0, { apicId: 6 }).ebx >>> 24, 6);
});

test('topology: one processor alone is neither multi-core nor multi-threaded', () => {
  assert.equal((ask(1).edx >>> 28) & 1, 0);
  assert.equal((ask(0x8000_0001).ecx >>> 1) & 1, 0);
  assert.equal(ask(0x8000_0008).ecx, 0);
});

test('topology: four vCPUs with APIC ids 0, 2, 4, 6 are four cores of one package', () => {
  const context = { vcpus: 4, apicId: 6 };
  assert.equal((ask(1, 0, context).edx >>> 28) & 1, 1);
  assert.equal((ask(1, 0, context).ebx >>> 16) & 0xff, 8);
  assert.equal((ask(0x8000_0001, 0, context).ecx >>> 1) & 1, 1, 'cores, not threads');
  assert.equal(ask(0x8000_0008, 0, context).ecx, (3 << 12) | 7);
  assert.deepEqual(ask(0xb, 0, context), { eax: 1, ebx: 1, ecx: 0x100, edx: 6 });
  assert.deepEqual(ask(0xb, 1, context), { eax: 3, ebx: 4, ecx: 0x201, edx: 6 });
  assert.deepEqual(ask(0xb, 2, context), { eax: 0, ebx: 0, ecx: 2, edx: 6 });
});

test('leaf 0xD: x87 and SSE only', () => {
  assert.deepEqual(ask(0xd), { eax: 3, ebx: 576, ecx: 576, edx: 0 });
  assert.deepEqual(ask(0xd, 1), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  assert.deepEqual(ask(0xd, 2), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  const withAvx = withFeatures(AMD_X86_64_V2, { add: ['avx'] });
  assert.deepEqual(cpuid(withAvx, 0xd, 0, { ...boot, xcr0: 3 }), { eax: 7, ebx: 576, ecx: 832, edx: 0 });
  assert.deepEqual(cpuid(withAvx, 0xd, 2, boot), { eax: 256, ebx: 576, ecx: 0, edx: 0 });
  const without = withFeatures(AMD_X86_64_V2, { remove: ['xsave'] });
  assert.deepEqual(cpuid(without, 0xd, 0, boot), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  assert.equal(xcr0Mask(without), 0);
});

test('unknown, reserved and hypervisor leaves read as zeros', () => {
  for (const leaf of [0x2, 0x4, 0x5, 0xe, 0x1234, 0x4000_0000, 0x4000_0001, 0x8000_000a, 0x8000_001e, 0x8000_0022, 0xffff_ffff]) {
    assert.deepEqual(ask(leaf), { eax: 0, ebx: 0, ecx: 0, edx: 0 }, leaf.toString(16));
  }
  assert.deepEqual(ask(7, 1), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
});

test('a negative leaf, as a signed register gives it, is the same leaf', () => {
  assert.deepEqual(ask(0x8000_0008 | 0), ask(0x8000_0008));
});

test('Linux finds no reason for a costly mitigation', () => {
  const bit = (leaf: number, register: keyof CpuidResult, at: number): number => (ask(leaf)[register] >>> at) & 1;
  // cpu_set_bug_bits(): Spectre v2 by AutoIBRS, Retbleed, SRSO, SSB, TSA
  assert.equal(bit(0x8000_0021, 'eax', 8), 1);
  assert.equal(bit(0x8000_0008, 'ebx', 29), 1);
  assert.equal(bit(0x8000_0021, 'eax', 29), 1);
  assert.equal(bit(0x8000_0008, 'ebx', 26), 1);
  assert.equal(bit(0x8000_0021, 'ecx', 1) & bit(0x8000_0021, 'ecx', 2), 1);
  // no MSR writes at context switches: IBPB, IBRS, STIBP, SSBD, virtual SSBD
  for (const at of [12, 14, 15, 24, 25]) assert.equal(bit(0x8000_0008, 'ebx', at), 0);
  // EFER.AIBRSE can be set
  assert.equal((eferMask(AMD_X86_64_V2) >>> 21) & 1, 1);
});

test('writable control register bits follow the features', () => {
  assert.equal(cr4Mask(AMD_X86_64_V2), 0x4_07bc);
  assert.equal(eferMask(AMD_X86_64_V2), 0x20_0d01);
  assert.equal(cr4Mask(withFeatures(AMD_X86_64_V2, { add: ['smep', 'smap'] })), 0x34_07bc);
});

test('unknown names and bits that follow CR4 are refused', () => {
  assert.throws(() => withFeatures(AMD_X86_64_V2, { add: ['sse5'] }), /sse5/);
  assert.throws(() => withFeatures(AMD_X86_64_V2, { add: ['osxsave'] }), /CR4/);
});
