/**
 * The host checks every function of a WebAssembly module when the module is made, and it does so again when it compiles one. For modules whose maker has checked them that takes more
 * time than all the rest. V8 has a flag that leaves the first check out; where there is no such flag, nothing changes.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Makes modules whose functions are checked when they are compiled. They must be sound: where one is not, V8 ends the process rather than run it. The flag is the whole process's,
 * on no longer than `make` takes; Node's compile cache goes by flags.
 */
export function withLazyValidation<T>(make: () => T): T {
  setFlagsFromString('--wasm-lazy-validation');
  try {
    return make();
  } finally {
    setFlagsFromString('--no-wasm-lazy-validation');
  }
}
