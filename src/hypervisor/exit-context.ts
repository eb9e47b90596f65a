import { BUDGET, EXIT_B, EXIT_IO_STRING, EXIT_LEN, EXIT_MMIO, EXIT_REASON, MODE, MODE_CODE64, MODE_SIZE_MASK, RIP } from '../machine/layout.ts';
import type { CpuModel } from '../spec/x86/cpu-models.ts';
import type { Hypervisor, Vcpu } from './hypervisor.ts';
import type { Trace } from './trace.ts';

/** What exits need beside the machine: the CPU model and the counters of this run. */
export interface ExitContext {
  readonly hv: Hypervisor;
  readonly model: CpuModel;
  readonly trace: Trace;
  /** A hypercall stopped in the middle: handling so many elements took machine time, and others may be due before it goes on. */
  worked?(elements: number): void;
  /** Name of an opcode row, for messages about instructions that are not implemented. */
  rowName(row: number): string;
}

/** Set in EXIT_B by the hypervisor when it answered an access to memory that is no RAM, or one of a string instruction. */
export const ANSWERED = 0x1000;

/** Has an access been answered whose instruction was not executed again yet? No event may come in between: the access would be made twice. */
export function answerWaits(v: Vcpu): boolean {
  const reason = v.context.low(EXIT_REASON);
  return (reason === EXIT_MMIO || reason === EXIT_IO_STRING) && (v.context.low(EXIT_B) & ANSWERED) !== 0;
}

/** The instruction is done: RIP behind it, one more retired. */
export function completeInstruction(v: Vcpu): void {
  const c = v.context;
  const length = c.low(EXIT_LEN);
  if ((c.low(MODE) & MODE_SIZE_MASK) === MODE_CODE64) c.add(RIP, length);
  else c.setLow(RIP, c.low(RIP) + length);
  c.add(BUDGET, -1);
}
