import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { COMMANDS } from '../xl/run-xl.ts';
import { xlWords } from '../xl/xl-words.ts';
import { completionScript } from './completion-script.ts';
import type { Shell } from './program-words.ts';

const folder = mkdtempSync(join(tmpdir(), 'zendo-completion-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const words = { ...xlWords(COMMANDS), domainNames: 'echo alpha; echo beta' };
writeFileSync(join(folder, 'alpine.cfg'), '');

/** Source the script for a shell, then run `more`. Undefined: there is no such shell here. */
function run(shell: Shell, more: string): string[] | undefined {
  const script = join(folder, `xl.${shell}`);
  writeFileSync(script, completionScript(shell, words));
  const { stdout, stderr, error } = spawnSync(shell, shell === 'fish' ? ['--no-config', '-c', more] : ['-c', more], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 120_000,
  });
  if (error !== undefined && process.env['CI'] !== 'true') return undefined;
  assert.equal(stderr, '');
  return stdout.split('\n').filter((line) => line !== '');
}

const bash = (...line: string[]): string[] | undefined =>
  run(
    'bash',
    `source ./xl.bash; COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}; _xl 2>/dev/null; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
const fish = (line: string): string[] | undefined =>
  run('fish', `source ./xl.fish; complete --do-complete '${line}'`)?.map((each) => each.split('\t')[0] as string);

test('bash: commands, options, domains, files', (t) => {
  const commands = bash('xl', 'vcpu');
  if (commands === undefined) return t.skip('bash is not installed');
  assert.deepEqual(
    commands,
    ['vcpu-list', 'vcpu-pin', 'vcpu-set'].filter((name) => commands.includes(name)),
  );
  assert.equal(commands.length, 3);
  assert.deepEqual(bash('xl', '-v', 'shut'), ['shutdown']);
  assert.deepEqual(bash('xl', 'shutdown', '--w'), ['--wait']);
  assert.deepEqual(bash('xl', 'shutdown', 'al'), ['alpha']);
  assert.deepEqual(bash('xl', 'create', 'al'), ['alpine.cfg']);
  assert.deepEqual(bash('xl', 'help', 'dmes'), ['dmesg']);
  assert.deepEqual(bash('xl', 'claims', ''), []);
});

test('zsh: the script is loaded, and knows its words', (t) => {
  const kinds = run('zsh', 'autoload -Uz compinit && compinit -u -d ./zcompdump && source ./xl.zsh && print $_comps[xl] && whence -w _xl');
  if (kinds === undefined) return t.skip('zsh is not installed');
  assert.deepEqual(kinds, ['_xl', '_xl: function']);
  // what the completion system would be given
  const ask = (line: string): string[] | undefined => {
    const given = line.split(' ');
    const value = (name: string): string => `\${(P)${name}}`;
    const last = '$' + '{@[-1]}';
    const stubs = `_describe() { local name=${last}; print -l -- ${value('name')} }; _files() { print files }; compadd() { print -l -- ${value(last)} }; compdef() { }`;
    return run(
      'zsh',
      `${stubs}; source ./xl.zsh; words=(${given.map((word) => `'${word}'`).join(' ')}); CURRENT=${given.length}; PREFIX='${given.at(-1)}'; _xl`,
    );
  };
  assert.ok(ask('xl vcpu')?.some((line) => line.startsWith('vcpu-pin:Choose the CPUs')));
  assert.ok(ask('xl shutdown --w')?.some((line) => line.startsWith('--wait:')));
  assert.deepEqual(ask('xl shutdown al'), ['alpha', 'beta']);
  assert.deepEqual(ask('xl create al'), ['files']);
});

test('fish: commands, options, domains, files', (t) => {
  const commands = fish('xl vcpu');
  if (commands === undefined) return t.skip('fish is not installed');
  assert.deepEqual(commands.toSorted(), ['vcpu-list', 'vcpu-pin', 'vcpu-set']);
  assert.deepEqual(fish('xl shutdown --w'), ['--wait']);
  assert.deepEqual(fish('xl shutdown al'), ['alpha']);
  assert.ok(fish('xl create al')?.includes('alpine.cfg'));
});
