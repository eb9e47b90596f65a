import { CPU_FLAGS, CPU_PARANOID, EXIT_BUDGET } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import type { Cpu } from '../cpu.ts';
import { CpuLayer } from '../cpu-layer.ts';
import type { AccessCheck, AccessDifference } from './access-check.ts';

/** A CPU whose accesses to guest memory are all compared with an independent walk; a difference is told, and the budget ends. */
export class ParanoidCpu extends CpuLayer {
  private readonly memories: Memories;
  private readonly check: AccessCheck;
  private readonly onDifference: (difference: AccessDifference) => void;
  private told = false;

  constructor(cpu: Cpu, memories: Memories, check: AccessCheck, onDifference: (difference: AccessDifference) => void) {
    super(cpu);
    this.memories = memories;
    this.check = check;
    this.onDifference = onDifference;
  }

  override run(context: number): number {
    const flags = context + CPU_FLAGS * 8;
    const { stateView } = this.memories;
    const before = stateView.getUint32(flags, true);
    if ((before & CPU_PARANOID) === 0) {
      stateView.setUint32(flags, before | CPU_PARANOID, true);
      this.stateChanged(context);
    }
    const reason = super.run(context);
    const { difference } = this.check;
    if (difference === undefined || this.told) return reason;
    this.told = true;
    this.onDifference(difference);
    return EXIT_BUDGET;
  }
}
