import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from '../toolstack/toolstack.ts';
import { GenuineTools } from './genuine-tools.ts';

/*
 * Debian's own binaries of Xen 4.17, unmodified, on a machine of ours: what they print is a true picture of it, and what
 * our xl prints too, but for the differences that are told here.
 */
const stack = new Toolstack();
const found = await GenuineTools.fetch(stack.directory);
const skip = 'missing' in found ? found.missing : false;
const tools = found as GenuineTools;
after(async () => {
  if (!('missing' in found)) found.close();
  await stack.close();
});

const guests = [
  { name: 'one', memory: 16 },
  { name: 'two', memory: 24 },
];
async function free(): Promise<number> {
  const client = await stack.client();
  const { freeFrames } = (await client.call('status', {})).counters;
  client.close();
  return freeFrames;
}
/** Free frames before any tool ran. */
let untouched = 0;

before(async () => {
  if (skip !== false) return;
  const kernel = stack.file('kernel', helloGuest({ echo: true }));
  for (const { name, memory } of guests) {
    const file = stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = ${memory}\n`);
    assert.match(stack.xl('create', '-q', file), /= 0$/);
  }
  stack.xl('pause', 'two');
  await until(() => / -b----/.test(stack.xl('list', 'one')), 'the guest waits for keys');
  untouched = await free();
});

/** Run a tool that must succeed and have nothing to complain about; its lines. */
function lines(tool: string, ...args: string[]): string[] {
  const { stdout, stderr, status } = tools.run(tool, ...args);
  assert.deepEqual([stderr, status], ['', 0], `${tool} ${args.join(' ')}\n${stdout}`);
  return stdout.replace(/\n$/, '').split('\n');
}
const ours = (...args: string[]): string[] =>
  stack
    .xl(...args)
    .replace(/\n= 0$/, '')
    .split('\n');
/** Seconds that go on between two commands. */
const timeless = (rows: readonly string[]): string[] => rows.map((row) => row.replace(/ +\d+\.\d$| +\d+\.\d(?= )/, ' T'));

test('xl list', { skip }, () => {
  assert.deepEqual(timeless(lines('xl', 'list')), timeless(ours('list')));
  const rows = lines('xl', 'list', '-v');
  assert.deepEqual(timeless(rows), timeless(ours('list', '-v')));
  assert.equal(rows.length, 4);
  assert.match(rows[2] ?? '', /^one +1 +16 +1 +-b---- +\d+\.\d [0-9a-f]{8}-/);
  assert.match(rows[3] ?? '', /^two +2 +24 +1 +--p--- |^two +2 +24 +1 +-bp--- /);
});

test('xl info', { skip }, () => {
  assert.deepEqual(lines('xl', 'info'), ours('info'));
  assert.deepEqual(lines('xl', 'info', '-n'), ours('info', '-n'));
});

test('xl vcpu-list, vcpu-pin', { skip }, () => {
  assert.deepEqual(timeless(lines('xl', 'vcpu-list')), timeless(ours('vcpu-list')));
  lines('xl', 'vcpu-pin', 'one', '0', '0');
  assert.deepEqual(timeless(lines('xl', 'vcpu-list', 'one')), timeless(ours('vcpu-list', 'one')));
  const { stderr, status } = tools.run('xl', 'vcpu-pin', 'one', '0', '3');
  assert.match(stderr, /Could not set affinity for vcpu/);
  assert.notEqual(status, 0);
});

test('xl cpupool-list, sched-credit2, claims, vm-list, sharing', { skip }, () => {
  assert.deepEqual(lines('xl', 'cpupool-list'), [
    'Name               CPUs   Sched     Active   Domain count',
    'Pool-0               1   credit2       y          3',
  ]);
  lines('xl', 'sched-credit2', '-d', 'one', '-w', '512');
  assert.deepEqual(lines('xl', 'sched-credit2'), [
    'Cpupool Pool-0: ratelimit=1000us',
    'Name                                ID Weight  Cap',
    'Domain-0                             0    256    0',
    'one                                  1    512    0',
    'two                                  2    256    0',
  ]);
  for (const command of ['vm-list', 'sharing']) assert.deepEqual(lines('xl', command), ours(command));
  assert.equal(lines('xl', 'claims').length, 4);
});

test('xl pause, unpause, rename, domid, domname, dmesg, debug-keys', { skip }, async () => {
  assert.deepEqual(lines('xl', 'pause', 'one'), ['']);
  assert.match(stack.xl('list', 'one'), / -bp---/);
  assert.deepEqual(lines('xl', 'unpause', 'one'), ['']);
  assert.match(stack.xl('list', 'one'), / -b----/);
  lines('xl', 'rename', 'one', 'eins');
  assert.match(stack.xl('list', 'eins'), /^eins/m);
  assert.deepEqual(lines('xl', 'domid', 'eins'), ['1']);
  lines('xl', 'rename', 'eins', 'one');
  assert.deepEqual(lines('xl', 'domname', '1'), ['one']);
  lines('xl', 'debug-keys', 'q');
  assert.match(lines('xl', 'dmesg').join('\n'), /'q' pressed/);
  assert.deepEqual(lines('xl', 'dmesg'), ours('dmesg'));
});

test('xenpm get-cpu-topology', { skip }, () => {
  assert.deepEqual(lines('xenpm', 'get-cpu-topology'), ['CPU\tcore\tsocket\tnode', 'CPU0\t 0\t 0\t 0']);
});

test('xentop -b -i 2', { skip }, () => {
  const rows = lines('xentop', '-b', '-i', '2', '-d', '1').map((row) => row.trim().split(/ +/));
  assert.equal(rows.length, 8);
  for (const begin of [0, 4]) {
    assert.deepEqual(rows[begin]?.slice(0, 4), ['NAME', 'STATE', 'CPU(sec)', 'CPU(%)']);
    const byName = new Map(rows.slice(begin + 1, begin + 4).map((row) => [row[0], row]));
    assert.deepEqual([...byName.keys()].sort(), ['Domain-0', 'one', 'two']);
    assert.match(byName.get('Domain-0')?.join(' ') ?? '', / no limit n\/a 1 /);
    for (const { name, memory } of guests) {
      const [, , , , kib = 0, percent = 0, most, , vcpus] = byName.get(name) ?? [];
      // (its own pages beside its RAM: shared info, grant table, ring pages)
      assert.ok(Number(kib) >= memory * 1024 - 64 && Number(kib) <= memory * 1024 + 64, `${kib} KiB`);
      assert.ok(Math.abs(Number(percent) - (Number(kib) / 1024 / 512) * 100) < 0.1, `${percent} %`);
      assert.ok(Number(most) >= Number(kib));
      assert.equal(vcpus, '1');
    }
  }
});

test('two tools at once have memory of their own, and leave none behind', { skip }, async () => {
  for (let i = 0; i < 3; i++) lines('xl', 'list');
  // a tool's memory is given back some time after its end
  await until(async () => (await free()) === untouched, 'all frames are back, those of the tests before this one too');
});

test('xen-cpuid tells the machine’s processor, xen-hvmctx and xenctx a vCPU’s registers', { skip }, () => {
  const featuresets = tools.run('xen-cpuid').stdout;
  const { hw_caps } = Object.fromEntries(lines('xl', 'info').map((row) => row.split(/ +: /)));
  assert.match(featuresets, new RegExp(`^Host +${(hw_caps ?? '').split(':').slice(0, 4).join(':')}:`, 'm'));
  assert.match(featuresets, /^PV Max featureset not supported by Xen$/m);
  assert.match(tools.run('xen-cpuid', '-p').stdout, /^HVM Default policy: \d+ leaves, 2 MSRs$/m);
  assert.match(lines('xen-hvmctx', '2').join('\n'), /CPU: +rax 0x.*[\s\S]* rip 0x[0-9a-f]{16}/);
  assert.match(lines('xenctx', '2').join('\n'), /rip: [0-9a-f]+/);
});

test('test-xenstore of xen-utils', { skip }, () => {
  const { stderr, stdout, status } = tools.run('test-xenstore');
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  assert.match(stdout, /^ta err +: \d+ ns$/m);
});

test('lsevtchn: both ends of every channel', { skip }, () => {
  const ends = (domid: number): string[] => lines('lsevtchn', String(domid)).map((row) => row.trim());
  assert.deepEqual(
    ends(1).map((row) => row.replace(/Port \d+/, 'Port N')),
    ['1: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port N', '2: VCPU 0: Interdomain (Connected) - Remote Domain 0, Port N'],
  );
  const ofDomain0 = ends(0);
  assert.match(ofDomain0[0] ?? '', /^\d+: VCPU 0: Virtual IRQ 3$/, 'VIRQ_DOM_EXC');
  for (const port of [1, 2]) assert.equal(ofDomain0.filter((row) => row.endsWith(`Remote Domain 1, Port ${port}`)).length, 1);
});

test('test-paging-mempool of xen-utils', { skip }, () => {
  assert.deepEqual(lines('test-paging-mempool').slice(2), [
    'Test default mempool size',
    'mempool size 1048576 bytes (1024kB, 1MB)',
    "Test that allocate doesn't alter pool size",
    'Test bad set size',
    'Test set continuation',
  ]);
});

test('xenpm: one frequency, no idle states', { skip }, () => {
  assert.match(tools.run('xenpm', 'get-cpufreq-para').stderr, /Xen cpufreq is not enabled!/);
  const idle = tools.run('xenpm', 'get-cpuidle-states');
  assert.match(idle.stdout, /All C-states allowed/);
  assert.match(idle.stderr, /Xen cpuidle is disabled/);
});

test('what this Xen has not is told as by a Xen that was built without it', { skip }, () => {
  const says = (tool: string, args: string[], pattern: RegExp): void => {
    const { stdout, stderr, status } = tools.run(tool, ...args);
    assert.match(stdout + stderr, pattern);
    assert.notEqual(status, 0);
  };
  says('xenlockprof', [], /Error getting number of profile records: 38 \(Function not implemented\)/);
  says('xenperf', [], /Error getting number of perf counters: 38 \(Function not implemented\)/);
});

test('xl list -l, mem-set, mem-max, vcpu-set on domains that our daemon built', { skip }, async () => {
  tools.share(ours('list', '-l').join('\n'));
  assert.deepEqual(lines('xl', 'list', '-l', 'one'), ours('list', '-l', 'one'));
  // of domain 0 theirs says what it holds at the moment, and its scheduler's parameters
  const domains = (rows: readonly string[]) => (JSON.parse(rows.join('\n')) as { domid: number }[]).filter(({ domid }) => domid !== 0);
  assert.deepEqual(domains(lines('xl', 'list', '-l')), domains(ours('list', '-l')));
  lines('xl', 'mem-set', 'one', '12');
  assert.deepEqual(lines('xenstore-read', '/local/domain/1/memory/target'), ['12288']);
  assert.equal(JSON.parse(ours('list', '-l', 'one').join('\n'))[0].config.b_info.target_memkb, 12288);
  lines('xl', 'mem-max', 'one', '32');
  assert.deepEqual(lines('xenstore-read', '/local/domain/1/memory/static-max'), [String(32 * 1024)]);
  lines('xl', 'vcpu-set', 'one', '1');
  for (const command of ['channel-list', 'block-list', 'network-list']) assert.equal(lines('xl', command, 'one').length, 1, command);
});

test('xl console: genuine xenconsole on a domain of ours', { skip }, async () => {
  const { command, args, env } = tools.command('xl', 'console', 'one');
  const console = spawn('script', ['-qec', [command, ...args].join(' '), '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  console.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString('latin1');
  });
  const ended = new Promise((done) => console.on('exit', done));
  await until(() => output.includes('Ctrl-D ends it'), `the guest's greeting: ${output}`);
  console.stdin.write('typed in xenconsole');
  await until(() => output.endsWith('typed in xenconsole'), 'the echo');
  // Ctrl-]
  console.stdin.write('\x1d');
  await ended;
  assert.match(stack.xl('list', 'one'), /^one /m);
});

test("xl dump-core: the file's sections and notes are those of ours", { skip }, () => {
  const [theirs, own] = ['theirs', 'own'].map((name) => join(stack.folder, name)) as [string, string];
  lines('xl', 'pause', 'one');
  lines('xl', 'dump-core', 'one', theirs);
  assert.match(stack.xl('dump-core', 'one', own), /= 0$/);
  lines('xl', 'unpause', 'one');
  const [a, b] = [theirs, own].map((path) => sectionsOf(readFileSync(path))) as [Map<string, Buffer>, Map<string, Buffer>];
  assert.deepEqual([...a.keys()].sort(), [...b.keys()].sort());
  const pages = (sections: Map<string, Buffer>): Map<bigint, Buffer> => {
    const [frames, bytes] = [sections.get('.xen_pfn'), sections.get('.xen_pages')] as [Buffer, Buffer];
    const at = Array.from({ length: frames.length / 8 }, (_, i) => [frames.readBigUInt64LE(i * 8), bytes.subarray(i * 4096, (i + 1) * 4096)] as const);
    return new Map(at.filter(([pfn]) => pfn !== 2n ** 64n - 1n));
  };
  const [few, all] = [pages(a), pages(b)];
  for (const [pfn, page] of few) assert.ok(all.get(pfn)?.equals(page), `page ${pfn}`);
  // Xen's leaves out what a PC has no RAM at, even if the guest has: A0000 to BFFFF, and the special pages below 4 GiB
  const left = [...all.keys()].filter((pfn) => !few.has(pfn));
  assert.deepEqual([...new Set(left.map((pfn) => (pfn >= 0xa0n && pfn < 0xc0n) || pfn >= 0xf0000n))], [true]);
});

test('xenstore-control: check, log, and a live update under watching and transacting clients', { skip }, async () => {
  for (const args of [['check'], ['log', 'on'], ['log', 'off'], ['memreport'], ['print', 'hello']])
    assert.deepEqual(lines('xenstore-control', ...args), ['OK']);
  assert.match(lines('xenstore-control', 'quota').join('\n'), /nodes +: +1000 /);
  lines('xenstore-write', '/test/quota', 'kept');
  lines('xenstore-chmod', '/test/quota', 'n0', 'r1');
  const { command, args, env } = tools.command('xenstore-watch', '/test/watched');
  const watching = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  watching.stdout.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  const ended = new Promise((done) => watching.on('exit', done));
  await until(() => heard === '/test/watched\n', 'the watch is set');
  // Debian's client names a program to exchange the running one for
  for (let i = 1; i <= 3; i++) {
    lines('xenstore-control', 'live-update', '/usr/sbin/xenstored', '-t', '5', '-F');
    lines('xenstore-write', `/test/watched/${i}`, 'x');
    await until(() => heard.endsWith(`/test/watched/${i}\n`), `change ${i} after a live update`);
  }
  watching.kill();
  await ended;
  assert.deepEqual(lines('xenstore-read', '/test/quota'), ['kept']);
  assert.match(lines('xenstore-ls', '-f', '-p', '/test').join('\n'), /^\/test\/quota = "kept" +\(n0,r1\)$/m);
  assert.match(stack.xl('list'), /^one /m);
  lines('xenstore-rm', '/test');
});

/** Sections of an ELF file, by name. @see System V ABI, chapter 4 */
function sectionsOf(file: Buffer): Map<string, Buffer> {
  const [table, size, count, names] = [Number(file.readBigUInt64LE(0x28)), file.readUInt16LE(0x3a), file.readUInt16LE(0x3c), file.readUInt16LE(0x3e)];
  const section = (i: number): { name: number; bytes: Buffer } => {
    const at = table + i * size;
    const from = Number(file.readBigUInt64LE(at + 0x18));
    return { name: file.readUInt32LE(at), bytes: file.subarray(from, from + Number(file.readBigUInt64LE(at + 0x20))) };
  };
  const strings = section(names).bytes;
  return new Map(
    Array.from({ length: count }, (_, i) => section(i))
      .slice(1)
      .map(({ name, bytes }) => [strings.toString('latin1', name, strings.indexOf(0, name)), bytes]),
  );
}

test('xl destroy', { skip }, async () => {
  lines('xl', 'destroy', 'two');
  assert.doesNotMatch(stack.xl('list'), /^two/m);
  assert.match(stack.xl('list'), /^one/m);
});
