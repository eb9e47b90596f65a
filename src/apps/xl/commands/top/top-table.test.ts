import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainSummary } from '../../../../toolstack/libxl/domain-summary.ts';
import type { XlHost } from '../../xl-host.ts';
import { TopScreen } from './top-screen.ts';
import { type Sample, topTable, type View } from './top-table.ts';

const VIEW: View = { vcpus: false, repeatHeader: false, fullName: false, domain0First: false, sort: 0 };
const domain = (fields: Partial<DomainSummary>): DomainSummary => ({
  domid: 0,
  name: '',
  uuid: '',
  memoryKib: 0,
  outstandingKib: 0,
  maxKib: 0,
  vcpusOnline: 1,
  running: false,
  blocked: false,
  paused: false,
  shutdown: false,
  dying: false,
  cpuTime: 0,
  startTime: 0,
  ...fields,
});
const TOTAL_KIB = 4193788;
const machine = (time: number, domains: readonly DomainSummary[]): Sample => ({
  time,
  domains,
  vcpus: domains.map(({ domid, cpuTime }) => ({ domid, vcpu: 0, online: true, blocked: false, running: false, cpuTime, cpu: 0, hard: [0], soft: [0] })),
  host: {
    physinfo: { total_pages: TOTAL_KIB / 4, free_pages: 512000, nr_cpus: 4, cpu_khz: 2994377 },
    version: { major: 4, minor: 17, extra: '.7' },
  } as Sample['host'],
});
/** The machine of a recording of Xen 4.17's xentop -b, and what that printed. */
const dom0 = domain({ name: 'Domain-0', running: true, cpuTime: 527.9e9, memoryKib: 1572864, maxKib: 1573888, vcpusOnline: 2 });
const crash1 = domain({ domid: 23, name: 'crash1', shutdown: true, reason: 3, blocked: true, cpuTime: 5.5e9, memoryKib: 131072, maxKib: 132096 });
const hvm1 = domain({ domid: 24, name: 'hvm1', paused: true, memoryKib: 65536, maxKib: 33792, vcpusOnline: 4 });
const RECORDED = `      NAME  STATE   CPU(sec) CPU(%)     MEM(k) MEM(%)  MAXMEM(k) MAXMEM(%) VCPUS NETS NETTX(k) NETRX(k) VBDS   VBD_OO   VBD_RD   VBD_WR  VBD_RSECT  VBD_WSECT SSID
    crash1 ---c--          5    0.0     131072    3.1     132096       3.1     1    0        0        0    0        0        0        0          0          0    0
VCPUs(sec):   0:          5s
  Domain-0 -----r        527    0.0    1572864   37.5    1573888      37.5     2    0        0        0    0        0        0        0          0          0    0
VCPUs(sec):   0:        527s
      hvm1 ----p-          0    0.0      65536    1.6      33792       0.8     4    0        0        0    0        0        0        0          0          0    0
VCPUs(sec):   0:          0s`;

test('the table is that of xentop', () => {
  assert.equal(topTable(machine(0, [dom0, crash1, hvm1]), undefined, { ...VIEW, vcpus: true }).join('\n'), RECORDED);
});

test('shares of a CPU between two looks, and other orders', () => {
  const before = machine(1000, [dom0, crash1]);
  const now = machine(2000, [{ ...dom0, cpuTime: dom0.cpuTime + 0.25e9 }, crash1]);
  const percent = (lines: readonly string[]): string[] => lines.slice(1).map((line) => `${line.slice(0, 10).trim()} ${line.slice(29, 35).trim()}`);
  assert.deepEqual(percent(topTable(now, before, VIEW)), ['crash1 0.0', 'Domain-0 25.0']);
  assert.deepEqual(percent(topTable(now, before, { ...VIEW, sort: 3 })), ['Domain-0 25.0', 'crash1 0.0']);
  assert.deepEqual(percent(topTable(now, before, { ...VIEW, domain0First: true })), ['Domain-0 25.0', 'crash1 0.0']);
});

test('a small screen shows rows of the table first, and no row is beyond its end', async () => {
  let screen = '';
  let rows = 5;
  let type: (text: string) => void = () => {};
  const host = {
    terminal: {
      write: async (bytes: Uint8Array) => void (screen = new TextDecoder().decode(bytes)),
      onInput: (listener: (bytes: Uint8Array) => void) => {
        type = (text) => listener(new TextEncoder().encode(text));
        return () => {};
      },
      size: () => ({ columns: 40, rows }),
      setRaw: () => {},
    },
    clock: () => '12:00:00',
    onInterrupt: () => () => {},
    after: () => () => {},
  } as unknown as XlHost;
  const ended = new TopScreen(host, VIEW, 3).run(async () => machine(1000, [dom0, crash1, hvm1]), 0);
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const seen = (): string[] => ['xl top', 'crash1', 'Domain-0', 'hvm1'].filter((text) => screen.includes(text));
  await settle();
  assert.deepEqual(seen(), ['crash1', 'Domain-0', 'hvm1']);
  rows = 4;
  type('\x1b[B\x1b[B\x1b[B');
  await settle();
  assert.deepEqual(seen(), ['Domain-0', 'hvm1']);
  // a screen that grows is filled again
  rows = 24;
  type('x');
  await settle();
  assert.deepEqual(seen(), ['xl top', 'crash1', 'Domain-0', 'hvm1']);
  type('q');
  await ended;
});

test('on a terminal: keys change what is shown, and the screen is given back', async () => {
  let written = '';
  let type: (text: string) => void = () => {};
  let raw = false;
  const host = {
    terminal: {
      write: async (bytes: Uint8Array) => void (written += new TextDecoder().decode(bytes)),
      onInput: (listener: (bytes: Uint8Array) => void) => {
        type = (text) => listener(new TextEncoder().encode(text));
        return () => {};
      },
      onEnd: () => () => {},
      size: () => ({ columns: 60, rows: 8 }),
      setRaw: (on: boolean) => void (raw = on),
    },
    clock: () => '12:00:00',
    onInterrupt: () => () => {},
    after: () => () => {},
  } as unknown as XlHost;
  let looks = 0;
  const ended = new TopScreen(host, VIEW, 3).run(async () => machine(++looks * 1000, [dom0, crash1, hvm1]), 0);
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  await settle();
  assert.match(written, /xl top - 12:00:00 {3}Xen 4\.17\.7[\s\S]*3 domains: 1 running, 0 blocked, 1 paused, 1 crashed/);
  assert.ok(raw);
  assert.doesNotMatch(written, /VCPUs\(sec\)/);
  type('v');
  await settle();
  assert.equal(looks, 2, 'it looks again at once');
  assert.match(written, /VCPUs\(sec\)/);
  written = '';
  type('\x1b[B');
  await settle();
  assert.doesNotMatch(written, /crash1/, 'one row down');
  type('d1\r');
  await settle();
  assert.match(written, /Delay 1 s/);
  type('q');
  await ended;
  assert.ok(!raw);
  assert.ok(written.endsWith('\x1b[?1049l'));
});
