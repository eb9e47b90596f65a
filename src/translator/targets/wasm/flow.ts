/**
 * The control flow of a region: edges, dominators, loops. Nodes are the region's blocks in order of discovery, and two more
 * at the end: the dispatcher, from which nodes are reached by number, and the start, which leads to node 0 and to the dispatcher.
 *
 * By number go the ways in at other blocks than the first, and edges that lead into a loop elsewhere than at its header. A way into the middle
 * of a loop passes the headers of the loops around it (`hops`), which look for a number before they do anything: so the loop's own edges stay
 * direct, and an iteration costs no more than that look.
 */
import { type Loop, loopsOf } from './loops.ts';

export interface Graph {
  /** Successors of each node inside the region, in the order the block's end names them. */
  readonly successors: readonly (readonly number[])[];
  /** Nodes besides the first where the region may be entered. */
  readonly entries: readonly number[];
}

export interface Flow {
  /** The dispatcher's node number. */
  readonly dispatcher: number;
  readonly start: number;
  /** All ways in go through the dispatcher, that to node 0 too. */
  readonly dispatchesFirst: boolean;
  /** For the dispatcher, and for loop headers with ways in behind them: each node reached by number, and the next one on the way there. */
  readonly hops: ReadonlyMap<number, ReadonlyMap<number, number>>;
  /** Order in reverse postorder; -1 for nodes that cannot be reached. */
  readonly order: Int32Array;
  readonly nodes: readonly number[];
  readonly dominator: Int32Array;
  /** Loop headers. */
  readonly headers: ReadonlySet<number>;
  /** Loops, inner ones first. */
  readonly loops: readonly Loop[];
  /** Nodes with several forward predecessors, and those reached by number. */
  readonly merges: ReadonlySet<number>;
  /** Where an edge really goes: to `to`, or to a loop header or the dispatcher, which lead there by number. */
  redirect(from: number, to: number): number;
}

/** What is known of a graph whose edges are fixed. */
interface Order {
  readonly order: Int32Array;
  readonly nodes: readonly number[];
  readonly predecessors: readonly (readonly number[])[];
  readonly dominator: Int32Array;
  readonly headers: ReadonlySet<number>;
  /** Edges back to one node that does not dominate where they come from, if there are such. */
  readonly irreducible: readonly (readonly [from: number, to: number])[];
}

export function analyse({ successors, entries }: Graph): Flow {
  const dispatcher = successors.length;
  const start = dispatcher + 1;
  const edges = successors.map((list) => new Set(list));
  const loops: Loop[] = [];
  const via = new Map<number, number>();
  const key = (from: number, to: number): number => from * start + to;
  /** Headers of the loops around a node, outer ones first. */
  const around = (n: number): number[] =>
    loops
      .filter(({ header, nodes }) => header !== n && nodes.has(n))
      .sort((x, y) => y.nodes.size - x.nodes.size)
      .map(({ header }) => header);
  const reached = new Set<number>();
  const roots: number[] = [];
  for (const root of [0, ...entries]) {
    if (reached.has(root)) continue;
    if (root !== 0) roots.push(root);
    // what earlier roots lead to has its loops; what is new can lead into one of them
    const fresh = (): number[][] => edges.map((list) => [...list].filter((to) => !reached.has(to)));
    const removed: (readonly [number, number])[] = [];
    let known = inOrder(fresh(), root);
    for (; known.irreducible.length > 0; known = inOrder(fresh(), root)) {
      for (const [from, to] of known.irreducible) (edges[from] as Set<number>).delete(to);
      removed.push(...known.irreducible);
    }
    const { nodes, dominator } = known;
    const under = (x: number, y: number): boolean => dominates(dominator, root, x, y);
    for (const from of nodes) {
      for (const to of edges[from] as Set<number>) if (reached.has(to) && around(to).length > 0) via.set(key(from, to), around(to)[0] as number);
    }
    const own = loopsOf(known.headers, known.predecessors, under);
    for (const [from, to] of removed) {
      // what dominates where it comes from is around both, with the way back that this makes
      const header = own.find((loop) => loop.header !== to && loop.nodes.has(to) && under(loop.header, from))?.header ?? dispatcher;
      via.set(key(from, to), header);
      if (header !== dispatcher) (edges[from] as Set<number>).add(header);
    }
    const { headers, predecessors } = inOrder(fresh(), root);
    loops.push(...loopsOf(headers, predecessors, under));
    for (const n of nodes) reached.add(n);
  }
  const redirect = (from: number, to: number): number => via.get(key(from, to)) ?? to;
  const dispatchesFirst = [...via.values()].includes(dispatcher);
  const byNumber = new Set([...(dispatchesFirst ? [0] : []), ...entries, ...[...via.keys()].map((one) => one % start)]);
  const hops = hopsOf(byNumber, dispatcher, around);
  const all = successors.map((list, from) => [...new Set([...list.map((to) => redirect(from, to)), ...(hops.get(from)?.values() ?? [])])]);
  all.push([...new Set(hops.get(dispatcher)?.values() ?? [])]);
  all.push(dispatchesFirst ? [dispatcher] : entries.length > 0 ? [0, dispatcher] : [0]);
  const { order, nodes, predecessors, dominator, headers, irreducible } = inOrder(all, start);
  if (irreducible.length > 0) throw new Error(`irreducible flow: ${JSON.stringify({ successors, entries })}`);
  const merges = new Set([...hops.values()].flatMap((ways) => [...ways.values()]));
  for (const n of nodes) {
    const forward = (predecessors[n] as number[]).filter((p) => (order[p] as number) < (order[n] as number));
    if (forward.length > 1) merges.add(n);
  }
  loops.sort((x, y) => x.nodes.size - y.nodes.size);
  return { dispatcher, start, dispatchesFirst, hops, order, nodes, dominator, headers, loops, merges, redirect };
}

/** The ways to the nodes reached by number, over the headers of the loops they are in. @see Flow.hops */
function hopsOf(targets: Iterable<number>, dispatcher: number, around: (n: number) => readonly number[]): Map<number, Map<number, number>> {
  const hops = new Map<number, Map<number, number>>();
  for (const target of targets) {
    let from = dispatcher;
    for (const to of [...around(target), target]) {
      const ways = hops.get(from) ?? new Map<number, number>();
      hops.set(from, ways.set(target, to));
      from = to;
    }
  }
  return hops;
}

/** Reverse postorder from `start`, dominators, loop headers. */
function inOrder(successors: readonly (readonly number[])[], start: number): Order {
  const order = new Int32Array(successors.length).fill(-1);
  const post: number[] = [];
  const seen = new Set<number>();
  const visit = (n: number): void => {
    seen.add(n);
    for (const s of successors[n] as number[]) if (!seen.has(s)) visit(s);
    post.push(n);
  };
  visit(start);
  const nodes = post.reverse();
  for (const [at, n] of nodes.entries()) order[n] = at;
  const predecessors: number[][] = successors.map(() => []);
  for (const n of nodes) for (const s of successors[n] as number[]) (predecessors[s] as number[]).push(n);
  const dominator = dominators(nodes, order, predecessors, start);
  const headers = new Set<number>();
  let irreducible: (readonly [number, number])[] = [];
  for (const n of nodes) {
    const back = (predecessors[n] as number[]).filter((p) => (order[p] as number) >= (order[n] as number));
    const bad = back.filter((p) => !dominates(dominator, start, n, p));
    if (bad.length < back.length) headers.add(n);
    if (irreducible.length === 0) irreducible = bad.map((p) => [p, n] as const);
  }
  return { order, nodes, predecessors, dominator, headers, irreducible };
}

/** True if every way from `start` to y passes x. */
function dominates(dominator: Int32Array, start: number, x: number, y: number): boolean {
  for (let n = y; ; n = dominator[n] as number) {
    if (n === x) return true;
    if (n === start) return false;
  }
}

/** Immediate dominators. @see Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm" */
function dominators(nodes: readonly number[], order: Int32Array, predecessors: readonly (readonly number[])[], start: number): Int32Array {
  const idom = new Int32Array(order.length).fill(-1);
  idom[start] = start;
  const meet = (x: number, y: number): number => {
    let p = x;
    let q = y;
    while (p !== q) {
      while ((order[p] as number) > (order[q] as number)) p = idom[p] as number;
      while ((order[q] as number) > (order[p] as number)) q = idom[q] as number;
    }
    return p;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const n of nodes) {
      if (n === start) continue;
      let best = -1;
      for (const p of predecessors[n] as readonly number[]) {
        if (idom[p] === -1) continue;
        best = best === -1 ? p : meet(best, p);
      }
      if (best !== idom[n]) {
        idom[n] = best;
        changed = true;
      }
    }
  }
  return idom;
}
