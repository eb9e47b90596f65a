/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A byte stream to a person (or to what stands for one): stdout and stdin, a browser terminal, a test script. */
export interface Terminal {
  /** Bytes for the screen, as they come. Resolves when more may be written (back pressure). */
  write(bytes: Uint8Array): Promise<void>;
  /** Bytes typed, until the other side ends the input. `raw` terminals pass control characters through. */
  onInput(listener: (bytes: Uint8Array) => void): () => void;
  /** The input has ended. */
  onEnd(listener: () => void): () => void;
  /** Undefined when it is not a screen (a pipe, a file). */
  size(): TerminalSize | undefined;
  /** Switch line editing and local echo of the host off (true) or back on; ignored when it is not a screen. */
  setRaw(raw: boolean): void;
}
