import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { PvConsole } from '../../backends/console/pv-console.ts';
import type { Dom0Kernel } from '../../hypervisor/dom0/kernel.ts';
import { XEN_DOMINF_dying, XEN_DOMINF_shutdown, XEN_DOMINF_shutdownmask, XEN_DOMINF_shutdownshift } from '../../spec/xen/domctl.ts';
import { VIRQ_DOM_EXC } from '../../spec/xen/xen.ts';
import { type BuiltDomain, buildPvhDomain } from '../../toolstack/builder/build-pvh-domain.ts';
import type { PvhRequest } from '../../toolstack/loader/pvh.ts';
import { Xc } from '../../toolstack/xc/xc.ts';
import { writeDomain0Nodes, writeDomainNodes } from '../../xenstore/domain-nodes.ts';
import { Store } from '../../xenstore/store.ts';
import type { MachineThread } from './machine-thread.ts';

/** Rounds of bounded work the store gets in one turn before the rest waits for the next one. */
const STORE_ROUNDS = 64;

/** What is known of the guest a session runs. */
export interface SessionGuest {
  readonly domid: number;
  readonly uuid: string;
  readonly store: { readonly gfn: number; readonly port: number; readonly local: number };
  readonly console: { readonly gfn: number; readonly port: number; readonly local: number };
}

/** A session as a snapshot keeps it. */
export interface FrozenSession {
  readonly guest: SessionGuest;
  readonly virqPort: number;
  readonly kernel: ReturnType<Dom0Kernel['freeze']>;
  /** Base64. */
  readonly store: string;
  readonly console: string;
}

/**
 * One guest on a machine of its own, with domain 0's programs around it: xenstored, the console backend, and the part
 * of the toolstack that watches for its end. Everything here happens inside domain 0's turns.
 */
export class Session {
  private readonly machine: MachineThread;
  private readonly xc: Xc;
  private store: Store;
  private consoleBackend: PvConsole | undefined;
  private guestInfo: SessionGuest | undefined;
  private virqPort = 0;
  private storeWants = false;
  private readonly output: (bytes: Uint8Array) => void;
  private settleShutdown: (reason: number) => void = () => {};
  /** Settles with the SHUTDOWN_* reason when the guest has shut down. */
  readonly shutdown: Promise<number>;

  constructor(machine: MachineThread, output: (bytes: Uint8Array) => void) {
    this.machine = machine;
    this.output = output;
    this.xc = new Xc(machine.kernel);
    this.store = this.makeStore();
    this.shutdown = new Promise((resolve) => {
      this.settleShutdown = resolve;
    });
  }

  get guest(): SessionGuest {
    if (this.guestInfo === undefined) throw new Error('the session has no guest yet');
    return this.guestInfo;
  }

  /** To be called at the end of every turn. */
  onTurn(): void {
    for (let round = 0; this.storeWants && round < STORE_ROUNDS; round++) this.storeWants = this.store.run();
    if (this.storeWants) void this.machine.door.enter(() => {});
  }

  private makeStore(frozen?: Uint8Array): Store {
    const options = {
      domains: {
        find: (domid: number) => {
          const info = this.xc.info(domid);
          return info === undefined ? undefined : { shutdown: (info.flags & XEN_DOMINF_shutdown) !== 0, dying: (info.flags & XEN_DOMINF_dying) !== 0 };
        },
      },
      wake: () => {
        this.storeWants = true;
      },
    };
    return frozen === undefined ? new Store(options) : Store.thaw(frozen, options);
  }

  /** Map a guest's ring page; `local` is domain 0's end of its event channel. */
  private channel(domid: number, gfn: number, local: number): GuestChannel {
    const { kernel, memories } = this.machine;
    const mapping = kernel.mapForeign(domid, [gfn]);
    const at = mapping.pages[0] as number;
    const { buffer } = memories.frames;
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

  private watchForTheEnd(): void {
    const { domid } = this.guest;
    const info = this.xc.info(domid);
    this.store.checkDomains();
    if (info === undefined || (info.flags & XEN_DOMINF_shutdown) === 0) return;
    this.drainConsole();
    this.settleShutdown((info.flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
  }

  private drainConsole(): void {
    while (this.consoleBackend?.onEvent() === true);
  }

  /** Build and start a guest. Inside a turn. */
  start(request: PvhRequest & { readonly handle: Uint8Array; readonly name: string; readonly startTime: number }): BuiltDomain {
    const { kernel } = this.machine;
    this.virqPort = kernel.bindVirq(VIRQ_DOM_EXC, () => this.watchForTheEnd());
    const built = buildPvhDomain(this.xc, request);
    const { domid } = built;
    const hex = Buffer.from(request.handle).toString('hex');
    const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    const storeLocal = kernel.bindInterdomain(domid, built.store.port, () => {
      if (this.store.onEvent(domid)) this.storeWants = true;
    });
    const consoleLocal = kernel.bindInterdomain(domid, built.console.port, () => this.drainConsole());
    this.guestInfo = { domid, uuid, store: { ...built.store, local: storeLocal }, console: { ...built.console, local: consoleLocal } };
    const client = this.store.connect(0, 'toolstack');
    const kib = request.memoryBytes / 1024;
    writeDomain0Nodes(client, { staticMax: 2048, target: 2048 });
    writeDomainNodes(client, {
      domid,
      name: request.name,
      uuid,
      type: 'pvh',
      vcpusOnline: Array.from({ length: request.vcpus }, () => true),
      memory: { staticMax: kib, target: kib },
      startTime: request.startTime,
      store: { ringRef: built.store.gfn, port: built.store.port },
      console: { ringRef: built.console.gfn, port: built.console.port },
    });
    this.store.introduce(domid, built.store.gfn, built.store.port, this.channel(domid, built.store.gfn, storeLocal));
    this.consoleBackend = new PvConsole(this.channel(domid, built.console.gfn, consoleLocal), this.output);
    this.xc.unpause(domid);
    return built;
  }

  /** Bytes typed by the operator. Inside a turn. */
  type(bytes: Uint8Array): void {
    this.consoleBackend?.input(bytes);
  }

  /** Registers of the guest's vCPUs, as HVM save records. Inside a turn. */
  records(): Uint8Array {
    return this.xc.getHvmContext(this.guest.domid);
  }
}

