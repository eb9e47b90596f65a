import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { places } from '../../src/apps/daemon/places.ts';
import { SHUTDOWN_crash } from '../../src/spec/xen/sched.ts';
import { crashGuest } from '../../src/toolstack/guests/crash.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
const echo = stack.file('echo', helloGuest({ echo: true }));
const crash = stack.file('crash', crashGuest('hypercall'));
const configuration = (name: string, kernel: string, more = ''): string =>
  stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 16\n${more}`);
const row = (name: string): string | undefined =>
  stack
    .xl('list')
    .split('\n')
    .find((line) => line.startsWith(`${name} `));

test('two guests at once: each has its console, and one ends without the other', async () => {
  assert.match(stack.xl('create', configuration('one', echo)), /^! Parsing config from .*\n= 0$/);
  assert.match(stack.xl('create', '-q', configuration('two', echo)), /^= 0$/);
  const consoles = ['one', 'two'].map((name) => stack.console('console', name));
  const [one, two] = consoles as [(typeof consoles)[0], (typeof consoles)[0]];
  for (const each of consoles) await until(() => /Ctrl-D ends it/.test(each.output()), `a greeting, which came before we looked: ${each.output()}`);
  const second = stack.console('console', 'two');
  one.type('first');
  two.type('second');
  await until(() => one.output().endsWith('first'), 'echo of one');
  await until(() => two.output().endsWith('second'), 'echo of two');
  await until(() => second.output().endsWith('second'), 'the same for another viewer');
  assert.doesNotMatch(one.output(), /second/);
  // the death of a viewer harms nobody
  second.kill();
  await second.ended;
  one.type('\x04');
  assert.equal(await one.ended, 0, 'the console ends with its domain');
  await until(() => row('one') === undefined, 'on_poweroff: destroy');
  await until(() => /^two +\d+ +16 +1 +-b---- +\d+\.\d$/.test(row('two') ?? ''), 'the other waits for keys');
  two.type('\x1d');
  assert.equal(await two.ended, 0, 'Ctrl-] leaves');
});

test('pause, unpause and rename', async () => {
  assert.equal(stack.xl('pause', 'two'), '= 0');
  assert.match(row('two') ?? '', / -bp---/);
  assert.equal(stack.xl('unpause', 'two'), '= 0');
  await until(() => / -b----/.test(row('two') ?? ''), 'it goes on waiting');
  assert.equal(stack.xl('rename', 'two', 'zwei'), '= 0');
  assert.match(stack.xl('domid', 'zwei'), /^\d+\n= 0$/);
  assert.equal(row('two'), undefined);
  assert.match(stack.xl('list', '-l', 'zwei'), /"name": "zwei"/);
});

test('memory: the target is in xenstore and bounds what the domain may have', async () => {
  assert.equal(stack.xl('mem-set', 'zwei', '8'), '= 0');
  assert.match(
    stack.xl('mem-set', 'zwei', '17'),
    /memory_dynamic_max must be less than or equal to memory_static_max\n! cannot set domid \d+ dynamic max memory to : 17\n= 1$/,
  );
  assert.match(stack.xl('mem-max', 'zwei', '4m'), /memory_static_max must be greater than .*\n! cannot set domid \d+ static max memory to : 4m\n= 1$/);
  const client = await stack.client();
  const domain = (await client.call('list', {})).find(({ name }) => name === 'zwei');
  assert.ok(domain !== undefined && domain.maxKib < 9 * 1024, `${domain?.maxKib} KiB`);
  client.close();
});

test("Debian's xenstore clients see the guests", (t) => {
  const env = { ...process.env, XENSTORED_PATH: places(stack.directory).store };
  const run = (command: string, ...args: string[]) => spawnSync(command, args, { env, encoding: 'utf8', timeout: 120_000 });
  if (run('xenstore-ls').error !== undefined && process.env['CI'] !== 'true') return t.skip('xenstore-utils is not installed');
  const id = stack.xl('domid', 'zwei').split('\n')[0] as string;
  assert.equal(run('xenstore-read', `/local/domain/${id}/name`, `/local/domain/${id}/memory/target`).stdout, 'zwei\n8192\n');
  assert.equal(run('xenstore-write', `/local/domain/${id}/data/x`, 'from outside').status, 0);
  assert.match(run('xenstore-ls', '-f', `/local/domain/${id}`).stdout, /\/data\/x = "from outside"/);
});

test('on_crash: preserve, destroy, restart, rename-restart', async () => {
  stack.xl('create', configuration('kept', crash, 'on_crash = "preserve"\n'));
  await until(() => / ---sc- /.test(row('kept') ?? ''), 'it is kept, shut down and crashed');
  assert.match(stack.xl('list', '-v', 'kept'), / 3 +-\n= 0$/);
  assert.equal(stack.xl('destroy', 'kept'), '= 0');
  assert.equal(row('kept'), undefined);

  stack.xl('create', configuration('gone', crash));
  await until(() => row('gone') === undefined, 'it is destroyed');

  // these crash when they are told to: one that crashes by itself is started, or kept, until the machine is full
  const obedient = stack.file('obedient', helloGuest({ echo: true, reason: SHUTDOWN_crash }));
  const crashed = async (name: string, then: () => boolean, what: string): Promise<void> => {
    await until(() => / -b----/.test(row(name) ?? ''), 'it waits for a key');
    const console = stack.console('console', name);
    console.type('\x04');
    await until(then, what);
    console.kill();
    await console.ended;
  };
  stack.xl('create', configuration('again', obedient, 'on_crash = "restart"\n'));
  for (const times of [1, 2]) {
    await crashed('again', () => stack.log().match(/was started in place of/g)?.length === times, 'it is started again');
  }
  stack.xl('create', configuration('aside', obedient, 'on_crash = "rename-restart"\n'));
  for (const kept of ['aside-1', 'aside-2']) {
    await crashed('aside', () => / ---sc- /.test(row(kept) ?? ''), 'those that crashed are kept under other names');
  }
  await until(() => / -b----/.test(row('aside') ?? ''), 'another takes its place');
  for (const name of ['again', 'aside', 'aside-1', 'aside-2']) assert.equal(stack.xl('destroy', name), '= 0');
});

test('the daemon: no domain is harmed by a client that dies in the middle of a request', async () => {
  const client = await stack.client();
  const { domid } = (await client.call('list', {})).find(({ name }) => name === 'zwei') ?? assert.fail();
  void client.call('wait', { domid }).catch(() => {});
  client.close();
  await until(() => / -b----/.test(row('zwei') ?? ''), 'it waits as before');
});

test("a channel's socket: made with its domain, gone with it; what is there already is not replaced", async () => {
  const path = join(stack.folder, 'channel.sock');
  const channel = (at: string): string => configuration('channel', echo, `channel = [ "connection=socket,path=${at},name=org.example" ]\n`);
  assert.equal(stack.xl('create', '-q', channel(path)), '= 0');
  const client = connect(path);
  await once(client, 'connect');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  // the same path again: somebody listens
  const other = stack.file('other.cfg', `name = "other"\ntype = "pvh"\nkernel = "${echo}"\nmemory = 16\nchannel = [ "connection=socket,path=${path}" ]\n`);
  assert.match(stack.xl('create', '-q', other), /channel 0: the socket .*channel\.sock cannot be made: another program listens there\n= [1-9]/);
  assert.equal(row('other'), undefined, 'nothing is left of it');
  assert.equal(stack.xl('destroy', 'channel'), '= 0');
  await once(client, 'close');
  await until(() => !existsSync(path), 'the socket is gone');
  for (const [at, reason] of [
    [echo, 'there is a file of that name'],
    [join(stack.folder, 'nowhere/sock'), 'its folder does not exist'],
  ] as const) {
    assert.match(stack.xl('create', '-q', channel(at)), new RegExp(`cannot be made: ${reason}`));
    assert.equal(row('channel'), undefined);
  }
  // what a program that was killed left behind is replaced
  const left = spawnSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`]);
  assert.equal(left.signal, 'SIGKILL');
  assert.equal(existsSync(path), true);
  assert.equal(stack.xl('create', '-q', channel(path)), '= 0');
  assert.equal(stack.xl('destroy', 'channel'), '= 0');
});
