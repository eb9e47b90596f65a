import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { Toolstack } from './toolstack.ts';

/*
 * What Xen 4.17's own xl printed (genuine.txt: `$ command`, output, `! ` errors, `= status`), against ours. Left out of the
 * comparison: numbers that depend on the machine (their columns are compared), random UUIDs, domain ids, places in libxl's
 * C sources, values of `xl info`, and what libxl says when it cleans up behind a create that failed. (On purpose different:
 * where a line of a configuration ends too early, xl names the line before it, we name the line.)
 */
const stack = new Toolstack();
after(() => stack.close());
mkdirSync(join(stack.folder, 'guests'));
for (const name of ['test-pv64-example', 'vmlinuz']) stack.file(`guests/${name}`, helloGuest());

const CLEANING_UP = /^! libxl: error: .*(Non-existant domain|Unable to destroy guest|Destruction of domain failed)$/;

function comparable(command: string, text: string): string[] {
  const lines = text.replaceAll(stack.folder, '/root').split('\n');
  return (
    lines
      .filter((line) => line !== '' && !(command.includes('create') && CLEANING_UP.test(line)))
      .map((line) => {
        const said = line
          .replace(/libxl_\w+\.c:\d+:\w+: /, '')
          .replace(/xg_\w+\.c:\d+: /, '')
          .replace(/Domain \d+:/, '')
          .replace(/\/libxl\/\d+\//, '/libxl/N/')
          .replace(/(setting dom|domid=)\d+/, '$1N');
        if (/^xl info/.test(command) && /^\w+ +: /.test(said)) return said.replace(/: .*/, ':');
        if (/^xl (list|uptime|info|sharing)/.test(command) && !said.startsWith('!') && !said.startsWith('='))
          return said.replace(/ *\d[\d.:]*/g, (number) => '#'.repeat(number.length));
        return command.includes('/dev/null') ? said.replace(/"uuid": ".*"/, '"uuid": "..."') : said;
      })
      // rows of further processors
      .filter((line, i, all) => !/^#+$/.test(line) || line !== all[i - 1])
  );
}

/** The words of a command line, with single quotes. */
const wordsOf = (command: string): string[] =>
  (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, '$1').replaceAll('/root', stack.folder));

/** Compare the answers of a file, in its order. */
function compare(name: string): void {
  const genuine = readFileSync(new URL(name, import.meta.url), 'utf8');
  for (const entry of genuine.split(/^\$ /m).slice(1)) {
    const [command = '', ...output] = entry.trimEnd().split('\n');
    const file = /^cat \/root\/(.*)$/.exec(command)?.[1];
    if (file !== undefined) stack.file(file, `${output.slice(0, -1).join('\n')}\n`.replaceAll('/root', stack.folder));
    else {
      test(command, async () => {
        const [, ...args] = wordsOf(command);
        const ours = comparable(command, await stack.quickXl(...args));
        assert.deepEqual(ours, comparable(command, output.join('\n')));
      });
    }
  }
}

compare('./genuine.txt');
// what is asked of domains: two that are paused
test('domains to ask about', async () => {
  for (const name of ['pv1', 'xtf1']) {
    const config = `name = "${name}"\ntype = "pvh"\nmemory = 16\nkernel = "${join(stack.folder, 'guests/vmlinuz')}"\n`;
    assert.match(await stack.quickXl('create', '-p', stack.file(`${name}.cfg`, config)), /= 0$/);
  }
});
compare('./genuine-domains.txt');
