import type { Fields, Snapshot, Struct, Update } from '../../base/struct.ts';
import { Memories } from '../../machine/memories.ts';
import { XEN_X86_EMU_LAPIC } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import { __HYPERVISOR_domctl } from '../../spec/xen/xen.ts';
import { setPvhEntry } from '../arch/x86/vcpu-state.ts';
import { VCPUF_down } from '../domain.ts';
import { createDomain0 } from '../domain0.ts';
import type { Door } from '../door.ts';
import { takeGuestConsole } from '../guest-console.ts';
import { GuestPhysicalMemory, GuestVirtualMemory } from '../guest-memory.ts';
import { TIME_VIRTUAL } from '../header.ts';
import type { Call } from '../hypercalls/call.ts';
import { hypercall } from '../hypercalls/table.ts';
import { type Domain, Hypervisor, type Vcpu } from '../hypervisor.ts';
import { populate } from '../memory/reservation.ts';
import { FakeCpu } from './fake-cpu.ts';

/** Where a test puts argument structs: a page of every test domain. */
export const ARGUMENT_GPA = 0x3000;
/** Where it puts lists. */
export const LIST_GPA = 0x4000;

/** How a test domain is made. */
export interface GuestOptions {
  /** Pages of RAM from gfn 0 on (default 64). */
  readonly pages?: number;
  readonly vcpus?: number;
  /** Highest version of its grant table (default 2). */
  readonly grantVersion?: number;
  readonly maptrackFrames?: number;
}

/** A machine without an engine: domain 0 and small domains whose hypercalls a test makes directly. */
export class TestMachine {
  readonly memories = new Memories();
  readonly cpu = new FakeCpu(this.memories);
  readonly hv: Hypervisor;
  readonly dom0: Domain;
  /** What domains wrote to the hypervisor's console, and its log. */
  readonly console: { domid: number; text: string }[] = [];
  readonly log: string[] = [];
  /** Machine time in nanoseconds. */
  time = 1_000_000n;
  /** Guests call as 32-bit code does. */
  compat = false;
  /** Elements that a call handles before it makes room for other work; and what is done then, with the arguments for the rest. */
  quantum: number | undefined;
  between: (rest: readonly bigint[]) => void = () => {};
  /** Stands between a hypercall and its caller's memory, for tests of how often it is read. */
  watch: (memory: Call['memory']) => Call['memory'] = (memory) => memory;

  constructor(frames = 4096) {
    Hypervisor.format(this.memories, { frames, timeMode: TIME_VIRTUAL, seed: 1n, wallSeconds: 1_700_000_000n, wallNanoseconds: 5 });
    this.hv = new Hypervisor(this.memories, this.cpu, {
      monotonic: () => this.time,
      log: (line) => void this.log.push(line),
    });
    this.hv.clock = () => this.time;
    this.dom0 = createDomain0(this.hv);
  }

  /** A running PVH domain with RAM from gfn 0 on. */
  guest(options: GuestOptions = {}): Domain {
    const { pages = 64, vcpus = 1 } = options;
    const created = this.domctl(0, D.XEN_DOMCTL_createdomain, D.xen_domctl_createdomain, {
      flags: D.XEN_DOMCTL_CDF_hvm | D.XEN_DOMCTL_CDF_hap,
      max_vcpus: vcpus,
      max_evtchn_port: 0xffffffff,
      max_grant_frames: -1,
      max_maptrack_frames: options.maptrackFrames ?? -1,
      grant_opts: options.grantVersion ?? 2,
      arch: { emulation_flags: XEN_X86_EMU_LAPIC },
    });
    const domid = created.domain;
    const d = this.hv.domain(domid);
    if (created.result !== 0 || d === undefined) throw new Error(`createdomain: ${created.result}`);
    this.domctl(domid, D.XEN_DOMCTL_max_mem, D.xen_domctl_max_mem, { max_memkb: 1024 * 1024 });
    this.domctl(domid, D.XEN_DOMCTL_max_vcpus, D.xen_domctl_max_vcpus, { max: vcpus });
    for (let gfn = 0; gfn < pages; gfn++) if (!populate(this.hv, d, gfn, 0)) throw new Error('populate');
    const first = this.vcpu(d);
    setPvhEntry(this.hv, first, 0x1000, 0x2000);
    first.s.flags &= ~VCPUF_down;
    this.domctl(domid, D.XEN_DOMCTL_unpausedomain);
    return d;
  }

  vcpu(of: Domain, id = 0): Vcpu {
    const v = this.hv.vcpu(of, id);
    if (v === undefined) throw new Error(`no vCPU ${id}`);
    return v;
  }

  private memoryOf(of: Domain, v: Vcpu): Call['memory'] {
    const { hv } = this;
    return of === this.dom0
      ? new GuestPhysicalMemory(hv.memories, hv.frames, hv.cpu, of.p2m)
      : new GuestVirtualMemory(hv.memories, hv.frames, hv.cpu, v.context.address, this.compat);
  }

  /** Make a hypercall as a vCPU of a domain, to its end. */
  hypercall(caller: Domain, nr: number, args: readonly (number | bigint)[], vcpu = 0): number {
    let rest: readonly bigint[] | undefined = Array.from({ length: 6 }, (_, i) => BigInt.asUintN(64, BigInt(args[i] ?? 0)));
    let result = 0;
    while (rest !== undefined) {
      const v = this.vcpu(caller, vcpu);
      const compat = this.compat && caller !== this.dom0;
      const call: Call = {
        hv: this.hv,
        caller,
        vcpu: v,
        memory: this.watch(this.memoryOf(caller, v)),
        compat,
        ...(this.quantum !== undefined && { quantum: this.quantum }),
      };
      result = hypercall(call, nr, rest);
      rest = call.restart === undefined ? undefined : [...call.restart, ...rest.slice(call.restart.length)];
      this.takeConsole();
      if (rest === undefined) break;
      this.memories.frameBytes[this.vcpu(this.dom0).s.info] = 0; // its programs saw that there are events
      this.between(rest);
    }
    return result;
  }

  /** Domain 0's way in without threads: a hypercall is served where it is posted. */
  get door(): Door {
    let answer = 0;
    const post = (nr: number, ...args: readonly (number | bigint)[]): void => {
      answer = this.hypercall(this.dom0, nr, args);
    };
    const door: Pick<Door, 'hypercall' | 'post' | 'answer'> = {
      post,
      answer: () => answer,
      hypercall: (nr, ...args) => {
        post(nr, ...args);
        return answer;
      },
    };
    return door as Door;
  }

  /** What domain 0's programs do first in a turn. */
  private takeConsole(): void {
    const taken = takeGuestConsole(this.memories);
    for (const { domid, bytes } of taken) this.console.push({ domid, text: new TextDecoder().decode(bytes) });
  }

  /** Put bytes into a domain's memory by guest-physical address. */
  poke(of: Domain, gpa: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.memories.frameBytes[this.at(of, gpa + i)] = bytes[i] as number;
  }

  peek(of: Domain, gpa: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.memories.frameBytes[this.at(of, gpa + i)] as number);
  }

  /** Offset into `frames` of a guest-physical address. */
  at(of: Domain, gpa: number): number {
    const at = of.p2m.maddr(gpa);
    if (at < 0) throw new Error(`d${of.id} has nothing at 0x${gpa.toString(16)}`);
    return at;
  }

  /** Put a struct into a domain's memory; every byte not named is zero. */
  put<F extends Fields>(of: Domain, gpa: number, struct: Struct<F>, fields: Update<F>): void {
    const bytes = new Uint8Array(struct.size);
    struct.write(new DataView(bytes.buffer), 0, fields);
    this.poke(of, gpa, bytes);
  }

  get<F extends Fields>(of: Domain, gpa: number, struct: Struct<F>): Snapshot<F> {
    return struct.read(new DataView(this.peek(of, gpa, struct.size).buffer), 0);
  }

  /** A hypercall of the form (cmd, struct, ...rest); the result and the struct as it came back. */
  op<F extends Fields>(
    caller: Domain,
    nr: number,
    cmd: number,
    struct: Struct<F>,
    fields: Update<F>,
    ...rest: number[]
  ): Snapshot<F> & { readonly result: number } {
    this.put(caller, ARGUMENT_GPA, struct, fields);
    const result = this.hypercall(caller, nr, [cmd, ARGUMENT_GPA, ...rest]);
    return { ...this.get(caller, ARGUMENT_GPA, struct), result };
  }

  /** As op, for vcpu_op: (cmd, vcpu id, struct). */
  vcpuOp<F extends Fields>(caller: Domain, nr: number, cmd: number, id: number, struct?: Struct<F>, fields?: Update<F>): number {
    if (struct === undefined) return this.hypercall(caller, nr, [cmd, id, 0]);
    this.put(caller, ARGUMENT_GPA, struct, fields ?? {});
    return this.hypercall(caller, nr, [cmd, id, ARGUMENT_GPA]);
  }

  /** A domctl of domain 0, or of `caller`. */
  domctl<F extends Fields>(domain: number, cmd: number, member?: Struct<F>, fields?: Update<F>, caller = this.dom0) {
    const at = D.xen_domctl.offsets.u;
    this.put(caller, ARGUMENT_GPA, D.xen_domctl, { cmd, interface_version: D.XEN_DOMCTL_INTERFACE_VERSION, domain });
    if (member !== undefined && fields !== undefined) this.put(caller, ARGUMENT_GPA + at, member, fields);
    const result = this.hypercall(caller, __HYPERVISOR_domctl, [ARGUMENT_GPA]);
    const back = this.get(caller, ARGUMENT_GPA, D.xen_domctl);
    return { result, domain: back.domain, out: member === undefined ? undefined : this.get(caller, ARGUMENT_GPA + at, member) };
  }

  destroy(of: Domain): number {
    return this.domctl(of.id, D.XEN_DOMCTL_destroydomain).result;
  }
}
