/**
 * The control flow of a region: edges, dominators, loops. Nodes are the region's blocks in order of discovery, and two more
 * at the end: the dispatcher, from which nodes are reached by number, and the start, which leads to node 0 and to the dispatcher.
 *
 * By number go the ways in at other blocks than the first, and the edges that would make the graph irreducible. A way in to the middle of a
 * loop passes the headers of the loops around it (`hops`), which look for a number before they do anything: so the loop's own edges stay
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
  /** Where an edge to node n really goes: n, or the dispatcher. */
  redirect(n: number): number;
}

/** What is known of a graph whose edges are fixed. */
interface Order {
  readonly order: Int32Array;
  readonly nodes: readonly number[];
  readonly predecessors: readonly (readonly number[])[];
  readonly dominator: Int32Array;
  readonly headers: ReadonlySet<number>;
  /** A node that is led back to and does not dominate where from, or -1. */
  readonly irreducible: number;
}

export function analyse({ successors, entries }: Graph): Flow {
  const dispatcher = successors.length;
  const start = dispatcher + 1;
  const roots = rootsOf(successors, entries);
  const redirected = new Set<number>();
  const redirect = (n: number): number => (redirected.has(n) ? dispatcher : n);
  const direct = (): number[][] => {
    const edges = successors.map((list) => [...new Set(list.map(redirect))]);
    const dispatchesFirst = redirected.size > 0;
    edges.push([...new Set(dispatchesFirst ? [0, ...roots, ...redirected] : roots)]);
    edges.push(dispatchesFirst ? [dispatcher] : entries.length > 0 ? [0, dispatcher] : [0]);
    return edges;
  };
  let edges = direct();
  let known = inOrder(edges, start);
  for (; known.irreducible >= 0; known = inOrder(edges, start)) {
    redirected.add(known.irreducible);
    edges = direct();
  }
  const { dominator: above } = known;
  const loops = loopsOf(known.headers, known.predecessors, (x, y) => dominates(above, start, x, y));
  const hops = hopsOf([...new Set([...(redirected.size > 0 ? [0] : []), ...redirected, ...entries])], dispatcher, loops, known.order);
  for (const [from, ways] of hops) for (const to of ways.values()) if (!(edges[from] as number[]).includes(to)) (edges[from] as number[]).push(to);
  const { order, nodes, predecessors, dominator, headers, irreducible } = inOrder(edges, start);
  if (irreducible >= 0) throw new Error(`a way by number makes the flow irreducible at node ${irreducible}`);
  const merges = new Set([...hops.values()].flatMap((ways) => [...ways.values()]));
  for (const n of nodes) {
    const forward = (predecessors[n] as number[]).filter((p) => (order[p] as number) < (order[n] as number));
    if (forward.length > 1) merges.add(n);
  }
  return { dispatcher, start, dispatchesFirst: redirected.size > 0, hops, order, nodes, dominator, headers, loops, merges, redirect };
}

/** Those of the entries that nothing leads to from node 0 or another of them. */
function rootsOf(successors: readonly (readonly number[])[], entries: readonly number[]): number[] {
  const reached = new Set<number>();
  const reach = (from: number): void => {
    for (const stack = [from]; stack.length > 0; ) {
      const n = stack.pop() as number;
      if (reached.has(n)) continue;
      reached.add(n);
      stack.push(...(successors[n] as readonly number[]));
    }
  };
  reach(0);
  return entries.filter((n) => {
    if (reached.has(n)) return false;
    reach(n);
    return true;
  });
}

/** The ways to the nodes reached by number, over the headers of the loops they are in. @see Flow.hops */
function hopsOf(targets: readonly number[], dispatcher: number, loops: readonly Loop[], order: Int32Array): Map<number, Map<number, number>> {
  const hops = new Map<number, Map<number, number>>();
  for (const target of targets) {
    const around = loops.filter(({ header, nodes }) => header !== target && header !== dispatcher && nodes.has(target)).map(({ header }) => header);
    around.sort((x, y) => (order[x] as number) - (order[y] as number));
    let from = dispatcher;
    for (const to of [...around, target]) {
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
  let irreducible = -1;
  for (const n of nodes) {
    for (const p of predecessors[n] as number[]) {
      if ((order[p] as number) < (order[n] as number)) continue;
      if (dominates(dominator, start, n, p)) headers.add(n);
      else if (irreducible < 0) irreducible = n;
    }
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
