/**
 * npm run conformance: generated instruction sequences on this machine's processor and on the engine; they must agree on every defined bit.
 *
 *   node scripts/conformance.ts [--cases N] [--seed S] [--rows REGEX] [--mode 64|32|16] [--singles] [--most N] [--no-passes] [--block-limit N]
 */
import { parseArgs } from 'node:util';
import { ROWS } from '../src/spec/x86/opcodes.ts';
import { noPasses } from '../src/translator/ir/passes/pipeline.ts';
import { choiceCounts } from '../tests/conformance/choices.ts';
import { reasonToSkip } from '../tests/conformance/native.ts';
import { rowName } from '../tests/conformance/rows.ts';
import { Suite } from '../tests/conformance/suite.ts';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000000' },
    seed: { type: 'string' },
    rows: { type: 'string' },
    mode: { type: 'string' },
    singles: { type: 'boolean', default: false },
    most: { type: 'string', default: '1' },
    'no-passes': { type: 'boolean', default: false },
    'block-limit': { type: 'string' },
    target: { type: 'string', default: 'bytecode' },
  },
});

const why = reasonToSkip();
if (why !== false) {
  console.error(`conformance: ${why}`);
  process.exit(1);
}
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
const modes = values.mode === undefined ? ([2, 1, 0] as const) : ([({ 16: 0, 32: 1, 64: 2 } as const)[Number(values.mode) as 16 | 32 | 64]] as const);
console.log(`seed ${seed}`);
const suite = new Suite({
  seed,
  modes,
  rows: values.rows === undefined ? undefined : new RegExp(values.rows, 'i'),
  singles: values.singles,
  mostPerRow: Number(values.most),
  engine: {
    ...(values['no-passes'] ? { passes: noPasses } : {}),
    ...(values.target === 'wasm' ? { promoteAfter: 1 } : {}),
    ...(values['block-limit'] === undefined ? {} : { blockLimit: Number(values['block-limit']) }),
  },
  onMismatch: ({ text }) => console.log(`\n${text}`),
});
const start = performance.now();
let shown = start;
await suite.run(Number(values.cases), (done) => {
  if (performance.now() - shown < 10_000) return;
  shown = performance.now();
  console.log(`${done} cases, ${suite.mismatches} mismatches, ${Math.round((done * 1000) / (shown - start))}/s`);
});
suite.end();
ROWS.forEach((_, index) => {
  const { cases, mismatches, undefinedBits, withinError } = suite.counts[index]!;
  if (mismatches + undefinedBits + withinError === 0) return;
  console.log(
    `${rowName(index).padEnd(40)} ${cases} cases, ${mismatches} mismatches, ${undefinedBits} with other undefined bits, ${withinError} within the error`,
  );
});
for (const { reason, count } of choiceCounts()) if (count > 0) console.log(`${String(count).padStart(8)} ${reason}`);
const seconds = (performance.now() - start) / 1000;
console.log(
  `${suite.cases} cases (${suite.faults} faults, ${suite.timeouts} timeouts, ${suite.chosen} differing by choice, ${suite.strays} gone astray, ${suite.unsteady} unsteady) in ${seconds.toFixed(1)} s: ${suite.mismatches} mismatches; ms ${JSON.stringify(suite.spent)}`,
);
process.exitCode = suite.mismatches === 0 ? 0 : 1;
