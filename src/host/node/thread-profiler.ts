import { type Profiler, Session } from 'node:inspector';

/** Where a thread was when it was looked at: a function, those that called it, and for how long in all, in microseconds. */
export interface ThreadSample {
  /** Function names and the modules they are from, innermost first. */
  readonly stack: readonly { readonly name: string; readonly url: string }[];
  readonly microseconds: number;
}

/** Microseconds between two looks. */
const INTERVAL = 500;

/** Samples this thread from now on; the answer ends it and tells where it was. */
export function profileThread(): () => ThreadSample[] {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: INTERVAL });
  session.post('Profiler.start');
  return () => {
    let profile: Profiler.Profile | undefined;
    session.post('Profiler.stop', (_error, result) => {
      profile = result?.profile;
    });
    session.disconnect();
    return profile === undefined ? [] : samplesOf(profile);
  };
}

function samplesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): ThreadSample[] {
  const parents = new Map<number, number>();
  const byId = new Map(nodes.map((node) => [node.id, node]));
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node.id);
  const times = new Map<number, number>();
  for (const [k, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + Math.max(0, timeDeltas[k] ?? 0));
  return [...times].map(([id, microseconds]) => {
    const stack: { name: string; url: string }[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const frame = byId.get(at)?.callFrame;
      if (frame !== undefined) stack.push({ name: frame.functionName, url: frame.url });
    }
    return { stack, microseconds };
  });
}
