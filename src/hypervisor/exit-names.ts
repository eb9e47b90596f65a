import * as L from '../machine/layout.ts';

/** Parts of an exit, which have names like the reasons. */
const PARTS: ReadonlySet<string> = new Set(['EXIT_REASON', 'EXIT_A', 'EXIT_B', 'EXIT_C', 'EXIT_LEN', 'EXIT_PENDING']);

function namesOf(): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, value] of Object.entries(L)) {
    if (name.startsWith('EXIT_') && typeof value === 'number' && !PARTS.has(name)) names.set(value, name.slice(5).toLowerCase());
  }
  return names;
}

let names: ReadonlyMap<number, string> | undefined;

/** `hypercall` for EXIT_HYPERCALL, the number itself for unknown reasons. */
export function exitName(reason: number): string {
  names ??= namesOf();
  return names.get(reason) ?? String(reason);
}
