/**
 * Writes docs/support.md: what Zendo supports, read from where it is implemented.
 * - opcode rows from src/spec/x86/*.table.ts: a row with `todo` is not there yet, one with `undefinedOpcode` is #UD on purpose;
 * - annotations in docstrings of src: `@xen <hypercall> [<number>] [<operation>] #Y`, `#P[reason]` or `#N[reason]`,
 *   likewise `@x86` and `@xl`.
 *
 *   node scripts/support.ts            writes the page
 *   node scripts/support.ts --check    fails when the page is stale
 */
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = resolve(import.meta.dirname, '..');
const page = join(root, 'docs/support.md');

/** The fields of an opcode row (src/spec/x86/row.ts) that this page shows. */
interface OpcodeRow {
  readonly map: string;
  readonly opcode: number;
  readonly mnemonic: string;
  readonly operands: readonly string[];
  readonly prefix: string;
  readonly ext: number;
  readonly feature?: string;
  readonly todo?: string;
  readonly undefinedOpcode?: string;
}

interface Annotation {
  readonly tag: string;
  readonly subject: string;
  readonly rest: string;
  readonly mark: 'Y' | 'P' | 'N';
  readonly reason: string;
  readonly file: string;
}

const isRow = (value: unknown): value is OpcodeRow => typeof value === 'object' && value !== null && 'mnemonic' in value && 'opcode' in value && 'map' in value;

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [`| ${head.join(' | ')} |`, `|${head.map(() => '---').join('|')}|`, ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`)].join('\n');

const opcodeRows = async (): Promise<Map<string, OpcodeRow[]>> => {
  const maps = new Map<string, OpcodeRow[]>();
  for (const file of globSync('src/spec/x86/**/*.table.ts', { cwd: root }).sort()) {
    const exported = Object.values((await import(pathToFileURL(join(root, file)).href)) as Record<string, unknown>);
    for (const row of new Set(exported.filter(Array.isArray).flat(1).filter(isRow))) maps.set(row.map, [...(maps.get(row.map) ?? []), row]);
  }
  return maps;
};

const encoding = (row: OpcodeRow): string =>
  [row.prefix === 'any' ? '' : row.prefix, row.opcode.toString(16).toUpperCase().padStart(2, '0'), row.ext >= 0 ? `/${row.ext}` : ''].filter(Boolean).join(' ');

const instructionPart = (maps: ReadonlyMap<string, readonly OpcodeRow[]>): string => {
  const lines = [...maps].map(([map, rows]) => {
    const real = rows.filter((row) => row.undefinedOpcode === undefined);
    const done = real.filter((row) => row.todo === undefined);
    return [map, `${done.length} / ${real.length}`, `${rows.length - real.length}`];
  });
  const open = [...maps].flatMap(([map, rows]) =>
    rows
      .filter((row) => row.todo !== undefined)
      .map((row) => [map, encoding(row), `${row.mnemonic} ${row.operands.join(', ')}`.trim(), row.feature ?? '', row.todo ?? '']),
  );
  const missing =
    open.length > 0
      ? `\n\nRows that are decoded but not done; meeting one stops the domain with its name, unless the CPU model lacks the feature (#UD):\n\n${table(['map', 'opcode', 'instruction', 'feature', 'why'], open)}`
      : '';
  return `## Instructions\n\nRows of the opcode tables, by map of the Intel SDM vol. 2D, appendix A. "#UD" counts opcodes that are undefined on purpose.\n\n${table(['map', 'done / total', '#UD'], lines)}${missing}`;
};

const annotations = (): Annotation[] => {
  const found: Annotation[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: root, exclude: ['src/**/*.test.ts'] }).sort()) {
    for (const match of readFileSync(join(root, file), 'utf8').matchAll(/@(xen|x86|xl) (\S+) ?(.*?) ?#([YPN])(?:\[(.*?)\])?/g)) {
      const [, tag = '', subject = '', rest = '', mark = 'N', reason = ''] = match;
      found.push({ tag, subject, rest, mark: mark as 'Y' | 'P' | 'N', reason, file: relative('src', file) });
    }
  }
  return found;
};

const titles: Readonly<Record<string, string>> = { xen: 'Xen interfaces', x86: 'Processor', xl: 'xl commands' };
const words = { Y: 'yes', P: 'partly', N: 'no' } as const;

const annotationPart = (tag: string, all: readonly Annotation[]): string => {
  const rows = all.filter((one) => one.tag === tag);
  if (rows.length === 0) return '';
  const subjects = [...new Set(rows.map(({ subject }) => subject))].sort();
  const numberOf = ({ rest }: Annotation): number => Number.parseInt(rest, 10) || 0;
  const sorted = subjects.flatMap((subject) =>
    rows.filter((one) => one.subject === subject).sort((a, b) => numberOf(a) - numberOf(b) || (a.rest < b.rest ? -1 : 1)),
  );
  const done = rows.filter(({ mark }) => mark === 'Y').length;
  const partly = rows.filter(({ mark }) => mark === 'P').length;
  const lines = sorted.map(({ subject, rest, mark, reason, file }) => [
    subject,
    rest,
    reason === '' ? words[mark] : `${words[mark]}: ${reason}`,
    `\`${file}\``,
  ]);
  return `\n\n## ${titles[tag]}\n\n${done} done, ${partly} partly, of ${rows.length}.\n\n${table(['name', 'operation', 'supported', 'where'], lines)}`;
};

const found = annotations();
const text = `# What is supported\n\nGenerated by \`npm run support\` from the sources; do not edit.\n\n${instructionPart(await opcodeRows())}${Object.keys(
  titles,
)
  .map((tag) => annotationPart(tag, found))
  .join('')}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(page, text);
} else if (!existsSync(page) || readFileSync(page, 'utf8') !== text) {
  console.error('docs/support.md is stale: run `npm run support` and commit it');
  process.exitCode = 1;
}
