import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

/*
 * kill -9 at random moments: of the daemon while it starts, builds, runs and takes away domains, and of its clients. npm test does a few rounds;
 * ZENDO_KILLS=100 is the long run. ZENDO_SEED repeats one.
 */
const ROUNDS = Number(process.env['ZENDO_KILLS'] ?? 4);
const seed = Number(process.env['ZENDO_SEED'] ?? 1);
/** Longest that a daemon is left alone, in ms. */
const MOMENTS = 700;

let state = seed >>> 0;
/** mulberry32 */
function random(below: number): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}
const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

const stack = new Toolstack();
after(() => stack.close());
const kernel = stack.file('echo', helloGuest({ echo: true }));
const text = (name: string): string => `name = "${name}"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 8\n`;
const auto = join(stack.directory, 'auto');

test(`${ROUNDS} daemons are killed at random moments: each successor is there, with the domains that start by themselves`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  mkdirSync(auto, { recursive: true });
  stack.file('run/auto/always.cfg', text('always'));
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const name = `round${round}`;
    const victim = await stack.client();
    // domains come and go until the daemon dies under them
    const busy = (async () => {
      for (let n = 0; ; n++) {
        const uuid = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
        const { domid } = await victim.call('create', {
          config: {
            c_info: { type: 'pvh', name: `${name}-${n}`, uuid },
            b_info: { max_memkb: 8192, target_memkb: 8192, sched_params: {}, kernel, arch_arm: {}, arch_x86: {} },
          },
          monitor: true,
        });
        await victim.call('consoleOpen', { domid });
        await victim.call('unpause', { domid });
        if (n % 3 !== 0) await victim.call('destroy', { domid });
      }
    })().catch(() => {});
    await pause(random(MOMENTS));
    await stack.kill();
    await busy;

    const logged = stack.log().length;
    const begun = performance.now();
    const next = await stack.client();
    await next.call('list', {});
    slowest = Math.max(slowest, performance.now() - begun);
    await until(async () => (await next.call('list', {})).some((domain) => domain.name === 'always'), 'the domain that starts by itself');
    const left = (await next.call('list', {})).map((domain) => domain.name);
    assert.deepEqual(left, ['Domain-0', 'always'], 'nothing else is there');
    const said = stack.log().slice(logged);
    if (/was lost/.test(said)) assert.match(said, /Domain \d+ \("(always|round\d+-\d+)", [-0-9a-f]{36}\) was lost: the daemon that ran it was killed/);
    next.close();
  }
  t.diagnostic(`slowest start: ${Math.round(slowest)} ms`);
  const files = (): string[] =>
    readdirSync(stack.directory)
      .filter((name) => !['auto', 'console', 'domains.json'].includes(name) && !/^console-\d+\.sock$/.test(name))
      .sort();
  // (the last one may still be writing its records)
  const own = ['daemon.log', 'lock', 'privcmd.sock', 'xenstored.sock', 'zendo.sock'];
  await until(() => files().join() === own.join(), `nothing is left of those that died: ${files()}`);
});

test(`${ROUNDS} clients are killed at random moments, and no domain is harmed`, async () => {
  const client = await stack.client();
  const { domid = -1 } = (await client.call('list', {})).find(({ name }) => name === 'always') ?? {};
  for (let round = 0; round < ROUNDS; round++) {
    const name = `client${round}`;
    const file = stack.file(`${name}.cfg`, text(name));
    const commands = [
      ['create', '-c', file],
      ['console', 'always'],
      ['dump-core', 'always', join(stack.folder, 'core')],
      ['top', '-b', '-d', '0.1'],
      ['list', '-l'],
    ];
    const killed = stack.console(...(commands[random(commands.length)] as string[]));
    killed.type('x');
    await pause(random(MOMENTS));
    killed.kill();
    await killed.ended;
    const now = await client.call('list', {});
    assert.ok(now.some((domain) => domain.domid === domid && !domain.shutdown && !domain.dying));
    for (const domain of now) if (domain.name.startsWith('client')) await client.call('destroy', { domid: domain.domid }).catch(() => {});
  }
  const typed = stack.console('console', 'always');
  typed.type('alive');
  await until(() => typed.output().endsWith('alive'), 'it answers');
  typed.kill();
  client.close();
});
