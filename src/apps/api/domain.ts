import { HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { XEN_DOMINF_paused, XEN_DOMINF_shutdown, XEN_DOMINF_shutdownmask, XEN_DOMINF_shutdownshift } from '../../spec/xen/domctl.ts';
import { hvm_hw_cpu } from '../../spec/xen/hvm/save.ts';
import { SHUTDOWN_crash } from '../../spec/xen/sched.ts';
import { backtrace } from '../../toolstack/guest-view/backtrace.ts';
import { GuestView } from '../../toolstack/guest-view/guest-view.ts';
import type { SymbolTable } from '../../toolstack/loader/elf/symbol-table.ts';
import { type CpuRecord, is64bit, pagingOf, readCpuRecords } from '../../toolstack/xc/cpu-records.ts';
import { domainPath } from '../../xenstore/tree/path.ts';
import { formatRegisters } from '../zendo/crash-report.ts';
import { DomainConsole } from './domain-console.ts';
import { type CrashedVcpu, type DomainEnd, describeEnd, reasonOf } from './domain-end.ts';
import { DomainMemory } from './domain-memory.ts';
import { DomainGoneError, TimeoutError, ZendoError } from './errors.ts';
import { Listeners } from './listeners.ts';
import type { MachineAccess } from './machine-access.ts';
import { type Registers, registersOf, type WritableRegisters, withRegisters } from './registers.ts';
import { type WaitOptions, wait } from './wait.ts';

/** What is known of a domain at an instant. */
export interface DomainState {
  readonly paused: boolean;
  /** It has shut down; its memory and registers are still there. */
  readonly shutdown: boolean;
  /** MiB that it holds now, with special pages. */
  readonly memory: number;
  /** Nanoseconds that its vCPUs have run. */
  readonly cpuTime: number;
}

/** How often it is looked whether a full console ring takes more, in ms of the host. */
const TYPE_AGAIN_MS = 5;

/**
 * A domain of a machine. Calls take effect in the next turn of domain 0 (at once for people). When the guest ends, the
 * domain stays to be looked at until `destroy`; nothing restarts it. `await using` destroys it.
 * All calls throw DomainGoneError after that, and MachineClosedError when its machine is closed.
 */
export class Domain implements AsyncDisposable {
  readonly domid: number;
  readonly name: string;
  readonly uuid: string;
  readonly console: DomainConsole;
  readonly memory: DomainMemory;
  private readonly access: MachineAccess;
  private readonly symbols: () => SymbolTable | undefined;
  private readonly ends = new Listeners<[end: DomainEnd]>();
  private end: DomainEnd | undefined;
  private gone = false;
  private typing: Promise<void> = Promise.resolve();

  /** @internal */
  constructor(access: MachineAccess, symbols: () => SymbolTable | undefined, { domid, name, uuid }: { domid: number; name: string; uuid: string }) {
    this.access = access;
    this.symbols = symbols;
    this.domid = domid;
    this.name = name;
    this.uuid = uuid;
    this.console = new DomainConsole(name, access.host, (bytes) => this.type(bytes));
    this.memory = new DomainMemory((vcpu, look) =>
      this.enter(() => {
        const view = new GuestView(access.machine.kernel, domid);
        try {
          return look(view, vcpu === undefined ? NO_PAGING : pagingOf(this.record(vcpu).values));
        } finally {
          view.close();
        }
      }),
    );
  }

  /** Its directory in xenstore: /local/domain/<domid>. */
  get path(): string {
    return domainPath(this.domid);
  }

  /** How it ended; undefined while it runs. */
  get ended(): DomainEnd | undefined {
    return this.end;
  }

  async state(): Promise<DomainState> {
    return await this.enter(() => {
      const info = this.access.libxl.programs.xc.info(this.domid);
      if (info === undefined) throw this.goneError();
      return {
        paused: (info.flags & XEN_DOMINF_paused) !== 0,
        shutdown: (info.flags & XEN_DOMINF_shutdown) !== 0,
        memory: info.tot_pages / 256,
        cpuTime: info.cpu_time,
      };
    });
  }

  /** Stop its vCPUs after the instruction they are at. Pauses count: as many `unpause` let it run. */
  pause(): Promise<void> {
    return this.enter(() => this.access.libxl.pause(this.domid));
  }

  unpause(): Promise<void> {
    return this.enter(() => this.access.libxl.unpause(this.domid));
  }

  /** Ask the guest to shut down, by the control node in xenstore, and wait until it did. Throws TimeoutError. */
  async shutdown(options: WaitOptions = {}): Promise<DomainEnd> {
    await this.enter(() => this.access.libxl.control(this.domid, 'poweroff'));
    return await this.waitForEnd(options);
  }

  /** As `shutdown`, asking for a reboot: the domain ends with the reason `reboot`. */
  async reboot(options: WaitOptions = {}): Promise<DomainEnd> {
    await this.enter(() => this.access.libxl.control(this.domid, 'reboot'));
    return await this.waitForEnd(options);
  }

  /** Wait until the guest shuts down, crashes, or is destroyed. Throws TimeoutError. */
  waitForEnd(options: WaitOptions = {}): Promise<DomainEnd> {
    const tooLate = (milliseconds: number): Error =>
      new TimeoutError(`${this.name}: the guest did not end within ${milliseconds} ms`, { hint: 'Give a longer timeout if the guest is only slow.' });
    return wait(this.access.host, options, tooLate, (resolve) => {
      if (this.end === undefined) return this.ends.add(resolve);
      resolve(this.end);
      return () => {};
    });
  }

  /** Hear how it ends. Called at once (in a microtask) if it has ended. The answer takes it back. */
  onEnd(listener: (end: DomainEnd) => void): () => void {
    const { end } = this;
    if (end === undefined) return this.ends.add(listener);
    queueMicrotask(() => listener(end));
    return () => {};
  }

  /** Take everything from it, at once. Nothing happens when it is gone already. */
  async destroy(): Promise<void> {
    if (this.gone) return;
    await this.enter(() => this.access.libxl.destroy(this.domid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.destroy();
    } catch (error) {
      // its machine went first
      if (!(error instanceof ZendoError)) throw error;
    }
  }

  /** Ask the guest's balloon driver to make its memory `mib` MiB; it takes the guest a while. See `state`. */
  setMemory(mib: number): Promise<void> {
    return this.enter(() => this.access.libxl.setMemoryTarget(this.domid, mib * 1024));
  }

  /** A vCPU's registers at this instant. */
  registers(vcpu = 0): Promise<Registers> {
    return this.enter(() => registersOf(this.record(vcpu).values));
  }

  /** Change registers of a vCPU. Throws a RangeError for names and values that are none. */
  setRegisters(changes: Partial<WritableRegisters>, vcpu = 0): Promise<void> {
    return this.enter(() => {
      const { xc } = this.access.libxl.programs;
      // The hypervisor loads registers of paused domains only.
      xc.pause(this.domid);
      try {
        const records = xc.getHvmContext(this.domid);
        const record = this.record(vcpu, records);
        hvm_hw_cpu.write(new DataView(records.buffer, records.byteOffset, records.length), record.offset, withRegisters(record.values, changes));
        xc.setHvmContext(this.domid, records);
      } finally {
        xc.unpause(this.domid);
      }
    });
  }

  /** Where a vCPU is and where it came from, as lines; with names where the kernel has symbols. */
  backtrace(vcpu = 0): Promise<readonly string[]> {
    return this.enter(() => {
      const view = new GuestView(this.access.machine.kernel, this.domid);
      try {
        return this.traceOf(this.record(vcpu), view);
      } finally {
        view.close();
      }
    });
  }

  // ---- for the machine --------------------------------------------------------------------------------------------

  /** @internal It has shut down. Inside the turn in which that was noticed: what it looked like is noted now. */
  noteShutdown(code: number): void {
    const reason = reasonOf(code);
    const crashed = code === SHUTDOWN_crash ? this.lookAtCrash() : undefined;
    void this.access.host.messagesDelivered().then(() => {
      if (crashed === undefined) return this.settle({ reason, code });
      const why = this.access.machine.crashes.get(this.domid) ?? 'it stopped itself';
      this.settle({ reason, code, crash: { reason: why, vcpus: crashed.vcpus, report: [`reason: ${why}`, ...crashed.lines].join('\n') } });
    });
  }

  /** @internal It has shut down before the snapshot that it comes from. Inside a turn. */
  noteEndedBefore(): void {
    const { flags } = this.access.libxl.programs.xc.info(this.domid) ?? { flags: 0 };
    this.noteShutdown((flags >>> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask);
  }

  /** @internal It is gone. */
  noteGone(): void {
    this.gone = true;
    void this.access.host.messagesDelivered().then(() => this.settle({ reason: 'destroyed' }));
  }

  private settle(end: DomainEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.console.end(end);
    this.ends.tell(end);
  }

  private lookAtCrash(): { vcpus: CrashedVcpu[]; lines: string[] } {
    const view = new GuestView(this.access.machine.kernel, this.domid);
    try {
      const lines: string[] = [];
      const vcpus = readCpuRecords(this.access.libxl.programs.xc.getHvmContext(this.domid)).map((record) => {
        const trace = this.traceOf(record, view);
        lines.push(...formatRegisters(record, (address) => this.describe(address)), 'backtrace:', ...trace.map((line) => `  ${line}`));
        return { vcpu: record.vcpu, registers: registersOf(record.values), backtrace: trace };
      });
      return { vcpus, lines };
    } finally {
      view.close();
    }
  }

  private describe(address: bigint): string | undefined {
    const symbols = this.symbols();
    return symbols?.lookup(address) === undefined ? undefined : symbols.describe(address);
  }

  private traceOf({ values }: CpuRecord, view: GuestView): string[] {
    const paging = pagingOf(values);
    const { rip, rsp, rbp } = values;
    return backtrace({ rip, rsp, rbp, word: is64bit(values) ? 8 : 4 }, (va, length) => view.read(paging, va, length), this.symbols());
  }

  private record(vcpu: number, records: Uint8Array = this.access.libxl.programs.xc.getHvmContext(this.domid)): CpuRecord {
    const found = readCpuRecords(records).find((each) => each.vcpu === vcpu);
    if (found === undefined) throw new RangeError(`${this.name} has no vCPU ${vcpu} with registers`);
    return found;
  }

  private type(bytes: Uint8Array): Promise<void> {
    const { host, libxl } = this.access;
    const all = bytes.slice();
    this.typing = this.typing
      .catch(() => {})
      .then(async () => {
        for (let done = 0; done < all.length; ) {
          const taken = await this.enter(() => {
            if (this.end !== undefined) throw new DomainGoneError(`${this.name}: nothing can be typed; ${describeEnd(this.end)}`);
            return libxl.programs.type(this.domid, all.subarray(done));
          });
          done += taken;
          if (done < all.length) await new Promise<void>((resolve) => void host.after(TYPE_AGAIN_MS, resolve));
        }
      });
    return this.typing;
  }

  private goneError(): DomainGoneError {
    return new DomainGoneError(`${this.name} (domain ${this.domid}) is gone`);
  }

  private async enter<T>(action: () => T): Promise<T> {
    if (this.gone) throw this.goneError();
    return await this.access.enter(() => {
      if (this.gone) throw this.goneError();
      try {
        return action();
      } catch (error) {
        if (error instanceof HypercallError) throw new ZendoError(`${this.name}: ${error.message}`, { cause: error });
        throw error;
      }
    });
  }
}

const NO_PAGING = { cr0: 0n, cr3: 0n, cr4: 0n, efer: 0n };
