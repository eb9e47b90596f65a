import type { RunEnd } from './run-guest.ts';

/** Exits for one instruction, which the hypervisor does. */
const RETIRED_OUTSIDE = ['hypercall', 'io', 'io_string', 'msr', 'cpuid', 'xsetbv', 'other'];

/** The object of `--json`. */
export function summary(end: RunEnd, milliseconds: Readonly<Record<string, number>>): object {
  const rounded = Object.fromEntries(Object.entries(milliseconds).map(([phase, ms]) => [phase, Math.round(ms)]));
  const { counters, engine, retired, retiredInRegions } = end.report;
  const outside = RETIRED_OUTSIDE.reduce((sum, reason) => sum + (counters.exits[reason] ?? 0), 0);
  return {
    end: end.reason ?? end.why,
    status: end.status,
    milliseconds: rounded,
    instructions: Number(retired),
    // who executed them; a machine that goes on from a snapshot counts what came before as bytecode
    instructionsBy: { regions: Number(retiredInRegions), bytecode: Number(retired - retiredInRegions) - outside, hypervisor: outside },
    exits: counters.exits,
    hypercalls: counters.hypercalls,
    unknownMsrs: counters.unknownMsrs,
    unclaimedPorts: counters.unclaimedPorts,
    unclaimedMemory: counters.unclaimedMemory,
    translations: engine,
  };
}
