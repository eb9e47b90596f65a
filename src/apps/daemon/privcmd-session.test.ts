import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Dom0Kernel } from '../../hypervisor/dom0/kernel.ts';
import { Privcmd } from '../../hypervisor/dom0/privcmd.ts';
import { findBroken } from '../../hypervisor/testing/invariants.ts';
import { TestMachine } from '../../hypervisor/testing/test-machine.ts';
import { EINVAL, ESRCH } from '../../spec/xen/errno.ts';
import { __HYPERVISOR_xen_version } from '../../spec/xen/xen.ts';
import { servePrivcmd } from './privcmd-session.ts';

const u32 = (...values: number[]): number[] => [...new Uint8Array(Uint32Array.from(values).buffer)];
const u64 = (...values: number[]): number[] => [...new Uint8Array(BigUint64Array.from(values, BigInt).buffer)];
const request = (type: number, body: readonly number[]): number[] => [...u32(type, body.length), ...body];
const ATTACH = request(1, u32(1));

/** A client of a session on a test machine. */
function client(m = new TestMachine()) {
  const kernel = new Dom0Kernel(m.memories, m.door);
  let data: (bytes: Uint8Array) => void = () => {};
  let end: () => void = () => {};
  const sent: number[] = [];
  const state = { closed: false };
  const close = (): void => {
    if (state.closed) return;
    state.closed = true;
    end();
  };
  servePrivcmd(
    {
      send: (bytes) => sent.push(...bytes) > 0,
      onData: (listener) => {
        data = listener;
      },
      onDrain: () => {},
      pause: () => {},
      resume: () => {},
      onClose: (listener) => {
        end = listener;
      },
      close,
    },
    kernel,
    new Privcmd(kernel),
    async (action) => action(),
  );
  const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
  return {
    m,
    state,
    close,
    /** Send bytes; what came back. */
    async say(...bytes: number[]): Promise<number[]> {
      data(Uint8Array.from(bytes));
      await settle();
      return sent.splice(0);
    },
  };
}

const word = (answer: readonly number[], index: number): number => new DataView(Uint8Array.from(answer).buffer).getUint32(index * 4, true);

test('a request may come in pieces, and its answer says how long it is', async () => {
  const { say, m } = client();
  let attached: number[] = [];
  for (const byte of ATTACH) attached = await say(byte);
  assert.deepEqual([attached.length, word(attached, 0), word(attached, 1)], [24, 0, 16]);
  const base = 2 ** 33;
  const version = request(2, [...u64(__HYPERVISOR_xen_version, 1, base, 0, 0, 0), ...u32(1, 0), ...u64(base, 16), ...new Array(16).fill(0)]);
  const answer = await say(...version);
  assert.equal(word(answer, 0), 0);
  assert.equal(answer.length, 8 + 8 + 16);
  assert.equal(String.fromCharCode(...answer.slice(16, 24)), '.0-zendo');
  assert.deepEqual(findBroken(m.hv), []);
});

test('errors of a request leave the connection as it is', async () => {
  const { say, state, m } = client();
  const guest = m.guest();
  assert.equal(word(await say(...request(1, u32(2))), 0), EINVAL, 'another version');
  await say(...ATTACH);
  assert.equal(word(await say(...ATTACH), 0), EINVAL, 'twice');
  assert.equal(word(await say(...request(6, u32(99))), 0), EINVAL, 'no such mapping');
  assert.equal(word(await say(...request(4, [...u32(77, 1, 0, 1), ...u64(0)])), 0), ESRCH);
  const mapped = await say(...request(3, [...u32(guest.id, 2), ...u64(1, 5000)]));
  assert.deepEqual([word(mapped, 0), word(mapped, 2), word(mapped, 3), word(mapped, 4)], [0, 1, 2, 0]);
  assert.notEqual(word(mapped, 5), 0);
  assert.equal(mapped.length, 8 + 16 + 2 * 4096);
  assert.equal(state.closed, false);
});

test('who talks nonsense is cut off, and what it had goes back', async () => {
  const nonsense: number[][] = [
    request(6, u32(1)), // before it has attached
    [...ATTACH, ...request(9, [])],
    [...ATTACH, ...request(2, u64(1, 2))],
    [...ATTACH, ...u32(2, 0xffffffff)],
    [...ATTACH, ...request(3, u32(1, 0xffffffff))],
    [...ATTACH, ...request(2, [...u64(17, 0, 0, 0, 0, 0), ...u32(1, 0), ...u64(2 ** 33, 2 ** 52)])],
  ];
  for (const bytes of nonsense) {
    const { say, state, m } = client();
    const free = m.hv.frames.free;
    await say(...bytes);
    assert.equal(state.closed, true, bytes.join(' '));
    await new Promise((done) => setTimeout(done, 0));
    assert.equal(m.hv.frames.free, free);
  }
});

test('no bytes at all bring it down', async () => {
  const byte = fc.oneof({ arbitrary: fc.nat(8), weight: 4 }, { arbitrary: fc.nat(255), weight: 1 });
  const m = new TestMachine();
  m.guest({ pages: 8 });
  const { free } = m.hv.frames;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: 1, max: 7 }), fc.array(byte, { maxLength: 120 }))), async (requests) => {
      const { say, close } = client(m);
      await say(...ATTACH);
      for (const [type, body] of requests) await say(...request(type, body));
      close();
      await new Promise((done) => setTimeout(done, 0));
      assert.deepEqual(findBroken(m.hv), []);
      assert.equal(m.hv.frames.free, free);
    }),
    { numRuns: 100 },
  );
});
