/** One region to the code of one Wasm function: control flow around the blocks, block ends, budget. */
import { H_INS } from '../../../machine/helpers/string.ts';
import { BUDGET, CC_B, CC_OP, DEBUG_PENDING, RIP, RSP } from '../../../machine/layout.ts';
import * as O from '../../../machine/ops.ts';
import { END, FAULTS, FLAGS_READ, FLAGS_WRITE, opNames } from '../../ir/op-bits.ts';
import { accessGroups } from './access-groups.ts';
import { walkingAccesses } from './access-pattern.ts';
import * as W from './code.ts';
import { pushCond, pushCondSub } from './condition.ts';
import { deferrable, slotsRead } from './deferred-flags.ts';
import { type Emit, emitAlu } from './emit-alu.ts';
import { emitFlags } from './emit-flags.ts';
import { emitHelper } from './emit-helper.ts';
import { emitMemory } from './emit-memory.ts';
import { emitVector } from './emit-vector.ts';
import { analyse, type Flow } from './flow.ts';
import { F_CHAIN, F_CHAIN_ANEW } from './imports.ts';
import type { FunctionBody } from './module.ts';
import type { RegionBlock } from './region-block.ts';
import { RegionEmitter, UNKNOWN } from './region-emitter.ts';
import { type VectorLoop, vectorLoops } from './vector-locals.ts';

const CTX = 0;
const NONE: ReadonlySet<number> = new Set();
/** What a region answers. @see machine/assembly/regions.ts */
const NEXT_PLAIN = 1;

const emitters: (Emit | undefined)[] = new Array<Emit | undefined>(256);
for (const family of [emitAlu, emitFlags, emitMemory, emitVector, emitHelper]) {
  for (const [number, emit] of Object.entries(family)) emitters[Number(number)] = emit;
}

/** True if every operation of the block can be emitted. */
export function canEmit(block: RegionBlock): boolean {
  for (let k = 1; k < block.count - 1; k++) if (emitters[block.op[k] as number] === undefined) return false;
  const last = block.count - 1;
  // a branch with an operand-size prefix cuts RIP to 16 bits: the interpreter's
  return ends.has(block.op[last] as number) && (block.op[last] === O.OP_NEXT || ((block.c[last] as number) & 15) <= (block.wide ? 0 : 1));
}

/**
 * The operation of a block with an indirect end before which its target is looked at: the first of the branch's instruction that changes something
 * (RET's and CALL's stack), or the end itself. A non-canonical target is #GP at the branch, which is the interpreter's to raise.
 */
function targetCheck(block: RegionBlock): number {
  const last = block.count - 1;
  // outside 64-bit code there is nothing that is not in the flat segment
  if (!block.wide || !indirectEnds.has(block.op[last] as number)) return -1;
  for (let k = 1; k < last; k++) {
    const op = block.op[k] as number;
    const changes = (op === O.OP_ADDI && block.d[k] === RSP) || op === O.OP_ST64;
    if (changes && block.idx[k] === block.idx[last]) return k;
  }
  return last;
}

const ends = new Set([O.OP_JMP, O.OP_CALL, O.OP_BRNZ, O.OP_BRCC, O.OP_BRSUB, O.OP_IND, O.OP_CALLIND, O.OP_RET, O.OP_NEXT]);
const twoWay = new Set([O.OP_BRNZ, O.OP_BRCC, O.OP_BRSUB]);
const indirectEnds = new Set([O.OP_IND, O.OP_CALLIND, O.OP_RET]);

/** Deltas (from the block's RIP) of a block's direct successors. */
export function successorDeltas(block: RegionBlock): number[] {
  const k = block.count - 1;
  const op = block.op[k] as number;
  if (op === O.OP_JMP || op === O.OP_CALL) return [block.immLo[k] as number];
  if (twoWay.has(op)) return [block.immLo[k] as number, block.immHi[k] as number];
  const behind = behindRepeat(block);
  return behind === undefined ? [] : [behind];
}

/** Delta of the instruction behind the repeated string instruction that a block ends with, or undefined. @see machine/helpers/string.ts */
function behindRepeat(block: RegionBlock): number | undefined {
  const last = block.count - 1;
  const k = last - 1;
  if (block.op[last] !== O.OP_NEXT || block.op[k] !== O.OP_HSTR || (block.d[k] as number) >> 4 === 0) return undefined;
  const lo = block.immLo[k] as number;
  return (lo & 0xffff) < H_INS ? lo >>> 24 : undefined;
}

/** Delta of the return address that a block's CALL pushed, or undefined. */
export function returnDelta(block: RegionBlock): number | undefined {
  const k = block.count - 1;
  if (block.op[k] === O.OP_CALL) return block.immHi[k] as number;
  // an indirect call pushed the address behind its instruction: the operation that computed it says where
  if (block.op[k] === O.OP_CALLIND) {
    for (let j = k - 1; j >= 0 && block.idx[j] === block.idx[k]; j--) {
      if ((block.op[j] === O.OP_ADDI || block.op[j] === O.OP_ADDI32) && block.a[j] === RIP) return block.immLo[j] as number;
    }
  }
  return undefined;
}

/** The block ends in a jump to an address that is not written in it (neither CALL nor RET). */
export function jumpsIndirectly(block: RegionBlock): boolean {
  return block.op[block.count - 1] === O.OP_IND;
}

/** The block ends in a RET. */
export function endsFunction(block: RegionBlock): boolean {
  return block.op[block.count - 1] === O.OP_RET;
}

/** Delta of the function that a block's CALL calls. */
export function callDelta(block: RegionBlock): number | undefined {
  const k = block.count - 1;
  return block.op[k] === O.OP_CALL ? (block.immLo[k] as number) : undefined;
}

/**
 * Function body, with its locals, ready for a code section. `entries`: nodes besides the first where it may be entered; `page`: offset of the
 * first block in its page; `jumpTargets`: nodes to which indirect jumps may lead.
 */
export function compileRegion(
  blocks: readonly RegionBlock[],
  entries: readonly number[],
  index: number,
  page: number,
  jumpTargets: readonly number[] = [],
): FunctionBody {
  return new RegionCompiler(blocks, entries, index, page, jumpTargets).compile();
}

class RegionCompiler {
  private readonly e: RegionEmitter;
  private readonly blocks: readonly RegionBlock[];
  private readonly nodeAt = new Map<number, number>();
  private readonly flow: Flow;
  /** Where each RET may return to inside the region: behind the calls of the functions it belongs to. */
  private readonly returnSites: ReadonlyMap<number, readonly number[]>;
  private readonly loops = new Map<number, number>();
  private readonly labels = new Map<number, number>();
  private readonly children: number[][];
  /** Instructions on the longest way from a node to the next budget check. */
  private readonly cost: Int32Array;
  /** Nodes where somebody may look at the flags that come with them. */
  private readonly flagsLive: readonly boolean[];
  private readonly walking: ReadonlyMap<number, ReadonlySet<number>>;
  /** The loop of each node in one whose vectors live in locals. */
  private readonly vectorLoops: ReadonlyMap<number, VectorLoop>;

  private readonly entries: readonly number[];
  /** Depths of the labels that leave the region, outside of loops with vectors. */
  private outLabel = 0;
  private bailLabel = 0;
  private readonly jumpTargets: readonly number[];
  /** Offset of the first block in its page. */
  private readonly page: number;

  constructor(blocks: readonly RegionBlock[], entries: readonly number[], index: number, page: number, jumpTargets: readonly number[]) {
    this.blocks = blocks;
    this.entries = entries;
    this.jumpTargets = jumpTargets;
    this.page = page;
    this.e = new RegionEmitter(blocks, index, page);
    for (const [n, block] of blocks.entries()) this.nodeAt.set(block.delta, n);
    this.returnSites = this.findReturnSites();
    this.flow = analyse({ successors: blocks.map((_, n) => [...new Set(this.successorsOf(n))]), entries });
    this.children = this.flow.order.length === 0 ? [] : Array.from(this.flow.order, () => []);
    for (const n of this.flow.nodes) if (n !== this.flow.start) (this.children[this.flow.dominator[n] as number] as number[]).push(n);
    this.cost = this.costs();
    this.flagsLive = this.findFlagsLive();
    this.e.makeUp = (k) => (emitters[this.e.block.op[k] as number] as Emit)(this.e, k);
    const { loops } = this.flow;
    this.walking = walkingAccesses(blocks, loops);
    this.vectorLoops = vectorLoops(blocks, this.flow, loops);
  }

  /** Nodes that node n's end leads to directly; behind a call that is the function called. */
  private directSuccessors(n: number): number[] {
    const block = this.blocks[n] as RegionBlock;
    const direct = successorDeltas(block).flatMap((delta) => this.nodeAt.get(block.delta + delta) ?? []);
    return jumpsIndirectly(block) ? [...direct, ...this.jumpTargets] : direct;
  }

  /** All nodes of the region that node n's end leads to. */
  private successorsOf(n: number): number[] {
    return [...this.directSuccessors(n), ...(this.returnSites.get(n) ?? [])];
  }

  private findReturnSites(): Map<number, number[]> {
    const found = new Map<number, number[]>();
    const behind = (n: number): number | undefined => {
      const back = returnDelta(this.blocks[n] as RegionBlock);
      return back === undefined ? undefined : this.nodeAt.get((this.blocks[n] as RegionBlock).delta + back);
    };
    const returns = new Map<number, readonly number[]>();
    /** The RETs of the function that begins at a node. */
    const returnsOf = (first: number): readonly number[] => {
      const known = returns.get(first);
      if (known !== undefined) return known;
      const seen = new Set<number>();
      for (const stack = [first]; stack.length > 0; ) {
        const n = stack.pop() as number;
        if (seen.has(n)) continue;
        seen.add(n);
        if (returnDelta(this.blocks[n] as RegionBlock) === undefined) stack.push(...this.directSuccessors(n));
        else {
          const site = behind(n);
          if (site !== undefined) stack.push(site);
        }
      }
      const list = [...seen].filter((n) => endsFunction(this.blocks[n] as RegionBlock));
      returns.set(first, list);
      return list;
    };
    for (const [n, block] of this.blocks.entries()) {
      const called = callDelta(block);
      const target = called === undefined ? undefined : this.nodeAt.get(block.delta + called);
      const site = behind(n);
      if (target === undefined || site === undefined) continue;
      for (const from of returnsOf(target)) {
        const sites = found.get(from) ?? [];
        if (!sites.includes(site)) found.set(from, [...sites, site]);
      }
    }
    return found;
  }

  private isCheck(n: number): boolean {
    return n === this.flow.start || (n !== this.flow.dispatcher && this.flow.headers.has(n));
  }

  /** Where a node leads to; the dispatcher, to all that is reached by number: the headers on the way there look for the number first. */
  private targetsOf(n: number): number[] {
    const { flow } = this;
    if (n === flow.dispatcher) return [...(flow.hops.get(n)?.keys() ?? [])];
    if (n === flow.start) return flow.dispatchesFirst ? [flow.dispatcher] : this.entries.length > 0 ? [0, flow.dispatcher] : [0];
    return this.successorsOf(n).map((t) => flow.redirect(n, t));
  }

  private costs(): Int32Array {
    const cost = new Int32Array(this.flow.order.length);
    for (const n of [...this.flow.nodes].reverse()) {
      let most = 0;
      for (const t of this.targetsOf(n))
        if (!this.isCheck(t) && (t !== this.flow.dispatcher || n === this.flow.start)) most = Math.max(most, cost[t] as number);
      cost[n] = most + (n >= this.flow.dispatcher ? 0 : (this.blocks[n] as RegionBlock).insns);
    }
    return cost;
  }

  private findFlagsLive(): boolean[] {
    const { flow, blocks } = this;
    const live = Array.from(flow.order, () => true);
    // what a block itself does with them, undefined if nothing
    const own = blocks.map((block, n) => {
      if (this.isCheck(n)) return true;
      for (let k = 1; k < block.count; k++) {
        const is = block.bits[k] as number;
        const touches =
          block.op[k] === O.OP_NEXT || indirectEnds.has(block.op[k] as number) || slotsRead(block, k).some((slot) => slot >= CC_OP && slot <= CC_B);
        // ends that lead on are in the table as readers
        if (touches || (is & FAULTS) !== 0 || ((is & FLAGS_READ) !== 0 && ((is & END) === 0 || block.op[k] === O.OP_BRCC))) return true;
        if ((is & FLAGS_WRITE) !== 0) return false;
      }
      const inside = successorDeltas(block).every((delta) => {
        const to = this.nodeAt.get(block.delta + delta);
        return to !== undefined && !this.isElsewhere(n, to);
      });
      return inside ? undefined : true;
    });
    for (const n of [...flow.nodes].reverse()) {
      if (n >= flow.dispatcher) continue;
      live[n] = own[n] ?? this.targetsOf(n).some((to) => live[to] as boolean);
    }
    return live;
  }

  compile(): FunctionBody {
    const { e } = this;
    const { code } = e;
    // entry: nothing has changed yet when the budget does not reach
    code.get(CTX);
    code.access(W.I64_LOAD, W.STATE, BUDGET * 8);
    code.tee(e.budget);
    code.i64(Math.max(this.cost[this.flow.start] as number, 1));
    code.byte(W.I64_LT_S);
    e.openHinted(false);
    code.i32(NEXT_PLAIN);
    code.byte(W.RETURN);
    e.close();
    e.prologue(this.entries.length > 0);
    const lookup = this.blocks.some((block) => block.op[block.count - 1] === O.OP_NEXT);
    const bailed = e.scratchLocal('bailed', W.I32);
    if (lookup) {
      e.open(W.BLOCK);
      e.lookupLabel = e.depth;
    }
    e.open(W.BLOCK);
    const leave = e.depth;
    e.open(W.BLOCK);
    this.bailLabel = e.depth;
    e.open(W.BLOCK);
    this.outLabel = e.depth;
    this.place(this.flow.start);
    this.tree(this.flow.start);
    code.byte(W.UNREACHABLE);
    e.close();
    e.branch(leave);
    e.close();
    e.takeExit();
    code.i32(1);
    code.set(bailed);
    e.close();
    this.epilogue();
    e.storeSlot(RIP, () => code.get(e.exitRip));
    code.get(bailed);
    e.open(W.IF);
    code.i32(NEXT_PLAIN);
    code.byte(W.RETURN);
    e.close();
    code.get(CTX);
    code.byte(W.RETURN_CALL);
    code.u32(F_CHAIN);
    if (lookup) {
      e.close();
      this.epilogue();
      code.get(CTX);
      code.byte(W.RETURN_CALL);
      code.u32(F_CHAIN_ANEW);
    }
    code.byte(W.END);
    return this.withLocals();
  }

  private epilogue(): void {
    const { e } = this;
    e.spillAll();
    e.spillBudget();
  }

  private withLocals(): FunctionBody {
    const types = this.e.localTypes.slice(2);
    const runs: [number, number][] = [];
    for (const type of types) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === type) last[0]++;
      else runs.push([1, type]);
    }
    const body = new W.Code();
    body.u32(runs.length);
    for (const [count, type] of runs) {
      body.u32(count);
      body.byte(type);
    }
    this.e.beforeAll(body);
    const start = body.length;
    body.raw(this.e.code);
    const { hints, relocations } = this.e;
    return {
      code: body,
      hints: hints.map(([at, likely]) => [start + at, likely]),
      relocations: relocations.map((relocation) => ({ ...relocation, at: start + relocation.at })),
    };
  }

  // ---- structure. @see Ramsey, "Beyond Relooper" (ICFP 2022)

  private tree(n: number): void {
    const { e, flow } = this;
    const merges = (this.children[n] as number[]).filter((child) => flow.merges.has(child));
    merges.sort((x, y) => (flow.order[y] as number) - (flow.order[x] as number));
    if (!flow.headers.has(n)) return this.within(n, merges, 0);
    this.arrive(n);
    const vectors = [...this.vectorLoops.values()].find(({ header }) => header === n);
    if (vectors !== undefined) {
      e.open(W.BLOCK);
      vectors.bail = e.depth;
      e.open(W.BLOCK);
      vectors.out = e.depth;
    }
    e.open(W.LOOP);
    this.loops.set(n, e.depth);
    this.within(n, merges, 0);
    e.close();
    if (vectors === undefined) return;
    for (const label of [this.outLabel, this.bailLabel]) {
      e.close();
      e.vectors.storeChanged(vectors);
      e.branch(label);
    }
  }

  /** What is emitted now belongs to node `n`: where vectors are, and how the region is left. */
  private place(n: number): void {
    const { e } = this;
    const loop = this.vectorLoops.get(n);
    e.vectors.enter(loop);
    e.outLabel = loop?.out ?? this.outLabel;
    e.bailLabel = loop?.bail ?? this.bailLabel;
  }

  private within(n: number, merges: readonly number[], at: number): void {
    const { e } = this;
    const child = merges[at];
    if (child === undefined) {
      this.node(n);
      return;
    }
    e.open(W.BLOCK);
    this.labels.set(child, e.depth);
    this.within(n, merges, at + 1);
    e.close();
    e.deferred = [];
    e.kind = UNKNOWN;
    this.tree(child);
  }

  /** Where ways meet the flags are in their locals, if anybody needs them. */
  private arrive(at: number): void {
    const { e } = this;
    if (this.flagsLive[at] as boolean) e.settleHere();
    e.deferred = [];
    e.kind = UNKNOWN;
  }

  /** Transfers control from node `from` to node `to`. */
  private go(from: number, to: number): void {
    const { e, flow } = this;
    const via = flow.redirect(from, to);
    if (via !== to) {
      // on a way by number nobody else looks
      this.checkBudget(to);
      e.code.i32(to);
      e.code.set(e.next);
    }
    this.go2(from, via);
  }

  private go2(from: number, to: number): void {
    const { e, flow } = this;
    const { block, kind, deferred, straight } = e;
    const [left, entered] = [this.vectorLoops.get(from), this.vectorLoops.get(to)];
    if (left !== entered) {
      if (left !== undefined) e.vectors.storeChanged(left);
      if (entered !== undefined) e.vectors.loadAll(entered);
    }
    const backward = (flow.order[to] as number) <= (flow.order[from] as number);
    if (backward || flow.merges.has(to)) {
      this.arrive(to);
      e.branch((backward ? this.loops.get(to) : this.labels.get(to)) as number);
    } else {
      this.tree(to);
      this.place(from);
    }
    e.block = block;
    e.straight = straight;
    e.kind = kind;
    e.deferred = deferred;
  }

  private node(n: number): void {
    const { flow } = this;
    this.place(n);
    if (n === flow.dispatcher) {
      this.arrive(n);
      this.hop(n);
    } else if (n === flow.start) this.enter();
    else this.emitBlock(n);
  }

  private enter(): void {
    const { e, flow } = this;
    // `next` is the node that is entered
    if (flow.dispatchesFirst) return this.go2(flow.start, flow.dispatcher);
    if (this.entries.length > 0) {
      e.code.get(e.next);
      e.open(W.IF);
      this.go2(flow.start, flow.dispatcher);
      e.close();
    }
    this.go2(flow.start, 0);
  }

  /** Leaves before node n if the budget does not reach to the next check. */
  private checkBudget(n: number): void {
    const { e } = this;
    const { code } = e;
    code.get(e.budget);
    code.i64(this.cost[n] as number);
    code.byte(W.I64_LT_S);
    e.openHinted(false);
    e.bailAt(this.blocks[n] as RegionBlock, 0, 0, 0);
    e.close();
  }

  /** From node n, the dispatcher or a loop's header, towards the node of number `next`, which is none any more on the last way there. */
  private hop(n: number): void {
    const { e, flow } = this;
    const { code } = e;
    const hops = flow.hops.get(n) as ReadonlyMap<number, number>;
    const most = Math.max(...hops.keys());
    // a node can be the end of one way and lie on another
    const ways = new Map<string, { to: number; last: boolean; label: number }>();
    for (const [target, to] of hops) {
      const key = `${to} ${target === to}`;
      if (ways.has(key)) continue;
      e.open(W.BLOCK);
      ways.set(key, { to, last: target === to, label: e.depth });
    }
    const any = ways.values().next().value as { label: number };
    code.get(e.next);
    code.byte(W.BR_TABLE);
    code.u32(most + 1);
    for (let t = 0; t <= most + 1; t++) code.u32(e.depth - (ways.get(`${hops.get(t)} ${hops.get(t) === t}`) ?? any).label);
    for (const { to, last } of [...ways.values()].reverse()) {
      e.close();
      if (last && to !== 0 && flow.hops.size > 1) {
        code.i32(0);
        code.set(e.next);
      }
      this.go2(n, to);
    }
  }

  private emitBlock(n: number): void {
    const { e } = this;
    const { code } = e;
    const block = this.blocks[n] as RegionBlock;
    e.block = block;
    e.straight = e.depth;
    e.mustCheck = false;
    e.forgetBytes();
    e.walks = this.walking.get(n) ?? NONE;
    e.groups = accessGroups(block, (k) => (e.walks.has(k) ? 3 : 2));
    if (this.flow.hops.has(n)) {
      code.get(e.next);
      e.openHinted(false);
      this.hop(n);
      e.close();
    }
    if (this.flow.headers.has(n)) this.checkBudget(n);
    code.get(e.budget);
    code.i64(block.insns);
    code.byte(W.I64_SUB);
    code.set(e.budget);
    const last = block.count - 1;
    const check = targetCheck(block);
    const later = deferrable(block);
    for (let k = 1; k < last; k++) {
      if (block.idx[k] !== block.idx[k - 1] || k === 1) e.forgetTemps();
      if (e.mustCheck && block.idx[k] !== block.idx[k - 1]) {
        e.mustCheck = false;
        e.checkAlive(block.ipos[k] as number, block.insns - (block.idx[k] as number));
      }
      const emit = emitters[block.op[k] as number];
      if (emit === undefined) throw new Error(`wasm target: no way to emit ${opNames[block.op[k] as number]}`);
      if (k === check) this.checkTarget(k, block.a[last] as number);
      if (later.has(k) && e.defer(k)) continue;
      emit(e, k);
      e.emitted(k);
    }
    if (block.idx[last] !== block.idx[last - 1]) e.forgetTemps();
    if (e.mustCheck && block.idx[last] !== block.idx[last - 1]) {
      e.mustCheck = false;
      e.checkAlive(block.ipos[last] as number, block.insns - (block.idx[last] as number));
    }
    if (check === last) this.checkTarget(last, block.a[last] as number);
    this.end(n, last);
  }

  /** The interpreter does operation k's instruction if slot `target` is not canonical. */
  private checkTarget(k: number, target: number): void {
    const { e } = this;
    const { code } = e;
    e.read(target);
    code.i64(16);
    code.byte(W.I64_SHL);
    code.i64(16);
    code.byte(W.I64_SHR_S);
    e.read(target);
    code.byte(W.I64_NE);
    e.openHinted(false);
    e.bail(k);
    e.close();
  }

  /** A direct edge to `delta` from the block's RIP. */
  private edge(n: number, delta: number): void {
    const { e } = this;
    const to = this.nodeAt.get(e.block.delta + delta);
    if (e.mustCheck || to === undefined) e.leave(delta);
    else if (this.isElsewhere(n, to)) this.goElsewhere(n, to, delta);
    else this.go(n, to);
  }

  /** The page of a node, counted from that of the first. */
  private pageOf(n: number): number {
    return Math.floor((this.page + (this.blocks[n] as RegionBlock).delta) / 4096);
  }

  /** Must be looked before node `to` is gone to from node `from`? Code of another page cannot change while it runs: the store that would do it bails. */
  private isElsewhere(from: number, to: number): boolean {
    return (this.blocks[to] as RegionBlock).foreign && this.pageOf(from) !== this.pageOf(to);
  }

  /** To a block of another page, if the guest still has that one there, and the others that it may lead to. */
  private goElsewhere(n: number, to: number, delta: number): void {
    const { e } = this;
    const page = this.pageOf(to);
    const others = this.blocks.filter((block, n) => n !== to && block.foreign && this.pageOf(n) === page);
    e.blockRip(delta);
    e.code.set(e.exitRip);
    e.pushMapped(this.blocks[to] as RegionBlock, others);
    e.openHinted(true);
    this.go(n, to);
    e.close();
    e.out(e.outLabel);
  }

  private end(n: number, k: number): void {
    const { e } = this;
    const { block } = e;
    const op = block.op[k] as number;
    if (op === O.OP_NEXT) {
      const behind = behindRepeat(block);
      if (behind !== undefined) this.goBehindRepeat(n, behind);
      const loop = this.vectorLoops.get(n);
      if (loop !== undefined) e.vectors.storeChanged(loop);
      e.out(e.lookupLabel);
      return;
    }
    if (op === O.OP_JMP || op === O.OP_CALL) {
      this.edge(n, block.immLo[k] as number);
      return;
    }
    if (indirectEnds.has(op)) {
      this.indirect(n, k);
      return;
    }
    if (op === O.OP_BRCC) pushCond(e, block.b[k] as number);
    else if (op === O.OP_BRSUB) pushCondSub(e, block.d[k] as number, block.a[k] as number, block.b[k] as number, (block.c[k] as number) >> 4);
    else {
      e.pushBoolean(block.a[k] as number);
    }
    e.open(W.IF);
    this.edge(n, block.immLo[k] as number);
    e.close();
    e.block = block;
    this.edge(n, block.immHi[k] as number);
  }

  /**
   * To the instruction behind a repeated one, if that is done, no trap waits, the region is still alive and the budget, of which each iteration
   * took one, reaches to the next check.
   */
  private goBehindRepeat(n: number, delta: number): void {
    const { e } = this;
    const { code } = e;
    const to = this.nodeAt.get(e.block.delta + delta);
    e.blockRip(delta);
    code.get(CTX);
    code.access(W.I64_LOAD, W.STATE, RIP * 8);
    code.byte(W.I64_EQ);
    code.get(CTX);
    code.access(W.I64_LOAD, W.STATE, DEBUG_PENDING * 8);
    code.byte(W.I64_EQZ);
    code.byte(W.I32_AND);
    e.pushAlive(W.I32_EQ);
    code.byte(W.I32_AND);
    code.get(e.budget);
    code.i64(to === undefined ? 0 : (this.cost[this.flow.redirect(n, to)] as number));
    code.byte(W.I64_GE_S);
    code.byte(W.I32_AND);
    e.mustCheck = false;
    e.openHinted(true);
    const { block } = e;
    this.edge(n, delta);
    e.block = block;
    e.close();
  }

  private indirect(n: number, k: number): void {
    const { e } = this;
    const { code, block } = e;
    e.read(block.a[k] as number);
    e.cutRip();
    code.set(e.exitRip);
    if (!e.mustCheck) {
      for (const site of this.returnSites.get(n) ?? []) {
        code.get(e.exitRip);
        code.get(e.rip);
        code.i64((this.blocks[site] as RegionBlock).delta);
        code.byte(W.I64_ADD);
        code.byte(W.I64_EQ);
        e.open(W.IF);
        this.go(n, site);
        e.close();
      }
    }
    if (jumpsIndirectly(block) && !e.mustCheck) this.jump(n);
    e.out(e.outLabel);
  }

  /** To the one of the known targets that is at exitRip, if it is one of them: a table over the bytes where they lie. */
  private jump(n: number): void {
    const { e, jumpTargets } = this;
    const { code } = e;
    if (jumpTargets.length === 0) return;
    const deltas = jumpTargets.map((target) => (this.blocks[target] as RegionBlock).delta);
    const first = Math.min(...deltas);
    const range = Math.max(...deltas) - first + 1;
    const offset = e.scratchLocal('jump', W.I64);
    code.get(e.exitRip);
    code.get(e.rip);
    code.byte(W.I64_SUB);
    code.i64(first);
    code.byte(W.I64_SUB);
    code.tee(offset);
    code.i64(range);
    code.byte(W.I64_LT_U);
    e.open(W.IF);
    const labels = jumpTargets.map(() => {
      e.open(W.BLOCK);
      return e.depth;
    });
    e.open(W.BLOCK);
    const none = e.depth;
    code.get(offset);
    code.byte(W.I32_WRAP);
    code.byte(W.BR_TABLE);
    code.u32(range);
    const depth = new Map(deltas.map((delta, k) => [delta - first, e.depth - (labels[k] as number)]));
    for (let at = 0; at < range; at++) code.u32(depth.get(at) ?? e.depth - none);
    code.u32(e.depth - none);
    e.close();
    e.out(e.outLabel);
    for (const target of [...jumpTargets].reverse()) {
      e.close();
      this.go(n, target);
    }
    e.close();
  }
}
