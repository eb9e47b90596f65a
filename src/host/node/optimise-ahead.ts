/**
 * The host's WebAssembly functions are baseline code first, and go to its optimiser when they have used up a budget; what is known to be hot need not wait
 * for that. V8 offers this to its own tests only, as a function of the engine (`%WasmTierUpFunction`), not to programs: where it is not there, nothing happens.
 */
import { setFlagsFromString } from 'node:v8';

/** Rough bytes of code that a function runs before V8 optimises it: its own choice, and one for functions that are optimised ahead. */
const BUDGET = 13_000_000;
const AHEAD_BUDGET = 1_000_000_000;

type WasmFunction = (...args: never[]) => unknown;

type Optimise = (region: WasmFunction) => void;

/** Undefined: not asked for yet; null: the host has none. */
let optimise: Optimise | null | undefined;

/** The engine's own function. The flag that makes its name one is on no longer than it takes to read it; Node's compile cache goes by flags. */
function engineFunction(first?: WasmFunction): Optimise | null {
  setFlagsFromString('--allow-natives-syntax');
  try {
    const found = new Function('region', '%WasmTierUpFunction(region)') as Optimise;
    // its body is read when it is called
    if (first !== undefined) found(first);
    return found;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

/** Optimises an exported function of a WebAssembly module, in this thread, for all threads that have the module. For a process of our own: flags are the whole process's. */
export function optimiseAhead(region: WasmFunction): void {
  if (optimise === undefined) optimise = engineFunction(region);
  else optimise?.(region);
}

/** The host optimises functions for us. */
let offered: boolean | undefined;

/**
 * Makes modules whose functions are all to be optimised ahead: the host's own helpers, which would begin with the same ones, leave them alone for long. Where it cannot optimise ahead all is as ever. The flag is the whole process's, on
 * no longer than `make` takes.
 */
export function withoutHurry<T>(make: () => T): T {
  offered ??= engineFunction() !== null;
  if (!offered) return make();
  setFlagsFromString(`--wasm-tiering-budget=${AHEAD_BUDGET}`);
  try {
    return make();
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${BUDGET}`);
  }
}
