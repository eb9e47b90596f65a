/**
 * npm run conformance: generated instruction sequences on this machine's processor and on the engine; they must agree on every defined bit.
 *
 *   node scripts/conformance.ts [--cases N] [--seed S] [--rows REGEX] [--mode 64|32|16] [--target bytecode|wasm|both] [--singles] [--most N]
 *                               [--no-passes] [--block-limit N]
 *
 *                               [--part sequences|operands|opcodes]
 *
 * By default 10 million cases in the bytecode target and a twentieth of them in the wasm target, then all 8-bit operands and all opcodes; that run
 * rewrites docs/conformance.md. Options that narrow the sequences leave the other parts out. Exit status 0: no mismatch.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROWS } from '../src/spec/x86/opcodes.ts';
import type { CodeSize } from '../src/translator/decode/encodings.ts';
import type { EngineOptions } from '../src/translator/engine.ts';
import { noPasses } from '../src/translator/ir/passes/pipeline.ts';
import { Silicon } from '../src/translator/testing/silicon.ts';
import { choiceCounts } from '../tests/conformance/choices.ts';
import { reasonToSkip } from '../tests/conformance/native.ts';
import { compareOpcodes, EXCEPTIONS } from '../tests/conformance/opcodes/compare.ts';
import { runOperands } from '../tests/conformance/operands/run.ts';
import { programs, WHOLE } from '../tests/conformance/operands/spaces.ts';
import { type Part, type Run, report } from '../tests/conformance/report.ts';
import { rowName } from '../tests/conformance/rows.ts';
import { compiledSoon, type RowCount, Suite } from '../tests/conformance/suite.ts';

const MODES: Readonly<Record<string, CodeSize>> = { '16': 0, '32': 1, '64': 2 };
/** Each block is compiled, which takes its time. */
const WASM_SHARE = 1 / 20;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000000' },
    seed: { type: 'string' },
    rows: { type: 'string' },
    mode: { type: 'string' },
    target: { type: 'string', default: 'both' },
    singles: { type: 'boolean', default: false },
    most: { type: 'string', default: '1' },
    'no-passes': { type: 'boolean', default: false },
    'block-limit': { type: 'string' },
    part: { type: 'string' },
  },
});

const why = reasonToSkip();
if (why !== false) {
  console.error(`conformance: ${why}`);
  process.exit(1);
}
const seed = values.seed === undefined ? Date.now() & 0x7fffffff : Number(values.seed);
const cases = Number(values.cases);
const modes: readonly CodeSize[] = values.mode === undefined ? [2, 1, 0] : [MODES[values.mode] ?? 2];
const options: EngineOptions = {
  ...(values['no-passes'] ? { passes: noPasses } : {}),
  ...(values['block-limit'] === undefined ? {} : { blockLimit: Number(values['block-limit']) }),
};
console.log(`seed ${seed}`);

async function run(name: string, count: number, of: readonly CodeSize[], engine: EngineOptions): Promise<Run> {
  const suite = new Suite({
    seed,
    modes: of,
    ...(values.rows === undefined ? {} : { rows: new RegExp(values.rows, 'i') }),
    singles: values.singles,
    mostPerRow: Number(values.most),
    engine,
    onMismatch: ({ text }) => console.log(`\n${text}`),
  });
  const start = performance.now();
  let shown = start;
  await suite.run(count, (done) => {
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    console.log(`${name}: ${done} cases, ${suite.mismatches} mismatches, ${Math.round((done * 1000) / (shown - start))}/s`);
  });
  suite.end();
  const seconds = (performance.now() - start) / 1000;
  ROWS.forEach((_, index) => {
    const of = suite.counts[index] as RowCount;
    if (of.mismatches > 0) console.log(`${rowName(index).padEnd(40)} ${of.cases} cases, ${of.mismatches} mismatches`);
  });
  const { faults, timeouts, chosen, strays, unsteady, mismatches } = suite;
  console.log(
    `${name}: ${suite.cases} cases (${faults} faults, ${timeouts} endless, ${chosen} differing by choice, ${strays} gone astray, ${unsteady} unsteady)` +
      ` in ${seconds.toFixed(1)} s: ${mismatches} mismatches`,
  );
  return { name, suite, seconds };
}

/** All 8-bit operands in both targets. */
async function operands(): Promise<Part[]> {
  const parts: Part[] = [];
  for (const [name, engine] of [
    ['bytecode', {}],
    ['wasm', { promoteAfter: 1 }],
  ] as const) {
    const start = performance.now();
    const { cases, differences } = await runOperands(programs(WHOLE), { check: undefined, ...engine });
    for (const text of differences) console.log(text);
    parts.push({ name: `8-bit operands, ${name}`, cases, mismatches: differences.length, seconds: (performance.now() - start) / 1000 });
  }
  return parts;
}

/** All opcodes of one to three bytes and VEX. */
function opcodes(): Part[] {
  const silicon = new Silicon();
  if (silicon.reasonToSkip !== false) throw new Error(`conformance: ${silicon.reasonToSkip}`);
  const met = new Set<(typeof EXCEPTIONS)[number]>();
  const parts = ([2, 1, 0] as const).map((code): Part => {
    const start = performance.now();
    const { cases, failures, met: some } = compareOpcodes(silicon, code, 1, seed);
    for (const text of failures.slice(0, 20)) console.log(text);
    for (const each of some) met.add(each);
    return { name: `opcodes and lengths, ${16 << code}-bit code`, cases, mismatches: failures.length, seconds: (performance.now() - start) / 1000 };
  });
  silicon.end();
  for (const each of EXCEPTIONS)
    if (silicon.features.has(each.feature) && !met.has(each)) console.log(`nothing meets the exception '${each.reason}': take it off`);
  return parts;
}

const narrowed = ['rows', 'mode', 'block-limit'].some((name) => (values as Record<string, unknown>)[name] !== undefined);
const wanted = (part: string): boolean =>
  values.part === undefined ? part === 'sequences' || (!narrowed && !values.singles && cases >= 10_000_000) : values.part === part;

const parts: Part[] = [];
if (wanted('operands')) parts.push(...(await operands()));
if (wanted('opcodes')) parts.push(...opcodes());
for (const { name, cases: count, mismatches, seconds } of parts) console.log(`${name}: ${count} cases in ${seconds.toFixed(1)} s: ${mismatches} mismatches`);

const runs: Run[] = [];
if (wanted('sequences') && values.target !== 'wasm') runs.push(await run('bytecode', cases, modes, options));
if (wanted('sequences') && values.target === 'wasm') runs.push(await run('wasm', cases, modes, { ...options, promoteAfter: compiledSoon(seed) }));
else if (wanted('sequences') && values.target === 'both' && modes.some((mode) => mode > 0))
  runs.push(
    await run(
      'wasm, 64- and 32-bit code',
      Math.round(cases * WASM_SHARE),
      modes.filter((mode) => mode > 0),
      { ...options, promoteAfter: compiledSoon(seed) },
    ),
  );
for (const { reason, count } of choiceCounts()) if (count > 0) console.log(`${String(count).padStart(8)} ${reason}`);
const whole =
  values.part === undefined &&
  values.rows === undefined &&
  values.mode === undefined &&
  values.target === 'both' &&
  !values.singles &&
  options.blockLimit === undefined;
if (whole && cases >= 10_000_000 && options.passes === undefined) {
  const page = report(runs, parts, seed, 'npm run conformance', new Date().toISOString().slice(0, 10));
  writeFileSync(join(import.meta.dirname, '../docs/conformance.md'), page);
}
process.exitCode = runs.every(({ suite }) => suite.mismatches === 0) && parts.every(({ mismatches }) => mismatches === 0) ? 0 : 1;
