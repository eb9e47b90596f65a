import { CR2, CUR_UOP, EXC, EXC_ERROR, MODE, MODE_CODE64, MODE_SIZE_MASK, RIP, SEG_BASE } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import type { CoreExports, Engine, WatchedInstruction } from '../translator/engine.ts';
import type { Cpu } from './cpu.ts';

/** Exports of the core that the hypervisor uses beside the engine's own. */
interface Core extends CoreExports {
  translateVa(ctx: number, va: bigint, access: number): bigint;
  clearFault(ctx: number): void;
  injectInterrupt(ctx: number, vector: number): void;
  injectNmi(ctx: number): void;
  injectException(ctx: number, vector: number, hasError: number, error: number): void;
  flushPcpu(ctx: number): void;
}

/** Slots that a failed translation prepares for a guest fault; here nothing is injected. */
const KEPT = [EXC, EXC_ERROR, CR2, CUR_UOP] as const;

/** The binary translator as the hypervisor's CPU. */
export class EngineCpu implements Cpu {
  private readonly engine: Engine;
  private readonly core: Core;
  private readonly memories: Memories;
  /** Any context, for calls that work on the thread's TLB. */
  private lastContext = 0;
  private readonly tracer: ((instruction: WatchedInstruction, linear: bigint) => void) | undefined;
  /** Breakpoints of contexts, and the instant (retired instructions) at which each stopped last. */
  private readonly breakpoints = new Map<number, { readonly addresses: ReadonlySet<bigint>; stopped: bigint | undefined }>();

  /** Page offsets that the engine watches for breakpoints. */
  private readonly stops = new Uint8Array(4096);
  private watching = false;

  /** `tracer` sees every instruction before it runs, with its linear address; it makes execution some fifty times slower. */
  constructor(memories: Memories, engine: Engine, tracer?: (instruction: WatchedInstruction, linear: bigint) => void) {
    this.memories = memories;
    this.engine = engine;
    this.core = engine.core as Core;
    this.tracer = tracer;
    if (tracer !== undefined) this.watch();
  }

  run(context: number): number {
    this.lastContext = context;
    return this.engine.run(context);
  }

  translate(context: number, va: bigint, write: boolean): number {
    const quads = this.memories.stateQuads;
    const base = context / 8;
    const kept = KEPT.map((slot) => quads[base + slot] as bigint);
    const found = Number(this.core.translateVa(context, BigInt.asIntN(64, va), write ? 1 : 0));
    if (found === -1) this.core.clearFault(context);
    for (const [i, slot] of KEPT.entries()) quads[base + slot] = kept[i] as bigint;
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
    if (this.lastContext !== 0) this.core.flushPcpu(this.lastContext);
  }

  frameWritten(mfn: number): void {
    if (this.lastContext !== 0) this.core.dropFrame(this.lastContext, mfn);
  }

  setBreakpoints(context: number, addresses: readonly bigint[] | undefined): void {
    if (addresses === undefined) this.breakpoints.delete(context);
    else this.breakpoints.set(context, { addresses: new Set(addresses), stopped: this.breakpoints.get(context)?.stopped });
    this.watch();
  }

  /** Tell the engine which page offsets matter. */
  private watch(): void {
    if (this.tracer !== undefined) {
      if (!this.watching) this.engine.watch({ stops: undefined, before: (instruction) => this.before(instruction) });
      this.watching = true;
      return;
    }
    if (this.breakpoints.size === 0) {
      if (this.watching) this.engine.watch(undefined);
      this.watching = false;
      this.stops.fill(0);
      return;
    }
    const offsets = [...this.breakpoints.values()].flatMap(({ addresses }) => [...addresses].map((address) => Number(address & 0xfffn)));
    // Debuggers take their breakpoints out at each stop and put them back: flags stay set, or all translations would go each time.
    if (this.watching && offsets.every((offset) => this.stops[offset] !== 0)) return;
    for (const offset of offsets) this.stops[offset] = 1;
    this.engine.watch({ stops: this.stops, before: (instruction) => this.before(instruction) });
    this.watching = true;
  }

  private before(instruction: WatchedInstruction): boolean {
    const { ctx } = instruction;
    const { engine } = this;
    const rip = engine.slot(ctx, RIP);
    const wide = (Number(engine.slot(ctx, MODE)) & MODE_SIZE_MASK) === MODE_CODE64;
    const linear = wide ? rip : (rip + engine.slot(ctx, SEG_BASE + 1)) & 0xffffffffn;
    const own = this.breakpoints.get(ctx);
    if (own?.addresses.has(linear) === true && own.stopped !== instruction.retired) {
      own.stopped = instruction.retired;
      return true;
    }
    this.tracer?.(instruction, linear);
    return false;
  }
}
