import { QUOTA_NAMES, type Quotas } from '../quotas.ts';
import { leadingNumber, nulTerminated, stringsOf } from '../wire/latin1.ts';
import { type Answer, OK, type Request } from './request.ts';

interface Command {
  readonly name: string;
  /** What the help says of its arguments. */
  readonly usage: string;
  run(request: Request, args: readonly string[]): Answer;
}

const COMMANDS: readonly Command[] = [
  { name: 'check', usage: '', run: check },
  { name: 'live-update', usage: '-f <program> | -c <arguments> | -s [-t <seconds>] [-F] | -a', run: liveUpdate },
  { name: 'log', usage: 'on|off', run: log },
  { name: 'memreport', usage: '', run: memreport },
  { name: 'print', usage: '<string>', run: print },
  { name: 'quota', usage: '[set <name> <val>|<domid>]', run: quota },
  { name: 'quota-soft', usage: '[set <name> <val>]', run: quotaSoft },
  { name: 'help', usage: '', run: help },
];

/** CONTROL: `<command>|<argument>|*` -> text. Privileged. Fails: EINVAL no such command, or not these arguments. */
export function control(request: Request): Answer {
  const [name, ...args] = stringsOf(request.payload);
  return COMMANDS.find((command) => command.name === name)?.run(request, args) ?? 'EINVAL';
}

function check({ core }: Request, args: readonly string[]): Answer {
  if (args.length > 0) return 'EINVAL';
  for (const wrong of core.tree.check()) core.log.error(wrong);
  return OK;
}

/**
 * Nothing is exchanged but the state, which is written down and loaded again when this request is done: never too early for it. The program that a
 * client names (-f) and its arguments (-c) are noted in the log and not started: this one goes on.
 */
function liveUpdate({ core }: Request, args: readonly string[]): Answer {
  const words = [...args];
  const first = words.shift();
  if (first === '-a') return words.length > 0 ? 'EINVAL' : OK;
  if (first === '-f' || first === '-c') {
    if (words.length !== 1) return 'EINVAL';
    core.log.info('live update: no other program is started, the state is written and loaded again', { wanted: printable(words[0] as string) });
    return OK;
  }
  if (first !== '-s') return 'EINVAL';
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-t' && /^[0-9]{1,9}$/.test(words.shift() ?? '')) continue;
    if (word !== '-F') return 'EINVAL';
  }
  core.reloadWanted = true;
  return OK;
}

function log({ core }: Request, [state, ...rest]: readonly string[]): Answer {
  if (rest.length > 0 || (state !== 'on' && state !== 'off')) return 'EINVAL';
  core.tracing = state === 'on';
  return OK;
}

function memreport({ core }: Request, args: readonly string[]): Answer {
  if (args.length > 0) return 'EINVAL';
  core.log.info('memory', { nodes: core.tree.size, connections: core.connections.length });
  for (const { domid, nodes, memory } of core.domains.all()) core.log.info('memory of a domain', { domid, nodes, memory });
  return OK;
}

function print({ core }: Request, [text, ...rest]: readonly string[]): Answer {
  if (text === undefined || rest.length > 0) return 'EINVAL';
  core.log.info('control: print', { text: printable(text) });
  return OK;
}

function quota({ core }: Request, [first, ...rest]: readonly string[]): Answer {
  if (first === undefined) return table(QUOTA_NAMES.map(([name, words]) => [name, core.quotas[name], words]));
  if (first === 'set') {
    const [name, value, ...more] = rest;
    const known = QUOTA_NAMES.find(([each]) => each === name)?.[0];
    const number = leadingNumber(value ?? '');
    if (known === undefined || number < 1 || more.length > 0) return 'EINVAL';
    (core.quotas as Record<keyof Quotas, number>)[known] = number;
    return OK;
  }
  if (rest.length > 0) return 'EINVAL';
  return ofDomain(core, leadingNumber(first));
}

function ofDomain(core: Request['core'], domid: number): Answer {
  const record = core.domains.get(domid);
  if (record === undefined) return 'ENOENT';
  const connections = core.connections.filter((connection) => connection.domid === domid);
  const sum = (of: (connection: (typeof connections)[number]) => number): number => connections.reduce((total, each) => total + of(each), 0);
  const rows: [string, number][] = [
    ['nodes', record.nodes],
    ['watches', sum((each) => each.watchCount)],
    ['transactions', sum((each) => each.transactionCount)],
    ['outstanding', sum((each) => each.outbox.replies)],
    ['memory', record.memory + sum((each) => each.memory)],
  ];
  return nulTerminated(`Domain ${domid}:\n${rows.map(([name, value]) => `${name.padEnd(16)}: ${String(value).padStart(8)}\n`).join('')}`);
}

function quotaSoft({ core }: Request, [first, name, value, ...rest]: readonly string[]): Answer {
  if (first === undefined) return table([['memory', core.softMemory, 'Bytes kept for a domain that are worth a warning']]);
  const number = leadingNumber(value ?? '');
  if (first !== 'set' || name !== 'memory' || number < 1 || rest.length > 0) return 'EINVAL';
  core.softMemory = number;
  return OK;
}

function help(_request: Request, args: readonly string[]): Answer {
  return args.length > 0 ? 'EINVAL' : nulTerminated(COMMANDS.map(({ name, usage }) => `${name}\t${usage}\n`).join(''));
}

function table(rows: readonly (readonly [name: string, value: number, words: string])[]): Uint8Array {
  const lines = rows.map(([name, value, words]) => `${name.padEnd(17)}: ${String(value).padStart(8)} ${words}\n`);
  return nulTerminated(`Quota settings:\n${lines.join('')}`);
}

/** Text that cannot disturb a log: no control bytes. */
function printable(text: string): string {
  return [...text].map((c) => (c >= ' ' && c <= '~' ? c : '?')).join('');
}
