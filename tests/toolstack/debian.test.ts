import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { ConsoleOutput } from '../../src/apps/daemon/api.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { debianImages } from '../boot/debian-images.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());

test("two of Debian's Linux and ten small guests at once under xl: consoles, balloon both ways, NMI, reboot, shutdown", async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', 'interactive');
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const config = stack.file(
    'linux.cfg',
    `type = "pvh"\nkernel = "${images.kernel}"\nramdisk = "${images.initrd}"\nmemory = 160\nextra = "console=hvc0 quiet COLUMNS=101 LINES=33"\nchannel = [ "connection=pty,name=org.example.second" ]\n`,
  );
  const client = await stack.client();
  const find = async (name: string) => (await client.call('list', {})).find((domain) => domain.name === name);
  // alpha's is a socket as well
  const path = join(stack.folder, 'agent.sock');
  const channels = `channel=["connection=pty,name=org.example.second","connection=socket,path=${path},name=org.example.agent"]`;
  const boot = async (name: string) => {
    const shell = stack.console('create', '-c', config, `name="${name}"`, ...(name === 'alpha' ? [channels] : []));
    await until(() => /~ # /.test(shell.output()), 'a shell');
    return shell;
  };
  const counters = async () => {
    const { freeFrames, eventChannels, storeNodes } = (await client.call('status', {})).counters;
    return { freeFrames, eventChannels, storeNodes };
  };
  // the first one makes nodes that the next find
  assert.match(await stack.quickXl('create', '-p', config, 'name="zero"'), /= 0$/);
  assert.equal(await stack.quickXl('destroy', 'zero'), '= 0');
  const before = await counters();
  const shells = await Promise.all([boot('alpha'), boot('beta')]);

  const small = Array.from({ length: 10 }, (_, i) => `small${i}`);
  const echo = stack.file('echo', helloGuest({ echo: true }));
  for (const name of small) {
    const file = stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${echo}"\nmemory = 8\n`);
    assert.equal(await stack.quickXl('create', '-q', file), '= 0');
  }
  assert.equal((await client.call('list', {})).length, 13);
  const seen = new Map<number, string>();
  client.on('console', (params) => {
    const { domid, base64 } = params as ConsoleOutput;
    seen.set(domid, (seen.get(domid) ?? '') + atob(base64));
  });
  for (const name of small) {
    const { domid = -1 } = (await find(name)) ?? {};
    await client.call('consoleOpen', { domid });
    await client.call('consoleInput', { domid, base64: btoa(`I am ${name}`) });
  }
  for (const name of small) {
    const { domid = -1 } = (await find(name)) ?? {};
    await until(() => seen.get(domid)?.endsWith(`I am ${name}`) ?? false, `${name} answers`);
  }
  assert.equal(await stack.quickXl('pause', 'small3'), '= 0');
  assert.equal((await find('small3'))?.paused, true);
  assert.equal(await stack.quickXl('unpause', 'small3'), '= 0');
  assert.equal((await find('small3'))?.paused, false);

  for (const [i, shell] of shells.entries()) {
    shell.type(`echo I am $((${i} + 1)) of two\n`);
    await until(() => shell.output().includes(`I am ${i + 1} of two`), 'its answer');
  }

  // as `npm start` tells it
  shells[1]?.type('stty size\n');
  await until(() => /^33 101/m.test(shells[1]?.output() ?? ''), 'the size of its console');

  // hvc1: a console that Linux's frontend connects through its store nodes, a grant and an event channel
  const second = stack.console('console', '-n', '1', 'alpha');
  shells[0]?.type('echo out > /dev/hvc1; head -n1 /dev/hvc1\n');
  await until(() => second.output().includes('out'), 'what the guest writes to hvc1');
  second.type('and in\n');
  await until(() => /^and in/m.test(shells[0]?.output() ?? ''), 'what it reads there');
  assert.match(await stack.quickXl('channel-list', 'alpha'), /^0 {3}0 {2}4 {5}\d+ +\d+ +pty /m);

  // hvc2: the same at a Unix socket of the host, for one client at a time, who may come again
  for (const turn of ['first', 'second']) {
    const agent = connect(path);
    let heard = '';
    agent.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1');
    });
    // what arrives says that the daemon has taken the connection: only then the guest writes
    agent.write(`${turn} in\n`);
    shells[0]?.type('head -n1 /dev/hvc2\n');
    await until(() => new RegExp(`^${turn} in`, 'm').test(shells[0]?.output() ?? ''), 'what it reads from hvc2');
    shells[0]?.type(`echo ${turn} out > /dev/hvc2\n`);
    await until(() => heard.includes(`${turn} out`), 'what the guest writes there');
    agent.destroy();
  }
  assert.match(await stack.quickXl('channel-list', 'alpha'), /^1 {3}0 {2}4 {5}\d+ +\d+ +socket /m);

  // no port says what it was for: Linux reads 0xff at 0x61, whose bits mean SERR
  assert.equal(await stack.quickXl('trigger', 'beta', 'nmi'), '= 0');
  await until(() => /NMI: PCI system error \(SERR\) for reason ff on CPU 0/.test(shells[1]?.output() ?? ''), 'the NMI');
  shells[1]?.type('awk \'/NMI/ { print $2, "of them" }\' /proc/interrupts\n');
  await until(() => /^1 of them/m.test(shells[1]?.output() ?? ''), 'it is counted');

  const { domid = -1 } = (await find('alpha')) ?? {};
  assert.equal(stack.xl('mem-set', 'alpha', '128'), '= 0');
  await until(async () => ((await find('alpha'))?.memoryKib ?? 0) <= 130 * 1024, 'the guest gives memory back');
  assert.equal(stack.xl('mem-set', 'alpha', '156'), '= 0');
  await until(async () => ((await find('alpha'))?.memoryKib ?? 0) >= 155 * 1024, 'the guest takes memory again');

  assert.equal(stack.xl('reboot', 'alpha'), `! Rebooting domain ${domid}\n= 0`);
  await until(async () => ![undefined, domid].includes((await find('alpha'))?.domid), 'another domain in its place');
  assert.equal(await shells[0]?.ended, 0, 'the console ends with the domain');
  const again = stack.console('console', 'alpha');
  await until(() => /~ # /.test(again.output()), 'a shell after the reboot');

  for (const name of small) assert.equal(await stack.quickXl('destroy', name), '= 0');
  assert.equal((await client.call('list', {})).length, 3);
  const down = stack.xl('shutdown', '-a', '-w');
  assert.match(down, /Waiting for 2 domains/);
  assert.equal([...down.matchAll(/has been shut down, reason code 0/g)].length, 2, down);
  await until(async () => (await client.call('list', {})).length === 1, 'both are gone');
  assert.deepEqual(await counters(), before, 'nothing is left of them');
  assert.equal(existsSync(path), false, 'the socket is gone');
  client.close();
});
