import { ConsoleLog } from './console-log.ts';

/** Somebody who looks at a console. */
export interface ConsoleViewer {
  /** What tells viewers apart: a connection looks at a console once. */
  readonly connection: object;
  show(bytes: Uint8Array): void;
  /** The domain is gone. */
  end(): void;
  /** Do something when the viewer has gone. */
  onGone(action: () => void): void;
}

interface Watched {
  readonly log: ConsoleLog;
  readonly viewers: Map<object, ConsoleViewer>;
}

/** The consoles of all domains: a log of each, and whoever looks at it. */
export class Consoles {
  private readonly all = new Map<number, Watched>();

  private of(domid: number): Watched {
    let found = this.all.get(domid);
    if (found === undefined) {
      found = { log: new ConsoleLog(), viewers: new Map() };
      this.all.set(domid, found);
    }
    return found;
  }

  output(domid: number, bytes: Uint8Array): void {
    const { log, viewers } = this.of(domid);
    log.append(bytes);
    for (const viewer of viewers.values()) viewer.show(bytes);
  }

  /** Show a viewer what is kept, and all that comes, until it goes. */
  open(domid: number, viewer: ConsoleViewer): void {
    const { log, viewers } = this.of(domid);
    const { connection } = viewer;
    if (viewers.has(connection)) return;
    viewers.set(connection, viewer);
    viewer.onGone(() => void viewers.delete(connection));
    viewer.show(log.bytes());
  }

  /** The domain is gone. */
  end(domid: number): void {
    const watched = this.all.get(domid);
    if (watched === undefined) return;
    this.all.delete(domid);
    for (const viewer of watched.viewers.values()) viewer.end();
  }
}
