import type { DaemonClient } from '../../daemon/connect.ts';
import { places } from '../../daemon/places.ts';

/** A directory that is written to. */
interface Directory {
  readonly path: string;
  readonly problem: string | undefined;
  /** Bytes. */
  readonly free: number;
}

/** What is known about the host; gathered in main.ts. */
export interface HostFacts {
  readonly node: string;
  readonly platform: string;
  /** Bytes. */
  readonly memory: number;
  readonly available: number;
  readonly cores: number;
  readonly memoriesProblem: string | undefined;
  readonly portProblem: string | undefined;
  readonly run: Directory;
  readonly state: Directory;
  readonly cache: Directory;
  readonly programs: ReadonlySet<string>;
}

/** One thing that was looked at. */
export interface Finding {
  /** `bad`: Zendo cannot work so. `hint`: it can, but something is missing that somebody may want. */
  readonly kind: 'good' | 'hint' | 'bad';
  readonly what: string;
  readonly found: string;
  /** What to do. */
  readonly remedy?: string;
}

/** Programs that something of Zendo uses where they are there, with what for and how to get them. */
const OPTIONAL: Readonly<Record<string, readonly [use: string, remedy: string]>> = {
  'apt-get': ["npm start fetches Debian's kernel with it", 'Elsewhere, give your own kernel: zendo boot --kernel FILE.'],
  'xenstore-ls': ["looks into xenstore (XENSTORED_PATH: 'zendo daemon status')", 'apt-get install xenstore-utils'],
  gdb: ['debugs guests (zendo boot --gdb)', 'apt-get install gdb'],
  gcc: ['builds the programs of npm test and npm run bench, in a clone', 'apt-get install gcc libc6-dev'],
  'qemu-system-x86_64': ['is what npm run bench compares with, in a clone', 'apt-get install qemu-system-x86'],
};
export const OPTIONAL_PROGRAMS = Object.keys(OPTIONAL);

const NODE_LEAST = 24;
const GIB = 2 ** 30;
/** A machine needs this much beside its guests: engine, translated code, domain 0. */
const MEMORY_LEAST = 0.75 * GIB;
const MEMORY_GOOD = 2 * GIB;
const CACHE_GOOD = 0.5 * GIB;
/** Longest path of a Unix socket. @see unix(7), sun_path */
const SOCKET_PATH_MAX = 107;

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

function directory(what: string, { path, problem, free }: Directory, needed: number, variable: string): Finding {
  if (problem !== undefined) return { kind: 'bad', what, found: `${path}: ${problem}`, remedy: `Make it writable, or name another with ${variable}.` };
  const found = `${path}, ${gib(free)} free`;
  return free < needed ? { kind: 'hint', what, found, remedy: `Free some space, or name another with ${variable}.` } : { kind: 'good', what, found };
}

/** What there is to say about a host. */
export function examine(facts: HostFacts): Finding[] {
  const { node, memory, available, cores, memoriesProblem, portProblem, run, state, cache, programs } = facts;
  const socket = places(run.path).store;
  return [
    Number.parseInt(node, 10) >= NODE_LEAST
      ? { kind: 'good', what: 'Node', found: `${node} on ${facts.platform}` }
      : { kind: 'bad', what: 'Node', found: node, remedy: `Node ${NODE_LEAST} or newer is needed: https://nodejs.org, or 'npm ci' in a clone.` },
    memoriesProblem === undefined
      ? { kind: 'good', what: 'Shared memories', found: 'two of 4 GiB of addresses can be made' }
      : { kind: 'bad', what: 'Shared memories', found: memoriesProblem, remedy: "Raise the limit of addresses: 'ulimit -v unlimited'." },
    memory < MEMORY_LEAST
      ? { kind: 'bad', what: 'Memory', found: gib(memory), remedy: 'Zendo and one small guest need 0.75 GiB.' }
      : available < MEMORY_GOOD
        ? { kind: 'hint', what: 'Memory', found: `${gib(memory)}, ${gib(available)} available`, remedy: 'Give guests less, or end other programs.' }
        : { kind: 'good', what: 'Memory', found: `${gib(memory)}, ${gib(available)} available` },
    cores < 2
      ? { kind: 'hint', what: 'Cores', found: '1', remedy: "Guests and domain 0's programs run in two threads: with one core they take turns." }
      : { kind: 'good', what: 'Cores', found: String(cores) },
    socket.length > SOCKET_PATH_MAX
      ? { kind: 'bad', what: 'Run directory', found: `${run.path} is too long for sockets in it`, remedy: 'Name a shorter one with ZENDO_RUN_DIR.' }
      : directory('Run directory', run, 0, 'ZENDO_RUN_DIR'),
    directory('State directory', state, CACHE_GOOD, 'ZENDO_STATE_DIR'),
    directory('Cache directory', cache, CACHE_GOOD, 'XDG_CACHE_HOME'),
    portProblem === undefined
      ? { kind: 'good', what: 'Ports', found: 'gdb can be listened for on 127.0.0.1' }
      : { kind: 'hint', what: 'Ports', found: portProblem, remedy: '--gdb cannot be used without.' },
    ...Object.entries(OPTIONAL).map(
      ([name, [use, remedy]]): Finding =>
        programs.has(name) ? { kind: 'good', what: name, found: use } : { kind: 'hint', what: name, found: `not found; ${use}`, remedy },
    ),
  ];
}

const MARKS: Readonly<Record<Finding['kind'], string>> = { good: 'ok  ', hint: 'note', bad: 'BAD ' };

/** `zendo doctor`: what was found, and what to do about it. The exit status: 1 when Zendo cannot work here. */
export async function doctor(print: (text: string) => void, facts: HostFacts, daemon: DaemonClient | undefined): Promise<number> {
  const findings = examine(facts);
  for (const { kind, what, found, remedy } of findings) {
    print(`${MARKS[kind]}  ${what.padEnd(20)} ${found}\n`);
    if (remedy !== undefined) print(`${' '.repeat(27)}${remedy}\n`);
  }
  const status = await daemon?.call('status', {});
  daemon?.close();
  print(
    `ok    ${'Daemon'.padEnd(20)} ${status === undefined ? 'none runs; xl starts one' : `process ${status.pid}, version ${status.version}, ${status.domains - 1} guests`}\n`,
  );
  const bad = findings.filter(({ kind }) => kind === 'bad').length;
  print(bad === 0 ? '\nZendo can work here.\n' : `\n${bad} ${bad === 1 ? 'thing keeps' : 'things keep'} Zendo from working here.\n`);
  return bad === 0 ? 0 : 1;
}
