import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XS_RESET_WATCHES, XS_TRANSACTION_END, XS_TRANSACTION_START } from '../../spec/xen/io/xs-wire.ts';
import { TestStore } from '../test-store.ts';
import { nulTerminated } from '../wire/latin1.ts';
import { XenstoreError } from '../xenstore-error.ts';

function refused(errno: string): (error: unknown) => boolean {
  return (error) => error instanceof XenstoreError && error.errno === errno;
}

test('what a transaction writes is its own until the commit, and whole then', () => {
  const { store } = new TestStore();
  const dom0 = store.connect();
  dom0.write('/a', 'old');
  const transaction = dom0.begin();
  transaction.write('/a', 'new');
  transaction.write('/b/c', 'made');
  assert.equal(transaction.read('/a'), 'new');
  assert.equal(dom0.read('/a'), 'old');
  assert.equal(dom0.exists('/b'), false);
  assert.equal(transaction.commit(), true);
  assert.equal(dom0.read('/a'), 'new');
  assert.deepEqual(dom0.directory('/b'), ['c']);
  assert.deepEqual(store.check(), []);
});

test('abandoned, it leaves nothing', () => {
  const { store } = new TestStore();
  const dom0 = store.connect();
  const transaction = dom0.begin();
  transaction.write('/a/b', '');
  transaction.rm('/tool');
  transaction.abort();
  assert.deepEqual(dom0.directory('/'), ['tool']);
  assert.throws(() => transaction.read('/tool'), refused('ENOENT'));
});

function remakeB(dom0: ReturnType<TestStore['store']['connect']>): void {
  dom0.rm('/a/b');
  dom0.write('/a/b', '1');
}

/** What another may do between a transaction's access and its commit; whether that is a conflict. */
const MEANWHILE: [what: string, conflict: boolean, inside: string, outside: (dom0: ReturnType<TestStore['store']['connect']>) => void][] = [
  ['another node written', false, 'read', (dom0) => dom0.write('/other', '')],
  ['the node read is written', true, 'read', (dom0) => dom0.write('/a/b', 'x')],
  ['the node read is removed', true, 'read', (dom0) => dom0.rm('/a/b')],
  ['the node read is removed and made again', true, 'read', remakeB],
  ['the node read gets permissions', true, 'read', (dom0) => dom0.setPermissions('/a/b', ['r0'])],
  ['the node read gets a child', true, 'read', (dom0) => dom0.mkdir('/a/b/c')],
  ['the parent of the node read is written', false, 'read', (dom0) => dom0.write('/a', 'x')],
  ['the missing node is made', true, 'missing', (dom0) => dom0.write('/a/none', '')],
  ['the node written is written', true, 'write', (dom0) => dom0.write('/a/b', 'x')],
  ['the node written is removed', true, 'write', (dom0) => dom0.rm('/a')],
  ['below the tree removed a node is made', true, 'rm', (dom0) => dom0.mkdir('/a/b/c/d')],
];

for (const [what, conflict, inside, outside] of MEANWHILE) {
  test(`${inside} inside, ${what} meanwhile: ${conflict ? 'EAGAIN' : 'committed'}`, () => {
    const { store } = new TestStore();
    const dom0 = store.connect();
    const other = store.connect();
    dom0.write('/a/b', '1');
    dom0.write('/other', '');
    const transaction = dom0.begin();
    if (inside === 'read') transaction.read('/a/b');
    if (inside === 'missing') assert.throws(() => transaction.read('/a/none'), refused('ENOENT'));
    if (inside === 'write') transaction.write('/a/b', 'mine');
    if (inside === 'rm') transaction.rm('/a');
    outside(other);
    transaction.write('/result', 'done');
    assert.equal(transaction.commit(), !conflict);
    assert.equal(dom0.exists('/result'), !conflict);
    assert.deepEqual(store.check(), []);
  });
}

test('two transactions: the first to commit wins, the second is told', () => {
  const { store } = new TestStore();
  const dom0 = store.connect();
  dom0.write('/n', '1');
  const [one, two] = [dom0.begin(), dom0.begin()];
  one.write('/n', `${Number(one.read('/n')) + 1}`);
  two.write('/n', `${Number(two.read('/n')) + 1}`);
  assert.equal(one.commit(), true);
  assert.equal(two.commit(), false);
  dom0.transaction((nodes) => nodes.write('/n', `${Number(nodes.read('/n')) + 1}`));
  assert.equal(dom0.read('/n'), '3');
});

test('watches hear of it at the commit, once for each node', () => {
  const world = new TestStore();
  const dom0 = world.store.connect();
  const seen: string[] = [];
  dom0.write('/a/gone/deep', '');
  dom0.watch('/a', (path) => seen.push(path));
  dom0.watch('/a/gone/deep', (path) => seen.push(`deep ${path}`));
  world.settle();
  seen.length = 0;
  const transaction = dom0.begin();
  transaction.write('/a/x', '1');
  transaction.write('/a/x', '2');
  transaction.rm('/a/gone');
  world.settle();
  assert.deepEqual(seen, []);
  assert.equal(transaction.commit(), true);
  world.settle();
  assert.deepEqual(seen.sort(), ['/a/gone', '/a/x', 'deep /a/gone/deep']);
});

test('nested, unknown and reused numbers', () => {
  const world = new TestStore([5]);
  const start = (id = 0): readonly string[] => world.ask(5, XS_TRANSACTION_START, nulTerminated(''), id)[0]?.strings ?? [];
  const end = (id: number): readonly string[] => world.ask(5, XS_TRANSACTION_END, nulTerminated('F'), id)[0]?.strings ?? [];
  assert.deepEqual(start(77), ['ENOENT']);
  assert.deepEqual(start(), ['1']);
  assert.deepEqual(start(1), ['EBUSY']);
  assert.deepEqual(end(0), ['ENOENT']);
  assert.deepEqual(end(2), ['ENOENT']);
  assert.deepEqual(start(), ['2']);
  assert.deepEqual(end(1), ['OK']);
  assert.deepEqual(end(1), ['ENOENT']);
  world.ask(5, XS_RESET_WATCHES, nulTerminated(''));
  assert.deepEqual(end(2), ['ENOENT']);
});
