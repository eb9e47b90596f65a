/** The loops of a region. */
import type { Flow } from './flow.ts';

export interface Loop {
  readonly header: number;
  readonly nodes: ReadonlySet<number>;
}

/** Natural loops, inner ones first; `successors` of each node. */
export function loopsOf(flow: Flow, successors: readonly (readonly number[])[]): Loop[] {
  const dominates = (x: number, y: number): boolean => {
    for (let n = y; ; n = flow.dominator[n] as number) {
      if (n === x) return true;
      if (n === flow.start) return false;
    }
  };
  const last = new Map<number, number>();
  for (const n of flow.nodes) {
    for (const s of successors[n] ?? []) if (flow.headers.has(s) && dominates(s, n)) last.set(s, Math.max(last.get(s) ?? 0, flow.order[n] as number));
  }
  const loops = [...last].map(([header, end]) => ({
    header,
    nodes: new Set(flow.nodes.filter((n) => dominates(header, n) && (flow.order[n] as number) <= end)),
  }));
  return loops.sort((x, y) => x.nodes.size - y.nodes.size);
}
