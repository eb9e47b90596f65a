// @ts-ignore: decorator
@external('frames', 'ld32u') declare function ld32u(address: u32): u32;
// @ts-ignore: decorator
@external('frames', 'st32') declare function st32(address: u32, value: u32): void;

/** Copies one 32-bit word from `frames` to `state`. */
export function wordToState(stateAddress: usize, framesAddress: u32): void {
  store<u32>(stateAddress, ld32u(framesAddress));
}

/** Copies one 32-bit word from `state` to `frames`. */
export function wordToFrames(framesAddress: u32, stateAddress: usize): void {
  st32(framesAddress, load<u32>(stateAddress));
}
