/** Bytes kept of each domain's console output, as xenconsoled keeps for a reader. */
export const CONSOLE_LOG_LIMIT = 1 << 20;

/** The last output of a console. */
export class ConsoleLog {
  private chunks: Uint8Array[] = [];
  private size = 0;

  append(bytes: Uint8Array): void {
    this.chunks.push(bytes.slice());
    this.size += bytes.length;
    // (thrown away by halves, so that appending is cheap)
    if (this.chunks.length > 4096) this.chunks = [this.bytes()];
    while (this.size - (this.chunks[0]?.length ?? 0) >= CONSOLE_LOG_LIMIT) this.size -= this.chunks.shift()?.length ?? 0;
  }

  /** What is kept, CONSOLE_LOG_LIMIT bytes at most. */
  bytes(): Uint8Array {
    const all = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of this.chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all.subarray(Math.max(0, all.length - CONSOLE_LOG_LIMIT));
  }
}
