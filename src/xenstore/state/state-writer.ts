import { latin1Bytes } from '../wire/latin1.ts';

/** Writes state as bytes: the same calls give the same bytes. What it writes, StateReader reads. */
export class StateWriter {
  private buffer = new Uint8Array(4096);
  private used = 0;

  /** A whole number from 0 to 2^53 - 1, in as few bytes as it needs. */
  uint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  /** A whole number of 32 bits with sign. */
  int(value: number): void {
    this.uint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  flag(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  bytes(value: Uint8Array): void {
    this.uint(value.length);
    this.room(value.length);
    this.buffer.set(value, this.used);
    this.used += value.length;
  }

  /** A byte string. */
  text(value: string): void {
    this.bytes(latin1Bytes(value));
  }

  /** The number of items, then each by `write`. */
  list<T>(items: Iterable<T>, write: (item: T) => void): void {
    const all = [...items];
    this.uint(all.length);
    for (const item of all) write(item);
  }

  /** Whether there is a value, and the value. */
  optional<T>(value: T | undefined, write: (value: T) => void): void {
    this.flag(value !== undefined);
    if (value !== undefined) write(value);
  }

  finish(): Uint8Array {
    return this.buffer.slice(0, this.used);
  }

  private byte(value: number): void {
    this.room(1);
    this.buffer[this.used++] = value;
  }

  private room(count: number): void {
    if (this.used + count <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.used + count));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}
