import { P2M_ROOT } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { Cpu, WatchedRange } from '../cpu.ts';
import { Heap } from '../heap.ts';
import { P2m } from '../memory/p2m.ts';

/**
 * A CPU for tests of the hypervisor alone: guest virtual addresses are guest-physical ones, nothing runs, and what the
 * hypervisor asks for is noted. It has a TLB that remembers until it is flushed, to find flushes that are missing.
 */
export class FakeCpu implements Cpu {
  readonly asked: string[] = [];
  /** Second-stage entries as they were when last seen, by p2m root and gfn. */
  private readonly tlb = new Map<string, { readonly p2m: P2m; readonly gfn: number; readonly entry: number }>();
  private readonly memories: Memories;

  constructor(memories: Memories) {
    this.memories = memories;
  }

  run(): number {
    throw new Error('the fake CPU runs nothing');
  }

  translate(context: number, va: bigint, write: boolean): number {
    if (va < 0n || va >= 1n << 40n) return -1;
    const root = Number(this.memories.stateQuads[context / 8 + P2M_ROOT]);
    const entry = root === 0 ? undefined : new P2m(this.memories, new Heap(this.memories), root).lookup(Number(va / 4096n));
    return entry === undefined || (write && !entry.writable) ? -1 : entry.mfn * 4096 + Number(va % 4096n);
  }

  interrupt(context: number, vector: number): void {
    this.asked.push(`interrupt ${context} ${vector}`);
  }

  nmi(context: number): void {
    this.asked.push(`nmi ${context}`);
  }

  exception(context: number, vector: number, error?: number): void {
    this.asked.push(`exception ${context} ${vector} ${error}`);
  }

  stateChanged(): void {}

  flushTlb(): void {
    this.asked.push('flush');
    this.tlb.clear();
  }

  /** The guest touches every page it has: the TLB holds them all. */
  fill(p2m: P2m): void {
    for (const { gfn } of p2m.entries()) this.tlb.set(`${p2m.root} ${gfn}`, { p2m, gfn, entry: p2m.entry(gfn) });
  }

  /** Pages that the TLB still shows as they are no more. */
  stale(): string[] {
    return [...this.tlb.values()].flatMap(({ p2m, gfn, entry }) =>
      p2m.entry(gfn) === entry ? [] : [`gfn ${gfn} of the p2m at ${p2m.root} changed without a flush`],
    );
  }

  frameWritten(mfn: number): void {
    this.asked.push(`written ${mfn}`);
  }

  setBreakpoints(context: number, addresses: readonly bigint[] | undefined, watched: readonly WatchedRange[] = []): void {
    this.asked.push(`breakpoints ${context} ${[...(addresses ?? ['none']), ...watched.map(({ address, length }) => `${address}+${length}`)].join(' ')}`);
  }
}
