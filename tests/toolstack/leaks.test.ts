import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Counters } from '../../src/apps/daemon/api.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

/** ZENDO_CYCLES=1000 is the long run. */
const CYCLES = Number(process.env['ZENDO_CYCLES'] ?? 100);

const stack = new Toolstack();
after(() => stack.close());

test(`${CYCLES} domains come and go, half by themselves and half destroyed, and nothing is left of them`, async (t) => {
  const kernels = [stack.file('hello', helloGuest()), stack.file('echo', helloGuest({ echo: true }))];
  const client = await stack.client();
  const cycle = async (n: number): Promise<void> => {
    const config = {
      c_info: { type: 'pvh', name: `cycle-${n}`, uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` },
      b_info: { max_memkb: 8192, target_memkb: 8192, sched_params: {}, kernel: kernels[n % 2] as string, arch_arm: {}, arch_x86: {} },
    } as const;
    const { domid } = await client.call('create', { config, monitor: true });
    await client.call('consoleOpen', { domid });
    await client.call('unpause', { domid });
    if (n % 2 === 1) await client.call('destroy', { domid });
    await until(async () => (await client.call('list', {})).length === 1, 'the domain is gone');
  };
  const counters = async (): Promise<Counters> => (await client.call('status', {})).counters;
  // the first ones fill what is kept for the next
  for (let n = 0; n < 4; n++) await cycle(n);
  const before = await counters();
  for (let n = 4; n < 4 + CYCLES; n++) await cycle(n);
  // A socket or a file of the last domain closes a moment after the domain is gone.
  await until(async () => (await counters()).openFiles <= before.openFiles, 'the last files are closed');
  const now = { ...(await counters()), openFiles: before.openFiles };
  t.diagnostic(`before: ${JSON.stringify(before)}`);
  t.diagnostic(`after:  ${JSON.stringify(now)}`);
  assert.deepEqual(now, before);
  client.close();
});
