import { RIP } from '../machine/layout.ts';
import { errnoName } from '../spec/xen/errno.ts';
import { hypercallName } from '../spec/xen/hypercall-names.ts';
import { exitName } from './exit-names.ts';
import type { Vcpu } from './hypervisor.ts';

/** What a run did, for `--json`. */
export interface Counters {
  readonly exits: Record<string, number>;
  readonly hypercalls: Record<string, number>;
  readonly unknownMsrs: Record<string, number>;
  readonly unclaimedPorts: Record<string, number>;
  readonly unclaimedMemory: number;
}

const bump = <K>(map: Map<K, number>, key: K): void => {
  map.set(key, (map.get(key) ?? 0) + 1);
};

/** Exit reasons and hypercalls that are counted: all that there are, and a guest's numbers of none are not. */
const COUNTED = 64;

const named = (counts: Float64Array, name: (nr: number) => string): Record<string, number> =>
  Object.fromEntries([...counts.entries()].filter(([, count]) => count !== 0).map(([nr, count]) => [name(nr), count]));

const hex = (n: number): string => `0x${n.toString(16)}`;

/** Counters and the optional line-by-line trace of one pCPU. Leaves no mark on the machine. */
export class Trace {
  /** By number: names are looked up at the end. */
  private readonly exits = new Float64Array(COUNTED);
  private readonly calls = new Float64Array(COUNTED);
  private readonly msrs = new Map<string, number>();
  private readonly ports = new Map<string, number>();
  private memory = 0;
  private readonly kinds: ReadonlySet<string>;
  private readonly showsExits: boolean;
  private readonly write: (line: string) => void;

  /** `kinds`: which lines are written: 'hypercalls', 'exits'. */
  constructor(kinds: ReadonlySet<string>, write: (line: string) => void) {
    this.kinds = kinds;
    this.showsExits = kinds.has('exits');
    this.write = write;
  }

  /** Are lines of this kind written? */
  wants(kind: 'hypercalls' | 'exits'): boolean {
    return this.kinds.has(kind);
  }

  exit(v: Vcpu, reason: number): void {
    (this.exits[reason] as number)++;
    if (this.showsExits) this.write(`d${v.domain.id}v${v.id} exit ${exitName(reason)} rip=0x${v.context.get(RIP).toString(16)}`);
  }

  hypercall(v: Vcpu, nr: number, args: readonly bigint[], result: number): void {
    if (nr < COUNTED) (this.calls[nr] as number)++;
    if (!this.wants('hypercalls')) return;
    const shown = result < 0 && result > -200 ? `-${errnoName(-result)}` : String(result);
    this.write(
      `d${v.domain.id}v${v.id} ${hypercallName(nr)}(${args
        .slice(0, 4)
        .map((a) => `0x${a.toString(16)}`)
        .join(', ')}) = ${shown}`,
    );
  }

  /** Count hypercalls that the processor answered. */
  hypercalls(nr: number, count: number): void {
    this.calls[nr] = (this.calls[nr] as number) + count;
  }

  unknownMsr(msr: number): void {
    bump(this.msrs, `0x${msr.toString(16)}`);
    if (this.wants('exits')) this.write(`unknown MSR 0x${msr.toString(16)}: #GP`);
  }

  unclaimedPort(port: number): void {
    bump(this.ports, hex(port));
    if (this.wants('exits')) this.write(`unclaimed port 0x${port.toString(16)}`);
  }

  unclaimedMemory(gpa: number): void {
    this.memory++;
    if (this.wants('exits')) this.write(`unclaimed guest-physical address 0x${gpa.toString(16)}`);
  }

  /** `portReads`: per port, those that the core answered. */
  counters(portReads: Uint32Array): Counters {
    const ports = new Map(this.ports);
    // (an iterator over all ports would take longer than a small guest runs)
    for (let port = 0; port < portReads.length; port++) {
      const reads = portReads[port] as number;
      if (reads !== 0 && port !== 0xe9) ports.set(hex(port), (ports.get(hex(port)) ?? 0) + reads);
    }
    return {
      exits: named(this.exits, exitName),
      hypercalls: named(this.calls, hypercallName),
      unknownMsrs: Object.fromEntries(this.msrs),
      unclaimedPorts: Object.fromEntries(ports),
      unclaimedMemory: this.memory,
    };
  }
}
