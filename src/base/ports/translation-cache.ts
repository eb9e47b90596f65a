/** What another thread makes a cache of that has what is kept under `name`. */
export interface TranslationPlace {
  readonly folder: string;
  readonly name: string;
}

/** What is kept, read from the beginning to the end. */
export interface KeptReader {
  /** Bytes that there are. */
  readonly length: number;
  /** Reads the next bytes, as many as `target` has, in steps of a millisecond or so. False: it cannot. They are an allegation until `isTrue`. */
  into(target: Uint8Array): Generator<undefined, boolean>;
  /** All was read: is it what was written? */
  isTrue(): boolean;
}

/**
 * Translations of guest code kept from one run to the next. Losing them only costs time, so nothing here fails: what cannot
 * be read is not there, what cannot be written is not kept.
 */
export interface TranslationCache {
  /** Where a thread that is to use what is kept under `name` finds it; can be sent to it. */
  place(name: string): TranslationPlace;
  /** What `write` kept under `name` with this build of the engine; undefined when it is not there, or not as it was written. In memory of its own. */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Keep `bytes` under `name`; older files may be removed for it. */
  write(name: string, bytes: Uint8Array): Promise<void>;
}
