import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LibxlError } from '../../toolstack/libxl/libxl-error.ts';
import { type BuildPlace, buildInTurns } from './build-in-turns.ts';

const DOMID = 7;
const STEPS = 3;

/** A domain of three steps and a place to build it; everything that happens is noted. */
function setUp(): { notes: string[]; steps: Generator<string, number>; place: BuildPlace; take: { back: boolean } } {
  const notes: string[] = [];
  const take = { back: false };
  let inTurn = false;
  const note = (text: string): void => {
    assert.ok(inTurn, `${text} belongs in a turn`);
    notes.push(text);
  };
  const make = function* (): Generator<string, number> {
    let complete = false;
    try {
      for (let step = 1; step < STEPS; step++) {
        note(`step ${step}`);
        yield `step ${step}`;
      }
      note(`step ${STEPS}`);
      complete = true;
      return DOMID;
    } finally {
      if (!complete) note('undone');
    }
  };
  const place: BuildPlace = {
    enter: async (action) => {
      await Promise.resolve();
      inTurn = true;
      try {
        return action();
      } finally {
        inTurn = false;
      }
    },
    unwanted: () => take.back,
    heard: () => Promise.resolve(),
    destroy: (domid) => note(`destroyed ${domid}`),
    progress: undefined,
  };
  return { notes, steps: make(), place, take };
}

const isCancelled = (error: unknown): boolean => error instanceof LibxlError && /cancelled/.test(error.message);

test('a domain that is wanted is built, and each step but the last is told', async () => {
  const { notes, steps, place } = setUp();
  const told: object[] = [];
  assert.equal(await buildInTurns(steps, { ...place, progress: (report) => told.push(report) }), DOMID);
  assert.deepEqual(notes, ['step 1', 'step 2', 'step 3']);
  assert.deepEqual(told, [{ text: 'step 1' }, { text: 'step 2' }]);
});

test('taken back before the first step: none is made', async () => {
  const { notes, steps, place, take } = setUp();
  take.back = true;
  await assert.rejects(buildInTurns(steps, place), isCancelled);
  assert.deepEqual(notes, []);
});

test('taken back between two steps: no further one is made, and what there is is undone', async () => {
  for (let after = 1; after < STEPS; after++) {
    const { notes, steps, place, take } = setUp();
    const progress = ({ text }: { text?: string }): void => {
      take.back = text === `step ${after}`;
    };
    await assert.rejects(buildInTurns(steps, { ...place, progress }), isCancelled);
    assert.deepEqual(notes, [...['step 1', 'step 2'].slice(0, after), 'undone']);
  }
});

test('taken back while the last step is made: the domain is destroyed', async () => {
  // it may be heard of in that very turn, or be on its way
  for (const where of ['enter', 'heard'] as const) {
    const { notes, steps, place, take } = setUp();
    const noticing: BuildPlace = {
      ...place,
      enter: async (action) => {
        const answer = await place.enter(action);
        if (where === 'enter' && notes.includes('step 3')) take.back = true;
        return answer;
      },
      heard: async () => {
        if (where === 'heard') take.back = true;
      },
    };
    await assert.rejects(buildInTurns(steps, noticing), isCancelled);
    assert.deepEqual(notes, ['step 1', 'step 2', 'step 3', `destroyed ${DOMID}`]);
  }
});

test('what a step throws reaches the caller', async () => {
  const { place } = setUp();
  const failing = (function* (): Generator<string, number> {
    yield 'begun';
    throw new Error('no memory');
  })();
  await assert.rejects(buildInTurns(failing, place), /no memory/);
});
