/**
 * The host has one queue and few threads for its optimising compilers: functions of ours, in JavaScript, and the guest's hot code, in WebAssembly. In
 * a guest's first seconds the latter is what everybody waits for; ours are well served by the compiler before the last (Maglev) till then.
 */
import { setFlagsFromString } from 'node:v8';

/** How long the guest's code goes first, in milliseconds. */
const FIRST_MS = 10_000;

/** The last optimisation of JavaScript, put off. For a process of our own: the flag is the whole process's. */
export class ScriptOptimiser {
  private until: number | undefined;

  /** To be called from time to time: the first call puts it off, one after FIRST_MS lets it go on. A program that is loaded in between is not taken from Node's compile cache. */
  putOff(): void {
    if (this.until === undefined) {
      this.until = performance.now() + FIRST_MS;
      setFlagsFromString('--no-turbofan');
    } else if (this.until !== 0 && performance.now() > this.until) this.goOn();
  }

  /** As the host would have it. Before the process ends, or Node's compile cache would be one for other flags. */
  goOn(): void {
    if (this.until === undefined || this.until === 0) return;
    this.until = 0;
    setFlagsFromString('--turbofan');
  }
}
