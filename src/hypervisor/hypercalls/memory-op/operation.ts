import type { Call, SubOperation } from '../call.ts';

/** Bits of the command that number the operation; those above count what is done of a list. */
export const OP_BITS = 6;
/** Most elements that the bits above can count. */
export const EXTENTS_MAX = 0xffffffff >>> OP_BITS;

/** A memory operation: `done` elements of its list were handled before. */
export type MemoryOperation = (call: Call, argument: bigint, done: number) => number;

/** An operation that is done in one go: a count of what was done is an error. */
export function whole(operation: SubOperation, errno: number): MemoryOperation {
  return (call, argument, done) => (done !== 0 ? -errno : operation(call, argument));
}

/** Stop here: the call is made again for the elements from `done` on. */
export function goOn(call: Call, op: number, done: number, argument: bigint): number {
  call.restart = [BigInt(((done << OP_BITS) | op) >>> 0), argument];
  return 0;
}
