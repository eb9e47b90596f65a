import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError, domainConfigOf } from './domain-config-of.ts';
import { HONOURED, NOT_YET } from './options.table.ts';
import { type ConfigValue, parseConfig } from './parse-config.ts';

const values = (text: string): Record<string, ConfigValue> => {
  const { settings, errors } = parseConfig(text, 'f');
  assert.deepEqual(errors, []);
  return Object.fromEntries([...settings].map(([name, { value }]) => [name, value]));
};

test('strings in either quotes, numbers, comments, semicolons, the last of two settings', () => {
  assert.deepEqual(values(`a = 'it "is"' # why\n\n b="a\\tb\\x41\\101\\"" ; c = 0x10;d=7\na="again"`), { a: 'again', b: 'a\tbAA"', c: '0x10', d: '7' });
});

test('lists over several lines, nested, with a comma at the end', () => {
  assert.deepEqual(values("a = [\n 'x', # first\n 2,\n [ 'y', [] ],\n]\nb=[]"), { a: ['x', '2', ['y', []]], b: [] });
});

test('+= adds text to text and items to lists', () => {
  assert.deepEqual(values("a='x'\na+=' y'\nb=['1']\nb+=['2']\nb+='3'\nc+='new'"), { a: 'x y', b: ['1', '2', '3'], c: 'new' });
});

// as xl says them: transcripts of Xen 4.17
const ERRORS: readonly (readonly [text: string, error: string])[] = [
  ['name = "e3"\nkernel = \n', "f:2: config parsing error near <newline>: syntax error, unexpected NEWLINE, expecting STRING or NUMBER or '['"],
  ['name = "e4\nmemory = 32\n', 'f:1: config parsing error near `"e4\': lexical error'],
  ['\n\n\nvcpus = 2,\n', "f:4: config parsing error near `,': syntax error, unexpected ',', expecting $end"],
  ['name=other\n', "f:1: config parsing error near `other': syntax error, unexpected IDENT, expecting STRING or NUMBER or '['"],
];
for (const [text, error] of ERRORS) test(`an error: ${error}`, () => assert.deepEqual(parseConfig(text, 'f').errors, [error]));

test('errors do not end the parsing: each line with one is told of, the others count', () => {
  const { settings, errors } = parseConfig('a = \nb = 1\n= 2\nc = [ 1 2 ]\nd = 3', 'f');
  assert.equal(errors.length, 3);
  assert.deepEqual([...settings.keys()].sort(), ['b', 'd']);
});

test('nesting beyond any use is an error, not the end of the stack', () => {
  assert.equal(parseConfig(`a = ${'['.repeat(100_000)}`, 'f').errors.length, 1);
});

test('no text makes the parser throw or hang, and what it makes can be made a domain of or refused', () => {
  const word = fc.constantFrom(
    'name',
    'memory',
    'type',
    'kernel',
    '=',
    '+=',
    '[',
    ']',
    ',',
    ';',
    '\n',
    '"',
    "'",
    '"pvh"',
    "'x'",
    '12',
    '0x',
    '-',
    '#',
    '\\',
    ' ',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(' ')),
      ),
      (text) => {
        const { settings } = parseConfig(text, 'f');
        try {
          domainConfigOf(settings, 'f', () => '');
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

const domainOf = (text: string) => domainConfigOf(parseConfig(text, 'f').settings, 'f', () => '00000000-0000-0000-0000-000000000001');

test('values of the wrong kind are warned of and count as absent', () => {
  const base = 'name="x"\ntype="pvh"\nkernel="k"\n';
  assert.deepEqual(domainOf(`${base}memory = "abc"`).warnings, ["f:4: warning: parameter `memory' is not a valid number"]);
  assert.deepEqual(domainOf(`${base}memory = [ 1 ]`).warnings, ["f:4: warning: parameter `memory' is a list but should be a single value"]);
  assert.throws(() => domainOf(`${base}memory = 9007199254740991`), /9007199254740991 MiB of memory are more/);
  assert.equal(domainOf(`${base}memory = "0x40"`).config.b_info.max_memkb, 65536);
});

test('options without effect so far are named, in the order of the file', () => {
  assert.deepEqual(domainOf('disk=[]\nname="x"\ntype="pvh"\nkernel="k"\nvnc=1\nnosuch=1').notHonoured, ['disk', 'vnc']);
});

test('root, extra and cmdline', () => {
  const base = 'name="x"\ntype="pvh"\nkernel="k"\n';
  assert.equal(domainOf(`${base}root="/dev/xvda1 ro"\nextra="quiet"`).config.b_info.cmdline, 'root=/dev/xvda1 ro quiet');
  const both = domainOf(`${base}cmdline="a"\nextra="b"`);
  assert.equal(both.config.b_info.cmdline, 'a');
  assert.deepEqual(both.warnings, ['Warning: ignoring root= and extra= in favour of cmdline=']);
});

test('no option stands in both lists', () => {
  assert.deepEqual(
    [...HONOURED].filter((name) => NOT_YET.has(name)),
    [],
  );
  assert.ok(NOT_YET.size > 150);
});
