/** Bytes that are made when they are asked for: what is used once, from the beginning to the end, need never lie in memory as a whole. */
export interface LateBytes {
  readonly length: number;
  /**
   * The bytes from `offset` (below `length`) on, as many as are at hand, at least one: a view, good until the next call. Cheap where calls follow
   * one another. Throws what the maker of the bytes throws.
   */
  from(offset: number): Uint8Array;
}

/** Bytes from `offset` on, some at least. */
export const bytesFrom = (bytes: Uint8Array | LateBytes, offset: number): Uint8Array =>
  bytes instanceof Uint8Array ? bytes.subarray(offset) : bytes.from(offset);

/** `length` bytes from `offset` on, as late as those they are of. Both lie inside. */
export function lateSlice(bytes: LateBytes, offset: number, length: number): LateBytes {
  return { length, from: (at) => bytes.from(offset + at).subarray(0, length - at) };
}

/** `length` bytes from `offset` on, made now, in memory of their own. Both lie inside. */
export function copyOf(bytes: LateBytes, offset: number, length: number): Uint8Array {
  const copy = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const piece = bytes.from(offset + done).subarray(0, length - done);
    copy.set(piece, done);
    done += piece.length;
  }
  return copy;
}
