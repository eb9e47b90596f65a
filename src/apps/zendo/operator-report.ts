import { OperatorError } from '../../base/operator-error.ts';

/** Print an error as the operator should see it: what, the numbers, what to do. Never a stack trace for operator errors. */
export function reportError(error: unknown, write: (line: string) => void): void {
  if (error instanceof OperatorError) {
    write(`zendo: ${error.shortMessage}`);
    if (error.details !== undefined) for (const line of error.details.split('\n')) write(`  ${line}`);
    if (error.hint !== undefined) write(`  ${error.hint}`);
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) write(`  because: ${cause.message}`);
    return;
  }
  write(`zendo: internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  write('  This is a bug in zendo; please report it with the command and this text.');
}
