import { ConsoleBackend, type ConsoleSink } from '../../backends/console/console-backend.ts';
import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { type Dom0Kernel, HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { XEN_DOMINF_dying, XEN_DOMINF_shutdown } from '../../spec/xen/domctl.ts';
import { Store } from '../../xenstore/store.ts';
import { Xc } from '../xc/xc.ts';

/** A ring of a guest, by the guest's own numbers. */
export interface GuestRing {
  /** Guest frame number. */
  readonly gfn: number;
  readonly port: number;
}

/** A ring of a guest as domain 0 holds it. */
export interface HeldRing extends GuestRing {
  /** Domain 0's end of the event channel. */
  readonly local: number;
  /** First gfn of the page in domain 0's window. */
  readonly mapped: number;
}

/** Consoles that a domain may have. */
const CONSOLES = 256;
/** The console's place among all of them. */
const keyOf = (domid: number, number: number): number => domid * CONSOLES + number;

interface Served {
  readonly backend: ConsoleBackend;
  wants: boolean;
}

/**
 * Domain 0's programs that serve guests: xenstored, and a console backend for each domain. Everything happens inside
 * domain 0's turns; `work` is called at the end of each.
 */
export class Dom0Programs {
  readonly kernel: Dom0Kernel;
  readonly xc: Xc;
  private current: Store;
  private storeWants = false;
  private readonly consoles = new Map<number, Served>();
  private readonly wake: () => void;

  /** `wake`: there is work, made outside of a turn: have a turn soon. */
  constructor(kernel: Dom0Kernel, wake: () => void = () => {}) {
    this.kernel = kernel;
    this.wake = wake;
    this.xc = new Xc(kernel);
    this.current = this.makeStore();
  }

  get store(): Store {
    return this.current;
  }

  private makeStore(frozen?: Uint8Array): Store {
    const options = {
      domains: {
        find: (domid: number) => {
          const info = this.xc.info(domid);
          return info === undefined ? undefined : { shutdown: (info.flags & XEN_DOMINF_shutdown) !== 0, dying: (info.flags & XEN_DOMINF_dying) !== 0 };
        },
      },
      openChannel: (domid: number, gfn: number, port: number) => {
        const held = this.tryHold(domid, { gfn, port }, () => this.onStoreEvent(domid));
        return held && this.channel(held);
      },
      wake: () => {
        this.storeWants = true;
        this.wake();
      },
    };
    return frozen === undefined ? new Store(options) : Store.thaw(frozen, options);
  }

  /** In a turn that guests do not share: they stand still, so what is in their rings is all there is, and the work ends. */
  work(): void {
    while (this.storeWants) this.storeWants = this.current.run();
    for (const served of this.consoles.values()) while (served.wants) served.wants = served.backend.onEvent();
  }

  // ---- rings ----------------------------------------------------------------------------------------------------

  private hold(domid: number, { gfn, port }: GuestRing, handler: () => void, beside = false): HeldRing {
    return { gfn, port, local: this.kernel.bindInterdomain(domid, port, handler, beside), mapped: this.kernel.mapForeign(domid, [gfn]).gfn };
  }

  /** As `hold`; undefined when the domain has no such page or port. */
  private tryHold(domid: number, { gfn, port }: GuestRing, handler: () => void, beside = false): HeldRing | undefined {
    const { kernel } = this;
    let local: number | undefined;
    try {
      local = kernel.bindInterdomain(domid, port, handler, beside);
      return { gfn, port, local, mapped: kernel.mapForeign(domid, [gfn]).gfn };
    } catch (error) {
      if (local !== undefined) kernel.close(local);
      if (error instanceof HypercallError) return undefined;
      throw error;
    }
  }

  private channel({ mapped, local }: HeldRing): GuestChannel {
    const { kernel } = this;
    const mapping = kernel.mappingAt(mapped, 1);
    const at = mapping.pages[0] as number;
    const { buffer } = kernel.memories.frames;
    return {
      bytes: new Uint8Array(buffer, at, 4096),
      view: new DataView(buffer, at, 4096),
      words: new Int32Array(buffer, at, 1024),
      notify: () => kernel.send(local),
      close: () => {
        kernel.close(local);
        kernel.unmap(mapping);
      },
    };
  }

  private onStoreEvent(domid: number): void {
    if (this.current.onEvent(domid)) this.storeWants = true;
  }

  /** Begin to serve a domain's store ring. */
  serveStore(domid: number, ring: GuestRing): HeldRing {
    const held = this.hold(domid, ring, () => this.onStoreEvent(domid));
    this.current.introduce(domid, ring.gfn, ring.port, this.channel(held));
    return held;
  }

  /** Begin to serve a domain's console ring; what the guest writes goes to `sink`. */
  serveConsole(domid: number, ring: GuestRing, sink: ConsoleSink): HeldRing {
    const held = this.hold(domid, ring, () => this.drainConsole(domid), true);
    this.consoles.set(keyOf(domid, 0), { backend: new ConsoleBackend(this.channel(held), sink), wants: false });
    return held;
  }

  /** As `serveConsole`, for a ring that another toolstack names; false when the domain has no such page or port. */
  tryServeConsole(domid: number, ring: GuestRing, sink: ConsoleSink): boolean {
    const held = this.tryHold(domid, ring, () => this.drainConsole(domid), true);
    if (held === undefined) return false;
    this.consoles.set(keyOf(domid, 0), { backend: new ConsoleBackend(this.channel(held), sink), wants: false });
    return true;
  }

  servesConsole(domid: number): boolean {
    return this.consoles.has(keyOf(domid, 0));
  }

  /** Begin to serve a further console, whose page the domain granted. Throws HypercallError and GrantError. */
  serveGrantedConsole(domid: number, number: number, { ref, port }: { readonly ref: number; readonly port: number }, sink: ConsoleSink): void {
    const { kernel } = this;
    const mapping = kernel.mapGrant(domid, ref);
    let local: number;
    try {
      local = kernel.bindInterdomain(domid, port, () => this.drainConsole(domid, number), true);
    } catch (error) {
      kernel.unmapGrant(mapping);
      throw error;
    }
    const held = this.channel({ gfn: 0, port, local, mapped: mapping.gfn });
    const close = (): void => {
      kernel.close(local);
      kernel.unmapGrant(mapping);
    };
    this.consoles.set(keyOf(domid, number), { backend: new ConsoleBackend({ ...held, close }, sink), wants: false });
  }

  /** Pass on what the guest has written. */
  drainConsole(domid: number, number = 0): void {
    const served = this.consoles.get(keyOf(domid, number));
    if (served !== undefined) served.wants = served.backend.onEvent();
  }

  /** Bytes typed at a domain's console; how many were taken. */
  type(domid: number, bytes: Uint8Array, number = 0): number {
    return this.consoles.get(keyOf(domid, number))?.backend.input(bytes) ?? 0;
  }

  /** Let go of a domain's console; its store ring goes with the domain (Store.checkDomains). */
  endConsole(domid: number, number = 0): void {
    const key = keyOf(domid, number);
    this.consoles.get(key)?.backend.close();
    this.consoles.delete(key);
  }

  // ---- snapshots ------------------------------------------------------------------------------------------------

  freezeStore(): Uint8Array {
    return this.current.freeze();
  }

  /** As `freezeStore`, for a machine in which other programs of domain 0 take over. */
  freezeStoreForGuests(): Uint8Array {
    return this.current.freezeForGuests();
  }

  freezeConsole(domid: number): Uint8Array {
    return this.consoles.get(keyOf(domid, 0))?.backend.freeze() ?? new Uint8Array(0);
  }

  thawStore(frozen: Uint8Array): void {
    this.current = this.makeStore(frozen);
  }

  /** After a thaw of kernel and store: a domain's store ring that is held already. */
  resumeStore(domid: number, held: HeldRing): void {
    this.kernel.attachHandler(held.local, () => this.onStoreEvent(domid));
    this.current.attach(domid, this.channel(held));
  }

  /** As `resumeStore`, for its console. */
  resumeConsole(domid: number, held: HeldRing, frozen: Uint8Array, sink: ConsoleSink): void {
    this.kernel.attachHandler(held.local, () => this.drainConsole(domid), true);
    this.consoles.set(keyOf(domid, 0), { backend: ConsoleBackend.thaw(frozen, this.channel(held), sink), wants: false });
  }
}
