/** The loops of a region. */

export interface Loop {
  readonly header: number;
  readonly nodes: ReadonlySet<number>;
}

/** Natural loops of a reducible graph, inner ones first: of each header, what leads back to it without passing it. */
export function loopsOf(headers: ReadonlySet<number>, predecessors: readonly (readonly number[])[], dominates: (x: number, y: number) => boolean): Loop[] {
  const loops = [...headers].map((header) => {
    const nodes = new Set([header]);
    for (const stack = (predecessors[header] as readonly number[]).filter((p) => dominates(header, p)); stack.length > 0; ) {
      const n = stack.pop() as number;
      if (nodes.has(n)) continue;
      nodes.add(n);
      stack.push(...(predecessors[n] as readonly number[]));
    }
    return { header, nodes };
  });
  return loops.sort((x, y) => x.nodes.size - y.nodes.size);
}
