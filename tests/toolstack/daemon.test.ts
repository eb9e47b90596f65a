import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CANCELLED, RpcError } from '../../src/apps/daemon/rpc/rpc-error.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
stack.file('echo', helloGuest({ echo: true }));
const kernel = join(stack.folder, 'echo');
const config = (name: string, more = ''): string => stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n${more}`);
const names = async (): Promise<string[]> => {
  const client = await stack.client();
  const all = await client.call('list', {});
  client.close();
  return all.slice(1).map(({ name }) => name);
};

test('configurations in the directory auto are started with the daemon, in order; what is wrong with one harms no other', async () => {
  const auto = join(stack.directory, 'auto');
  mkdirSync(auto, { recursive: true });
  writeFileSync(join(auto, 'echo'), helloGuest({ echo: true }));
  writeFileSync(join(auto, '10-first.cfg'), 'name = "first"\ntype = "pvh"\nkernel = "echo"\nmemory = 8\non_poweroff = "restart"');
  writeFileSync(join(auto, '20-broken.cfg'), 'name = ');
  writeFileSync(join(auto, '30-missing.cfg'), 'name = "missing"\ntype = "pvh"\nkernel = "/no/such/kernel"\n');
  writeFileSync(join(auto, '40-second.cfg'), `name = "second"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n`);
  writeFileSync(join(auto, 'notes.txt'), 'nothing to start');
  await until(async () => (await names()).length === 2, 'two domains');
  assert.deepEqual(await names(), ['first', 'second']);
  assert.match(stack.log(), /20-broken\.cfg: the domain is not started\n.*20-broken\.cfg:1: config parsing error/);
  assert.match(stack.log(), /30-missing\.cfg: the domain is not started\n.*failed to open file '\/no\/such\/kernel'/);
  // they are looked after
  const client = await stack.client();
  const { domid = -1 } = (await client.call('list', {})).find(({ name }) => name === 'first') ?? {};
  await client.call('consoleInput', { domid, base64: btoa('\x04') });
  await until(async () => ![undefined, domid].includes((await client.call('list', {})).find(({ name }) => name === 'first')?.domid), 'on_poweroff = "restart"');
  client.close();
});

test('killed, the daemon comes back with them, and without the others', async () => {
  assert.match(await stack.quickXl('create', '-q', config('third')), /^= 0$/);
  assert.deepEqual(await names(), ['second', 'first', 'third']);
  await stack.kill();
  await until(async () => (await names()).length === 2, 'the domains that are started by themselves');
  assert.deepEqual(await names(), ['first', 'second']);
  assert.match(stack.log(), /Domain \d+ \("third", [-0-9a-f]{36}\) was lost/);
});

test('xl -v create tells each step', async () => {
  const told = await stack.quickXl('-v', 'create', '-p', config('told', 'maxmem = 100'));
  assert.match(
    told,
    /domainbuilder: detail: kernel: \d+ KiB of .*echo\n[\s\S]*detail: domain \d+ created\n[\s\S]*detail: memory: 64 of 100 MiB\n[\s\S]*detail: images: \d+ KiB/,
  );
  assert.doesNotMatch(await stack.quickXl('create', '-p', config('quiet', 'maxmem = 100')), /detail/);
});

test('a create that is cancelled, by its client or by its death, leaves nothing', async () => {
  const before = await names();
  const client = await stack.client();
  const { free_pages } = (await client.call('hostInfo', {})).physinfo;
  const request = (name: string) =>
    ({
      config: {
        c_info: { type: 'pvh', name, uuid: '00000000-0000-4000-8000-0000000000aa' },
        b_info: { max_memkb: 130 * 1024, target_memkb: 130 * 1024, sched_params: {}, kernel, arch_arm: {}, arch_x86: {} },
      },
      monitor: false,
    }) as const;
  const abort = new AbortController();
  const cancelled = client.call('create', request('cancelled'), { signal: abort.signal, progress: () => abort.abort() });
  await assert.rejects(cancelled, (error) => error instanceof RpcError && error.code === CANCELLED);
  const dying = await stack.client();
  await new Promise<void>((resolve) => {
    dying.call('create', request('orphan'), { progress: () => resolve() }).catch(() => {});
  });
  dying.close();
  await until(async () => (await client.call('hostInfo', {})).physinfo.free_pages === free_pages, 'all frames are free again');
  assert.deepEqual(await names(), before);
  // the name is free again too; two at once under one name are not made
  const both = await Promise.allSettled(['same', 'same'].map((name) => client.call('create', { ...request(name), config: { ...request(name).config } })));
  assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  client.close();
});

test('the console of a domain is in a file', async () => {
  const path = join(stack.directory, 'console/guest-second.log');
  await until(() => /It gives back what you type/.test(readFileSync(path, 'latin1')), 'its greeting');
});

test('SIGTERM waits for guests that do not answer; the second one waits no longer', async () => {
  const client = await stack.client();
  const { pid } = await client.call('status', {});
  process.kill(pid, 'SIGTERM');
  await until(() => /SIGTERM: shutting down/.test(stack.log()), 'it begins');
  await new Promise((done) => setTimeout(done, 300));
  assert.doesNotMatch(stack.log(), / stopped\n$/);
  process.kill(pid, 'SIGTERM');
  await client.gone();
  await until(() => / stopped\n$/.test(stack.log()), 'it has ended');
  assert.match(stack.log(), /SIGTERM again: waiting no longer\n[\s\S]*Domain \d+ does not shut down: destroyed/);
});
