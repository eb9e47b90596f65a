import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctor, examine, type HostFacts, OPTIONAL_PROGRAMS } from './doctor.ts';

const GIB = 2 ** 30;
const directory = { path: '/somewhere', problem: undefined, free: 10 * GIB };
const GOOD: HostFacts = {
  node: '26.10.0',
  platform: 'linux-x64',
  memory: 8 * GIB,
  available: 4 * GIB,
  cores: 4,
  memoriesProblem: undefined,
  portProblem: undefined,
  run: directory,
  state: directory,
  cache: directory,
  programs: new Set(OPTIONAL_PROGRAMS),
};
const asked = async (facts: HostFacts): Promise<[number, string]> => {
  let text = '';
  const status = await doctor((more) => void (text += more), facts, undefined);
  return [status, text];
};

test('a good host: all is well', async () => {
  const [status, text] = await asked(GOOD);
  assert.equal(status, 0);
  assert.doesNotMatch(text, /note|BAD/);
  assert.match(text, /Zendo can work here\.\n$/);
});

test('each thing that keeps Zendo from working: status 1, and what to do', async () => {
  const broken: Partial<HostFacts>[] = [
    { node: '20.1.0' },
    { memory: GIB / 2 },
    { memoriesProblem: 'could not allocate memory' },
    { run: { ...directory, problem: 'EACCES: permission denied' } },
    { run: { ...directory, path: `/${'long/'.repeat(30)}` } },
    { state: { ...directory, problem: 'EROFS' } },
    { cache: { ...directory, problem: 'EROFS' } },
  ];
  for (const change of broken) {
    const [status, text] = await asked({ ...GOOD, ...change });
    assert.equal(status, 1, JSON.stringify(change));
    assert.match(text, /BAD .*\n {27}\S.*\n[\s\S]*1 thing keeps Zendo from working here\.\n$/);
  }
});

test('what is only missed is a note with a remedy, and no failure', async () => {
  const poor = { ...GOOD, available: GIB, cores: 1, portProblem: 'EPERM', programs: new Set<string>(), cache: { ...directory, free: 1000 } };
  const [status, text] = await asked(poor);
  assert.equal(status, 0);
  assert.equal([...text.matchAll(/^note/gm)].length, 4 + OPTIONAL_PROGRAMS.length);
  for (const finding of examine(poor)) if (finding.kind === 'hint') assert.ok(finding.remedy);
});
