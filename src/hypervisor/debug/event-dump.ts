import { type channel, ECS_INTERDOMAIN, ECS_UNBOUND, ECS_VIRQ, openChannels } from '../events/channels.ts';
import { isMasked, isPending } from '../events/deliver.ts';
import { activeEntries } from '../grants/active.ts';
import type { Domain, Hypervisor } from '../hypervisor.ts';

/** Most lines for one domain: a guest decides how many channels and grants it has, and the log keeps 16 KiB. */
const LINES_MAX = 128;

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** The first of the lines that `all` gives, and how many more there are. */
function some<T>(all: Iterable<T>, count: number, line: (each: T) => string): string[] {
  const lines: string[] = [];
  for (const each of all) {
    if (lines.length === LINES_MAX) {
      lines.push(`    ... ${count - LINES_MAX} more`);
      break;
    }
    lines.push(line(each));
  }
  return lines;
}

function channelLine(hv: Hypervisor, d: Domain, ch: NonNullable<ReturnType<typeof channel>>): string {
  const flag = (is: boolean): string => (is ? '1' : '0');
  const head = `    ${String(ch.port).padStart(4)} [${flag(isPending(hv, d, ch.port))}/${flag(isMasked(hv, d, ch.port))}/-]: s=${ch.state} n=${ch.notifyVcpu} x=0`;
  if (ch.state === ECS_UNBOUND) return `${head} d=${ch.remoteDomid}`;
  if (ch.state === ECS_INTERDOMAIN) return `${head} d=${ch.remoteDomid} p=${ch.remotePort}`;
  return ch.state === ECS_VIRQ ? `${head} v=${ch.remoteDomid}` : head;
}

/** Key e: the event channels of every domain: port, pending and masked, state, vCPU, the other end. */
export const eventLines = (hv: Hypervisor): string[] =>
  hv
    .domains()
    .flatMap((d) => [
      `Event channel information for domain ${d.id}:`,
      `Polling vCPUs: {}`,
      '    port [p/m/s]',
      ...some(openChannels(hv, d), d.s.active_evtchns, (ch) => channelLine(hv, d, ch)),
    ]);

function grantsOf(hv: Hypervisor, d: Domain): string[] {
  const { version, nr_frames, max_frames, maptrack_used, max_maptrack_frames } = d.s.grants;
  const active = [...activeEntries(hv, d)];
  return [
    `grant-table for remote d${d.id} (v${version || 1})`,
    `  ${nr_frames} frames (${max_frames} max), ${maptrack_used} mappings (${max_maptrack_frames} maptrack frames max)`,
    ...(active.length === 0 ? ['no active grant table entries'] : ['[ref] localdom mfn      readers writers']),
    ...some(active, active.length, ({ ref, act }) => `[0x${hex(ref, 3)}]  d${act.domid} 0x${hex(act.mfn, 6)} ${act.readers} ${act.writers}`),
  ];
}

/** Key g: grants in use. */
export const grantLines = (hv: Hypervisor): string[] => hv.domains().flatMap((d) => grantsOf(hv, d));

/** Key m: memory that is free. */
export const memoryLines = (hv: Hypervisor): string[] => [
  'Physical memory information:',
  `    Xen heap: ${hv.heap.used >>> 10}kB used`,
  `    Dom heap: ${hv.frames.free * 4}kB free of ${hv.frames.total * 4}kB`,
  `    Claimed: ${hv.header.outstanding_claims * 4}kB`,
];
