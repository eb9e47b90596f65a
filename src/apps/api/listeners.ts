/** Those who want to hear of something. They are called outside of turns, so that they may use the whole API. */
export class Listeners<A extends readonly unknown[]> {
  private readonly all = new Set<(...args: A) => void>();

  /** The answer takes it back. */
  add(listener: (...args: A) => void): () => void {
    this.all.add(listener);
    return () => void this.all.delete(listener);
  }

  tell(...args: A): void {
    for (const listener of [...this.all]) queueMicrotask(() => listener(...args));
  }
}
