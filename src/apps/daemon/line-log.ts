/** Longest line kept together, in bytes. Stops: a guest that never ends its line filling the daemon's memory. */
const LONGEST = 1024;

/** Puts what domains write to the hypervisor's console, byte by byte, together into lines. */
export class LineLog {
  private readonly parts = new Map<number, string>();
  private readonly decoder = new TextDecoder('latin1');
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  write(domid: number, bytes: Uint8Array): void {
    const lines = ((this.parts.get(domid) ?? '') + this.decoder.decode(bytes)).split('\n');
    let rest = lines.pop() ?? '';
    for (const line of lines) this.log(`(d${domid}) ${line}`);
    for (; rest.length > LONGEST; rest = rest.slice(LONGEST)) this.log(`(d${domid}) ${rest.slice(0, LONGEST)}`);
    this.parts.set(domid, rest);
  }

  /** The domain is gone. */
  end(domid: number): void {
    const rest = this.parts.get(domid) ?? '';
    if (rest !== '') this.log(`(d${domid}) ${rest}`);
    this.parts.delete(domid);
  }
}
