import { P2M_ROOT } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { Cpu } from '../cpu.ts';
import { Heap } from '../heap.ts';
import { P2m } from '../memory/p2m.ts';

/** A CPU for tests of the hypervisor alone: guest virtual addresses are guest-physical ones, nothing runs, and what the hypervisor asks for is noted. */
export class FakeCpu implements Cpu {
  readonly asked: string[] = [];
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
  }

  frameWritten(mfn: number): void {
    this.asked.push(`written ${mfn}`);
  }

  setBreakpoints(context: number, addresses: readonly bigint[]): void {
    this.asked.push(`breakpoints ${context} ${addresses.join(' ')}`);
  }
}
