import type { Cpu, WatchedRange } from './cpu.ts';

/** A CPU around another that is the same but for what a subclass changes. */
export class CpuLayer implements Cpu {
  protected readonly below: Cpu;

  constructor(below: Cpu) {
    this.below = below;
  }

  run(context: number): number {
    return this.below.run(context);
  }

  translate(context: number, va: bigint, write: boolean): number {
    return this.below.translate(context, va, write);
  }

  interrupt(context: number, vector: number): void {
    this.below.interrupt(context, vector);
  }

  nmi(context: number): void {
    this.below.nmi(context);
  }

  exception(context: number, vector: number, error?: number): void {
    this.below.exception(context, vector, error);
  }

  stateChanged(context: number): void {
    this.below.stateChanged(context);
  }

  flushTlb(): void {
    this.below.flushTlb();
  }

  frameWritten(mfn: number): void {
    this.below.frameWritten(mfn);
  }

  setBreakpoints(context: number, addresses: readonly bigint[] | undefined, watched?: readonly WatchedRange[]): void {
    this.below.setBreakpoints(context, addresses, watched);
  }
}
