import { present } from '../base/assert.ts';
import { type Logger, silent } from '../base/log.ts';
import type { GuestChannel } from '../base/ports/guest-channel.ts';
import { StoreClient } from './client.ts';
import { Connection } from './connection.ts';
import { Core, type OpenChannel, RELEASE_DOMAIN } from './core.ts';
import type { DomainList } from './domains.ts';
import { introduceDomain, releaseDomain } from './introduce.ts';
import { flushAll, pump } from './pump.ts';
import { CALLBACKS_PER_TURN, type Quotas } from './quotas.ts';
import { freezeCore } from './state/freeze.ts';
import { thawCore } from './state/thaw.ts';
import { fireSpecial } from './watches/fire.ts';
import { RingTransport } from './wire/ring-transport.ts';
import { type StreamPeer, StreamTransport } from './wire/stream-transport.ts';

export interface StoreOptions {
  /** Which domains there are. */
  readonly domains: DomainList;
  /** For INTRODUCE requests; without it only `introduce()` introduces. */
  readonly openChannel?: OpenChannel;
  readonly log?: Logger;
  /** There is work for `run()`, made outside of `run()` and `onEvent()`: callbacks to call, requests left over. */
  readonly wake?: () => void;
  readonly quotas?: Partial<Quotas>;
}

/** The store's end of a byte stream. */
export interface StreamEnd {
  /** Bytes from the peer, any pieces. False: give no more before the peer's `ready`. */
  receive(bytes: Uint8Array): boolean;
  /** The peer takes bytes again after `send` said false. */
  drained(): void;
  /** The peer has gone. */
  close(): void;
}

/** xenstored: the tree, its watches and transactions, and everybody who is connected to it. */
export class Store {
  private readonly core: Core;
  private readonly wake: () => void;
  private clients: StoreClient[] = [];

  /** A fresh store, or with `frozen` the one that was frozen (see `thaw`). */
  constructor(options: StoreOptions, frozen?: Uint8Array) {
    this.core = new Core(options.domains, options.openChannel, options.log ?? silent);
    this.wake = options.wake ?? (() => {});
    Object.assign(this.core.quotas, options.quotas);
    if (frozen === undefined) this.core.tree.plant();
    else thawCore(this.core, frozen);
  }

  /**
   * A store as `freeze` left it. Rings wait for `attach`; clients find their watches again by `connect` under the same
   * name; streams are gone. Throws OperatorError when the bytes are not a store's.
   */
  static thaw(bytes: Uint8Array, options: StoreOptions): Store {
    return new Store(options, bytes);
  }

  /** Everything the store knows, except streams; the same bytes for the same state. */
  freeze(): Uint8Array {
    return freezeCore(this.core);
  }

  /** As `freeze`, without the clients of domain 0: nobody will come to find their watches. */
  freezeForGuests(): Uint8Array {
    return freezeCore(this.core, ({ kind }) => kind === 'ring');
  }

  /**
   * Write everything down and go on from what was written, as a new xenstored does that takes over from an old one
   * (xenstore-control live-update). Everybody who is connected stays so, sockets too, and notices nothing.
   */
  reload(): void {
    const { core } = this;
    core.reloadWanted = false;
    const { connections } = core;
    const loaded = new Core(core.domains.list, core.openChannel, core.log);
    thawCore(
      loaded,
      freezeCore(core, () => true),
    );
    for (const [i, connection] of connections.entries()) connection.become(present(loaded.connections[i], 'connection'));
    core.adopt(loaded);
  }

  /**
   * A connection for a program in this process, with the rights of `domid`.
   * `name`: under which it is found again after a thaw (then with the watches and events it had).
   */
  connect(domid = 0, name = ''): StoreClient {
    const waiting = (each: Connection): boolean => each.kind === 'client' && each.domid === domid && each.name === name;
    const taken = (each: Connection): boolean => this.clients.some((client) => client.uses(each));
    let connection = name === '' ? undefined : this.core.connections.find((each) => waiting(each) && !taken(each));
    if (connection === undefined) {
      this.core.domains.find(domid) ?? this.core.domains.make(domid);
      connection = new Connection('client', domid, undefined, name);
      this.core.connections.push(connection);
    }
    const client = new StoreClient(this.core, connection, () => this.settle());
    this.clients.push(client);
    return client;
  }

  /** Serve a byte stream with the rights of `domid` (a tools' socket: domain 0). */
  open(peer: StreamPeer, domid = 0): StreamEnd {
    const transport = new StreamTransport(peer);
    const connection = new Connection('stream', domid, transport);
    this.core.connections.push(connection);
    const turn = (): boolean => {
      const more = pump(this.core, connection);
      this.settle(more);
      return transport.keepsUp();
    };
    return {
      receive: (bytes) => {
        transport.push(bytes);
        return turn();
      },
      drained: () => {
        transport.drained();
        turn();
      },
      close: () => {
        connection.reset();
        connection.transport = undefined;
        this.core.connections = this.core.connections.filter((each) => each !== connection);
      },
    };
  }

  /** Begin to serve a domain, as the request INTRODUCE does; `gfn` and `port` are the guest's own numbers. */
  introduce(domid: number, gfn: number, port: number, channel: GuestChannel): void {
    introduceDomain(this.core, domid, gfn, port, channel);
    this.settle();
  }

  /** Domains that are introduced. `attached` is false after a thaw until `attach`. */
  introduced(): { domid: number; gfn: number; port: number; attached: boolean }[] {
    return this.core.domains
      .all()
      .filter((record) => record.introduced)
      .map(({ domid, gfn, port }) => ({ domid, gfn, port, attached: this.core.ring(domid)?.transport !== undefined }));
  }

  /** After a thaw: the page and event channel of an introduced domain. The conversation goes on where it was. */
  attach(domid: number, channel: GuestChannel): void {
    const ring = this.core.ring(domid);
    if (ring !== undefined) ring.transport = new RingTransport(channel);
  }

  /** Stop serving a domain and forget its nodes, as the request RELEASE does. */
  release(domid: number): void {
    releaseDomain(this.core, domid);
    this.settle();
  }

  /** A domain has shut down, crashed or gone (VIRQ_DOM_EXC): look at all of them and tell those who wait for it. */
  checkDomains(): void {
    const { core } = this;
    for (const record of core.domains.all()) {
      if (record.domid === 0) continue;
      const state = core.domains.state(record.domid);
      if (state === undefined || (state.dying && record.introduced)) releaseDomain(core, record.domid);
      else if (state.shutdown && record.introduced && !record.shutdown) {
        record.shutdown = true;
        fireSpecial(core, RELEASE_DOMAIN, record.domid);
      }
    }
    this.settle();
  }

  /**
   * A domain's event channel fired: handle a bounded number of its requests and call the callbacks of watches.
   * True when work is left: call `onEvent` or `run` again soon, after others had their turn.
   */
  onEvent(domid: number): boolean {
    const ring = this.core.ring(domid);
    const more = ring !== undefined && pump(this.core, ring);
    return this.deliver() || more;
  }

  /** Give everybody one turn, then call the callbacks of watches. True when work is left: call it again soon. */
  run(): boolean {
    let more = false;
    for (const connection of [...this.core.connections]) if (pump(this.core, connection)) more = true;
    return this.deliver() || more;
  }

  /** What is inconsistent, in words; nothing is, unless we have a bug. */
  check(): string[] {
    return this.core.tree.check();
  }

  /** Call the callbacks of watches and send what waits; whether callbacks are left. */
  private deliver(): boolean {
    let left = CALLBACKS_PER_TURN;
    for (const client of [...this.clients]) left -= client.deliver(left);
    this.afterRequests();
    return this.callbacksWait();
  }

  private callbacksWait(): boolean {
    this.clients = this.clients.filter((client) => client.connected);
    return this.clients.some((client) => client.hasEvents);
  }

  private afterRequests(): void {
    if (this.core.reloadWanted) this.reload();
    flushAll(this.core);
  }

  /** After work outside of a turn: send what it made, and ask for a turn if callbacks wait. */
  private settle(more = false): void {
    this.afterRequests();
    if (more || this.callbacksWait()) this.wake();
  }
}
