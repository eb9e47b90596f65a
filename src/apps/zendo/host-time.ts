/** What the processor's thread did, by tier, out of samples of its JavaScript and Wasm functions. */
import type { HostTime } from '../../toolstack/profile/profile.ts';

/** As host/node/thread-profiler.ts gives it. */
interface Sample {
  readonly stack: readonly { readonly name: string; readonly url: string }[];
  readonly microseconds: number;
}

/** JavaScript functions that everything below belongs to, innermost first wins. */
const OWNERS: ReadonlyMap<string, string> = new Map([
  ['translate', 'translating'],
  ['offered', 'compiling regions'],
  ['adopt', 'compiling regions'],
  ['idle', 'idle'],
  ['serve', "hypervisor, for domain 0's programs"],
  ['grantTurn', "waiting for domain 0's programs"],
  ['handleExit', 'hypervisor'],
  ['runSlice', 'hypervisor'],
  ['step', 'hypervisor'],
]);

const isWasm = ({ url }: { url: string }): boolean => url.startsWith('wasm:');

/** `interpreter`: name of the core's function that is the interpreter's loop. */
export function hostTime(samples: readonly Sample[], interpreter: string): HostTime {
  const entry = samples.flatMap(({ stack }) => stack.filter((frame, k) => isWasm(frame) && stack[k + 1]?.name === 'run')).at(0);
  const time: Record<string, number> = {};
  for (const { stack, microseconds } of samples) {
    const tier = tierOf(stack, entry?.url, interpreter);
    time[tier] = (time[tier] ?? 0) + microseconds;
  }
  return time;
}

function tierOf(stack: Sample['stack'], core: string | undefined, interpreter: string): string {
  const [leaf] = stack;
  if (leaf === undefined) return 'other';
  if (leaf.name === '(garbage collector)') return 'garbage collection';
  if (isWasm(leaf)) {
    if (leaf.url !== core) return 'guest code: compiled regions';
    return leaf.name === interpreter ? 'guest code: bytecode' : 'guest code: helpers of the core';
  }
  for (const { name } of stack) {
    const owner = OWNERS.get(name);
    if (owner !== undefined) return owner;
  }
  return 'other';
}
