/**
 * A thread's new objects fill a space of a MiB, V8 collects what is garbage in it, doubles it, and so on. Threads of ours make ten MiB while they load their
 * programs and a guest's translations, of which little is garbage: six collections, each waiting for V8's helpers, and the first of the old space
 * because so much had grown old.
 */
import { setFlagsFromString } from 'node:v8';

/** New objects that a thread may have before garbage is collected, in MiB. What is not used is no memory of the host's. */
const ROOM = 16;

/** Threads that are made from now on have room for new objects. For a process of our own: the flag is the whole process's. (It is none of those that code is kept for.) */
export function roomForYoungObjects(): void {
  setFlagsFromString(`--min-semi-space-size=${ROOM}`);
}
