import { readFileSync } from 'node:fs';

/** One way to run a benchmark: `args` of `program`. */
export interface Contestant {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** The middle one (of two the greater); NaN of none. */
export const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;

/** A number for a table, `–` where there is none. */
export const shown = (value: number, digits = 0): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Rows of a Markdown table. */
export const table = (rows: readonly (readonly string[])[]): string[] =>
  rows.flatMap((cells, i) => [`| ${cells.join(' | ')} |`, ...(i === 0 ? [`|${cells.map(() => '---').join('|')}|`] : [])]);

function memoryOf(pid: number | undefined, line: RegExp): number {
  try {
    return Number(line.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** Most host memory that a running process had, in MiB; NaN when it is gone. */
export const peakMemory = (pid: number | undefined): number => memoryOf(pid, /^VmHWM:\s+(\d+) kB/m);

/** Host memory that it has now. */
export const currentMemory = (pid: number | undefined): number => memoryOf(pid, /^VmRSS:\s+(\d+) kB/m);

/** The object that `zendo boot --json` writes last, of what it wrote to stderr. */
export function jsonReport(stderr: string): BootReport {
  const line = stderr.split('\n').findLast((each) => each.startsWith('{"end"'));
  if (line === undefined) throw new Error(`zendo ended without a report:\n${stderr.slice(-1000)}`);
  return JSON.parse(line) as BootReport;
}

/** What of that object is used here. */
export interface BootReport {
  readonly instructionsBy: { readonly regions: number; readonly bytecode: number; readonly hypervisor: number };
}

/** `12.3 / 4.5 / 0.1`: millions of instructions by compiled regions, interpreter and hypervisor. */
export const byTarget = ({ instructionsBy: { regions, bytecode, hypervisor } }: BootReport): string =>
  [regions, bytecode, hypervisor].map((count) => (count / 1e6).toFixed(count < 1e5 ? 3 : 1)).join(' / ');

/** Per cent that ran elsewhere than in compiled regions. */
export const elsewhere = ({ instructionsBy: { regions, bytecode, hypervisor } }: BootReport): number =>
  ((bytecode + hypervisor) / (regions + bytecode + hypervisor)) * 100;
