import { ERROR_FAIL, LibxlError } from '../../toolstack/libxl/libxl-error.ts';

/** What building a domain needs of the daemon. */
export interface BuildPlace {
  /** Run an action in a turn of domain 0. */
  readonly enter: <T>(action: () => T) => Promise<T>;
  /** Whether nobody wants the domain any more. */
  readonly unwanted: () => boolean;
  /** Settles when what clients sent before was heard. */
  readonly heard: () => Promise<void>;
  /** Take a finished domain away. Inside a turn. */
  readonly destroy: (domid: number) => void;
  /** Hears of each step: { text }. */
  readonly progress: ((report: object) => void) | undefined;
}

/**
 * Build a domain, a turn for each step; its id. When nobody wants it any more, were it while the last step is made, nothing of it is left.
 * Throws LibxlError ("cancelled"), and what a step throws.
 */
export async function buildInTurns(steps: Generator<string, number>, { enter, unwanted, heard, destroy, progress }: BuildPlace): Promise<number> {
  for (;;) {
    if (unwanted()) {
      await enter(() => steps.return(0));
      throw cancelled();
    }
    const step = await enter(() => steps.next());
    if (step.done !== true) {
      progress?.({ text: step.value });
      continue;
    }
    await heard();
    if (!unwanted()) return step.value;
    await enter(() => destroy(step.value));
    throw cancelled();
  }
}

const cancelled = (): LibxlError => new LibxlError(ERROR_FAIL, ['libxl: error: cannot make domain: cancelled']);
