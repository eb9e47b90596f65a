/** A build has the engine in one file, a clone in many. */
const sources = import.meta.url.endsWith('.ts')
  ? [new URL('../../translator', import.meta.url), new URL('../../machine', import.meta.url), new URL('../../spec/x86', import.meta.url)]
  : [];

/** What decides over translations: the core, and the engine's sources or the file they are joined in. Translations of other parts are not used. */
export const engineParts: readonly URL[] = [new URL('../../../build/core.wasm', import.meta.url), new URL('./pcpu.worker.ts', import.meta.url), ...sources];
