import type { Hypervisor } from '../hypervisor.ts';
import { clockLines, domainLines, numaLines, runQueueLines, timerLines } from './domain-dump.ts';
import { eventLines, grantLines, memoryLines } from './event-dump.ts';
import { registerLines } from './register-dump.ts';

/** A debug key: what it is for, and the lines that it prints. */
export interface DebugKey {
  readonly what: string;
  print(hv: Hypervisor, key: string): string[];
}

/** A key that first says what it does, as Xen's do. */
const dump = (what: string, title: string, lines: (hv: Hypervisor) => string[]): DebugKey => ({
  what,
  print: (hv, key) => [`'${key}' pressed -> ${title}`, ...lines(hv)],
});

/** Letters, descriptions and what is printed as in Xen. @see xen/common/keyhandler.c */
export const KEYS: ReadonlyMap<string, DebugKey> = new Map([
  ['0', dump('dump Dom0 registers', 'dumping Dom0 registers', (hv) => registerLines(hv, (id) => id === 0))],
  ['a', dump('dump timer queues', 'dumping timer queues:', timerLines)],
  ['d', dump('dump registers', 'dumping registers', (hv) => registerLines(hv, (id) => id !== 0))],
  ['e', dump('dump evtchn info', 'dumping event-channel info', eventLines)],
  [
    'g',
    {
      what: 'print grant table usage',
      print: (hv, key) => [`gnttab_usage_print_all [ key '${key}' pressed`, ...grantLines(hv), 'gnttab_usage_print_all ] done'],
    },
  ],
  ['h', dump('show this message', 'showing installed handlers', () => handlerLines())],
  ['m', { what: 'memory info', print: memoryLines }],
  ['q', dump('dump domain (and guest debug) info', 'dumping domain info', domainLines)],
  ['r', { what: 'dump run queues', print: runQueueLines }],
  ['t', { what: 'display multi-cpu clock info', print: clockLines }],
  ['u', dump('dump NUMA info', 'dumping numa info', numaLines)],
] satisfies [string, DebugKey][]);

const handlerLines = (): string[] =>
  [...KEYS].map(([key, { what }]) => ` key '${key}' (ascii '${key.charCodeAt(0).toString(16).padStart(2, '0')}') => ${what}`);
