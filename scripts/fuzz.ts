/**
 * npm run fuzz: malformed inputs for everything that reads what others wrote. `npm run fuzz -- [targets] --runs N --seed S`;
 * `--first N --runs 1` with the same seed makes one input again. Exit status 1 when something did not behave.
 */
import { parseArgs } from 'node:util';
import { fuzz, summaryOf } from '../tests/fuzz/run.ts';
import { TARGETS } from '../tests/fuzz/targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    list: { type: 'boolean', default: false },
  },
});
const whole = (name: 'runs' | 'seed' | 'first', text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 0x7fffffff) return value;
  console.error(`--${name} ${text}: a whole number is needed`);
  process.exit(1);
};
if (values.list) {
  for (const { name, about } of TARGETS) console.log(`${name.padEnd(16)} ${about}`);
  process.exit(0);
}
const names = positionals.length > 0 ? positionals : TARGETS.map(({ name }) => name);
const unknown = names.filter((name) => !TARGETS.some((target) => target.name === name));
if (unknown.length > 0) {
  console.error(`no such targets: ${unknown.join(', ')}; there are ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}
const seed = values.seed === undefined ? Math.floor(Math.random() * 0x7fffffff) : whole('seed', values.seed);
const inputs = whole('runs', values.runs);
const first = whole('first', values.first);
console.log(`seed ${seed}, ${inputs} inputs each`);
let failed = 0;
for (const target of names) {
  const report = await fuzz({ target, seed, first, inputs });
  console.log(summaryOf(report));
  for (const { input, what } of report.failures)
    console.log(`  input ${input} (npm run fuzz -- ${target} --seed ${seed} --first ${input} --runs 1):\n    ${what.replaceAll('\n', '\n    ')}`);
  failed += report.failures.length;
}
process.exitCode = failed > 0 ? 1 : 0;
