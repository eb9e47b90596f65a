import type { Nanoseconds } from '../brand.ts';

/** Host time. Virtual time does not come from here: it counts instructions. */
export interface Clock {
  /** Monotonic time since some fixed instant, in nanoseconds. Never goes backwards. */
  monotonic(): Nanoseconds;
  /** Time since 1970-01-01 UTC, in milliseconds; asked once per machine, for the wall clock guests see. */
  wall(): number;
}

/** Host timers. */
export interface Timers {
  /** Run `callback` after at least `delay` nanoseconds; the answer cancels it. */
  after(delay: Nanoseconds, callback: () => void): () => void;
}
