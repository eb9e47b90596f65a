import type { Memories } from '../machine/memories.ts';
import { HEADER, machine_header } from './header.ts';

/**
 * Where domain 0's programs (one host thread) and the pCPU (another) meet, in the machine header.
 *
 * The programs act only inside a *turn*, which the pCPU grants between two instructions of the guests: at an instant of
 * machine time that it chooses (an event for domain 0 is due, or the programs asked for a turn). During the turn the
 * pCPU serves hypercalls and nothing else runs, so that every input enters the machine at an instruction number.
 */
export const TURN_NONE = 0;
export const TURN_GRANTED = 1;
export const TURN_DONE = 2;
/** Granted, and the guests run on meanwhile: consoles only, and in host time only. */
export const TURN_SHARED = 3;

export const REQUEST_NONE = 0;
export const REQUEST_POSTED = 1;
export const REQUEST_ANSWERED = 2;

/** The programs want the pCPU thread to end (0 while they do not). */
export const STOP_WANTED = 1;
/** The pCPU thread has ended, or died. */
export const STOP_ENDED = 2;

const box = machine_header.fields.mailbox;
const at = HEADER + machine_header.offsets.mailbox;

/** Word indices into `stateWords`. */
export const TURN = (at + box.offsets.turn) / 4;
export const REQUEST = (at + box.offsets.request) / 4;
/** Counter that wakes the pCPU: incremented and notified by the programs' side. */
export const WAKE = (at + box.offsets.wake) / 4;
export const WANT_TURN = (at + box.offsets.want_turn) / 4;
export const STOP = (at + box.offsets.stop) / 4;

/** The request's number, arguments and answer. */
export const mailbox = (memories: Memories) => box.at(memories.stateView, at);

/** Does a turn go on beside the guests? */
export const turnIsShared = (memories: Memories): boolean => Atomics.load(memories.stateWords, TURN) === TURN_SHARED;

/** Put every word at rest. */
export function resetMailbox(memories: Memories): void {
  for (const word of [TURN, REQUEST, WAKE, WANT_TURN, STOP]) Atomics.store(memories.stateWords, word, 0);
}

/** Make the pCPU look: it may be idle, or wait inside a turn. */
export function wakePcpu(memories: Memories): void {
  Atomics.add(memories.stateWords, WAKE, 1);
  Atomics.notify(memories.stateWords, WAKE);
}

/** Looks before a wait goes to sleep, some 40 microseconds: falling asleep and being woken takes longer than most answers do. */
const LOOKS = 400;

/**
 * Wait until `word` is no longer `seen`, at most `ms`. With `processors` for both threads it looks for a while before it
 * sleeps, else the other one could not act meanwhile.
 */
export function waitForChange(words: Int32Array, word: number, seen: number, ms: number, processors: number): void {
  if (processors > 1) {
    for (let i = 0; i < LOOKS; i++) {
      if (Atomics.load(words, word) !== seen) return;
      Atomics.pause();
    }
  }
  Atomics.wait(words, word, seen, ms);
}
