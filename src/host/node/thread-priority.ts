/**
 * A guest's thread is what a user waits for; the threads that compile for it have time. Where there are fewer processors than threads, Linux would
 * share them alike: in a boot on two processors the guest's thread waited a fifth of the time for one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Nice value of threads that compile: against 0, a ninth of a processor when it is wanted by both, all of it otherwise. */
const COMPILING = 10;
/** What Node calls the threads that compile, and collect garbage, for all others. */
const COMPILERS = 'node-V8Worker';

/** Does nothing where the host has no priorities of threads, or does not let us set them. */
function lower(thread: number): void {
  try {
    setPriority(thread, COMPILING);
  } catch {
    // as before, then
  }
}

/** The calling thread lets others go first. On Linux, priorities are those of threads; elsewhere this would be the whole process. */
export function lowerThisThread(): void {
  if (process.platform === 'linux') lower(0);
}

/** The host's compiling threads let others go first. */
export function lowerHostCompilers(): void {
  if (process.platform !== 'linux') return;
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      if (readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() === COMPILERS) lower(Number(thread));
    }
  } catch {
    // no /proc
  }
}
