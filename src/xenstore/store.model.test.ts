import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  XS_DIRECTORY,
  XS_GET_PERMS,
  XS_MKDIR,
  XS_READ,
  XS_RM,
  XS_SET_PERMS,
  XS_TRANSACTION_END,
  XS_TRANSACTION_START,
  XS_WRITE,
} from '../spec/xen/io/xs-wire.ts';
import { type ModelOperation, ReferenceModel } from './reference-model.ts';
import { Store } from './store.ts';
import { PlayedDomains } from './test-store.ts';
import { latin1, latin1Bytes, nulTerminated, stringsOf } from './wire/latin1.ts';
import { XenstoreError } from './xenstore-error.ts';

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/a/d', '/e', '/e/f', '/tool'];
const TYPES = { read: XS_READ, directory: XS_DIRECTORY, permissions: XS_GET_PERMS, mkdir: XS_MKDIR, rm: XS_RM, write: XS_WRITE, setPermissions: XS_SET_PERMS };

const path = fc.constantFrom(...PATHS);
const entry = fc.tuple(fc.constantFrom('n', 'r', 'w', 'b'), fc.constantFrom(0, 1, 2)).map(([letter, domid]) => `${letter}${domid}`);
const operation: fc.Arbitrary<ModelOperation> = fc.oneof(
  fc.record({ kind: fc.constantFrom('read' as const, 'directory' as const, 'permissions' as const, 'mkdir' as const, 'rm' as const), path }),
  fc.record({ kind: fc.constant('write' as const), path, value: fc.constantFrom('1', '2', '3') }),
  fc.record({ kind: fc.constant('setPermissions' as const), path, entries: fc.array(entry, { minLength: 1, maxLength: 3 }) }),
);
const domid = fc.constantFrom(0, 1, 2);
// one transaction for each domain; half of what a domain does is outside of it, so that others conflict with it often
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('do' as const), domid, inside: fc.boolean(), operation }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('start' as const), domid }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), domid, commit: fc.constantFrom(true, true, true, false) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watch' as const), domid, path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unwatch' as const), domid, path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('thaw' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const) }) },
);

const OPENING: readonly ModelOperation[] = [
  { kind: 'setPermissions', path: '/', entries: ['b0'] },
  { kind: 'write', path: '/a/b/c', value: '0' },
  { kind: 'write', path: '/e', value: '0' },
];

/** A transaction as the test remembers it: what was done in it and answered, and whether others changed anything meanwhile. */
interface Remembered {
  readonly id: number;
  readonly done: { readonly operation: ModelOperation; readonly answer: string }[];
  disturbed: boolean;
}

/** The real store behind the model's operations. */
class Subject {
  private readonly domains = new PlayedDomains(1, 2);
  private store = new Store({ domains: this.domains });
  private clients = this.connect();
  /** Ends of the watches, by domain and path. */
  private readonly watches = new Map<string, () => void>();
  private heard: string[] = [];

  thaw(): void {
    const frozen = this.store.freeze();
    this.store = Store.thaw(frozen, { domains: this.domains });
    assert.deepEqual(this.store.freeze(), frozen);
    this.clients = this.connect();
    for (const key of this.watches.keys()) this.beginWatch(key);
  }

  reload(): void {
    const before = this.store.freeze();
    assert.match(this.clients[0]?.control('live-update', '-s') ?? '', /^OK/);
    assert.deepEqual(this.store.freeze(), before);
  }

  /** False when it is there already. */
  watch(domid: number, path: string): boolean {
    const key = `${domid} ${path}`;
    if (this.watches.has(key)) return false;
    this.beginWatch(key);
    return true;
  }

  unwatch(domid: number, path: string): void {
    this.watches.get(`${domid} ${path}`)?.();
    this.watches.delete(`${domid} ${path}`);
  }

  /** The watches that there are. */
  watched(): { readonly domid: number; readonly path: string }[] {
    return [...this.watches.keys()].map((key) => ({ domid: Number(key[0]), path: key.slice(2) }));
  }

  /** What watches told since the last call: domain, watched path, changed path. */
  told(): string[] {
    while (this.store.run());
    return this.heard.splice(0).sort();
  }

  private beginWatch(key: string): void {
    const client = this.clients[Number(key[0])];
    assert.ok(client);
    this.watches.set(
      key,
      client.watch(key.slice(2), (changed) => this.heard.push(`${key} ${changed}`)),
    );
  }

  apply(domid: number, operation: ModelOperation, transactionId: number): string {
    const payload =
      operation.kind === 'write'
        ? latin1Bytes(`${operation.path}\0${operation.value}`)
        : nulTerminated(operation.path, ...(operation.kind === 'setPermissions' ? operation.entries : []));
    const answer = this.request(domid, TYPES[operation.kind], payload, transactionId);
    if (typeof answer === 'string') return answer;
    if (operation.kind === 'read') return latin1(answer);
    const strings = stringsOf(answer);
    return (operation.kind === 'directory' ? strings.sort() : strings).join(' ');
  }

  start(domid: number): number {
    const answer = this.request(domid, XS_TRANSACTION_START, nulTerminated(''), 0);
    return typeof answer === 'string' ? 0 : Number(stringsOf(answer)[0]);
  }

  end(domid: number, id: number, commit: boolean): string {
    const answer = this.request(domid, XS_TRANSACTION_END, nulTerminated(commit ? 'T' : 'F'), id);
    return typeof answer === 'string' ? answer : (stringsOf(answer)[0] ?? '');
  }

  dump(): string {
    const lines: string[] = [];
    const pending = ['/'];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const value = this.apply(0, { kind: 'read', path: at }, 0);
      const entries = this.apply(0, { kind: 'permissions', path: at }, 0).replaceAll(' ', ',');
      lines.push(`${at} = ${value} (${entries})`);
      for (const name of this.apply(0, { kind: 'directory', path: at }, 0).split(' ')) if (name !== '') pending.push(`${at === '/' ? '' : at}/${name}`);
    }
    return lines.sort().join('\n');
  }

  check(): string[] {
    return this.store.check();
  }

  private connect() {
    return [0, 1, 2].map((domid) => this.store.connect(domid, 'test'));
  }

  private request(domid: number, type: number, payload: Uint8Array, transactionId: number): Uint8Array | string {
    const client = this.clients[domid];
    assert.ok(client);
    try {
      return client.requestIn(transactionId, type, 'test', payload);
    } catch (error) {
      if (error instanceof XenstoreError) return error.errno;
      throw error;
    }
  }
}

test('the store answers as the reference model does, and committed transactions are serial', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
      const subject = new Subject();
      let model = new ReferenceModel();
      // a tree where everybody may do something
      for (const operation of OPENING) assert.equal(subject.apply(0, operation, 0), model.apply(0, operation));
      const open = new Map<number, Remembered>();
      const changed = (before: string): void => {
        if (model.dump() !== before) for (const each of open.values()) each.disturbed = true;
      };
      for (const it of steps) {
        if (it.kind === 'thaw' || it.kind === 'reload') {
          subject[it.kind]();
          assert.deepEqual(subject.told(), []);
          continue;
        }
        if (it.kind === 'watch' || it.kind === 'unwatch') {
          const first = it.kind === 'watch' && subject.watch(it.domid, it.path);
          if (it.kind === 'unwatch') subject.unwatch(it.domid, it.path);
          assert.deepEqual(subject.told(), first ? [`${it.domid} ${it.path} ${it.path}`] : []);
          continue;
        }
        const transaction = open.get(it.domid);
        if (it.kind === 'start') {
          if (transaction === undefined) open.set(it.domid, { id: subject.start(it.domid), done: [], disturbed: false });
        } else if (it.kind === 'do' && it.inside && transaction !== undefined) {
          const answer = subject.apply(it.domid, it.operation, transaction.id);
          transaction.done.push({ operation: it.operation, answer });
          assert.deepEqual(subject.told(), [], 'nobody hears of what is not committed');
        } else if (it.kind === 'do') {
          const before = model.dump();
          const was = model.copy();
          const expected = model.apply(it.domid, it.operation);
          assert.equal(subject.apply(it.domid, it.operation, 0), expected, JSON.stringify(it));
          const tells = subject
            .watched()
            .flatMap(({ domid, path }) => model.tells(domid, path, it.operation, was).map((changed) => `${domid} ${path} ${changed}`));
          assert.deepEqual(subject.told(), expected === 'OK' ? tells.sort() : [], `told of ${JSON.stringify(it)}`);
          // a write of what is there already is a change, too
          if (it.operation.kind === 'write' || it.operation.kind === 'setPermissions' || it.operation.kind === 'rm')
            for (const each of open.values()) each.disturbed = true;
          changed(before);
        } else if (transaction !== undefined) {
          open.delete(it.domid);
          const result = subject.end(it.domid, transaction.id, it.commit);
          const told = subject.told();
          if (result !== 'OK' || !it.commit) assert.deepEqual(told, []);
          if (!it.commit) {
            assert.equal(result, 'OK');
            continue;
          }
          if (result === 'EAGAIN') {
            assert.ok(transaction.disturbed, 'EAGAIN although nobody else changed anything');
            continue;
          }
          assert.equal(result, 'OK');
          const replayed = model.copy();
          for (const { operation, answer } of transaction.done)
            assert.equal(answer, replayed.apply(it.domid, operation), `committed, but as a whole it would have been answered: ${JSON.stringify(operation)}`);
          model = replayed;
          for (const each of open.values()) each.disturbed = true;
        }
      }
      assert.equal(subject.dump(), model.dump());
      assert.deepEqual(subject.check(), []);
    }),
    { numRuns: 400 },
  );
});
