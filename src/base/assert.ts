/** Our own bugs: a broken invariant. It ends the domain it happened in with a dump, never the daemon. */

/** Thrown by `assert`, `bug` and `present`; never thrown for what a guest or an operator did. */
export class BugError extends Error {
  override readonly name = 'BugError';
}

/** Fail with a `BugError` unless `condition` holds. `message` says the invariant that was expected. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** An invariant is known to be broken. */
export function bug(message: string): never {
  throw new BugError(message);
}

/** `value`, which must be there. For lookups that an invariant guarantees. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new BugError(`missing ${what}`);
  return value;
}
