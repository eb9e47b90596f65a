import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AMD_X86_64_V2, INTEL_X86_64_V2 } from '../spec/x86/cpu-models.ts';
import { logBoot } from './boot-log.ts';
import { readConring } from './console-ring.ts';
import { TestMachine } from './testing/test-machine.ts';

/** The log's bytes from its beginning on. */
const logOf = (m: TestMachine): string => new TextDecoder().decode(readConring(m.hv, 0, 1 << 14).bytes);

test("the log begins as Xen's does, with the truth about this machine", () => {
  const m = new TestMachine(4096);
  logBoot(m.hv, AMD_X86_64_V2);
  const lines = logOf(m).trimEnd().split('\n');
  assert.ok(lines.every((line) => line.startsWith('(XEN) ')));
  assert.match(lines[0] ?? '', /^\(XEN\) Xen version 4\.17\S* \(\S+@\S+\) \([^)]+\) debug=n$/);
  assert.match(lines[1] ?? '', /^\(XEN\) build-id: [0-9a-f]+$/);
  // (what genuine lines look like: shared with Xen 4.17's log, in this order)
  const order = [
    'Bootloader: ',
    'Command line: ',
    'CPU Vendor: AMD, Family 25 (0x19), Model 17 (0x11)',
    'Xen-e820 RAM map:',
    ' [00000000ff000000, 00000000ffffffff] (usable)',
  ]
    .concat(['System RAM: 16MB (16384kB)', 'No NUMA configuration found', 'Faking a node at 00000000ff000000-0000000100000000', 'Domain heap initialised'])
    .concat([
      'SMP: Allowing 1 CPUs (0 hotplug CPUs)',
      'Using scheduler: SMP Credit Scheduler rev2 (credit2)',
      'Platform timer is ',
      'Detected ',
      'Brought up 1 CPUs',
    ]);
  let at = 0;
  for (const each of order) {
    const found = lines.findIndex((line, i) => i >= at && line.startsWith(`(XEN) ${each}`));
    assert.ok(found >= 0, `${each} after line ${at}\n${lines.join('\n')}`);
    at = found + 1;
  }
  assert.match(lines.at(-1) ?? '', /^\(XEN\) Dom0 memory: 2MB; free: 1[0-9]MB$/);
});

test('an Intel model says so', () => {
  const m = new TestMachine(2048);
  logBoot(m.hv, INTEL_X86_64_V2);
  assert.match(logOf(m), /\(XEN\) CPU Vendor: Intel, Family 6 \(0x6\), Model \d+ \(0x[0-9a-f]+\), Stepping \d+ \(raw [0-9a-f]{8}\)\n/);
});
