import { XEN_DOMINF_dying } from '../../spec/xen/domctl.ts';
import type { StoreClient } from '../../xenstore/client.ts';
import { domainList } from '../xc/host-info.ts';
import type { Dom0Programs } from './dom0-programs.ts';

/** Who hears of the consoles. All are called inside turns. */
export interface ConsoleListener {
  /** Bytes a domain wrote to its console. */
  output(domid: number, bytes: Uint8Array): void;
  /** A domain that another toolstack built is gone. */
  gone(domid: number): void;
  /** Where a domain's console can be had by other programs, for its `tty` node. */
  tty(domid: number): string | undefined;
}

/** The largest number that a node may give, of a frame or a port. */
const NUMBER_MAX = 0xffffffff;

/**
 * What xenconsoled does for domains that another toolstack builds (Debian's own xl, through the privcmd socket): as soon
 * as their console nodes are written, it serves the ring that they name, and tells where in the node `tty`, for which
 * that toolstack waits.
 */
export class Xenconsoled {
  private readonly programs: Dom0Programs;
  private readonly client: StoreClient;
  private readonly listener: ConsoleListener;
  /** Domains that were found, and what ends the watch of their nodes. */
  private readonly found = new Map<number, () => void>();

  constructor(programs: Dom0Programs, client: StoreClient, listener: ConsoleListener) {
    this.programs = programs;
    this.client = client;
    this.listener = listener;
    client.watch('@introduceDomain', () => this.look());
  }

  /** Look which domains came and went. */
  look(): void {
    const there = new Set<number>();
    for (const { domain, flags } of domainList(this.programs.xc)) {
      if (domain === 0 || (flags & XEN_DOMINF_dying) !== 0) continue;
      there.add(domain);
      if (this.found.has(domain) || this.programs.servesConsole(domain)) continue;
      this.found.set(
        domain,
        this.client.watch(`/local/domain/${domain}/console`, () => this.serve(domain)),
      );
    }
    for (const [domid, unwatch] of this.found) {
      if (there.has(domid)) continue;
      this.found.delete(domid);
      unwatch();
      this.programs.endConsole(domid);
      this.listener.gone(domid);
    }
  }

  private number(path: string): number | undefined {
    const text = this.client.readIfThere(path) ?? '';
    const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    return value > 0 && value <= NUMBER_MAX ? value : undefined;
  }

  private serve(domid: number): void {
    const path = `/local/domain/${domid}/console`;
    if (this.programs.servesConsole(domid) || this.client.readIfThere(`${path}/type`) !== 'xenconsoled') return;
    const [gfn, port] = [this.number(`${path}/ring-ref`), this.number(`${path}/port`)];
    if (gfn === undefined || port === undefined) return;
    const sink = (bytes: Uint8Array): boolean => {
      this.listener.output(domid, bytes);
      return true;
    };
    if (!this.programs.tryServeConsole(domid, { gfn, port }, sink)) return;
    const tty = this.listener.tty(domid);
    if (tty !== undefined) this.client.write(`${path}/tty`, tty);
  }
}
