/** Longest line kept together, in characters. Stops: a guest that never ends its line filling the daemon's memory. */
const LONGEST = 1024;
/** Characters that a domain may write at once, and more for each second. Stops: a guest pushing everything else out of the log. */
const AT_ONCE = 1 << 18;
const PER_SECOND = 1 << 14;

interface Writer {
  /** The line that has no end yet. */
  part: string;
  /** Characters that it may still write, as of `since` (ms). */
  budget: number;
  since: number;
  /** Lines that were left out since. */
  leftOut: number;
}

/** What a guest writes must not reach a terminal that shows the log: everything but printable ASCII as a code. */
const printable = (line: string): string => line.replace(/\r$/, '').replace(/[^\x20-\x7e\t]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Puts what domains write to the hypervisor's console, byte by byte, together into lines. */
export class LineLog {
  private readonly writers = new Map<number, Writer>();
  private readonly decoder = new TextDecoder('latin1');
  private readonly log: (line: string) => void;
  private readonly wall: () => number;

  /** `wall`: milliseconds. */
  constructor(log: (line: string) => void, wall: () => number) {
    this.log = log;
    this.wall = wall;
  }

  write(domid: number, bytes: Uint8Array): void {
    let writer = this.writers.get(domid);
    if (writer === undefined) {
      writer = { part: '', budget: AT_ONCE, since: this.wall(), leftOut: 0 };
      this.writers.set(domid, writer);
    }
    const lines = (writer.part + this.decoder.decode(bytes)).split('\n');
    let rest = lines.pop() ?? '';
    for (const line of lines) this.show(domid, writer, line);
    for (; rest.length > LONGEST; rest = rest.slice(LONGEST)) this.show(domid, writer, rest.slice(0, LONGEST));
    writer.part = rest;
  }

  /** The domain is gone. */
  end(domid: number): void {
    const writer = this.writers.get(domid);
    if (writer === undefined) return;
    if (writer.part !== '') this.show(domid, writer, writer.part);
    this.sayLeftOut(domid, writer);
    this.writers.delete(domid);
  }

  private show(domid: number, writer: Writer, line: string): void {
    const text = `(d${domid}) ${printable(line)}`;
    const now = this.wall();
    writer.budget = Math.min(AT_ONCE, writer.budget + (Math.max(0, now - writer.since) / 1000) * PER_SECOND);
    writer.since = now;
    if (text.length + 1 > writer.budget) {
      writer.leftOut++;
      return;
    }
    this.sayLeftOut(domid, writer);
    writer.budget -= text.length + 1;
    this.log(text);
  }

  private sayLeftOut(domid: number, writer: Writer): void {
    if (writer.leftOut > 0) this.log(`(d${domid}) ${writer.leftOut} lines were left out: it writes too much`);
    writer.leftOut = 0;
  }
}
