import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { debianImages } from '../boot/debian-images.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());

test("two of Debian's Linux at once under xl: consoles, balloon both ways, reboot, shutdown", async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', 'interactive');
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  const config = stack.file(
    'linux.cfg',
    `type = "pvh"\nkernel = "${images.kernel}"\nramdisk = "${images.initrd}"\nmemory = 160\nextra = "console=hvc0 quiet"\n`,
  );
  const client = await stack.client();
  const find = async (name: string) => (await client.call('list', {})).find((domain) => domain.name === name);
  const boot = async (name: string) => {
    const shell = stack.console('create', '-c', config, `name="${name}"`);
    await until(() => /~ # /.test(shell.output()), 'a shell', 240);
    return shell;
  };
  const shells = await Promise.all([boot('alpha'), boot('beta')]);
  for (const [i, shell] of shells.entries()) {
    shell.type(`echo I am $((${i} + 1)) of two\n`);
    await until(() => shell.output().includes(`I am ${i + 1} of two`), 'its answer', 60);
  }

  const { domid = -1 } = (await find('alpha')) ?? {};
  assert.equal(stack.xl('mem-set', 'alpha', '128'), '= 0');
  await until(async () => ((await find('alpha'))?.memoryKib ?? 0) <= 130 * 1024, 'the guest gives memory back', 60);
  assert.equal(stack.xl('mem-set', 'alpha', '156'), '= 0');
  await until(async () => ((await find('alpha'))?.memoryKib ?? 0) >= 155 * 1024, 'the guest takes memory again', 60);

  assert.equal(stack.xl('reboot', 'alpha'), `! Rebooting domain ${domid}\n= 0`);
  await until(async () => ![undefined, domid].includes((await find('alpha'))?.domid), 'another domain in its place', 60);
  assert.equal(await shells[0]?.ended, 0, 'the console ends with the domain');
  const again = stack.console('console', 'alpha');
  await until(() => /~ # /.test(again.output()), 'a shell after the reboot', 240);

  const down = stack.xl('shutdown', '-a', '-w');
  assert.match(down, /Waiting for 2 domains/);
  assert.equal([...down.matchAll(/has been shut down, reason code 0/g)].length, 2, down);
  await until(async () => (await client.call('list', {})).length === 1, 'both are gone', 60);
  client.close();
});
