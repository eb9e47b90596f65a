/** A source of random bytes. Machines with a seed get a deterministic one, so that a run repeats bit for bit. */
export interface Random {
  /** Fill `target` with random bytes. */
  fill(target: Uint8Array): void;
}
