import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildAcpiTables } from './acpi-tables.ts';

const BASE = 0xfc000000;
const IASL = 'iasl';
const sum = (bytes: Uint8Array): number => bytes.reduce((a, b) => (a + b) & 0xff, 0);
const signature = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 4));

for (const vcpus of [1, 2, 5, 64, 128]) {
  test(`the tables of ${vcpus} vCPUs hang together`, () => {
    const acpi = buildAcpiTables(vcpus, BASE);
    const at = (gpa: number): Uint8Array => {
      const table = acpi.tables.find((t) => t.gpa === gpa);
      assert.ok(table !== undefined, `a table at 0x${gpa.toString(16)}`);
      return table.bytes;
    };
    const view = (gpa: number): DataView => new DataView(at(gpa).buffer);
    for (const { bytes } of acpi.tables) {
      if (signature(bytes) === 'FACS') continue;
      assert.equal(sum(bytes), 0, `checksum of ${signature(bytes)}`);
      if (signature(bytes) !== 'RSD ') assert.equal(new DataView(bytes.buffer).getUint32(4, true), bytes.length);
    }
    const ranges = acpi.tables.map((t) => ({ from: t.gpa, to: t.gpa + t.bytes.length })).sort((a, b) => a.from - b.from);
    for (const [i, range] of ranges.entries()) assert.ok(i === 0 || ranges[i - 1]!.to <= range.from, 'no overlap');
    assert.ok(ranges[0]!.from >= BASE && ranges.at(-1)!.to <= acpi.end && acpi.end % 4096 === 0);

    const rsdp = view(acpi.rsdp);
    assert.equal(sum(at(acpi.rsdp).subarray(0, 20)), 0);
    const rsdt = rsdp.getUint32(16, true);
    const xsdt = rsdp.getUint32(24, true);
    const fromRsdt = [36, 40].map((o) => view(rsdt).getUint32(o, true));
    const fromXsdt = [36, 44].map((o) => Number(view(xsdt).getBigUint64(o, true)));
    assert.deepEqual(fromRsdt, fromXsdt);
    assert.deepEqual(
      fromRsdt.map((gpa) => signature(at(gpa))),
      ['FACP', 'APIC'],
    );
    const fadt = view(fromRsdt[0]!);
    assert.equal(signature(at(fadt.getUint32(40, true))), 'DSDT');
    assert.equal(signature(at(fadt.getUint32(36, true))), 'FACS');
    assert.equal(fadt.getUint32(36, true) % 64, 0, 'FACS is aligned');
    const madt = at(fromRsdt[1]!);
    assert.equal(madt.length, 44 + 8 * vcpus);
    for (let n = 0; n < vcpus; n++) assert.deepEqual([...madt.subarray(44 + n * 8, 52 + n * 8)], [0, 8, n, n * 2, 1, 0, 0, 0]);
  });
}

test('the RSDP can lie in low memory', () => {
  const acpi = buildAcpiTables(1, BASE, 0xfffc0);
  assert.equal(acpi.rsdp, 0xfffc0);
  assert.ok(acpi.tables.some((t) => t.gpa === 0xfffc0 && t.bytes.length <= 64));
});

test('iasl reads the tables without complaint', (t) => {
  if (spawnSync(IASL, ['-v']).error !== undefined) {
    if (process.env['CI'] === 'true') assert.fail('iasl (acpica-tools) is needed for this test');
    t.skip('iasl (acpica-tools) is not installed');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'acpi-'));
  try {
    for (const vcpus of [1, 3, 128]) {
      for (const { bytes } of buildAcpiTables(vcpus, BASE).tables) {
        const name = signature(bytes).trim().toLowerCase();
        if (name === 'rsd') continue;
        writeFileSync(join(folder, `${name}.dat`), bytes);
        const disassembled = spawnSync(IASL, ['-d', `${name}.dat`], { cwd: folder, encoding: 'utf8' });
        const text = disassembled.stdout + disassembled.stderr;
        assert.equal(disassembled.status, 0, text);
        assert.doesNotMatch(text, /\b(error|warning|invalid)\b(?!s)/i, text);
        const source = readFileSync(join(folder, `${name}.dsl`), 'utf8');
        assert.doesNotMatch(source, /should be|invalid|unknown/i, source);
        if (name !== 'dsdt') continue;
        assert.equal(source.match(/Processor \(PR/g)?.length, vcpus);
        const compiled = spawnSync(IASL, [`${name}.dsl`], { cwd: folder, encoding: 'utf8' });
        assert.match(compiled.stdout + compiled.stderr, / 0 Errors/);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
