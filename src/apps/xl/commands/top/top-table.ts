import type { DomainSummary } from '../../../../toolstack/libxl/domain-summary.ts';
import type { VcpuSummary } from '../../../../toolstack/libxl/vcpus.ts';
import type { HostInfo } from '../../../daemon/host-report.ts';
import { right } from '../../format.ts';

/** The machine at one moment. */
export interface Sample {
  /** Milliseconds. */
  readonly time: number;
  readonly domains: readonly DomainSummary[];
  readonly vcpus: readonly VcpuSummary[];
  readonly host: HostInfo;
}

/** What is shown, and in which order. */
export interface View {
  readonly vcpus: boolean;
  readonly repeatHeader: boolean;
  readonly fullName: boolean;
  readonly domain0First: boolean;
  /** Which of the columns the rows are sorted by. */
  readonly sort: number;
}

/** A row's material: a domain, and the share of a CPU that it had since the sample before. */
interface Row {
  readonly domain: DomainSummary;
  readonly cpuPercent: number;
  readonly totalKib: number;
}

interface Column {
  readonly head: string;
  readonly width: number;
  text(row: Row, view: View): string;
  /** Sorts ascending by it; most columns by name alone, as they are all alike. */
  readonly key?: (row: Row) => number | string;
}

/** SHUTDOWN_crash, shown as state c. */
const CRASH = 3;
/** What a domain may have when nobody has set a limit: all pages that a number of 32 bits counts. */
const NO_LIMIT_KIB = 0xffff_ffff * 4;

const crashed = ({ shutdown, reason }: DomainSummary): boolean => shutdown && reason === CRASH;
const state = (domain: DomainSummary): string =>
  [
    [domain.dying, 'd'],
    [domain.shutdown && !crashed(domain), 's'],
    [domain.blocked && !domain.shutdown, 'b'],
    [crashed(domain), 'c'],
    [domain.paused, 'p'],
    [domain.running && !domain.shutdown, 'r'],
  ]
    .map(([is, letter]) => (is ? letter : '-'))
    .join('');
const unlimited = ({ domain }: Row): boolean => domain.maxKib >= NO_LIMIT_KIB;
const zero = (head: string, width: number): Column => ({ head, width, text: () => '0' });
const byName = ({ domain }: Row): string => domain.name.toLowerCase();

/** xentop's columns. There are no networks, disks and security labels yet: their numbers are those of domains without. */
export const COLUMNS: readonly Column[] = [
  { head: 'NAME', width: 10, text: ({ domain }, { fullName }) => (fullName ? domain.name : domain.name.slice(0, 10)), key: byName },
  {
    head: 'STATE',
    width: 6,
    text: ({ domain }) => state(domain),
    key: ({ domain }) => -'dsbcpr'.length + [...state(domain)].findIndex((letter) => letter !== '-'),
  },
  { head: 'CPU(sec)', width: 10, text: ({ domain }) => String(Math.floor(domain.cpuTime / 1e9)), key: ({ domain }) => -domain.cpuTime },
  { head: 'CPU(%)', width: 6, text: ({ cpuPercent }) => cpuPercent.toFixed(1), key: ({ cpuPercent }) => -cpuPercent },
  { head: 'MEM(k)', width: 10, text: ({ domain }) => String(domain.memoryKib), key: ({ domain }) => -domain.memoryKib },
  { head: 'MEM(%)', width: 6, text: ({ domain, totalKib }) => ((domain.memoryKib / totalKib) * 100).toFixed(1), key: ({ domain }) => -domain.memoryKib },
  { head: 'MAXMEM(k)', width: 10, text: (row) => (unlimited(row) ? 'no limit' : String(row.domain.maxKib)), key: ({ domain }) => -domain.maxKib },
  {
    head: 'MAXMEM(%)',
    width: 9,
    text: (row) => (unlimited(row) ? 'n/a' : ((row.domain.maxKib / row.totalKib) * 100).toFixed(1)),
    key: ({ domain }) => -domain.maxKib,
  },
  { head: 'VCPUS', width: 5, text: ({ domain }) => String(domain.vcpusOnline), key: ({ domain }) => -domain.vcpusOnline },
  zero('NETS', 4),
  zero('NETTX(k)', 8),
  zero('NETRX(k)', 8),
  zero('VBDS', 4),
  zero('VBD_OO', 8),
  zero('VBD_RD', 8),
  zero('VBD_WR', 8),
  zero('VBD_RSECT', 10),
  zero('VBD_WSECT', 10),
  zero('SSID', 4),
];

const HEADING = COLUMNS.map(({ head, width }) => right(head, width)).join(' ');

const totalKib = ({ host }: Sample): number => host.physinfo.total_pages * 4;

function rowsOf(now: Sample, before: Sample | undefined, { sort, domain0First }: View): Row[] {
  const rows = now.domains.map((domain) => {
    const earlier = before?.domains.find(({ domid }) => domid === domain.domid);
    const milliseconds = now.time - (before?.time ?? now.time);
    const cpuPercent = earlier === undefined || milliseconds <= 0 ? 0 : ((domain.cpuTime - earlier.cpuTime) / 1e6 / milliseconds) * 100;
    return { domain, cpuPercent: Math.max(0, cpuPercent), totalKib: totalKib(now) };
  });
  const key = COLUMNS[sort]?.key ?? byName;
  const first = ({ domain }: Row): boolean => domain0First && domain.domid === 0;
  return rows.sort((a, b) => {
    if (first(a) !== first(b)) return first(a) ? -1 : 1;
    return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.domain.domid - b.domain.domid;
  });
}

/** The table: a heading and a row of each domain, with what the view adds. @see docs/man/xentop.1.pod */
export function topTable(now: Sample, before: Sample | undefined, view: View): string[] {
  const lines = [HEADING];
  for (const [i, row] of rowsOf(now, before, view).entries()) {
    if (view.repeatHeader && i > 0) lines.push(HEADING);
    lines.push(COLUMNS.map((column) => right(column.text(row, view), column.width)).join(' '));
    if (!view.vcpus) continue;
    const online = now.vcpus.filter((vcpu) => vcpu.domid === row.domain.domid && vcpu.online);
    lines.push(`VCPUs(sec): ${online.map(({ vcpu, cpuTime }) => ` ${right(vcpu, 2)}: ${right(Math.floor(cpuTime / 1e9), 10)}s`).join('')}`);
  }
  return lines;
}

/** What stands above the table on a screen. `clock`: hh:mm:ss. */
export function topSummary({ domains, host }: Sample, clock: string): string[] {
  const { physinfo, version } = host;
  const count = (is: (domain: DomainSummary) => boolean): number => domains.filter(is).length;
  const states = [
    [count(({ running, shutdown }) => running && !shutdown), 'running'],
    [count(({ blocked, shutdown }) => blocked && !shutdown), 'blocked'],
    [count(({ paused }) => paused), 'paused'],
    [count(crashed), 'crashed'],
    [count(({ dying }) => dying), 'dying'],
    [count((domain) => domain.shutdown && !crashed(domain)), 'shutdown'],
  ];
  const free = physinfo.free_pages * 4;
  const total = physinfo.total_pages * 4;
  return [
    `xl top - ${clock}   Xen ${version.major}.${version.minor}${version.extra}`,
    `${domains.length} domains: ${states.map(([n, name]) => `${n} ${name}`).join(', ')}`,
    `Mem: ${total}k total, ${total - free}k used, ${free}k free    CPUs: ${physinfo.nr_cpus} @ ${Math.floor(physinfo.cpu_khz / 1000)}MHz`,
  ];
}
