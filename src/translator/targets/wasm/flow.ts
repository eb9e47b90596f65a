/**
 * The control flow of a region: edges, dominators, loops. Nodes are the region's blocks in order of discovery, and two more
 * at the end: the dispatcher, through which all indirect targets inside the region, and all edges that would make the graph
 * irreducible, go by number; and the start, which leads to node 0 and, if there are further entries, to the dispatcher.
 */

/** Successors of each node inside the region, in the order the block's end names them. */
export interface Graph {
  readonly successors: readonly (readonly number[])[];
  /** Targets that are reached by number. */
  readonly indirect: ReadonlySet<number>;
  /** Nodes whose ends may jump to a target by number. */
  readonly jumpers: ReadonlySet<number>;
  /** The region may be entered at indirect targets too. */
  readonly manyEntries: boolean;
}

export interface Flow {
  /** The dispatcher's node number. */
  readonly dispatcher: number;
  readonly start: number;
  /** Targets of the dispatcher. */
  readonly targets: ReadonlySet<number>;
  /** Order in reverse postorder; -1 for nodes that cannot be reached. */
  readonly order: Int32Array;
  readonly nodes: readonly number[];
  readonly dominator: Int32Array;
  /** Loop headers. */
  readonly headers: ReadonlySet<number>;
  /** Nodes with several forward predecessors, and the dispatcher's targets. */
  readonly merges: ReadonlySet<number>;
  /** Where an edge to node n really goes: n, or the dispatcher. */
  redirect(n: number): number;
}

export function analyse(graph: Graph): Flow {
  const targets = new Set(graph.indirect);
  for (;;) {
    const flow = attempt(graph, targets);
    if (typeof flow !== 'number') return flow;
    targets.add(flow);
  }
}

/** The flow with these targets of the dispatcher, or the number of a node that has to become one. */
function attempt(graph: Graph, targets: ReadonlySet<number>): Flow | number {
  const count = graph.successors.length;
  const dispatcher = count;
  const start = count + 1;
  const redirect = (n: number): number => (targets.has(n) ? dispatcher : n);
  const successors: number[][] = graph.successors.map((list, n) => {
    const out = [...new Set(list.map(redirect))];
    if (graph.jumpers.has(n) && targets.size > 0 && !out.includes(dispatcher)) out.push(dispatcher);
    return out;
  });
  successors.push([...targets].sort((x, y) => x - y));
  successors.push(graph.manyEntries && !targets.has(0) ? [0, dispatcher] : [redirect(0)]);
  const order = new Int32Array(count + 2).fill(-1);
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
  const dominates = (x: number, y: number): boolean => {
    for (let n = y; ; n = dominator[n] as number) {
      if (n === x) return true;
      if (n === start) return false;
    }
  };
  const headers = new Set<number>();
  const merges = new Set<number>(targets);
  for (const n of nodes) {
    let forward = 0;
    for (const p of predecessors[n] as number[]) {
      if ((order[p] as number) < (order[n] as number)) forward++;
      else if (dominates(n, p)) headers.add(n);
      else return n === dispatcher ? p : n;
    }
    if (forward > 1) merges.add(n);
  }
  return { dispatcher, start, targets, order, nodes, dominator, headers, merges, redirect };
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
