import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XS_ERROR, XS_READ, XS_UNWATCH, XS_WATCH, XS_WATCH_EVENT, XS_WRITE } from '../../spec/xen/io/xs-wire.ts';
import { type Heard, TestStore } from '../test-store.ts';
import { latin1Bytes, nulTerminated } from '../wire/latin1.ts';

const events = (all: readonly Heard[]): (readonly string[])[] => all.filter(({ type }) => type === XS_WATCH_EVENT).map(({ strings }) => strings);

/** Domain 5 owns its whole directory. */
function world5(): TestStore {
  const world = new TestStore([5, 6]);
  const dom0 = world.store.connect();
  for (const domid of [5, 6]) {
    dom0.mkdir(`/local/domain/${domid}`);
    dom0.setPermissions(`/local/domain/${domid}`, [`n${domid}`]);
  }
  return world;
}

test('a new watch fires once, after its answer; events of a write come before its answer', () => {
  const world = world5();
  const set = world.ask(5, XS_WATCH, nulTerminated('a', 't'));
  assert.deepEqual(
    set.map(({ type, strings }) => [type, ...strings]),
    [
      [XS_WATCH, 'OK'],
      [XS_WATCH_EVENT, 'a', 't'],
    ],
  );
  const written = world.ask(5, XS_WRITE, latin1Bytes('a/b\x001'));
  assert.deepEqual(
    written.map(({ type, requestId, strings }) => [type, requestId, ...strings]),
    [
      [XS_WATCH_EVENT, 0, 'a/b', 't'],
      [XS_WRITE, 2, 'OK'],
    ],
  );
});

test('events tell the path in the form in which the watch was given', () => {
  const world = world5();
  world.ask(5, XS_WATCH, nulTerminated('a', 'relative'));
  world.ask(5, XS_WATCH, nulTerminated('/local/domain/5/a', 'absolute'));
  assert.deepEqual(
    world.ask(5, XS_WATCH, nulTerminated('a', 'absolute')).map(({ strings }) => strings),
    [['EEXIST']],
  );
  world.store.connect().write('/local/domain/5/a/b', '');
  assert.deepEqual(events(world.take(5)), [
    ['a/b', 'relative'],
    ['/local/domain/5/a/b', 'absolute'],
  ]);
});

test('removing a tree tells watches above once, and watches inside of their own node', () => {
  const world = world5();
  const dom0 = world.store.connect();
  dom0.write('/local/domain/5/a/b/c', '');
  dom0.write('/local/domain/5/a/b/d', '');
  world.ask(5, XS_WATCH, nulTerminated('a', 'top'));
  world.ask(5, XS_WATCH, nulTerminated('a/b/c', 'inside'));
  dom0.rm('/local/domain/5/a/b');
  assert.deepEqual(events(world.take(5)), [
    ['a/b/c', 'inside'],
    ['a/b', 'top'],
  ]);
});

test('changed permissions are an event, also for who loses access', () => {
  const world = world5();
  const dom0 = world.store.connect();
  dom0.write('/x/shared', '');
  dom0.setPermissions('/x/shared', ['n0', 'r5']);
  world.ask(5, XS_WATCH, nulTerminated('/x/shared', 't'));
  dom0.setPermissions('/x/shared', ['n0']);
  assert.deepEqual(events(world.take(5)), [['/x/shared', 't']]);
  dom0.write('/x/shared', 'secret');
  assert.deepEqual(events(world.take(5)), []);
});

test('who may not read a node nor its parent hears nothing', () => {
  const world = world5();
  world.ask(6, XS_WATCH, nulTerminated('/local/domain/5', 't'));
  world.ask(5, XS_WRITE, latin1Bytes('a\x001'));
  assert.deepEqual(events(world.take(6)), []);
  // the first event of a watch tells nothing about the node
});

test('an event that waits already is not sent twice', () => {
  const world = world5();
  const dom0 = world.store.connect();
  world.ask(5, XS_WATCH, nulTerminated('a', 't'));
  // the ring is full of unread events; more of the same do not pile up behind it
  for (let i = 0; i < 1000; i++) dom0.write('/local/domain/5/a', String(i));
  const got = events(world.take(5));
  assert.ok(got.length < 100, `${got.length} events`);
});

test('depth limits how far below a watch looks', () => {
  const world = world5();
  const dom0 = world.store.connect();
  world.ask(5, XS_WATCH, nulTerminated('a', 'zero', '0'));
  world.ask(5, XS_WATCH, nulTerminated('a', 'one', '1'));
  for (const path of ['a/b/c', 'a/b', 'a']) dom0.write(`/local/domain/5/${path}`, '');
  assert.deepEqual(events(world.take(5)), [
    ['a/b', 'one'],
    ['a', 'zero'],
    ['a', 'one'],
  ]);
  const seen: string[] = [];
  dom0.watch('/', (path) => seen.push(path), 1);
  world.settle();
  dom0.write('/p/q', '');
  dom0.write('/p', '');
  world.settle();
  assert.deepEqual(seen, ['/', '/p']);
});

test('UNWATCH ends a watch, and ENOENT says that there is none', () => {
  const world = world5();
  world.ask(5, XS_WATCH, nulTerminated('a', 't'));
  assert.deepEqual(
    world.ask(5, XS_UNWATCH, nulTerminated('a', 'other')).map(({ type }) => type),
    [XS_ERROR],
  );
  assert.deepEqual(
    world.ask(5, XS_UNWATCH, nulTerminated('a', 't')).map(({ type }) => type),
    [XS_UNWATCH],
  );
  assert.deepEqual(events(world.ask(5, XS_WRITE, latin1Bytes('a\x001'))), []);
});

test('domains coming and going are told to privileged watches and to whom SET_PERMS allows', () => {
  const world = world5();
  const dom0 = world.store.connect();
  const seen: string[] = [];
  dom0.watch('@introduceDomain', (path) => seen.push(path));
  dom0.watch('@releaseDomain', (path) => seen.push(path));
  dom0.watch('@releaseDomain', (path) => seen.push(`deep ${path}`), 1);
  dom0.watch('@releaseDomain/9', (path) => seen.push(`nine ${path}`));
  world.ask(5, XS_WATCH, nulTerminated('@releaseDomain', 't'));
  world.ask(6, XS_WATCH, nulTerminated('@releaseDomain', 't'));
  dom0.setPermissions('@releaseDomain', ['n0', 'r6']);
  world.settle();
  seen.length = 0;

  world.introduce(9);
  world.settle();
  assert.deepEqual(seen.splice(0), ['@introduceDomain']);

  const nine = world.domains.find(9);
  assert.ok(nine);
  nine.shutdown = true;
  world.store.checkDomains();
  world.store.checkDomains();
  world.settle();
  assert.deepEqual(seen.splice(0), ['@releaseDomain', 'deep @releaseDomain/9', 'nine @releaseDomain/9']);
  dom0.resume(9);
  world.store.checkDomains();
  world.settle();
  assert.equal(seen.splice(0).length, 3);

  world.domains.destroy(9);
  world.store.checkDomains();
  world.settle();
  assert.equal(seen.splice(0).length, 3);
  assert.deepEqual(events(world.take(5)), []);
  assert.equal(events(world.take(6)).length, 3);
});

test('a guest that does not read its events holds no more than its quota, and nobody else up', () => {
  const world = world5();
  const dom0 = world.store.connect();
  dom0.control('quota', 'set', 'memory', '20000');
  dom0.write('/x', '');
  dom0.setPermissions('/x', ['n0', 'r6']);
  world.ask(6, XS_WATCH, nulTerminated('/x', 't'));
  const held = (): number => Number(/memory +: +([0-9]+)/.exec(dom0.control('quota', '6'))?.[1]);
  for (let i = 0; i < 2000; i++) dom0.write(`/x/${i}`, '');
  assert.ok(held() > 10000 && held() < 20100, String(held()));
  assert.equal(world.ask(5, XS_READ, nulTerminated('nothing')).length, 1);
  assert.ok(events(world.take(6)).length > 100);
});

test('callbacks run in run(), not inside calls, and may use the store', () => {
  const wakes: number[] = [];
  const world = new TestStore([], { wake: () => wakes.push(1) });
  const dom0 = world.store.connect();
  const seen: string[] = [];
  const end = dom0.watch('/a', (path) => {
    seen.push(path);
    if (path === '/a/1') dom0.write('/a/2', '');
  });
  assert.deepEqual(seen, []);
  assert.ok(wakes.length > 0);
  world.settle();
  dom0.write('/a/1', '');
  assert.deepEqual(seen, ['/a']);
  world.settle();
  assert.deepEqual(seen, ['/a', '/a/1', '/a/2']);
  end();
  dom0.write('/a/3', '');
  world.settle();
  assert.equal(seen.length, 3);
});

test('two programs that answer each other for ever do not keep run() from returning', () => {
  const world = new TestStore();
  const [one, two] = [world.store.connect(), world.store.connect()];
  let count = 0;
  one.watch('/ping', () => two.write('/pong', String(count++)));
  two.watch('/pong', () => one.write('/ping', ''));
  assert.equal(world.store.run(), true);
  assert.ok(count > 0);
});
