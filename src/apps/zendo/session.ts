import { type Dom0Kernel, HypercallError, type Mapping } from '../../hypervisor/dom0/kernel.ts';
import { XEN_DOMINF_shutdown, XEN_DOMINF_shutdownmask, XEN_DOMINF_shutdownshift } from '../../spec/xen/domctl.ts';
import { VCPUOP_set_singleshot_timer, vcpu_set_singleshot_timer } from '../../spec/xen/vcpu.ts';
import { __HYPERVISOR_vcpu_op, VIRQ_DOM_EXC, VIRQ_TIMER } from '../../spec/xen/xen.ts';
import type { BuiltDomain } from '../../toolstack/builder/build-pvh-domain.ts';
import { GuestView } from '../../toolstack/guest-view/guest-view.ts';
import { Dom0Programs, type HeldRing } from '../../toolstack/libxl/dom0-programs.ts';
import { type StartRequest, startPvhDomain } from '../../toolstack/libxl/start-domain.ts';
import type { Xc } from '../../toolstack/xc/xc.ts';
import { writeDomain0Nodes } from '../../xenstore/domain-nodes.ts';
import type { MachineThread } from './machine-thread.ts';

const base64 = (bytes: Uint8Array): string => bytes.toBase64();
const fromBase64 = (text: string): Uint8Array => Uint8Array.fromBase64(text);

/** What is known of the guest a session runs. */
export interface SessionGuest {
  readonly domid: number;
  readonly uuid: string;
  readonly store: HeldRing;
  readonly console: HeldRing;
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
  private readonly programs: Dom0Programs;
  private guestInfo: SessionGuest | undefined;
  private virqPort = 0;
  private timerPort = 0;
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
    this.programs = new Dom0Programs(machine.kernel);
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
    this.programs.work();
  }

  /** The toolstack's hypercalls. Inside a turn. */
  get xc(): Xc {
    return this.programs.xc;
  }

  private show(bytes: Uint8Array): boolean {
    this.output(bytes);
    return true;
  }

  private watchForTheEnd(): void {
    const { domid } = this.guest;
    const info = this.xc.info(domid);
    this.programs.store.checkDomains();
    if (info === undefined || (info.flags & XEN_DOMINF_shutdown) === 0) return;
    this.programs.drainConsole(domid);
    this.settleShutdown((info.flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
  }

  /** Build and start a guest. Inside a turn. */
  start(request: StartRequest): BuiltDomain {
    const { kernel } = this.machine;
    this.virqPort = kernel.bindVirq(VIRQ_DOM_EXC, () => this.watchForTheEnd());
    const client = this.programs.store.connect(0, 'toolstack');
    writeDomain0Nodes(client, { staticMax: 2048, target: 2048 });
    const { built, uuid, store, console } = startPvhDomain(this.programs, client, request, (bytes) => this.show(bytes));
    this.guestInfo = { domid: built.domid, uuid, store, console };
    this.xc.unpause(built.domid);
    return built;
  }

  /** Bytes typed by the operator. Inside a turn. */
  type(bytes: Uint8Array): void {
    this.programs.type(this.guest.domid, bytes);
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
      store: base64(this.programs.freezeStore()),
      console: base64(this.programs.freezeConsole(this.guest.domid)),
    };
  }

  /** Take over a guest from a frozen session, in a machine whose memories were loaded. Inside a turn. */
  thaw(frozen: FrozenSession): void {
    const { kernel } = this.machine;
    this.guestInfo = frozen.guest;
    this.virqPort = frozen.virqPort;
    kernel.thaw(frozen.kernel);
    kernel.attachHandler(this.virqPort, () => this.watchForTheEnd());
    const { domid, store, console } = this.guest;
    this.programs.thawStore(fromBase64(frozen.store));
    this.programs.resumeStore(domid, store);
    this.programs.resumeConsole(domid, console, fromBase64(frozen.console), (bytes) => this.show(bytes));
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

  /** The guest's memory. Inside a turn; to be closed there. */
  view(): GuestView {
    return new GuestView(this.machine.kernel, this.guest.domid);
  }

  /** Registers of the guest's vCPUs, as HVM save records. Inside a turn. */
  records(): Uint8Array {
    return this.xc.getHvmContext(this.guest.domid);
  }
}
