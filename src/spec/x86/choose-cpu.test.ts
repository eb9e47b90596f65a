import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CPU_NAMES, chooseCpu, DEFAULT_CPU, selectableFeatures } from './choose-cpu.ts';
import { AMD_X86_64_V2, CPU_MODELS, cpuid, xcr0Mask } from './cpu-models.ts';
import { X86_64_LEVELS } from './cpuid.ts';
import { ROWS } from './opcodes.ts';

/** Features with a row that is not done. */
const unfinished = new Set(ROWS.filter((row) => row.todo !== undefined).flatMap((row) => [row.feature, row.feature256]));

test('a feature is announced only when every one of its rows is done', () => {
  for (const model of CPU_MODELS.values()) for (const name of model.features) assert.ok(!unfinished.has(name), `${model.name}: ${name}`);
  for (const name of selectableFeatures()) assert.ok(!unfinished.has(name), name);
});

test('the default is the AMD model of level 2; every short name is a model', () => {
  assert.equal(chooseCpu(DEFAULT_CPU), AMD_X86_64_V2);
  assert.equal(chooseCpu('AMD x86-64-v2'), AMD_X86_64_V2, 'snapshots hold full names');
  for (const name of Object.keys(CPU_NAMES)) assert.equal(chooseCpu(name).name, CPU_NAMES[name]);
});

test('models of level 3 have all that the level asks for', () => {
  for (const name of ['x86-64-v3', 'intel-x86-64-v3']) {
    const { features } = chooseCpu(name);
    for (const feature of [...X86_64_LEVELS.v1, ...X86_64_LEVELS.v2, ...X86_64_LEVELS.v3]) assert.ok(features.has(feature), `${name}: ${feature}`);
    for (const feature of X86_64_LEVELS.v4) assert.ok(!features.has(feature), `${name}: ${feature}`);
  }
});

test('Intel models: vendor, family, no bit of AMD alone, ARCH_CAPABILITIES', () => {
  const context = { apicId: 0, vcpus: 1, apicEnabled: true, osxsave: false, ospke: false, xcr0: 1 };
  const model = chooseCpu('intel-x86-64-v3');
  const { ebx, ecx, edx } = cpuid(model, 0, 0, context);
  assert.equal(Buffer.from(new Uint32Array([ebx, edx, ecx]).buffer).toString('latin1'), 'GenuineIntel');
  assert.equal(cpuid(model, 1, 0, context).eax, 0x000806f8);
  assert.equal((cpuid(model, 7, 0, context).edx >>> 29) & 1, 1);
  assert.deepEqual(cpuid(model, 0x8000_0021, 0, context), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  assert.equal(cpuid(model, 0x8000_0008, 0, context).ebx, 0);
  assert.ok(!model.features.has('mmxext'));
});

test('features are added with what they need and go with what needs them', () => {
  const added = chooseCpu('x86-64-v2,+avx2');
  assert.ok(added.features.has('avx'));
  assert.equal(xcr0Mask(added), 7);
  assert.equal(added.name, 'x86-64-v2,+avx2');
  const without = chooseCpu('x86-64-v3,-avx');
  for (const name of ['avx', 'avx2', 'fma', 'f16c', 'vaes'] as const) assert.ok(!without.features.has(name), name);
  assert.ok(without.features.has('aes'));
  assert.equal(xcr0Mask(without), 3);
  assert.equal(xcr0Mask(chooseCpu('x86-64-v3,-xsave')), 0);
});

test('what is not known, not implemented or not to be changed is refused', () => {
  assert.throws(() => chooseCpu('pentium'), /no CPU model is named pentium/);
  assert.throws(() => chooseCpu('x86-64-v3,avx2'), /neither adds/);
  assert.throws(() => chooseCpu('x86-64-v3,+sse5'), /no CPU feature is named sse5/);
  assert.throws(() => chooseCpu('x86-64-v3,+svm'), /not implemented/);
  assert.throws(() => chooseCpu('x86-64-v3,+avx512f'), /not implemented/);
  assert.throws(() => chooseCpu('x86-64-v3,-hypervisor'), /cannot be changed/);
  assert.throws(() => chooseCpu('x86-64-v3,-lm'), /cannot be changed/);
});
