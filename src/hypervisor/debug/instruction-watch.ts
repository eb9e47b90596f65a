import { CR0, CR3, CR4, EFER, MODE, MODE_CODE64, MODE_SIZE_MASK, P2M_ROOT, RIP, SEG_BASE } from '../../machine/layout.ts';
import type { Memories } from '../../machine/memories.ts';
import { walkPages } from '../../machine/page-walk.ts';
import type { Engine, WatchedInstruction } from '../../translator/engine.ts';
import type { WatchedRange } from '../cpu.ts';
import { Heap } from '../heap.ts';
import { P2m } from '../memory/p2m.ts';

/** Sees every instruction before it runs, with its linear address. */
export type Tracer = (instruction: WatchedInstruction, linear: bigint) => void;

/** What the engine looks at: nothing, instructions at some page offsets, every instruction. */
type Extent = 'nothing' | 'stops' | 'everything';

/** What is watched of one context. */
interface Points {
  readonly addresses: ReadonlySet<bigint>;
  readonly ranges: readonly { readonly range: WatchedRange; value: Uint8Array | undefined }[];
  /** Instant (retired instructions) of the last stop at a breakpoint: the instruction there runs next time. */
  stopped: bigint | undefined;
}

/** A tracer, breakpoints and watched memory of all contexts, on top of the one watch that an engine has. */
export class InstructionWatch {
  private readonly memories: Memories;
  private readonly engine: Engine;
  private readonly tracer: Tracer | undefined;
  private readonly points = new Map<number, Points>();
  /** Page offsets with breakpoints. They stay set while there is a debugger: it takes its breakpoints out at each stop and puts them back. */
  private readonly stops = new Uint8Array(4096);
  private extent: Extent = 'nothing';
  private changed: boolean;

  constructor(memories: Memories, engine: Engine, tracer: Tracer | undefined) {
    this.memories = memories;
    this.engine = engine;
    this.tracer = tracer;
    this.changed = tracer !== undefined;
  }

  /** As Cpu.setBreakpoints. Comes into force with the next run. */
  set(context: number, addresses: readonly bigint[] | undefined, ranges: readonly WatchedRange[]): void {
    if (addresses === undefined) this.points.delete(context);
    else {
      const { stopped } = this.points.get(context) ?? { stopped: undefined };
      this.points.set(context, {
        addresses: new Set(addresses),
        ranges: ranges.map((range) => ({ range, value: this.read(context, range) })),
        stopped,
      });
    }
    this.changed = true;
  }

  /** To be called before each run: what was set since goes to the engine. All translations go when it must look at more or at less. */
  apply(): void {
    if (!this.changed) return;
    this.changed = false;
    const all = [...this.points.values()];
    const needed: Extent = this.tracer !== undefined || all.some(({ ranges }) => ranges.length > 0) ? 'everything' : all.length > 0 ? 'stops' : 'nothing';
    const offsets = all.flatMap(({ addresses }) => [...addresses].map((address) => Number(address & 0xfffn)));
    if (needed === this.extent && (needed !== 'stops' || offsets.every((offset) => this.stops[offset] !== 0))) return;
    this.extent = needed;
    if (needed === 'nothing') this.stops.fill(0);
    for (const offset of offsets) this.stops[offset] = 1;
    const before = (instruction: WatchedInstruction): boolean => this.before(instruction);
    this.engine.watch(needed === 'nothing' ? undefined : { stops: needed === 'stops' ? this.stops : undefined, before });
  }

  private before(instruction: WatchedInstruction): boolean {
    const { ctx, retired } = instruction;
    const { engine } = this;
    const rip = engine.slot(ctx, RIP);
    const wide = (Number(engine.slot(ctx, MODE)) & MODE_SIZE_MASK) === MODE_CODE64;
    const linear = wide ? rip : (rip + engine.slot(ctx, SEG_BASE + 1)) & 0xffffffffn;
    const own = this.points.get(ctx);
    if (own !== undefined) {
      if (own.ranges.length > 0 && this.noteChanges(ctx, own)) return true;
      if (own.stopped !== retired && own.addresses.has(linear)) {
        own.stopped = retired;
        return true;
      }
    }
    this.tracer?.(instruction, linear);
    return false;
  }

  /** Has watched memory another value than before the last instruction? Memory that just got mapped has not. */
  private noteChanges(ctx: number, own: Points): boolean {
    let changed = false;
    for (const each of own.ranges) {
      const value = this.read(ctx, each.range);
      const before = each.value;
      if (value === undefined) continue;
      each.value = value;
      if (before?.some((byte, i) => byte !== value[i]) === true) changed = true;
    }
    return changed;
  }

  /** The bytes of a range by the context's page tables, undefined where it is not mapped wholly. */
  private read(ctx: number, { address, length }: WatchedRange): Uint8Array | undefined {
    const { engine, memories } = this;
    const p2m = new P2m(memories, new Heap(memories), Number(engine.slot(ctx, P2M_ROOT)));
    const offset = (gpa: bigint): number | undefined => {
      const at = gpa >= 1n << 48n ? -1 : p2m.maddr(Number(gpa));
      return at < 0 ? undefined : at;
    };
    const state = { cr0: engine.slot(ctx, CR0), cr3: engine.slot(ctx, CR3), cr4: engine.slot(ctx, CR4), efer: engine.slot(ctx, EFER) };
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const gpa = walkPages(state, BigInt.asUintN(64, address + BigInt(done)), (at, bytes) => {
        const from = offset(at);
        if (from === undefined) return undefined;
        return bytes === 8 ? memories.frameView.getBigUint64(from, true) : BigInt(memories.frameView.getUint32(from, true));
      });
      const at = gpa === undefined ? undefined : offset(gpa);
      if (at === undefined) return undefined;
      const piece = Math.min(length - done, 4096 - (at % 4096));
      out.set(memories.frameBytes.subarray(at, at + piece), done);
      done += piece;
    }
    return out;
  }
}
