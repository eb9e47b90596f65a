/** Longest message in bytes. Stops: a client that never ends its line filling the daemon's memory. */
export const LONGEST_MESSAGE = 1 << 20;

const NEWLINE = 10;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** A message as it travels: one line of JSON. */
export const encodeMessage = (message: unknown): Uint8Array => encoder.encode(`${JSON.stringify(message)}\n`);

/** Puts messages together from the pieces in which they arrive. */
export class MessageReader {
  private pieces: Uint8Array[] = [];
  private length = 0;

  /** The messages that `bytes` completes. Throws when they are no JSON lines, or too long. */
  push(bytes: Uint8Array): unknown[] {
    const messages: unknown[] = [];
    for (let from = 0; from < bytes.length; ) {
      const end = bytes.indexOf(NEWLINE, from);
      const piece = bytes.subarray(from, end < 0 ? bytes.length : end);
      this.length += piece.length;
      if (this.length > LONGEST_MESSAGE) throw new Error(`a message is longer than ${LONGEST_MESSAGE} bytes`);
      this.pieces.push(piece.slice());
      if (end < 0) break;
      from = end + 1;
      const line = new Uint8Array(this.length);
      let at = 0;
      for (const part of this.pieces) {
        line.set(part, at);
        at += part.length;
      }
      this.pieces = [];
      this.length = 0;
      if (line.length > 0) messages.push(JSON.parse(decoder.decode(line)));
    }
    return messages;
  }
}
