/**
 * The host's WebAssembly functions are baseline code first, and go to its optimiser when they have used up a budget; what is known to be hot need not wait
 * for that. V8 offers this to its own tests only, as a function of the engine (`%WasmTierUpFunction`), not to programs: where it is not there, nothing happens.
 */
import { setFlagsFromString } from 'node:v8';

/** Rough bytes of code that a function runs before V8 optimises it: its own choice, and one for functions that are optimised ahead. */
const BUDGET = 13_000_000;
const AHEAD_BUDGET = 1_000_000_000;

type WasmFunction = (...args: never[]) => unknown;

/** Undefined: not asked for yet. */
let optimise: ((region: WasmFunction) => void) | undefined;

/** The engine's own function. The flag that makes its name one is on no longer than it takes to read it; Node's compile cache goes by flags. */
function engineFunction(first: WasmFunction): (region: WasmFunction) => void {
  setFlagsFromString('--allow-natives-syntax');
  try {
    const found = new Function('region', '%WasmTierUpFunction(region)') as (region: WasmFunction) => void;
    // its body is read when it is called
    found(first);
    return found;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return () => {};
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

/** Optimises an exported function of a WebAssembly module, in this thread, for all threads that have the module. For a process of our own: flags are the whole process's. */
export function optimiseAhead(region: WasmFunction): void {
  if (optimise === undefined) optimise = engineFunction(region);
  else optimise(region);
}

/**
 * Makes modules whose functions are all to be optimised ahead: the host's own helpers, which would begin with the same ones, leave them alone for long. The flag is the whole process's, on
 * no longer than `make` takes.
 */
export function withoutHurry<T>(make: () => T): T {
  setFlagsFromString(`--wasm-tiering-budget=${AHEAD_BUDGET}`);
  try {
    return make();
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
  }
}
