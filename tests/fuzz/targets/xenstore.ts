import assert from 'node:assert/strict';
import { XS_READ, XS_WRITE } from '../../../src/spec/xen/io/xs-wire.ts';
import { TestStore } from '../../../src/xenstore/test-store.ts';
import { latin1Bytes, nulTerminated } from '../../../src/xenstore/wire/latin1.ts';
import { encodeMessage } from '../../../src/xenstore/wire/message.ts';
import { joined, mutate } from '../mutate.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';

/** Inputs after which a fresh store is taken: state that builds up is part of what is tried. */
const INPUTS_EACH = 200;
const HOSTILE = 5;
const BYSTANDER = 6;

const PATHS = [
  'data',
  'data/a',
  'value',
  '/',
  '/local',
  '/local/domain/5/data/x',
  '/local/domain/6/value',
  '/tool',
  '@introduceDomain',
  '@releaseDomain',
  '@nothing',
  '',
  'a//b',
  'a/',
  '/data/__proto__',
  'x'.repeat(300),
  `${'d/'.repeat(200)}d`,
];
const WORDS = [
  't',
  'T',
  'F',
  '0',
  '5',
  '6',
  '-1',
  '65535',
  '99999999999',
  'n5',
  'b6',
  'r0',
  'w5',
  'x',
  'n',
  'check',
  'quota',
  'log',
  'on',
  'help',
  'memreport',
  'print',
  'set',
  'nodes',
  '',
];
const TYPES = 27;

/** One message, mostly well formed. */
function message(random: Random): Uint8Array {
  const type = random.once(20) ? random.word() : random.below(TYPES);
  const words = Array.from({ length: random.below(4) }, () => (random.once(2) ? random.pick(PATHS) : random.pick(WORDS)));
  const text =
    type === XS_WRITE
      ? latin1Bytes(`${random.pick(PATHS)}\0${'v'.repeat(random.below(random.once(10) ? 4000 : 20))}`)
      : nulTerminated(random.pick(PATHS), ...words);
  const payload = random.once(8) ? mutate(random, [text], 4096) : text;
  return encodeMessage({ type, requestId: random.below(4), transactionId: random.once(3) ? random.below(12) : 0, payload });
}

function stream(random: Random): Uint8Array {
  const messages = joined(...Array.from({ length: 1 + random.below(6) }, () => message(random)));
  return random.once(6) ? mutate(random, [messages], 8192) : messages;
}

/** Two domains; the bystander has a node of its own. */
function world(): TestStore {
  const made = new TestStore([HOSTILE, BYSTANDER]);
  const dom0 = made.store.connect();
  for (const domid of [HOSTILE, BYSTANDER]) {
    dom0.write(`/local/domain/${domid}/value`, 'as it was');
    for (const path of ['', '/value']) dom0.setPermissions(`/local/domain/${domid}${path}`, [`n${domid}`]);
  }
  dom0.close();
  return made;
}

/** The bystander reads and writes as if nobody else were there. */
function bystanderGoesOn(made: TestStore, random: Random): void {
  const value = String(random.word());
  const [written] = made.ask(BYSTANDER, XS_WRITE, latin1Bytes(`own\0${value}`));
  assert.deepEqual(written?.strings, ['OK']);
  const [read] = made.ask(BYSTANDER, XS_READ, nulTerminated('own'));
  assert.equal(read?.type, XS_READ);
  assert.deepEqual(made.store.check(), []);
}

export const xenstoreRingTarget: Target = {
  name: 'xenstore-ring',
  about: 'the xenstore page of a hostile guest: requests, indexes, anything; another guest must go on, quotas must hold',
  prepare: () => {
    let made = world();
    let count = 0;
    return {
      run(random) {
        if (count++ % INPUTS_EACH === 0) made = world();
        const player = made.player(HOSTILE);
        const { page } = player;
        for (let left = 1 + random.below(3); left > 0; left--) {
          const bytes = stream(random);
          for (let at = 0; at < bytes.length; ) {
            const put = Math.max(0, player.put(bytes.subarray(at)));
            // up to 100 turns: a guest that always has more to do must not keep the store
            for (let turns = 0; turns < 100 && made.store.onEvent(HOSTILE); turns++);
            // it takes its answers, or does not
            if (!random.once(4)) page.view.setUint32(2056, page.view.getUint32(2060, true), true);
            if (put === 0) break;
            at += put;
          }
        }
        const scribbled = random.once(4);
        if (scribbled) {
          const at = random.once(2) ? 2048 + 4 * random.below(7) : random.below(4093);
          page.view.setUint32(at, random.once(2) ? random.word() : random.below(3000), true);
          for (let turns = 0; turns < 100 && made.store.onEvent(HOSTILE); turns++);
        }
        // a guest may begin again
        if (page.view.getUint32(2072, true) !== 0 || random.once(50)) {
          page.view.setUint32(2068, 1, true);
          for (let turns = 0; turns < 100 && made.store.onEvent(HOSTILE); turns++);
          made.players.set(HOSTILE, player);
        }
        bystanderGoesOn(made, random);
        const rows = made.store.connect().control('quota', String(HOSTILE));
        const held = (name: string): number => Number(new RegExp(`${name} *: *(\\d+)`).exec(rows)?.[1] ?? 0);
        assert.ok(held('nodes') <= 1000 && held('watches') <= 128 && held('transactions') <= 10 && held('outstanding') <= 21, rows);
        assert.ok(held('memory') <= 3 * 1024 * 1024, rows);
        return scribbled ? 'page scribbled on' : 'requests only';
      },
    };
  },
};

export const xenstoreSocketTarget: Target = {
  name: 'xenstore-socket',
  about: 'the xenstore socket for tools, with domain 0’s rights; a guest must go on',
  prepare: () => {
    let made = world();
    let count = 0;
    return {
      run(random) {
        if (count++ % INPUTS_EACH === 0) made = world();
        let closed = false;
        let sent = 0;
        const end = made.store.open({
          send: (bytes) => {
            sent += bytes.length;
            return !random.once(16);
          },
          close: () => {
            closed = true;
          },
        });
        const bytes = stream(random);
        for (let at = 0; at < bytes.length && !closed; ) {
          const size = 1 + random.below(bytes.length);
          end.receive(bytes.subarray(at, at + size));
          if (random.once(2)) end.drained();
          at += size;
        }
        for (let turns = 0; turns < 100 && made.store.run(); turns++);
        end.close();
        assert.deepEqual(made.store.check(), []);
        // domain 0 may release the bystander or take its rights; as long as it did not, it is served
        const dom0 = made.store.connect();
        const served = dom0.isIntroduced(BYSTANDER) && dom0.exists(`/local/domain/${BYSTANDER}/value`);
        dom0.close();
        if (served) made.ask(BYSTANDER, XS_READ, nulTerminated('value'));
        else made = world();
        return closed ? 'closed' : sent > 0 ? 'answered' : 'silent';
      },
    };
  },
};
