/** README.md shows what the command prints. `UPDATE_README=1` writes it anew. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const readme = resolve(root, 'README.md');
/** `<!-- zendo boot --help -->` and the block after it. */
const shown = /<!-- zendo ([a-z -]+) -->\n```\n([^`]*)```/g;

/** `<!-- examples/x.test.ts -->` and the block after it. */
const examples = /<!-- (examples\/[a-z-]+\.test\.ts) -->\n```ts\n([^`]|`[^`])*?```/g;

test('README.md and docs/api.md show examples as they run', () => {
  for (const page of ['README.md', 'docs/api.md']) {
    const text = readFileSync(resolve(root, page), 'utf8');
    const fresh = text.replace(examples, (_, file: string) => `<!-- ${file} -->\n\`\`\`ts\n${readFileSync(resolve(root, file), 'utf8')}\`\`\``);
    assert.ok(text.match(examples) !== null, page);
    if (process.env['UPDATE_README'] === '1') writeFileSync(resolve(root, page), fresh);
    else assert.ok(text === fresh, `${page} shows an older example: UPDATE_README=1 npm test -- tests/readme.test.ts writes it anew`);
  }
});

test('README.md shows the help as it is', () => {
  const help = (words: string): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/zendo.js', ...words.split(' ')], { cwd: root, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const text = readFileSync(readme, 'utf8');
  const fresh = text.replace(shown, (_, words: string) => `<!-- zendo ${words} -->\n\`\`\`\n${help(words)}\`\`\``);
  assert.equal([...text.matchAll(shown)].length, 1);
  if (process.env['UPDATE_README'] === '1') writeFileSync(readme, fresh);
  else assert.ok(text === fresh, 'README.md shows an older help: UPDATE_README=1 npm test -- tests/readme.test.ts writes it anew');
});
