import type { ConsoleEnd, ConsoleOutput } from './api.ts';
import { ConsoleLog } from './console-log.ts';
import type { RpcConnection } from './rpc/rpc-server.ts';

/** Bytes of output in one notification: base64 of it stays well below the longest message. */
const PIECE = 1 << 18;

interface Watched {
  readonly log: ConsoleLog;
  readonly viewers: Set<RpcConnection>;
}

/** The consoles of all domains: a log of each, and whoever looks at it. */
export class Consoles {
  private readonly all = new Map<number, Watched>();

  private of(domid: number): Watched {
    let found = this.all.get(domid);
    if (found === undefined) {
      found = { log: new ConsoleLog(), viewers: new Set() };
      this.all.set(domid, found);
    }
    return found;
  }

  output(domid: number, bytes: Uint8Array): void {
    const { log, viewers } = this.of(domid);
    log.append(bytes);
    for (const viewer of viewers) show(viewer, domid, bytes);
  }

  /** Show a client what is kept, and all that comes, until it goes. */
  open(domid: number, viewer: RpcConnection): void {
    const { log, viewers } = this.of(domid);
    if (viewers.has(viewer)) return;
    viewers.add(viewer);
    viewer.onEnd(() => void viewers.delete(viewer));
    show(viewer, domid, log.bytes());
  }

  /** The domain is gone. */
  end(domid: number): void {
    const watched = this.all.get(domid);
    if (watched === undefined) return;
    this.all.delete(domid);
    const end: ConsoleEnd = { domid };
    for (const viewer of watched.viewers) viewer.notify('consoleEnd', end);
  }
}

function show(viewer: RpcConnection, domid: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const output: ConsoleOutput = { domid, base64: bytes.slice(at, at + PIECE).toBase64() };
    viewer.notify('console', output);
  }
}
