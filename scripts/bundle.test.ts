import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Bundler } from './bundle.ts';

const modules = {
  'log.ts': 'export const log: string[] = [];\n',
  'first.ts':
    "import { log } from './log.ts';\nlog.push('first');\nconst size = 1;\nexport const firstSize = (): number => size;\nexport class Base { size = size; }\n",
  'second.ts': `
    import { basename } from 'node:path';
    import { Base, firstSize } from './first.ts';
    import { log } from './log.ts';
    log.push('second');
    const size = 20;
    export const secondSize = (): number => size + firstSize();
    // an inner name like a top-level one of another module
    export const shadow = (secondSize: number): number => { const log = secondSize; return log + size; };
    export const record = { size, of: { size: size + 1 } };
    export class Derived extends Base { override size = size; name(): string { return basename('/x/derived'); } }
    export let counted = 0;
    export const count = (): void => { counted++; };
  `,
  'ns/third.ts':
    "export const size = 300;\nexport type Size = typeof size;\nexport const place = (): string => new URL('./here.ts', import.meta.url).pathname;\n",
  'main.ts': `
    import { basename as base } from 'node:path';
    import { log } from './log.ts';
    import type { Size } from './ns/third.ts';
    import * as third from './ns/third.ts';
    import { count, counted, Derived, record, secondSize as two, shadow } from './second.ts';
    count();
    const size: Size = third.size;
    const { size: inner } = record;
    console.log(JSON.stringify({ log, two: two(), shadow: shadow(5), inner, nested: record.of.size, derived: new Derived().size, name: new Derived().name(),
      counted, size, third, base: base(third.place()), folder: third.place().split('/').at(-2) }));
  `,
};

test('a bundle does what its modules do', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'zendo-bundle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'ns'));
  const files = Object.entries(modules).map(([name, text]) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  });
  const text = stripTypeScriptTypes(new Bundler(files).bundle(join(folder, 'main.ts')));
  assert.doesNotMatch(text, /from '\./);
  writeFileSync(join(folder, 'main.mjs'), text);
  const [bundled, apart] = ['main.mjs', 'main.ts'].map((name) => JSON.parse(execFileSync(process.execPath, [join(folder, name)], { encoding: 'utf8' })));
  // seen from the bundle, the file that was in ns/ is beside it under ns/, as .js
  assert.deepEqual(bundled, { ...apart, base: 'here.js' });
});
