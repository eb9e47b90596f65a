import { BUDGET, EXIT_BUDGET, EXIT_WINDOW, HOST_DEADLINE, RETIRED_BASE, WANT_WINDOW } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { Cpu } from '../cpu.ts';
import { CpuLayer } from '../cpu-layer.ts';

/**
 * A CPU that stops every `interval` instructions to have a look. Budgets end there as they end anywhere: what the guest does, and
 * when, is the same as without it.
 */
export class SamplingCpu extends CpuLayer {
  private readonly quads: BigUint64Array;
  private readonly interval: bigint;
  private readonly sample: (context: number) => void;
  /** Instructions until the next look. */
  private ahead: bigint;

  constructor(cpu: Cpu, memories: Memories, interval: number, sample: (context: number) => void) {
    super(cpu);
    this.quads = memories.stateQuads;
    this.interval = BigInt(interval);
    this.ahead = this.interval;
    this.sample = sample;
  }

  private signed(context: number, slot: number): bigint {
    return BigInt.asIntN(64, this.quads[context / 8 + slot] as bigint);
  }

  /** More budget, or less, at the same instant. */
  private extend(context: number, by: bigint): void {
    for (const slot of [BUDGET, RETIRED_BASE]) this.quads[context / 8 + slot] = BigInt.asUintN(64, this.signed(context, slot) + by);
  }

  override run(context: number): number {
    // it counts what was given: a budget that the core extends would be no measure
    this.quads[context / 8 + HOST_DEADLINE] = 0n;
    for (;;) {
      const budget = this.signed(context, BUDGET);
      const beyond = budget > this.ahead ? budget - this.ahead : 0n;
      if (beyond !== 0n) this.extend(context, -beyond);
      const before = budget - beyond;
      const reason = super.run(context);
      this.ahead -= before - this.signed(context, BUDGET);
      if (beyond !== 0n) this.extend(context, beyond);
      if (this.ahead <= 0n) {
        this.sample(context);
        this.ahead = this.interval;
      }
      if (reason !== EXIT_BUDGET || beyond === 0n) return reason;
      // whoever waits for a window looks again, as at every budget's end
      if (this.quads[context / 8 + WANT_WINDOW] !== 0n) return EXIT_WINDOW;
    }
  }
}
