import { ConsoleBackend } from '../../backends/console/console-backend.ts';
import type { GuestChannel } from '../../base/ports/guest-channel.ts';
import { type Dom0Kernel, HypercallError, type Mapping } from '../../hypervisor/dom0/kernel.ts';
import { XEN_DOMINF_dying, XEN_DOMINF_shutdown, XEN_DOMINF_shutdownmask, XEN_DOMINF_shutdownshift } from '../../spec/xen/domctl.ts';
import { VCPUOP_set_singleshot_timer, vcpu_set_singleshot_timer } from '../../spec/xen/vcpu.ts';
import { __HYPERVISOR_vcpu_op, VIRQ_DOM_EXC, VIRQ_TIMER } from '../../spec/xen/xen.ts';
import { type BuiltDomain, buildPvhDomain } from '../../toolstack/builder/build-pvh-domain.ts';
import { DomainTarget } from '../../toolstack/gdb/domain-target.ts';
import { GuestView } from '../../toolstack/guest-view/guest-view.ts';
import type { PvhRequest } from '../../toolstack/loader/pvh.ts';
import { Xc } from '../../toolstack/xc/xc.ts';
import { writeDomain0Nodes, writeDomainNodes } from '../../xenstore/domain-nodes.ts';
import { Store } from '../../xenstore/store.ts';
import type { MachineThread } from './machine-thread.ts';

const base64 = (bytes: Uint8Array): string => bytes.toBase64();
const fromBase64 = (text: string): Uint8Array => Uint8Array.fromBase64(text);

/** What is known of the guest a session runs. */
export interface SessionGuest {
  readonly domid: number;
  readonly uuid: string;
  readonly store: SessionRing;
  readonly console: SessionRing;
}

/** A ring of the guest as domain 0 holds it. */
export interface SessionRing {
  /** The guest's frame number and port. */
  readonly gfn: number;
  readonly port: number;
  /** Domain 0's end of the event channel, and where it mapped the page. */
  readonly local: number;
  readonly mapped: number;
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
  private consoleBackend: ConsoleBackend | undefined;
  private consoleWants = false;
  private guestInfo: SessionGuest | undefined;
  private virqPort = 0;
  private timerPort = 0;
  private storeWants = false;
  private readonly output: (bytes: Uint8Array) => void;
  private settleShutdown: (reason: number) => void = () => {};
  private settleLeft: () => void = () => {};
  /** Settles with the SHUTDOWN_* reason when the guest has shut down. */
  readonly shutdown: Promise<number>;
  /** Settles when `leave` was called. */
  readonly left: Promise<void>;

  constructor(machine: MachineThread, output: (bytes: Uint8Array) => void) {
    this.machine = machine;
    this.output = output;
    this.xc = new Xc(machine.kernel);
    this.store = this.makeStore();
    this.left = new Promise((resolve) => {
      this.settleLeft = resolve;
    });
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
    // The guests stand still during the turn, so what is in their rings is all there is: the work ends.
    while (this.storeWants) this.storeWants = this.store.run();
    while (this.consoleWants) this.drainConsole();
  }

  private show(bytes: Uint8Array): boolean {
    this.output(bytes);
    return true;
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

  /** A mapped ring page with its event channel. */
  private channel({ mapped, local }: SessionRing): GuestChannel {
    const { kernel, memories } = this.machine;
    const mapping = kernel.mappingAt(mapped, 1);
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

  private onStoreEvent(): void {
    if (this.store.onEvent(this.guest.domid)) this.storeWants = true;
  }

  private drainConsole(): void {
    this.consoleWants = this.consoleBackend?.onEvent() ?? false;
  }

  /** Build and start a guest. Inside a turn. */
  start(request: PvhRequest & { readonly handle: Uint8Array; readonly name: string; readonly startTime: number }): BuiltDomain {
    const { kernel } = this.machine;
    this.virqPort = kernel.bindVirq(VIRQ_DOM_EXC, () => this.watchForTheEnd());
    const built = buildPvhDomain(this.xc, request);
    const { domid } = built;
    const hex = request.handle.toHex();
    const uuid = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    const ring = (of: { gfn: number; port: number }, handler: () => void): SessionRing => ({
      ...of,
      local: kernel.bindInterdomain(domid, of.port, handler),
      mapped: kernel.mapForeign(domid, [of.gfn]).gfn,
    });
    const storeRing = ring(built.store, () => this.onStoreEvent());
    const consoleRing = ring(built.console, () => this.drainConsole());
    this.guestInfo = { domid, uuid, store: storeRing, console: consoleRing };
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
    this.store.introduce(domid, built.store.gfn, built.store.port, this.channel(storeRing));
    this.consoleBackend = new ConsoleBackend(this.channel(consoleRing), (bytes) => this.show(bytes));
    this.xc.unpause(domid);
    return built;
  }

  /** Bytes typed by the operator. Inside a turn. */
  type(bytes: Uint8Array): void {
    this.consoleBackend?.input(bytes);
  }

  /** Call `action` inside the turn at machine time `ns`. Inside a turn. */
  at(ns: bigint, action: () => void): void {
    const { kernel } = this.machine;
    this.timerPort = kernel.bindVirq(VIRQ_TIMER, action);
    kernel.withMemory(vcpu_set_singleshot_timer.size, (gpa) => {
      const bytes = new Uint8Array(vcpu_set_singleshot_timer.size);
      vcpu_set_singleshot_timer.write(new DataView(bytes.buffer), 0, { timeout_abs_ns: ns, flags: 0 });
      kernel.copyIn(gpa, bytes);
      const result = kernel.door.hypercall(__HYPERVISOR_vcpu_op, VCPUOP_set_singleshot_timer, 0, gpa);
      if (result < 0) throw new HypercallError('VCPUOP_set_singleshot_timer', -result);
    });
  }

  /** End the run from inside a turn: the guest is paused where it is, `last` runs, and `left` settles. */
  leave(last: () => void): void {
    last();
    this.xc.pause(this.guest.domid);
    this.settleLeft();
  }

  /** Everything about the session that is not in the machine's memories. Inside a turn. */
  freeze(): FrozenSession {
    if (this.timerPort !== 0) this.machine.kernel.close(this.timerPort);
    this.timerPort = 0;
    return {
      guest: this.guest,
      virqPort: this.virqPort,
      kernel: this.machine.kernel.freeze(),
      store: base64(this.store.freeze()),
      console: this.consoleBackend === undefined ? '' : base64(this.consoleBackend.freeze()),
    };
  }

  /** Take over a guest from a frozen session, in a machine whose memories were loaded. Inside a turn. */
  thaw(frozen: FrozenSession): void {
    const { kernel } = this.machine;
    this.guestInfo = frozen.guest;
    this.virqPort = frozen.virqPort;
    kernel.thaw(frozen.kernel);
    kernel.attachHandler(this.virqPort, () => this.watchForTheEnd());
    kernel.attachHandler(this.guest.store.local, () => this.onStoreEvent());
    kernel.attachHandler(this.guest.console.local, () => this.drainConsole());
    this.store = this.makeStore(fromBase64(frozen.store));
    this.store.attach(this.guest.domid, this.channel(this.guest.store));
    this.consoleBackend = ConsoleBackend.thaw(fromBase64(frozen.console), this.channel(this.guest.console), (bytes) => this.show(bytes));
    this.watchForTheEnd();
  }

  /** The guest's RAM, page by page in order of frame numbers (for hashes). Inside a turn. */
  *memoryPages(memoryBytes: number): Generator<Uint8Array> {
    const { kernel, memories } = this.machine;
    const total = memoryBytes / 4096;
    const AT_ONCE = 512;
    for (let gfn = 0; gfn < total; gfn += AT_ONCE) {
      // Pages that the guest gave back or replaced by Xen's own are looked for one by one.
      const gfns = Array.from({ length: Math.min(AT_ONCE, total - gfn) }, (_, i) => gfn + i);
      const mappings = this.mapPresent(gfns);
      for (const mapping of mappings) {
        for (const at of mapping.pages) yield memories.frameBytes.slice(at, at + 4096);
        kernel.unmap(mapping);
      }
    }
  }

  private mapPresent(gfns: readonly number[]): Mapping[] {
    const { kernel } = this.machine;
    try {
      return [kernel.mapForeign(this.guest.domid, gfns)];
    } catch (error) {
      if (!(error instanceof HypercallError)) throw error;
      if (gfns.length === 1) return [];
      const half = gfns.length >> 1;
      return [...this.mapPresent(gfns.slice(0, half)), ...this.mapPresent(gfns.slice(half))];
    }
  }

  /** The guest for a debugger; `onEvent` runs when it stopped. Inside a turn. */
  debugTarget(onEvent: () => void): DomainTarget {
    return new DomainTarget(this.xc, this.guest.domid, onEvent);
  }

  /** The guest's memory. Inside a turn; to be closed there. */
  view(): GuestView {
    return new GuestView(this.machine.kernel, this.guest.domid);
  }

  /** Registers of the guest's vCPUs, as HVM save records. Inside a turn. */
  records(): Uint8Array {
    return this.xc.getHvmContext(this.guest.domid);
  }
}
