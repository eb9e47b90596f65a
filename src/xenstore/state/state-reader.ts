import { OperatorError } from '../../base/operator-error.ts';
import { latin1 } from '../wire/latin1.ts';

/** Reads what StateWriter wrote. Bytes that cannot be its work make it throw OperatorError, never hang or read elsewhere. */
export class StateReader {
  private readonly buffer: Uint8Array;
  private readonly what: string;
  private at = 0;

  /** `what`: whose state it is, for the error message. */
  constructor(buffer: Uint8Array, what: string) {
    this.buffer = buffer;
    this.what = what;
  }

  uint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) this.damaged('a number is too large');
      if (byte < 0x80) return value;
    }
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  flag(): boolean {
    const byte = this.byte();
    if (byte > 1) this.damaged('a flag is neither 0 nor 1');
    return byte === 1;
  }

  bytes(): Uint8Array {
    const length = this.uint();
    if (length > this.buffer.length - this.at) this.damaged('it ends too early');
    this.at += length;
    return this.buffer.slice(this.at - length, this.at);
  }

  text(): string {
    return latin1(this.bytes());
  }

  list<T>(read: () => T): T[] {
    const length = this.uint();
    // each item has at least one byte
    if (length > this.buffer.length - this.at) this.damaged('it ends too early');
    const items: T[] = [];
    for (let i = 0; i < length; i++) items.push(read());
    return items;
  }

  optional<T>(read: () => T): T | undefined {
    return this.flag() ? read() : undefined;
  }

  /** Everything must have been read. */
  finish(): void {
    if (this.at !== this.buffer.length) this.damaged('it is longer than it should be');
  }

  damaged(why: string): never {
    throw new OperatorError(`The saved state of ${this.what} cannot be used`, { details: `At byte ${this.at}: ${why}.` });
  }

  private byte(): number {
    const byte = this.buffer[this.at];
    if (byte === undefined) this.damaged('it ends too early');
    this.at++;
    return byte;
  }
}
