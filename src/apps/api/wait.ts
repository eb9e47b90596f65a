import type { ApiHost } from './api-host.ts';

/** Limits of a wait. */
export interface WaitOptions {
  /** Milliseconds of the host's time, 60000 if not given; 0 = no limit. */
  readonly timeout?: number;
  /** Gives up when aborted, with the signal's reason. */
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 60_000;

/** @internal Waits until something calls `resolve` or `reject`, the time is up, or the signal says so. */
export function wait<T>(
  host: ApiHost,
  { timeout = TIMEOUT_MS, signal }: WaitOptions,
  tooLate: (milliseconds: number) => Error,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  if (!Number.isFinite(timeout) || timeout < 0) throw new RangeError(`a timeout of ${timeout} ms: 0 or more is needed`);
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    let over = false;
    const cleanUps: (() => void)[] = [];
    const settle =
      <A>(answer: (value: A) => void) =>
      (value: A): void => {
        if (over) return;
        over = true;
        for (const cleanUp of cleanUps) cleanUp();
        answer(value);
      };
    const fail = settle(reject);
    if (timeout > 0) cleanUps.push(host.after(timeout, () => fail(tooLate(timeout))));
    if (signal !== undefined) {
      const aborted = (): void => fail(signal.reason);
      signal.addEventListener('abort', aborted);
      cleanUps.push(() => signal.removeEventListener('abort', aborted));
    }
    const end = begin(settle(resolve), fail);
    if (over) end();
    else cleanUps.push(end);
  });
}
