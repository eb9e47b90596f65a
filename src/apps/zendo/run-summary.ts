import type { RunEnd } from './run-guest.ts';

/** The object of `--json`. */
export function summary(end: RunEnd, milliseconds: Readonly<Record<string, number>>): object {
  const rounded = Object.fromEntries(Object.entries(milliseconds).map(([phase, ms]) => [phase, Math.round(ms)]));
  const { counters, engine, retired } = end.report;
  return {
    end: end.reason ?? end.why,
    status: end.status,
    milliseconds: rounded,
    instructions: Number(retired),
    exits: counters.exits,
    hypercalls: counters.hypercalls,
    unknownMsrs: counters.unknownMsrs,
    unclaimedPorts: counters.unclaimedPorts,
    unclaimedMemory: counters.unclaimedMemory,
    translations: engine,
  };
}
