import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { debianImages } from '../boot/debian-images.ts';
import { Toolstack, until } from '../toolstack/toolstack.ts';
import { GenuineTools } from './genuine-tools.ts';

/*
 * Debian's own xl, libxl and libxenguest build a domain on a machine of ours: every hypercall of a domain's life with
 * the structs that Xen's code makes, pages written through foreign mappings, the store's nodes as libxl writes them.
 */
const stack = new Toolstack();
const found = await GenuineTools.fetch(stack.directory);
const skip = 'missing' in found ? found.missing : false;
const tools = found as GenuineTools;
after(async () => {
  if (!('missing' in found)) found.close();
  await stack.close();
});

before(async () => {
  if (skip === false) (await stack.client()).close();
});

function run(tool: string, ...args: string[]): string {
  const { stdout, stderr, status } = tools.run(tool, ...args);
  assert.equal(status, 0, `${tool} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout + stderr;
}
const configuration = (name: string, kernel: string, more = ''): string =>
  stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 16\n${more}`);
const monitorLog = (name: string): string => readFileSync(join(tools.root, `var/log/xen/xl-${name}.log`), 'utf8');

test('xl create, console, and the end by itself: nothing is left', { skip }, async () => {
  const client = await stack.client();
  const counters = async () => (await client.call('status', {})).counters;
  const kernel = stack.file('echo', helloGuest({ echo: true }));
  const { freeFrames, openFiles } = await counters();
  // the processes of a tool end some time after they have said so, and files close a moment after what they were for
  const quiet = async () => {
    await until(async () => (await counters()).openFiles <= openFiles, 'nobody else is connected');
    await until(async () => (await counters()).freeFrames === freeFrames, 'all frames are back');
    const { openFiles: _, ...machine } = await counters();
    return machine;
  };
  // windows of programs are kept for the next: here are as many at once as there ever are, were those that ended slow to go
  const { command: xentop, args: forEver, env: its } = tools.command('xentop', '-b', '-d', '3600');
  const many = Array.from({ length: 8 }, () => spawn(xentop, forEver, { env: its, stdio: ['ignore', 'pipe', 'inherit'] }));
  await Promise.all(many.map((each) => once(each.stdout, 'data')));
  // (a signal that xentop heeds is lost on it when it comes before xentop sleeps)
  for (const each of many) each.kill('SIGKILL');
  // the first domain makes nodes that the next find
  run('xl', 'create', configuration('first', kernel));
  run('xl', 'destroy', 'first');
  await until(() => /has been destroyed/.test(monitorLog('first')), 'its monitor has gone');
  const before = await quiet();
  assert.equal(run('xl', 'create', configuration('echo', kernel)), `Parsing config from ${stack.folder}/echo.cfg\n`);
  assert.match(stack.xl('list'), /^echo +2 +16 +1 +[r-]b?-*/m);
  assert.match(stack.xl('console', 'nosuch'), /= 1$/);

  // genuine xenconsole on our console: it wants a terminal
  const { command, args, env } = tools.command('xl', 'console', 'echo');
  const console = spawn('script', ['-qec', [command, ...args].join(' '), '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  console.stdout.on('data', (bytes: Buffer) => {
    output += bytes.toString('latin1');
  });
  const ended = new Promise<number | null>((done) => console.on('exit', done));
  await until(() => output.includes('Ctrl-D ends it'), `the guest's greeting: ${output}`);
  console.stdin.write('from xenconsole');
  await until(() => output.endsWith('from xenconsole'), 'the echo');
  console.stdin.write('\x04');
  assert.equal(await ended, 0);

  await until(() => /Done\. Exiting now/.test(monitorLog('echo')), "xl's own monitor has done what on_poweroff says");
  assert.match(monitorLog('echo'), /Domain 2 has shut down, reason code 0 0x0\nAction for shutdown reason code 0 is destroy/);
  assert.doesNotMatch(stack.xl('list'), /^echo/m);
  assert.deepEqual(await quiet(), before);
  client.close();
});

test("xl's other commands on a domain that it built; ours on the same", { skip }, async () => {
  const kernel = stack.file('echo', helloGuest({ echo: true }));
  run('xl', 'create', '-q', configuration('more', kernel));
  assert.equal(JSON.parse(run('xl', 'list', '-l', 'more'))[0].config.c_info.name, 'more');
  run('xl', 'mem-set', 'more', '12');
  assert.match(run('xenstore-read', '/local/domain/3/memory/target'), /^12288$/m);
  run('xl', 'vcpu-set', 'more', '1');
  run('xl', 'pause', 'more');
  assert.match(stack.xl('list', 'more'), / -[-b]p---/);
  run('xl', 'unpause', 'more');
  assert.equal(run('xl', 'domname', '3'), 'more\n');
  assert.equal(stack.xl('destroy', 'more'), '= 0');
  await until(() => /Domain 3 has been destroyed/.test(monitorLog('more')), 'the genuine monitor sees that ours destroyed it');
  assert.doesNotMatch(run('xenstore-ls', '/local/domain'), /^3 = /m);
});

test('xl create of what is no kernel fails as on Xen, and leaves nothing', { skip }, () => {
  const records = (): string[] => readdirSync(join(tools.root, 'var/lib/xen'));
  const before = records();
  const bad = stack.file('bad', 'no kernel at all');
  const { stderr, status } = tools.run('xl', 'create', configuration('bad', bad));
  assert.notEqual(status, 0);
  assert.match(stderr, /cannot \(re-\)build domain: -3/);
  assert.doesNotMatch(stack.xl('list'), /^bad/m);
  assert.deepEqual(records(), before);
});

test('xl create boots Debian', { skip, timeout: 300_000 }, async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', 'acceptance');
  if ('missing' in images) return t.skip(images.missing);
  const more = `ramdisk = "${images.initrd}"\nextra = "console=hvc0"\nmemory = 256\n`;
  run('xl', 'create', configuration('debian', images.kernel, more));
  await until(() => /Done\. Exiting now/.test(monitorLog('debian')), 'Debian has booted and powered off');
  assert.match(monitorLog('debian'), /has shut down, reason code 0 0x0/);
});
