/** What emitted modules import beside the two memories and the region table: functions of the core, nothing else. */
import { I32, I64 } from './code.ts';

export interface CoreFunction {
  readonly name: string;
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

const dispatch = (name: string): CoreFunction => ({ name, parameters: [I32, I32, I32, I32, I32, I32, I64], results: [] });

/** In the order of their function indices. */
export const coreFunctions: readonly CoreFunction[] = [
  { name: 'lazyCond', parameters: [I32, I64, I64, I32], results: [I32] },
  { name: 'lazyCarry', parameters: [I32, I64, I64], results: [I32] },
  { name: 'lazyFlags', parameters: [I32, I64, I64], results: [I32] },
  dispatch('dispatchSystem'),
  dispatch('dispatchString'),
  dispatch('dispatchX87'),
  dispatch('dispatchVec'),
  dispatch('dispatchInt'),
  dispatch('tryVector'),
  { name: 'chain', parameters: [I32], results: [I32] },
  { name: 'chainAnew', parameters: [I32], results: [I32] },
];

const indexOf = (name: string): number => coreFunctions.findIndex((one) => one.name === name);

export const F_LAZY_COND = indexOf('lazyCond');
export const F_LAZY_CARRY = indexOf('lazyCarry');
export const F_LAZY_FLAGS = indexOf('lazyFlags');
export const F_SYSTEM = indexOf('dispatchSystem');
export const F_STRING = indexOf('dispatchString');
export const F_X87 = indexOf('dispatchX87');
export const F_VEC = indexOf('dispatchVec');
export const F_INT = indexOf('dispatchInt');
export const F_TRY_VECTOR = indexOf('tryVector');
/** (ctx) -> what to do next: goes on with the region at RIP if there is one. A module of its own, not the core's. @see chain.ts */
export const F_CHAIN = indexOf('chain');
/** The same behind a helper that set RIP, the mode or anything else. */
export const F_CHAIN_ANEW = indexOf('chainAnew');
