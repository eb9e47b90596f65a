import { CR2, CUR_UOP, EXC, EXC_ERROR } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import type { CoreExports, Engine } from '../translator/engine.ts';
import type { Cpu, WatchedRange } from './cpu.ts';
import { InstructionWatch, type Tracer } from './debug/instruction-watch.ts';

/** Exports of the core that the hypervisor uses beside the engine's own. */
interface Core extends CoreExports {
  translateVa(ctx: number, va: bigint, access: number): bigint;
  clearFault(ctx: number): void;
  injectInterrupt(ctx: number, vector: number): void;
  injectNmi(ctx: number): void;
  injectException(ctx: number, vector: number, hasError: number, error: number): void;
  flushPcpu(ctx: number): void;
}

/** 32-bit words of the slots that a failed translation prepares for a guest fault; here nothing is injected. */
const KEPT = [EXC, EXC_ERROR, CR2, CUR_UOP].flatMap((slot) => [slot * 2, slot * 2 + 1]);

/** The binary translator as the hypervisor's CPU. */
export class EngineCpu implements Cpu {
  private readonly engine: Engine;
  private readonly core: Core;
  private readonly memories: Memories;
  /** Any context, for calls that work on the thread's TLB. */
  private lastContext = 0;
  private readonly instructions: InstructionWatch;
  private flushIsDue = false;
  private readonly kept = new Int32Array(KEPT.length);

  /** A `tracer` makes execution some fifty times slower. */
  constructor(memories: Memories, engine: Engine, tracer?: Tracer) {
    this.memories = memories;
    this.engine = engine;
    this.core = engine.core as Core;
    this.instructions = new InstructionWatch(memories, engine, tracer);
  }

  run(context: number): number {
    this.lastContext = context;
    this.flushIfDue();
    this.instructions.apply();
    return this.engine.run(context);
  }

  translate(context: number, va: bigint, write: boolean): number {
    this.flushIfDue();
    const words = this.memories.stateWords;
    const base = context / 4;
    const { kept } = this;
    for (let i = 0; i < KEPT.length; i++) kept[i] = words[base + (KEPT[i] as number)] as number;
    const found = Number(this.core.translateVa(context, BigInt.asIntN(64, va), write ? 1 : 0));
    if (found === -1) this.core.clearFault(context);
    for (let i = 0; i < KEPT.length; i++) words[base + (KEPT[i] as number)] = kept[i] as number;
    return found === -1 ? -1 : found >>> 0;
  }

  interrupt(context: number, vector: number): void {
    this.core.injectInterrupt(context, vector);
  }

  nmi(context: number): void {
    this.core.injectNmi(context);
  }

  exception(context: number, vector: number, error?: number): void {
    this.core.injectException(context, vector, error === undefined ? 0 : 1, error ?? 0);
  }

  stateChanged(context: number): void {
    this.lastContext = context;
    this.core.updateMode(context);
  }

  flushTlb(): void {
    // once for many changes: before the next that looks into it
    this.flushIsDue = true;
  }

  private flushIfDue(): void {
    if (this.flushIsDue && this.lastContext !== 0) this.core.flushPcpu(this.lastContext);
    this.flushIsDue = false;
  }

  frameWritten(mfn: number): void {
    if (this.lastContext !== 0) this.core.dropFrame(this.lastContext, mfn);
  }

  setBreakpoints(context: number, addresses: readonly bigint[] | undefined, watched: readonly WatchedRange[] = []): void {
    this.instructions.set(context, addresses, watched);
  }
}
