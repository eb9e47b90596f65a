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
  /** By domain, then by the console's number. */
  private readonly all = new Map<number, Map<number, Watched>>();

  private of(domid: number, number: number): Watched {
    const domain = this.all.get(domid) ?? new Map<number, Watched>();
    const found = domain.get(number) ?? { log: new ConsoleLog(), viewers: new Map<object, ConsoleViewer>() };
    this.all.set(domid, domain.set(number, found));
    return found;
  }

  output(domid: number, bytes: Uint8Array, number: number): void {
    const { log, viewers } = this.of(domid, number);
    log.append(bytes);
    for (const viewer of viewers.values()) viewer.show(bytes);
  }

  /** Show a viewer what is kept, and all that comes, until it goes. */
  open(domid: number, number: number, viewer: ConsoleViewer): void {
    const { log, viewers } = this.of(domid, number);
    const { connection } = viewer;
    if (viewers.has(connection)) return;
    viewers.set(connection, viewer);
    viewer.onGone(() => void viewers.delete(connection));
    viewer.show(log.bytes());
  }

  /** The domain is gone. */
  end(domid: number): void {
    const domain = this.all.get(domid);
    this.all.delete(domid);
    for (const { viewers } of domain?.values() ?? []) for (const viewer of viewers.values()) viewer.end();
  }
}
