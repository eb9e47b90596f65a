import * as L from '../machine/layout.ts';

const names = new Map<number, string>(
  Object.entries(L).flatMap(([name, value]): [number, string][] =>
    /^EXIT_(?!REASON|A$|B$|C$|LEN|PENDING)[A-Z_0-9]+$/.test(name) && typeof value === 'number' ? [[value, name.slice(5).toLowerCase()]] : [],
  ),
);

/** `hypercall` for EXIT_HYPERCALL, the number itself for unknown reasons. */
export function exitName(reason: number): string {
  return names.get(reason) ?? String(reason);
}
