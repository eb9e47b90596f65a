import type { Random } from './random.ts';

/** Something that is given malformed input. */
export interface Target {
  readonly name: string;
  /** What is tried, for people. */
  readonly about: string;
  /** Its inputs take long: the share in `npm test` is smaller. */
  readonly slow?: boolean;
  prepare(): Trial | Promise<Trial>;
}

/** A target that is ready. */
export interface Trial {
  /**
   * Give it one input made of these random numbers; what became of it ('taken', 'refused', ...), for the statistics.
   * Throws when it did not behave.
   */
  run(random: Random): string | Promise<string>;
  /** Called at the end: look at what is left. */
  end?(): void | Promise<void>;
}

/** Runs `action`, which may only throw errors of these classes; 'taken', or 'refused'. */
export function refusing(action: () => unknown, ...classes: readonly (new (...args: never[]) => Error)[]): string {
  try {
    action();
    return 'taken';
  } catch (error) {
    if (classes.some((each) => error instanceof each)) return 'refused';
    throw error;
  }
}
