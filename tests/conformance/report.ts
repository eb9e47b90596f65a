/** docs/conformance.md: the figures of a full run. */
import { ROWS } from '../../src/spec/x86/opcodes.ts';
import { choiceCounts } from './choices.ts';
import { hostCpu } from './native.ts';
import { APPROXIMATE, EXCLUDED, reasonToLeaveOut } from './rows.ts';
import type { RowCount, Suite } from './suite.ts';

export interface Run {
  readonly name: string;
  readonly suite: Suite;
  readonly seconds: number;
}

/** A part that tries all there is. */
export interface Part {
  readonly name: string;
  readonly cases: number;
  readonly mismatches: number;
  readonly seconds: number;
}

const number = (value: number): string => value.toLocaleString('en-US');
const sum = (counts: readonly RowCount[], key: keyof RowCount): number => counts.reduce((total, count) => total + count[key], 0);

/** The page. `command`: what was typed. */
export function report(runs: readonly Run[], parts: readonly Part[], seed: number, command: string, date: string): string {
  const cpu = hostCpu();
  const lines = [
    '# Instructions against silicon',
    '',
    'Generated instruction sequences run on a processor and on the engine from the same state; registers, flags, memory and faults must agree on every',
    'defined bit. How: [tests/conformance](../tests/conformance/README.md). This page is written by a full run of `npm run conformance`.',
    '',
    `- ${date}, \`${command}\`, seed ${seed}`,
    `- ${cpu.model}, Linux`,
    '',
    '| target | cases | with a fault | mismatches | within an error | differing by choice | other undefined bits | astray, endless | s |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|',
  ];
  for (const { name, suite, seconds } of runs) {
    const { counts } = suite;
    lines.push(
      `| ${name} | ${number(suite.cases)} | ${number(suite.faults)} | ${number(suite.mismatches)} | ${number(sum(counts, 'withinError'))} | ${number(suite.chosen)} | ` +
        `${number(sum(counts, 'undefinedBits'))} | ${number(suite.strays + suite.timeouts + suite.unsteady)} | ${Math.round(seconds)} |`,
    );
  }
  lines.push(
    '',
    '## All there is',
    '',
    'Every 8-bit operand of every ALU, shift, rotation, BCD and flag instruction; every opcode of one to three bytes with prefixes, and VEX: is it one, and',
    `how long is it. AVX-512 has no rows yet and is left out.`,
    '',
    '| what | cases | mismatches | s |',
    '|---|---:|---:|---:|',
    ...parts.map(({ name, cases, mismatches, seconds }) => `| ${name} | ${number(cases)} | ${number(mismatches)} | ${Math.round(seconds)} |`),
  );
  lines.push('', '## By opcode map', '', '| map | rows run | cases | mismatches | rows left out |', '|---|---:|---:|---:|---:|');
  for (const map of new Set(ROWS.map((row) => row.map))) {
    const all = ROWS.flatMap((row, index) => (row.map === map ? [index] : []));
    const of = all.map((index) => combined(runs, index));
    const run = of.filter(({ cases }) => cases > 0);
    lines.push(`| ${map} | ${run.length} | ${number(sum(of, 'cases'))} | ${number(sum(of, 'mismatches'))} | ${all.length - run.length} |`);
  }
  lines.push('', '## Left out', '', '| reason | rows |', '|---|---:|');
  const reasons = new Map<string, number>();
  ROWS.forEach((row, index) => {
    const reason =
      reasonToLeaveOut(row, cpu.features) ??
      (combined(runs, index).cases > 0 ? undefined : 'undefined opcodes that newer processors may use, or another row of the same meaning');
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  });
  for (const [reason, count] of [...reasons].sort((x, y) => y[1] - x[1])) {
    const lifts = EXCLUDED.find((entry) => entry.reason === reason)?.lifts;
    lines.push(`| ${reason}${lifts === undefined ? '' : `: ${lifts.map((lift) => lift.split('.')[1]).join(', ')}`} | ${count} |`);
  }
  lines.push(
    '',
    '## Within an error',
    '',
    'Our own approximations; most results are the same bits.',
    '',
    '| instructions | allowed | cases | differing |',
    '|---|---|---:|---:|',
  );
  for (const { lifts, ulps, relative } of APPROXIMATE) {
    const of = ROWS.flatMap((row, index) => (lifts.includes(row.lift) ? [combined(runs, index)] : []));
    const names = [...new Set(ROWS.filter((row) => lifts.includes(row.lift)).map((row) => row.mnemonic))].join(', ');
    lines.push(
      `| ${names} | ${ulps === undefined ? `relative ${relative?.toExponential(2)}` : `${ulps} units of the last place`} | ${number(sum(of, 'cases'))} | ${number(sum(of, 'withinError'))} |`,
    );
  }
  lines.push('', "## The processor's choice", '', 'Cases that differ where more than one answer is right.', '', '| why | cases |', '|---|---:|');
  for (const { reason, count } of choiceCounts()) lines.push(`| ${reason} | ${number(count)} |`);
  return `${lines.join('\n')}\n`;
}

function combined(runs: readonly Run[], index: number): RowCount {
  const of = runs.map(({ suite }) => suite.counts[index] as RowCount);
  return { cases: sum(of, 'cases'), mismatches: sum(of, 'mismatches'), undefinedBits: sum(of, 'undefinedBits'), withinError: sum(of, 'withinError') };
}
