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

/** Put every word at rest. */
export function resetMailbox(memories: Memories): void {
  for (const word of [TURN, REQUEST, WAKE, WANT_TURN, STOP]) Atomics.store(memories.stateWords, word, 0);
}

/** Make the pCPU look: it may be idle, or wait inside a turn. */
export function wakePcpu(memories: Memories): void {
  Atomics.add(memories.stateWords, WAKE, 1);
  Atomics.notify(memories.stateWords, WAKE);
}
