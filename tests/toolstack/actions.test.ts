import assert from 'node:assert/strict';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SHUTDOWN_crash, SHUTDOWN_poweroff, SHUTDOWN_reboot, SHUTDOWN_watchdog } from '../../src/spec/xen/sched.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
const EVENTS = { on_poweroff: SHUTDOWN_poweroff, on_reboot: SHUTDOWN_reboot, on_crash: SHUTDOWN_crash, on_watchdog: SHUTDOWN_watchdog };
const MIB = 8;

/** What there is of a domain afterwards: the same one, another one under its name, one set aside, a core. */
interface Outcome {
  readonly same: boolean;
  readonly another: boolean;
  readonly aside: boolean;
  readonly core: boolean;
}
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  destroy: { same: false, another: false, aside: false, core: false },
  preserve: { same: true, another: false, aside: false, core: false },
  restart: { same: false, another: true, aside: false, core: false },
  'rename-restart': { same: true, another: true, aside: true, core: false },
  'coredump-destroy': { same: false, another: false, aside: false, core: true },
  'coredump-restart': { same: false, another: true, aside: false, core: true },
};

for (const [event, reason] of Object.entries(EVENTS)) {
  const kernel = stack.file(event, helloGuest({ echo: true, reason }));
  for (const [action, outcome] of Object.entries(OUTCOMES)) {
    test(`${event} = "${action}"`, async () => {
      const client = await stack.client();
      const core = join(stack.directory, 'dump/g');
      const config = stack.file('g.cfg', `name = "g"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = ${MIB}\n${event} = "${action}"\n`);
      assert.match(await stack.quickXl('create', '-q', config), /^= 0$/);
      const [, first] = await client.call('list', {});
      const domid = first?.domid ?? assert.fail();
      await client.call('consoleInput', { domid, base64: btoa('\x04') });
      const seen = async (): Promise<Outcome> => {
        const all = await client.call('list', {});
        return {
          same: all.some((each) => each.domid === domid),
          another: all.some((each) => each.domid !== domid && each.name === 'g'),
          aside: all.some((each) => each.domid === domid && each.name === 'g-1'),
          core: existsSync(core),
        };
      };
      const acted = new RegExp(`Action for shutdown reason code ${reason} is ${action}\\n`);
      await until(async () => acted.test(stack.log()), `${acted} in the log`);
      await until(async () => JSON.stringify(await seen()) === JSON.stringify(outcome), `${JSON.stringify(outcome)}, not ${JSON.stringify(await seen())}`);
      if (outcome.core) assert.ok(statSync(core).size > MIB * 1048576);
      if (outcome.same) {
        const left = (await client.call('list', {})).find((each) => each.domid === domid);
        assert.deepEqual([left?.shutdown, left?.reason], [true, reason]);
      }
      rmSync(core, { force: true });
      for (const each of (await client.call('list', {})).slice(1)) await client.call('destroy', { domid: each.domid });
      client.close();
    });
  }
}

test('what xl config-update gave counts when the domain is started again', async () => {
  const client = await stack.client();
  const base = `name = "g"\ntype = "pvh"\nkernel = "${join(stack.folder, 'on_reboot')}"\n`;
  const config = stack.file('g.cfg', `${base}memory = 8\n`);
  assert.match(await stack.quickXl('create', '-q', config), /^= 0$/);
  assert.match(await stack.quickXl('config-update', 'g', stack.file('g2.cfg', `${base}memory = 12\n`)), /= 0$/);
  assert.match(await stack.quickXl('list', '-l', 'g'), /"max_memkb": 8192/);
  const before = (await client.call('list', {}))[1]?.domid ?? assert.fail();
  await client.call('consoleInput', { domid: before, base64: btoa('\x04') });
  await until(async () => ![undefined, before].includes((await client.call('list', {}))[1]?.domid), 'it is started again');
  assert.match(await stack.quickXl('list', '-l', 'g'), /"max_memkb": 12288/);
  client.close();
});
