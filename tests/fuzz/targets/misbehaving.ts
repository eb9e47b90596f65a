import type { Target } from '../target.ts';

const kept: Uint8Array[] = [];

/** Targets with what a run must find: tests of the machinery. */
export const misbehaving: readonly Target[] = [
  {
    name: 'test-throws',
    about: 'throws on some inputs',
    prepare: () => ({
      run: (random) => {
        if (random.once(10)) throw new TypeError('the bug');
        return 'taken';
      },
    }),
  },
  {
    name: 'test-rejects',
    about: 'leaves a rejected promise behind',
    prepare: () => ({
      run: async (random) => {
        if (random.once(10)) void Promise.reject(new TypeError('the bug'));
        await new Promise((resolve) => setImmediate(resolve));
        return 'taken';
      },
    }),
  },
  {
    name: 'test-grows',
    about: 'keeps what it was given',
    prepare: () => ({
      run: () => {
        kept.push(new Uint8Array(1 << 20).fill(1));
        return 'taken';
      },
    }),
  },
];
