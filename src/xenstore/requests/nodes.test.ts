import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  XS_CONTROL,
  XS_DIRECTORY,
  XS_DIRECTORY_PART,
  XS_ERROR,
  XS_GET_DOMAIN_PATH,
  XS_GET_PERMS,
  XS_INTRODUCE,
  XS_INVALID,
  XS_IS_DOMAIN_INTRODUCED,
  XS_MKDIR,
  XS_READ,
  XS_RELEASE,
  XS_RESUME,
  XS_RM,
  XS_SET_PERMS,
  XS_SET_TARGET,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_UNWATCH,
  XS_WATCH,
  XS_WATCH_EVENT,
  XS_WRITE,
} from '../../spec/xen/io/xs-wire.ts';
import { TestStore } from '../test-store.ts';
import { latin1Bytes, nulTerminated } from '../wire/latin1.ts';
import { XenstoreError } from '../xenstore-error.ts';

function refused(errno: string): (error: unknown) => boolean {
  return (error) => error instanceof XenstoreError && error.errno === errno;
}

/** A store where domain 5 owns /local/domain/5/own and may read /local/domain/5. */
function withDomain5(): TestStore {
  const world = new TestStore([5, 6]);
  const dom0 = world.store.connect();
  for (const domid of [5, 6]) {
    dom0.mkdir(`/local/domain/${domid}`);
    dom0.setPermissions(`/local/domain/${domid}`, ['n0', `r${domid}`]);
    dom0.write(`/local/domain/${domid}/own`, 'mine');
    dom0.setPermissions(`/local/domain/${domid}/own`, [`n${domid}`]);
  }
  return world;
}

test('a fresh store has /tool/xenstored, owned by domain 0', () => {
  const dom0 = new TestStore().store.connect();
  assert.deepEqual(dom0.directory('/'), ['tool']);
  assert.deepEqual(dom0.directory('/tool'), ['xenstored']);
  assert.equal(dom0.read('/tool/xenstored'), '');
  assert.deepEqual(dom0.getPermissions('/tool/xenstored'), ['n0']);
});

test('WRITE makes missing parents with empty values and the permissions of the node above', () => {
  const dom0 = withDomain5().store.connect();
  dom0.write('/local/domain/5/device/vbd/768', 'x');
  assert.equal(dom0.read('/local/domain/5/device'), '');
  assert.equal(dom0.read('/local/domain/5/device/vbd/768'), 'x');
  assert.deepEqual(dom0.getPermissions('/local/domain/5/device/vbd/768'), ['n0', 'r5']);
});

test('an unprivileged domain owns what it makes and keeps the other entries', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  dom0.setPermissions('/local/domain/5/own', ['r5', 'b6']);
  world.store.connect(6).write('/local/domain/5/own/a', '1');
  assert.deepEqual(dom0.getPermissions('/local/domain/5/own/a'), ['r6', 'b6']);
});

test("relative paths are below the domain's own path", () => {
  const world = withDomain5();
  assert.deepEqual(world.ask(5, XS_READ, nulTerminated('own')), [{ type: XS_READ, requestId: 1, strings: [] }]);
  world.ask(5, XS_WRITE, latin1Bytes('own/k\0v'));
  assert.equal(world.store.connect().read('/local/domain/5/own/k'), 'v');
});

test('MKDIR leaves what is there; RM takes everything below and needs only the parent', () => {
  const dom0 = new TestStore().store.connect();
  dom0.write('/a/b/c', '1');
  dom0.mkdir('/a/b/c');
  assert.equal(dom0.read('/a/b/c'), '1');
  dom0.rm('/a/b');
  assert.throws(() => dom0.read('/a/b/c'), refused('ENOENT'));
  dom0.rm('/a/b');
  assert.throws(() => dom0.rm('/a/x/y'), refused('ENOENT'));
  assert.throws(() => dom0.rm('/'), refused('EINVAL'));
  assert.deepEqual(dom0.directory('/a'), []);
});

test('values are bytes, up to what a request holds', () => {
  const dom0 = new TestStore().store.connect();
  const value = Uint8Array.from({ length: 4096 - 3 }, (_, i) => i & 0xff);
  dom0.write('/v', value);
  assert.deepEqual(dom0.readBytes('/v'), value);
});

test('paths that cannot name a node get EINVAL', () => {
  const dom0 = new TestStore().store.connect();
  for (const path of ['', 'a//b', '/a//b', '/a/', '//', '/a b', '/a.b', '/ä', '@releaseDomain', '/a\n', `/${'x'.repeat(2048)}`])
    assert.throws(() => dom0.read(path), refused('EINVAL'), JSON.stringify(path));
  assert.throws(() => dom0.read(`/${'x'.repeat(2047)}`), refused('ENOENT'));
  assert.throws(() => dom0.read(`/local/domain/5/${'x'.repeat(2048)}`), refused('ENOENT'));
  assert.throws(() => dom0.read(`/local/domain/5/${'x'.repeat(2049)}`), refused('EINVAL'));
});

test('names that JavaScript objects have are names like others', () => {
  const dom0 = new TestStore().store.connect();
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    assert.throws(() => dom0.read(`/${name}`), refused('ENOENT'));
    dom0.write(`/${name}/${name}`, name);
    assert.equal(dom0.read(`/${name}/${name}`), name);
    assert.deepEqual(dom0.directory(`/${name}`), [name]);
  }
});

test('EACCES hides whether a node exists, unless the node above may be read', () => {
  const world = withDomain5();
  const domain5 = world.store.connect(5);
  assert.throws(() => domain5.read('/local/domain/6/own'), refused('EACCES'));
  assert.throws(() => domain5.read('/local/domain/6/nothing'), refused('EACCES'));
  assert.throws(() => domain5.read('/local/domain/5/nothing'), refused('ENOENT'));
  assert.throws(() => domain5.write('/local/domain/5/nothing', ''), refused('EACCES'));
  assert.throws(() => domain5.rm('/local/domain/5'), refused('EACCES'));
  assert.throws(() => domain5.read('/tool'), refused('EACCES'));
});

test('SET_PERMS: only the owner or the privileged, and only these give a node away', () => {
  const world = withDomain5();
  const [dom0, domain5, domain6] = [world.store.connect(), world.store.connect(5), world.store.connect(6)];
  domain5.setPermissions('own', ['n5', 'r6']);
  assert.equal(domain6.read('/local/domain/5/own'), 'mine');
  assert.throws(() => domain6.setPermissions('/local/domain/5/own', ['n6']), refused('EACCES'));
  assert.throws(() => domain5.setPermissions('own', ['n6']), refused('EPERM'));
  assert.throws(() => domain5.setPermissions('/local/domain/5', ['b5']), refused('EACCES'));
  for (const bad of [[], ['x5'], ['5'], ['n'], ['n5', ''], ['n5x']]) assert.throws(() => domain5.setPermissions('own', bad), refused('EINVAL'), String(bad));
  assert.throws(() => dom0.setPermissions('/tool', ['n77']), refused('ENOENT'));
  dom0.setPermissions('/local/domain/5/own', ['n0x6']);
  assert.deepEqual(dom0.getPermissions('/local/domain/5/own'), ['n6']);
});

test('an entry for a domain that is not there does not hold for one that comes later', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  dom0.write('/shared', 's');
  dom0.setPermissions('/shared', ['n0', 'r9']);
  world.introduce(9);
  assert.throws(() => world.store.connect(9).read('/shared'), refused('EACCES'));
  dom0.setPermissions('/shared', ['n0', 'r9']);
  assert.equal(world.store.connect(9).read('/shared'), 's');
  world.domains.destroy(9);
  world.store.checkDomains();
  world.introduce(9);
  assert.throws(() => world.store.connect(9).read('/shared'), refused('EACCES'));
});

test('DOMID_ANY stands for everybody', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  dom0.write('/shared', 's');
  dom0.setPermissions('/shared', ['n0', `r${0x7ff5}`]);
  assert.equal(world.store.connect(5).read('/shared'), 's');
  assert.throws(() => world.store.connect(5).write('/shared', ''), refused('EACCES'));
});

test('a domain acts for its target', () => {
  const world = withDomain5();
  assert.throws(() => world.store.connect(0).setTarget(5, 7), refused('ENOENT'));
  world.store.connect(0).setTarget(5, 6);
  assert.equal(world.ask(5, XS_READ, nulTerminated('/local/domain/6/own'))[0]?.type, XS_READ);
  world.domains.destroy(6);
  world.store.checkDomains();
  assert.deepEqual(world.ask(5, XS_READ, nulTerminated('/local/domain/6'))[0]?.strings, ['EACCES']);
});

test('DIRECTORY says E2BIG when the names do not fit, DIRECTORY_PART gives them in parts', () => {
  const world = new TestStore();
  const dom0 = world.store.connect();
  const names = Array.from({ length: 400 }, (_, i) => `child-number-${i}`);
  for (const name of names) dom0.mkdir(`/many/${name}`);
  assert.throws(() => dom0.request(XS_DIRECTORY, 'directory', nulTerminated('/many')), refused('E2BIG'));
  assert.deepEqual(dom0.directory('/many'), names);
  assert.throws(() => dom0.request(XS_DIRECTORY_PART, 'part', nulTerminated('/many')), refused('EINVAL'));
  // behind the list: only the mark of its end
  const end = dom0.request(XS_DIRECTORY_PART, 'part', nulTerminated('/many', '99999'));
  assert.match(String.fromCharCode(...end), /^[0-9]+\0\0$/);
  dom0.mkdir('/few/one');
  assert.match(String.fromCharCode(...dom0.request(XS_DIRECTORY_PART, 'part', nulTerminated('/few', '0'))), /^[0-9]+\0one\0\0$/);
});

test('malformed payloads get EINVAL', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  const cases: [number, string][] = [
    [XS_READ, '/tool'],
    [XS_READ, '/tool\0more\0'],
    [XS_READ, ''],
    [XS_DIRECTORY, '/tool\0\0'],
    [XS_GET_PERMS, '/tool'],
    [XS_MKDIR, '/a'],
    [XS_RM, '/a\0b'],
    [XS_WRITE, '/a'],
    [XS_SET_PERMS, '/tool\0'],
    [XS_SET_PERMS, '/tool\0n0'],
    [XS_WATCH, '/a\0'],
    [XS_WATCH, '/a\0t\x002\0x\0'],
    [XS_WATCH, '/a\0t\x00-1\0'],
    [XS_UNWATCH, '/a\0'],
    [XS_TRANSACTION_END, 'X\0'],
    [XS_INTRODUCE, '7\x001\0'],
    [XS_INTRODUCE, '7\x001\x000\0'],
    [XS_RELEASE, '0\0'],
    [XS_RELEASE, ''],
    [XS_GET_DOMAIN_PATH, '7'],
    [XS_CONTROL, 'nosuch\0'],
    [XS_CONTROL, ''],
  ];
  for (const [type, payload] of cases)
    assert.throws(() => dom0.request(type, 'x', latin1Bytes(payload)), refused('EINVAL'), `${type} ${JSON.stringify(payload)}`);
});

test('unknown requests get ENOSYS, privileged ones EACCES', () => {
  const world = withDomain5();
  for (const type of [XS_WATCH_EVENT, XS_ERROR, 20, 23, 26, XS_INVALID, 0xffffffff])
    assert.deepEqual(world.ask(5, type, nulTerminated('x'))[0]?.strings, ['ENOSYS'], String(type));
  for (const type of [XS_CONTROL, XS_INTRODUCE, XS_RELEASE, XS_IS_DOMAIN_INTRODUCED, XS_RESUME, XS_SET_TARGET])
    assert.deepEqual(world.ask(5, type, nulTerminated('5'))[0]?.strings, ['EACCES'], String(type));
});

test('requests about domains', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  assert.equal(dom0.getDomainPath(5), '/local/domain/5');
  assert.equal(dom0.isIntroduced(5), true);
  assert.equal(dom0.isIntroduced(7), false);
  assert.equal(dom0.isIntroduced(0x7ff0), true);
  assert.throws(() => dom0.release(7), refused('ENOENT'));
  assert.throws(() => dom0.resume(7), refused('ENOENT'));
  dom0.release(5);
  assert.equal(dom0.isIntroduced(5), false);
  assert.equal(world.player(5).page.closed, true);
  assert.throws(() => dom0.read('/local/domain/5/own'), refused('ENOENT'));
  assert.equal(dom0.read('/local/domain/5'), '');
  assert.deepEqual(world.store.check(), []);
});

test("a domain's nodes die with it, with all below them", () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  world.store.connect(5).write('own/a/b', '1');
  dom0.write('/local/domain/5/own/a/zero', '2');
  dom0.setPermissions('/local/domain/5/own/a/zero', ['n0']);
  dom0.write('/other', '');
  dom0.setPermissions('/other', ['n5']);
  world.domains.destroy(5);
  world.store.checkDomains();
  assert.deepEqual(dom0.directory('/local/domain/5'), []);
  assert.equal(dom0.exists('/other'), false);
  assert.deepEqual(world.store.check(), []);
});

test('INTRODUCE by request asks for the page', () => {
  const asked: number[][] = [];
  const world = new TestStore([], {
    openChannel: (...numbers) => {
      asked.push(numbers);
      return undefined;
    },
  });
  assert.throws(() => world.store.connect().introduce(7, 0xfeffc, 3), refused('EINVAL'));
  assert.deepEqual(asked, [[7, 0xfeffc, 3]]);
});

test('control commands', () => {
  const world = withDomain5();
  const dom0 = world.store.connect();
  assert.equal(dom0.control('check'), 'OK');
  assert.equal(dom0.control('log', 'on'), 'OK');
  assert.equal(dom0.control('log', 'off'), 'OK');
  assert.match(dom0.control('quota'), /^Quota settings:\nnodes {12}: {5}1000 /);
  assert.match(dom0.control('quota', '5'), /^Domain 5:\nnodes {11}: {8}1\n/);
  assert.equal(dom0.control('quota', 'set', 'watches', '7'), 'OK');
  assert.match(dom0.control('quota'), /watches {10}: {8}7 /);
  assert.match(dom0.control('help'), /^check\t\nlive-update\t.*\nlog\ton\|off\n/);
  assert.throws(() => dom0.control('quota', 'set', 'nothing', '7'), refused('EINVAL'));
  assert.throws(() => dom0.control('quota', 'set', 'nodes', '0'), refused('EINVAL'));
  assert.throws(() => dom0.control('nonsense'), refused('EINVAL'));
});

test("answers carry the request's numbers and come in order", () => {
  const world = withDomain5();
  const player = world.player(5);
  const ids = [XS_READ, 99, XS_DIRECTORY, XS_TRANSACTION_START].map((type) => player.send(type, nulTerminated('own'), () => {}));
  world.event(5);
  const answers = world.take(5);
  assert.deepEqual(
    answers.map(({ type, requestId }) => [type, requestId]),
    [
      [XS_READ, ids[0]],
      [XS_ERROR, ids[1]],
      [XS_DIRECTORY, ids[2]],
      [XS_TRANSACTION_START, ids[3]],
    ],
  );
});
