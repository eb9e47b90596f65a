/** Debian on the other CPU models: it sees what they announce, and its userland uses it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debianImages } from './debian-images.ts';
import { runZendo } from './run-zendo.ts';

const SCRIPT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
grep -m1 vendor_id /proc/cpuinfo
grep -m1 ^flags /proc/cpuinfo
cat /sys/devices/system/cpu/vulnerabilities/meltdown
grep . /sys/devices/system/cpu/vulnerabilities/*
dd if=/dev/zero bs=1M count=1 2>/dev/null | sha256sum
poweroff -f
`;
const ZEROS = '30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58';

for (const { cpu, vendor, has, lacks, spectre } of [
  {
    cpu: 'x86-64-v3',
    vendor: 'AuthenticAMD',
    has: ['avx2', 'fma', 'bmi2', 'aes', 'xsavec'],
    lacks: ['avx512f'],
    spectre: 'Mitigation: Enhanced / Automatic IBRS; STIBP: disabled; PBRSB-eIBRS: Not affected; BHI: Not affected',
  },
  {
    cpu: 'intel-x86-64-v3,-avx2',
    vendor: 'GenuineIntel',
    has: ['avx', 'fma', 'cpuid_fault', 'arch_capabilities'],
    lacks: ['avx2', 'autoibrs'],
    spectre: 'Mitigation: Enhanced / Automatic IBRS; PBRSB-eIBRS: Not affected; BHI: BHI_DIS_S',
  },
] as const) {
  test(`Debian's cloud kernel on ${cpu}`, async (t) => {
    const images = await debianImages('linux-image-cloud-amd64', { script: SCRIPT });
    if ('missing' in images) {
      t.skip(images.missing);
      return;
    }
    const args = ['--kernel', images.kernel, '--initrd', images.initrd, '--append', 'console=hvc0', '--cpu', cpu, '--seed', '1', '--timeout', '300'];
    const run = await runZendo(['boot', ...args]);
    assert.equal(run.status, 0, `${run.stderr}\n${run.stdout.slice(-3000)}`);
    assert.match(run.stdout, new RegExp(`vendor_id\\s*: ${vendor}`));
    const flags = new Set(/^flags\s*: (.*)$/m.exec(run.stdout)?.[1]?.trim().split(' '));
    for (const name of has) assert.ok(flags.has(name), name);
    for (const name of lacks) assert.ok(!flags.has(name), name);
    assert.match(run.stdout, /^Not affected/m);
    // what remains costs nothing at system calls and context switches
    const mitigations = [...run.stdout.matchAll(/vulnerabilities\/(\w+):(.*?)\r?$/gm)].filter(([, , says]) => says !== 'Not affected');
    assert.deepEqual(
      mitigations.map(([, name, says]) => [name, says]),
      [
        ['spectre_v1', 'Mitigation: usercopy/swapgs barriers and __user pointer sanitization'],
        ['spectre_v2', spectre],
      ],
    );
    assert.match(run.stdout, new RegExp(ZEROS));
    assert.doesNotMatch(run.stdout, /Oops|BUG:|Call Trace|unchecked MSR|Kernel panic|alg: .*failed/i);
  });
}
