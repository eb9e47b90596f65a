/**
 * Translations of guest code kept from one run to the next. Losing them only costs time, so nothing here fails: what cannot
 * be read is not there, what cannot be written is not kept.
 */
export interface TranslationCache {
  /** What `write` kept under `name` with this build of the engine; undefined when it is not there, or not as it was written. In memory of its own. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keep `bytes` under `name`; older files may be removed for it. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}
