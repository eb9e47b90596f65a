import { ld32u, st32 } from './frames';

/** Copies one 32-bit word from `frames` to `state`. */
export function wordToState(stateAddress: usize, framesAddress: u32): void {
  store<u32>(stateAddress, ld32u(framesAddress));
}

/** Copies one 32-bit word from `state` to `frames`. */
export function wordToFrames(framesAddress: u32, stateAddress: usize): void {
  st32(framesAddress, load<u32>(stateAddress));
}
