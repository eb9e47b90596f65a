/**
 * What the operator (the person at the command line, or a program using our API) did or asked for cannot be done.
 * Neither a guest's fault (those are errno numbers) nor our bug (those assert). Every command exits non-zero on one.
 */

/** The parts of an operator error beyond its first sentence. */
export interface OperatorErrorParts {
  /** What was found, with the numbers: one or more lines. */
  readonly details?: string | undefined;
  /** What to do about it: one sentence. */
  readonly hint?: string | undefined;
  /** The error underneath, if there is one; the chain reaches the host's errno. */
  readonly cause?: unknown;
}

/** An error to be shown to the operator: `shortMessage` says what went wrong, `details` what was found, `hint` what to do. */
export class OperatorError extends Error {
  override readonly name: string = 'OperatorError';
  readonly shortMessage: string;
  readonly details: string | undefined;
  readonly hint: string | undefined;

  constructor(shortMessage: string, parts: OperatorErrorParts = {}) {
    const lines = [shortMessage];
    if (parts.details !== undefined) lines.push(parts.details);
    if (parts.hint !== undefined) lines.push(`Hint: ${parts.hint}`);
    super(lines.join('\n'), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.shortMessage = shortMessage;
    this.details = parts.details;
    this.hint = parts.hint;
  }
}
