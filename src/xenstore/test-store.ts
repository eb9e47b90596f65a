import type { DomainList } from './domains.ts';
import type { Quotas } from './quotas.ts';
import { Store, type StoreOptions } from './store.ts';
import { stringsOf } from './wire/latin1.ts';
import type { Message } from './wire/message.ts';
import { RingPlayer } from './wire/ring-player.ts';

/** Domains that exist because a test says so. */
export class PlayedDomains implements DomainList {
  private readonly states = new Map<number, { shutdown: boolean; dying: boolean }>();

  constructor(...domids: readonly number[]) {
    for (const domid of domids) this.states.set(domid, { shutdown: false, dying: false });
  }

  find(domid: number): { shutdown: boolean; dying: boolean } | undefined {
    return this.states.get(domid);
  }

  destroy(domid: number): void {
    this.states.delete(domid);
  }

  create(domid: number): void {
    this.states.set(domid, { shutdown: false, dying: false });
  }
}

/** An answer or event in a form that reads well in tests: numbers of the header, and the payload's strings. */
export interface Heard {
  readonly type: number;
  readonly requestId: number;
  readonly strings: readonly string[];
}

export function heard(message: Message): Heard {
  return { type: message.type, requestId: message.requestId, strings: stringsOf(message.payload) };
}

/** A store with introduced domains that a test plays. */
export class TestStore {
  readonly domains: PlayedDomains;
  readonly store: Store;
  readonly players = new Map<number, RingPlayer>();

  constructor(domids: readonly number[] = [], options: { quotas?: Partial<Quotas>; frozen?: Uint8Array } & Partial<StoreOptions> = {}) {
    this.domains = new PlayedDomains(...domids);
    const { frozen, ...rest } = options;
    this.store = new Store({ domains: this.domains, ...rest }, frozen);
    if (frozen !== undefined) return;
    for (const domid of domids) this.introduce(domid);
  }

  introduce(domid: number): RingPlayer {
    this.domains.create(domid);
    const player = new RingPlayer();
    this.players.set(domid, player);
    this.store.introduce(domid, 0xfeffc, 1, player.page);
    return player;
  }

  player(domid: number): RingPlayer {
    const player = this.players.get(domid);
    if (player === undefined) throw new Error(`nobody plays domain ${domid}`);
    return player;
  }

  event(domid: number): void {
    while (this.store.onEvent(domid));
  }

  /** One request of a domain by its ring, with all that comes back by then, events included. */
  ask(domid: number, type: number, payload: Uint8Array, transactionId = 0): Heard[] {
    const event = (): void => this.event(domid);
    const player = this.player(domid);
    player.send(type, payload, event, transactionId);
    return player.take(event).map(heard);
  }

  /** What a domain finds in its ring. */
  take(domid: number): Heard[] {
    return this.player(domid)
      .take(() => this.event(domid))
      .map(heard);
  }

  /** Run until there is nothing left to do. */
  settle(): void {
    while (this.store.run());
  }
}
