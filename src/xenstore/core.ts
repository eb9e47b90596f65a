import type { Logger } from '../base/log.ts';
import type { GuestChannel } from '../base/ports/guest-channel.ts';
import type { Connection } from './connection.ts';
import { type DomainList, DomainRecords } from './domains.ts';
import { DEFAULT_QUOTAS, type Quotas } from './quotas.ts';
import { PERMISSIONS_OF_DOMAIN_0, type Permissions } from './tree/permissions.ts';
import { Tree } from './tree/tree.ts';

/** How INTRODUCE gets at a domain's page: map guest frame `gfn`, bind to its port `port`; undefined when that fails. */
export type OpenChannel = (domid: number, gfn: number, port: number) => GuestChannel | undefined;

/** Special watch paths, whose permissions say who hears of domains coming and going. */
export const INTRODUCE_DOMAIN = '@introduceDomain';
export const RELEASE_DOMAIN = '@releaseDomain';

/** What all requests work on. */
export class Core {
  domains: DomainRecords;
  tree: Tree;
  readonly quotas: Quotas = { ...DEFAULT_QUOTAS };
  /** Bytes at which a domain's memory is worth a warning. */
  softMemory = 2 * 1024 * 1024;
  /** In the order in which they came, which is the order in which they hear of a change. */
  connections: Connection[] = [];
  special: Map<string, Permissions> = new Map<string, Permissions>([
    [INTRODUCE_DOMAIN, PERMISSIONS_OF_DOMAIN_0],
    [RELEASE_DOMAIN, PERMISSIONS_OF_DOMAIN_0],
  ]);
  /** A request asked for `Store.reload`, which comes when the request is done. */
  reloadWanted = false;
  readonly openChannel: OpenChannel | undefined;
  readonly log: Logger;
  /** Log every request (control command log). */
  tracing = false;

  constructor(domains: DomainList, openChannel: OpenChannel | undefined, log: Logger) {
    this.domains = new DomainRecords(domains);
    this.tree = new Tree(this.domains);
    this.openChannel = openChannel;
    this.log = log;
  }

  /** Take over what another core knows, except its connections. */
  adopt(other: Core): void {
    this.domains = other.domains;
    this.tree = other.tree;
    this.special = other.special;
    Object.assign(this.quotas, other.quotas);
    this.softMemory = other.softMemory;
    this.tracing = other.tracing;
  }

  /** The ring of a domain that is introduced. */
  ring(domid: number): Connection | undefined {
    return this.connections.find((connection) => connection.kind === 'ring' && connection.domid === domid);
  }

  /** Bytes kept for a domain, of its nodes and of one of its connections. */
  memoryOf(connection: Connection): number {
    return (this.domains.get(connection.domid)?.memory ?? 0) + connection.memory;
  }
}
