import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { after, test } from 'node:test';
import { places } from '../../src/apps/daemon/places.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
const config = stack.file('g.cfg', `name = "g"\ntype = "pvh"\nkernel = "${stack.file('echo', helloGuest({ echo: true }))}"\nmemory = 8\n`);

/** What lies in the daemon's directory, but the logs of consoles, which are kept. */
const files = (): string[] =>
  readdirSync(stack.directory)
    .filter((name) => name !== 'console')
    .sort();

const pidOf = async (): Promise<number> => {
  const client = await stack.client();
  const { pid } = await client.call('status', {});
  client.close();
  return pid;
};

test('the directory and its sockets are for their owner alone', async () => {
  await pidOf();
  const { socket, store } = places(stack.directory);
  assert.equal(statSync(stack.directory).mode & 0o777, 0o700);
  for (const path of [socket, store]) assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a daemon that was killed: the next command starts another, which says what was lost', async () => {
  for (let round = 0; round < 3; round++) {
    assert.match(stack.xl('create', config), /= 0$/);
    await stack.kill();
    assert.match(stack.xl('list'), /^Name.*\nDomain-0 .*\n= 0$/, 'the guest is gone, the daemon is there');
    assert.equal([...stack.log().matchAll(/Domain 1 \("g", [-0-9a-f]{36}\) was lost/g)].length, round + 1);
  }
  assert.deepEqual(files(), ['daemon.log', 'lock', 'privcmd.sock', 'xenstored.sock', 'zendo.sock'], 'nothing else is left behind');
});

test('many that need a daemon at once get the same one', async () => {
  await stack.kill();
  const before = stack.log().length;
  const pids = await Promise.all(Array.from({ length: 5 }, pidOf));
  assert.equal(new Set(pids).size, 1);
  // a slow one of those that were started in vain would take the place of the first, should that end meanwhile
  await until(
    () =>
      stack
        .log()
        .slice(before)
        .match(/another daemon runs already\n/g)?.length === 4,
    'the other four have seen it and gone',
  );
});

test('SIGTERM: guests are asked to shut down, then everything is taken away', async () => {
  const client = await stack.client();
  assert.match(stack.xl('create', '-p', config), /= 0$/, 'a paused one cannot answer and is not waited for');
  process.kill((await client.call('status', {})).pid, 'SIGTERM');
  await client.gone();
  await until(() => files().length === 1, `only the log is left: ${files()}`);
  assert.match(stack.log(), /SIGTERM: shutting down\n.* stopped\n$/);
});
