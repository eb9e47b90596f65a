import type { DomId, Gfn, Mfn } from '../base/brand.ts';
import { DomId as asDomId } from '../base/brand.ts';
import type { Accessor } from '../base/struct.ts';
import { VCPU_MAX } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import { contextAddress, VcpuContext } from '../machine/vcpu-context.ts';
import { AMD_X86_64_V2, type CpuModel } from '../spec/x86/cpu-models.ts';
import { DOMID_FIRST_RESERVED, DOMID_SELF } from '../spec/xen/xen.ts';
import type { Cpu } from './cpu.ts';
import {
  ALL_PCPUS,
  CREDIT_INIT,
  DEFAULT_RATELIMIT_US,
  DEFAULT_WEIGHT,
  DOMF_privileged,
  domain as domainStruct,
  MAX_VIRT_CPUS,
  NEVER,
  VCPUF_down,
  vcpu as vcpuStruct,
} from './domain.ts';
import { GuestPhysicalMemory, GuestVirtualMemory } from './guest-memory.ts';
import { HEADER, MACHINE_MAGIC, MACHINE_VERSION, machine_header, TIME_VIRTUAL } from './header.ts';
import { Heap } from './heap.ts';
import { FrameTable } from './memory/frame-table.ts';
import { P2m } from './memory/p2m.ts';

/** A domain record in the heap, with the objects that view its parts. Holds no truth of its own. */
export interface Domain {
  readonly address: number;
  readonly id: DomId;
  /** The record's fields. */
  readonly s: Accessor<(typeof domainStruct)['fields']>;
  /** `state` as 32-bit words, and where the record begins in it: the short way to fields that every exit asks for (domain.ts, DOMAIN_WORD). */
  readonly words: Int32Array;
  readonly at: number;
  readonly p2m: P2m;
  /** Its memory by guest-physical address. */
  readonly memory: GuestPhysicalMemory;
}

/** A vCPU record in the heap. */
export interface Vcpu {
  readonly address: number;
  readonly id: number;
  readonly domain: Domain;
  readonly s: Accessor<(typeof vcpuStruct)['fields']>;
  /** As a domain's (domain.ts, VCPU_WORD). */
  readonly words: Int32Array;
  readonly at: number;
  readonly context: VcpuContext;
  /** Memory by its virtual addresses, as 64-bit code has it. */
  readonly memory: GuestVirtualMemory;
}

/** How a machine is made. */
export interface MachineConfig {
  /** Frames of 4 KiB that the machine has. */
  readonly frames: number;
  /** TIME_VIRTUAL or TIME_HOST. */
  readonly timeMode: number;
  readonly seed: bigint;
  /** Wall clock at machine time 0: seconds and nanoseconds since 1970. */
  readonly wallSeconds: bigint;
  readonly wallNanoseconds: number;
}

/** What the hypervisor asks of its host thread; all of it leaves no trace in the machine. */
export interface Host {
  /** Nanoseconds of a monotonic clock, for TIME_HOST. */
  monotonic(): bigint;
  /** A line for the operator's log. */
  log(line: string): void;
  /** Why a domain is stopped as crashed, if the hypervisor stopped it. */
  crashed?(domid: number, reason: string): void;
}

/** Word of the machine header that says how time runs. */
const TIME_MODE = (HEADER + machine_header.offsets.time_mode) / 4;

/**
 * The hypervisor's core: the machine header, heap, frames, domains and vCPUs. Rooms beside it (events, grants, time,
 * hypercalls, arch) are functions over it.
 */
export class Hypervisor {
  readonly memories: Memories;
  readonly cpu: Cpu;
  readonly host: Host;
  readonly heap: Heap;
  readonly frames: FrameTable;
  readonly header: Accessor<(typeof machine_header)['fields']>;
  private readonly domainViews = new Map<number, Domain>();
  private readonly vcpuViews = new Map<number, Vcpu>();
  /** What `domains` and `vcpus` give, until there are others: every exit asks. */
  private domainList: Domain[] | undefined;
  private readonly vcpuLists = new Map<number, readonly Vcpu[]>();
  /** Set by the run loop: machine time (ns) while a guest runs or just stopped. */
  clock: () => bigint;
  /** The processor that guests see; set by the run loop. */
  model: CpuModel = AMD_X86_64_V2;
  /** The processor may answer hypercalls that have nothing to do (machine/layout.ts, QUIET_AT); set by the run loop. */
  quietCalls = false;

  /** Attach to a formatted machine. */
  constructor(memories: Memories, cpu: Cpu, host: Host) {
    this.memories = memories;
    this.cpu = cpu;
    this.host = host;
    this.heap = new Heap(memories);
    this.frames = new FrameTable(memories);
    this.header = machine_header.at(memories.stateView, HEADER);
    this.clock = () => this.header.now;
  }

  /** Make an empty machine in fresh memories. */
  static format(memories: Memories, config: MachineConfig): void {
    // The mailbox behind it is in use already: domain 0's programs may have asked for a turn.
    memories.stateBytes.fill(0, HEADER, HEADER + machine_header.offsets.mailbox);
    Heap.format(memories);
    FrameTable.format(memories, config.frames);
    machine_header.write(memories.stateView, HEADER, {
      magic: MACHINE_MAGIC,
      version: MACHINE_VERSION,
      now: 0n,
      time_mode: config.timeMode,
      ns_per_instruction: 1,
      wall_sec: config.wallSeconds,
      wall_nsec: config.wallNanoseconds,
      seed: config.seed,
      random: config.seed === 0n ? 0x9e3779b97f4a7c15n : config.seed,
      dom0_due: NEVER,
      sched_since: NEVER,
      sched_ratelimit_us: DEFAULT_RATELIMIT_US,
      next_domid: 1,
      contexts_used: new Heap(memories).allocate(VCPU_MAX / 8),
    });
  }

  /** Machine time in nanoseconds. */
  now(): bigint {
    return this.clock();
  }

  get virtualTime(): boolean {
    return this.memories.stateWords[TIME_MODE] === TIME_VIRTUAL;
  }

  // ---- domains -------------------------------------------------------------------------------------------------

  domainAt(address: number): Domain {
    let view = this.domainViews.get(address);
    if (view === undefined) {
      const s = domainStruct.at(this.memories.stateView, address);
      const p2m = new P2m(this.memories, this.heap, s.p2m_root, address + domainStruct.offsets.max_mapped_gfn);
      view = {
        address,
        id: asDomId(s.id),
        s,
        words: this.memories.stateWords,
        at: address / 4,
        p2m,
        memory: new GuestPhysicalMemory(this.memories, this.frames, this.cpu, p2m),
      };
      this.domainViews.set(address, view);
    }
    return view;
  }

  /** Domains in order of their ids, as they are now. */
  domains(): readonly Domain[] {
    if (this.domainList === undefined) {
      this.domainList = [];
      for (let at = this.header.domains; at !== 0; ) {
        const found = this.domainAt(at);
        this.domainList.push(found);
        at = found.s.next;
      }
    }
    return this.domainList;
  }

  domain(id: number): Domain | undefined {
    const domains = this.domains();
    for (let i = 0; i < domains.length; i++) if (domains[i]?.id === id) return domains[i];
    return undefined;
  }

  /** The domain an argument names, where DOMID_SELF is the caller. */
  resolve(id: number, caller: Domain): Domain | undefined {
    return id === DOMID_SELF ? caller : id >= DOMID_FIRST_RESERVED ? undefined : this.domain(id);
  }

  isPrivileged(of: Domain): boolean {
    return (of.s.flags & DOMF_privileged) !== 0;
  }

  /** Make a record for a domain with `maxVcpus` vCPU slots; undefined when the heap is full. The id must be free. */
  createDomain(id: number, flags: number, maxVcpus: number): Domain | undefined {
    const address = this.heap.allocate(domainStruct.size);
    if (address === 0) return undefined;
    const root = P2m.create(this.heap);
    if (root === 0) {
      this.heap.free(address, domainStruct.size);
      return undefined;
    }
    const view = this.memories.stateView;
    domainStruct.write(view, address, {
      id,
      flags,
      max_vcpus: maxVcpus,
      pause_count: 1,
      p2m_root: root,
      tsc_incarnation: 1,
      max_evtchn_port: 0xffffffff,
      shutdown_code: 0xff, // none yet (lifecycle/shutdown.ts)
      sched_weight: DEFAULT_WEIGHT,
    });
    // insert in order of ids
    let before = 0;
    let at = this.header.domains;
    while (at !== 0 && view.getUint16(at, true) < id) {
      before = at;
      at = view.getUint32(at + domainStruct.offsets.next, true);
    }
    view.setUint32(address + domainStruct.offsets.next, at, true);
    if (before === 0) this.header.domains = address;
    else view.setUint32(before + domainStruct.offsets.next, address, true);
    this.domainList = undefined;
    return this.domainAt(address);
  }

  /** Unlink and free a domain's record; everything it held must be gone. */
  forgetDomain(gone: Domain): void {
    const view = this.memories.stateView;
    let before = 0;
    let at = this.header.domains;
    while (at !== gone.address) {
      before = at;
      at = view.getUint32(at + domainStruct.offsets.next, true);
    }
    const next = gone.s.next;
    if (before === 0) this.header.domains = next;
    else view.setUint32(before + domainStruct.offsets.next, next, true);
    gone.p2m.destroy();
    for (const v of this.vcpus(gone)) {
      if (this.header.current === v.address) this.header.current = 0;
      this.releaseContext(v.context.address);
      this.vcpuViews.delete(v.address);
      this.heap.free(v.address, vcpuStruct.size);
    }
    this.domainViews.delete(gone.address);
    this.domainList = undefined;
    this.vcpuLists.delete(gone.address);
    this.heap.free(gone.address, domainStruct.size);
  }

  // ---- vCPUs ---------------------------------------------------------------------------------------------------

  vcpuAt(address: number): Vcpu {
    let view = this.vcpuViews.get(address);
    if (view === undefined) {
      const s = vcpuStruct.at(this.memories.stateView, address);
      view = {
        address,
        id: s.id,
        domain: this.domainAt(s.domain),
        s,
        words: this.memories.stateWords,
        at: address / 4,
        context: new VcpuContext(this.memories, s.context),
        memory: new GuestVirtualMemory(this.memories, this.frames, this.cpu, s.context),
      };
      this.vcpuViews.set(address, view);
    }
    return view;
  }

  vcpu(of: Domain, id: number): Vcpu | undefined {
    if (!(id >= 0 && id < of.s.max_vcpus && id < MAX_VIRT_CPUS)) return undefined;
    const address = this.memories.stateView.getUint32(of.address + domainStruct.offsets.vcpus + id * 4, true);
    return address === 0 ? undefined : this.vcpuAt(address);
  }

  /** A domain's vCPUs in order of their ids, as they are now. */
  vcpus(of: Domain): readonly Vcpu[] {
    let list = this.vcpuLists.get(of.address);
    if (list === undefined) {
      list = Array.from({ length: of.s.max_vcpus }, (_, id) => this.vcpu(of, id)).filter((v) => v !== undefined);
      this.vcpuLists.set(of.address, list);
    }
    return list;
  }

  /** Make vCPU `id` of a domain: down, with a cleared context. Undefined when contexts or heap are used up. */
  createVcpu(of: Domain, id: number): Vcpu | undefined {
    const context = this.claimContext();
    if (context === 0) return undefined;
    const address = this.heap.allocate(vcpuStruct.size);
    if (address === 0) {
      this.releaseContext(context);
      return undefined;
    }
    vcpuStruct.write(this.memories.stateView, address, {
      id,
      domain: of.address,
      context,
      flags: VCPUF_down,
      poll_deadline: NEVER,
      singleshot_deadline: NEVER,
      periodic_deadline: NEVER,
      poll_port: 0,
      runstate: 3,
      runstate_entry: this.now(),
      affinity_hard: ALL_PCPUS,
      affinity_soft: ALL_PCPUS,
      credit: CREDIT_INIT,
    });
    this.memories.stateView.setUint32(of.address + domainStruct.offsets.vcpus + id * 4, address, true);
    this.vcpuLists.delete(of.address);
    const made = this.vcpuAt(address);
    made.context.clear();
    return made;
  }

  private claimContext(): number {
    const map = this.header.contexts_used;
    const bytes = this.memories.stateBytes;
    for (let index = 0; index < VCPU_MAX; index++) {
      const at = map + (index >>> 3);
      const byte = bytes[at] as number;
      if ((byte & (1 << (index & 7))) === 0) {
        bytes[at] = byte | (1 << (index & 7));
        return contextAddress(index);
      }
    }
    return 0;
  }

  private releaseContext(address: number): void {
    const index = (address - contextAddress(0)) / (contextAddress(1) - contextAddress(0));
    const at = this.header.contexts_used + (index >>> 3);
    this.memories.stateBytes[at] = (this.memories.stateBytes[at] as number) & ~(1 << (index & 7));
  }

  // ---- physical memory of domains --------------------------------------------------------------------------------

  /** Change a p2m entry and make every soft TLB forget it. `mfn` undefined clears it. False when the heap is full. */
  setEntry(of: Domain, gfn: number, mfn: Mfn | undefined, type = 0, writable = true): boolean {
    if (mfn === undefined) of.p2m.clear(gfn);
    else if (!of.p2m.set(gfn, mfn, type, writable)) return false;
    this.cpu.flushTlb();
    return true;
  }

  /** Offset into `frames` of a domain's gfn, -1 when there is nothing. */
  maddr(of: Domain, gfn: Gfn | number): number {
    return of.p2m.maddr(gfn * 4096);
  }

  /** Next number of the machine's deterministic random stream (xorshift64*), 64 bits. */
  random(): bigint {
    let x = this.header.random;
    x ^= x >> 12n;
    x ^= (x << 25n) & 0xffffffffffffffffn;
    x ^= x >> 27n;
    this.header.random = x;
    return (x * 0x2545f4914f6cdd1dn) & 0xffffffffffffffffn;
  }
}
