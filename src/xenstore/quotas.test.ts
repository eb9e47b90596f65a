import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XS_READ, XS_SET_PERMS, XS_TRANSACTION_START, XS_WATCH } from '../spec/xen/io/xs-wire.ts';
import type { StoreClient } from './client.ts';
import { DEFAULT_QUOTAS } from './quotas.ts';
import { TestStore } from './test-store.ts';
import { nulTerminated } from './wire/latin1.ts';
import { XenstoreError } from './xenstore-error.ts';

function refused(errno: string): (error: unknown) => boolean {
  return (error) => error instanceof XenstoreError && error.errno === errno;
}

/** A store, domain 5 in it with a directory `own` of its own, domain 0 and domain 5 as clients. */
function world5(): { world: TestStore; dom0: StoreClient; domain5: StoreClient } {
  const world = new TestStore([5]);
  const dom0 = world.store.connect();
  dom0.mkdir('/local/domain/5');
  dom0.mkdir('/local/domain/5/own');
  dom0.setPermissions('/local/domain/5/own', ['n5']);
  return { world, dom0, domain5: world.store.connect(5) };
}

test(`nodes: ${DEFAULT_QUOTAS.nodes} and not one more, however they are made`, () => {
  const { world, dom0, domain5 } = world5();
  const count = (): number => Number(/nodes +: +([0-9]+)/.exec(dom0.control('quota', '5'))?.[1]);
  // spread over ten directories, so that none becomes too large a node
  for (let i = 0; i < 10; i++) domain5.mkdir(`own/${i}`);
  while (count() < DEFAULT_QUOTAS.nodes) domain5.mkdir(`own/${count() % 10}/${count()}`);
  assert.throws(() => domain5.mkdir('own/more'), refused('ENOSPC'));
  assert.throws(() => domain5.write('own/more/still', ''), refused('ENOSPC'));
  domain5.rm(`own/9/${DEFAULT_QUOTAS.nodes - 1}`);
  const transaction = domain5.begin();
  transaction.mkdir('own/one');
  transaction.mkdir('own/two');
  assert.throws(() => transaction.commit(), refused('ENOSPC'));
  assert.equal(domain5.exists('own/one'), false);
  domain5.transaction((nodes) => nodes.mkdir('own/one'));
  assert.equal(count(), DEFAULT_QUOTAS.nodes);
  // domain 0 is not bound, and may even give nodes away
  dom0.mkdir('/local/domain/5/own/given');
  assert.equal(count(), DEFAULT_QUOTAS.nodes + 1);
  assert.deepEqual(world.store.check(), []);
});

test(`watches: ${DEFAULT_QUOTAS.watches} and not one more`, () => {
  const { world } = world5();
  for (let i = 0; i < DEFAULT_QUOTAS.watches; i++) assert.equal(world.ask(5, XS_WATCH, nulTerminated('own', `t${i}`))[0]?.type, XS_WATCH, String(i));
  assert.deepEqual(world.ask(5, XS_WATCH, nulTerminated('own', 'more'))[0]?.strings, ['E2BIG']);
});

test(`transactions: ${DEFAULT_QUOTAS.transactions} and not one more`, () => {
  const { world } = world5();
  for (let i = 0; i < DEFAULT_QUOTAS.transactions; i++) assert.equal(world.ask(5, XS_TRANSACTION_START, nulTerminated(''))[0]?.type, XS_TRANSACTION_START);
  assert.deepEqual(world.ask(5, XS_TRANSACTION_START, nulTerminated(''))[0]?.strings, ['ENOSPC']);
});

test(`nodes of a transaction: ${DEFAULT_QUOTAS['transaction-nodes']} and not one more; then it cannot commit`, () => {
  const { domain5 } = world5();
  const limit = DEFAULT_QUOTAS['transaction-nodes'];
  const ask = (count: number): ReturnType<StoreClient['begin']> => {
    const transaction = domain5.begin();
    // each missing node is touched, and so is the directory above them
    for (let i = 0; i < count - 1; i++) assert.throws(() => transaction.read(`own/n${i}`), refused('ENOENT'));
    return transaction;
  };
  assert.equal(ask(limit).commit(), true);
  const full = ask(limit);
  assert.throws(() => full.read('own/more'), refused('ENOSPC'));
  assert.throws(() => full.commit(), refused('ENOMEM'));
});

test(`permissions: ${DEFAULT_QUOTAS.permissions} entries and not one more`, () => {
  const { world } = world5();
  const entries = Array.from({ length: DEFAULT_QUOTAS.permissions - 1 }, () => 'r0');
  assert.equal(world.ask(5, XS_SET_PERMS, nulTerminated('own', 'n5', ...entries))[0]?.type, XS_SET_PERMS);
  assert.deepEqual(world.ask(5, XS_SET_PERMS, nulTerminated('own', 'n5', ...entries, 'r0'))[0]?.strings, ['ENOSPC']);
});

test('a node is smaller than 2048 bytes with its header, permissions, value and names of children', () => {
  const { dom0, domain5 } = world5();
  const largest = DEFAULT_QUOTAS['node-size'] - 1 - 24 - 8;
  domain5.write('own/v', new Uint8Array(largest));
  assert.throws(() => domain5.write('own/v', new Uint8Array(largest + 1)), refused('ENOSPC'));
  assert.throws(() => domain5.mkdir('own/v/c'), refused('ENOSPC'));
  domain5.write('own/v', new Uint8Array(largest - 2));
  domain5.mkdir('own/v/c');
  assert.throws(() => domain5.mkdir('own/v/d'), refused('ENOSPC'));
  // domain 0 may, and then the domain may still take away
  dom0.mkdir('/local/domain/5/own/v/d');
  domain5.rm('own/v/c');
});

test('memory: what the other quotas leave is bounded as a whole', () => {
  const { dom0, domain5 } = world5();
  dom0.control('quota', 'set', 'memory', '30000');
  const value = new Uint8Array(1000);
  let made = 0;
  assert.throws(() => {
    for (;;) domain5.write(`own/${made++}`, value);
  }, refused('ENOMEM'));
  assert.ok(made > 20 && made < 31, String(made));
  domain5.rm('own/0');
  domain5.write('own/again', value);
});

test(`answers: after ${DEFAULT_QUOTAS.outstanding} unread ones no request is read, and nothing is lost`, () => {
  const { world, dom0 } = world5();
  dom0.write('/local/domain/5/own', new Uint8Array(1000));
  const player = world.player(5);
  let sent = 0;
  for (let i = 0; i < 100; i++) {
    const request = nulTerminated('own');
    if (player.page.view.getUint32(2052, true) - player.page.view.getUint32(2048, true) + 16 + request.length > 1024) break;
    player.send(XS_READ, request, () => {});
    sent++;
    world.event(5);
  }
  const outstanding = Number(/outstanding +: +([0-9]+)/.exec(dom0.control('quota', '5'))?.[1]);
  assert.equal(outstanding, DEFAULT_QUOTAS.outstanding);
  assert.equal(world.take(5).length, sent);
});
