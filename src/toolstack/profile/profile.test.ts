import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toHtml } from './html.ts';
import { byFunction, type Profile } from './profile.ts';
import { toSpeedscope } from './speedscope.ts';

const profile: Profile = {
  title: 'zendo: <kernel>',
  guest: {
    interval: 1000,
    names: ['kernel', 'start_kernel', 'memset', '</script><script>alert(1)</script>'],
    stacks: [
      { frames: [0, 1, 2], count: 7 },
      { frames: [0, 1], count: 2 },
      { frames: [0, 3], count: 1 },
    ],
  },
  instructions: 10_500,
  host: { 'guest code: bytecode': 3000, idle: 1000 },
  exits: { hypercall: 5, io: 0 },
  hypercalls: { sched_op: 1 },
};

test('shares by function: in it, and in it or what it called', () => {
  assert.deepEqual(byFunction(profile.guest).slice(0, 2), [
    { name: 'memset', self: 7, total: 7 },
    { name: 'start_kernel', self: 2, total: 9 },
  ]);
});

test('the speedscope file: every frame there, as many weights as samples, ends as their sums', () => {
  const file = JSON.parse(toSpeedscope(profile)) as {
    $schema: string;
    shared: { frames: { name: string }[] };
    profiles: { type: string; name: string; unit: string; startValue: number; endValue: number; samples: number[][]; weights: number[] }[];
  };
  assert.equal(file.$schema, 'https://www.speedscope.app/file-format-schema.json');
  for (const { type, startValue, endValue, samples, weights } of file.profiles) {
    assert.equal(type, 'sampled');
    assert.equal(samples.length, weights.length);
    assert.equal(
      endValue - startValue,
      weights.reduce((sum, weight) => sum + weight, 0),
    );
    for (const frame of samples.flat()) assert.ok(file.shared.frames[frame] !== undefined);
  }
  assert.deepEqual(
    file.profiles.map(({ name, unit, endValue }) => [name, unit, endValue]),
    [
      ['guest instructions', 'none', 10_000],
      ['host time', 'microseconds', 4000],
      ['exits', 'none', 5],
      ['hypercalls', 'none', 1],
    ],
  );
});

test('the page needs nothing from outside, and no name becomes markup', () => {
  const page = toHtml(profile);
  assert.doesNotMatch(page, /\b(src|href)\s*=|@import|url\(|https?:/);
  assert.equal(page.match(/<script/g)?.length, 2);
  assert.doesNotMatch(page, /alert\(1\)<\/script>/);
  assert.match(page, /zendo: &lt;kernel&gt;/);
  const data = /id="data">(.*)<\/script>/.exec(page)?.[1] ?? '';
  assert.deepEqual(JSON.parse(data), profile.guest);
});
