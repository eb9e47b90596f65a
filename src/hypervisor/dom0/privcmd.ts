import { EFAULT, EINVAL, ENOMEM, EPERM } from '../../spec/xen/errno.ts';
import { EVTCHNOP_alloc_unbound, EVTCHNOP_reset, EVTCHNOP_status, evtchn_reset } from '../../spec/xen/event-channel.ts';
import { GNTTABOP_get_version, GNTTABOP_query_size } from '../../spec/xen/grant-table.ts';
import * as M from '../../spec/xen/memory.ts';
import { SCHEDOP_remote_shutdown, sched_remote_shutdown } from '../../spec/xen/sched.ts';
import * as X from '../../spec/xen/xen.ts';
import { DOM0_PROGRAM_GFN, DOM0_PROGRAM_PAGES, DOM0_PROGRAMS } from '../dom0-layout.ts';
import { type Dom0Kernel, HypercallError } from './kernel.ts';

/** Pages populated or given back in one hypercall. */
const PAGES_AT_ONCE = 4096;
const PAGE = 4096;
/** Calls of one multicall. libxenctrl makes one, for the sake of a 64-bit answer. */
const CALLS_MAX = 32;

/** Bytes of a program's hypercall buffers, at their address in the program. */
export interface ProgramBuffer {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Pages of another domain that a program has mapped. */
export interface ForeignPages {
  readonly id: number;
  /** 0, or why the page could not be mapped. */
  readonly errors: readonly number[];
}

interface Mapped {
  readonly domid: number;
  /** First gfn in domain 0's window. */
  readonly gfn: number;
  /** What is mapped there; undefined: frames of a resource, that have no gfn. */
  readonly gfns: readonly number[] | undefined;
  readonly errors: readonly number[];
}

/** Offset of the domain id in the arguments of the memory operations that a program may make on other domains. */
const MEMORY_OPERATIONS: ReadonlyMap<number, number> = new Map([
  [M.XENMEM_increase_reservation, M.xen_memory_reservation.offsets.domid],
  [M.XENMEM_decrease_reservation, M.xen_memory_reservation.offsets.domid],
  [M.XENMEM_populate_physmap, M.xen_memory_reservation.offsets.domid],
  [M.XENMEM_add_to_physmap, M.xen_add_to_physmap.offsets.domid],
  [M.XENMEM_add_to_physmap_batch, M.xen_add_to_physmap_batch.offsets.domid],
  [M.XENMEM_remove_from_physmap, M.xen_remove_from_physmap.offsets.domid],
  [M.XENMEM_set_memory_map, M.xen_foreign_memory_map.offsets.domid],
]);
/** Memory operations that show frames at gfns of the caller's: a program maps them by `mapResource`. */
const MAPPING_OPERATIONS: ReadonlySet<number> = new Set([M.XENMEM_acquire_resource, M.XENMEM_exchange]);
const EVENT_OPERATIONS: ReadonlySet<number> = new Set([EVTCHNOP_alloc_unbound, EVTCHNOP_status, EVTCHNOP_reset]);
const GRANT_OPERATIONS: ReadonlySet<number> = new Set([GNTTABOP_query_size, GNTTABOP_get_version]);
/** Calls that are the kernel's own: about the calling vCPU, its clock, its console. */
const KERNEL_CALLS: ReadonlySet<number> = new Set([X.__HYPERVISOR_set_timer_op, X.__HYPERVISOR_vm_assist, X.__HYPERVISOR_vcpu_op, X.__HYPERVISOR_console_io]);

/** The windows of domain 0's programs. */
export class Privcmd {
  private readonly kernel: Dom0Kernel;
  private readonly taken: boolean[] = new Array(DOM0_PROGRAMS).fill(false);

  constructor(kernel: Dom0Kernel) {
    this.kernel = kernel;
  }

  /** A program begins; undefined: there are as many as can be. */
  open(): Dom0Program | undefined {
    const slot = this.taken.indexOf(false);
    if (slot < 0) return undefined;
    this.taken[slot] = true;
    return new Dom0Program(this.kernel, DOM0_PROGRAM_GFN + slot * DOM0_PROGRAM_PAGES, () => {
      this.taken[slot] = false;
    });
  }
}

/**
 * What a kernel's privcmd device is to one program of domain 0 that has memory of its own (another process of the host):
 * hypercalls with the program's buffers, and other domains' pages.
 *
 * A program's hypercall buffers lie in its window: [base, base + size) of its addresses. Pages of domain 0's RAM stand at
 * the same guest-physical addresses for the time of the program, so that every pointer in an argument leads the
 * hypervisor to what the program has there. All methods run inside a turn.
 */
export class Dom0Program {
  private readonly kernel: Dom0Kernel;
  private readonly first: number;
  private readonly release: () => void;
  private readonly populated = new Set<number>();
  private readonly mapped = new Map<number, Mapped>();
  private nextId = 1;

  constructor(kernel: Dom0Kernel, first: number, release: () => void) {
    this.kernel = kernel;
    this.first = first;
    this.release = release;
  }

  /** First address of the window, and its length in bytes. */
  get base(): number {
    return this.first * PAGE;
  }

  get size(): number {
    return DOM0_PROGRAM_PAGES * PAGE;
  }

  /** Make a hypercall with these buffers; their bytes are what the hypervisor left there. The answer is a value, or a negative errno. */
  hypercall(nr: number, args: readonly bigint[], buffers: readonly ProgramBuffer[]): number {
    if (!buffers.every(({ address, bytes }) => address >= this.base && address + bytes.length <= this.base + this.size)) return -EFAULT;
    if (!this.populate(buffers)) return -ENOMEM;
    for (const { address, bytes } of buffers) this.kernel.copyIn(address, bytes);
    const errno = nr === X.__HYPERVISOR_multicall ? this.refusalOfAny(args) : this.refusal(nr, args);
    if (errno !== 0) return -errno;
    const result = this.kernel.door.hypercall(nr, ...args);
    for (const { address, bytes } of buffers) bytes.set(this.kernel.copyOut(address, bytes.length));
    return result;
  }

  /** Why a call is not a program's to make: 0, or an errno. Programs act on other domains; domain 0's own memory, ports and vCPU are its kernel's. */
  private refusal(nr: number, args: readonly bigint[]): number {
    const command = Number((args[0] ?? 0n) & 0xffffffffn);
    if (KERNEL_CALLS.has(nr)) return EPERM;
    if (nr === X.__HYPERVISOR_sched_op) {
      return command === SCHEDOP_remote_shutdown ? this.notOurs(args[1], sched_remote_shutdown.offsets.domain_id) : EPERM;
    }
    if (nr === X.__HYPERVISOR_event_channel_op) {
      if (!EVENT_OPERATIONS.has(command)) return EPERM;
      return command === EVTCHNOP_reset ? this.notOurs(args[1], evtchn_reset.offsets.dom) : 0;
    }
    if (nr === X.__HYPERVISOR_grant_table_op) return GRANT_OPERATIONS.has(command) ? 0 : EPERM;
    if (nr === X.__HYPERVISOR_memory_op) {
      if (MAPPING_OPERATIONS.has(command)) return EPERM;
      const at = MEMORY_OPERATIONS.get(command);
      return at === undefined ? 0 : this.notOurs(args[1], at);
    }
    return 0;
  }

  /** As `refusal`, for the calls of a multicall: one that is not the program's to make stands for all. */
  private refusalOfAny(args: readonly bigint[]): number {
    const [list = 0n, count = 0n] = args;
    if (count > BigInt(CALLS_MAX)) return EINVAL;
    for (let i = 0; i < count; i++) {
      const at = Number(list) + i * X.multicall_entry.size;
      if (!this.holds(at, X.multicall_entry.size)) return EFAULT;
      const entry = X.multicall_entry.read(new DataView(this.kernel.copyOut(at, X.multicall_entry.size).buffer), 0);
      const nr = Number(entry.op);
      const errno = nr === X.__HYPERVISOR_multicall ? EINVAL : this.refusal(nr, entry.args);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  /** The argument names another domain than domain 0: 0, or an errno. */
  private notOurs(argument: bigint | undefined, offset: number): number {
    const at = Number(argument ?? 0n) + offset;
    if (!this.holds(at, 2)) return EFAULT;
    const domid = new DataView(this.kernel.copyOut(at, 2).buffer).getUint16(0, true);
    return domid === 0 || domid === X.DOMID_SELF ? EPERM : 0;
  }

  private holds(address: number, length: number): boolean {
    return this.populated.has(Math.floor(address / PAGE)) && this.populated.has(Math.floor((address + length - 1) / PAGE));
  }

  // ---- the window ---------------------------------------------------------------------------------------------------

  private populate(buffers: readonly ProgramBuffer[]): boolean {
    const wanted = new Set<number>();
    for (const { address, bytes } of buffers) {
      const last = Math.floor((address + bytes.length - 1) / PAGE);
      for (let gfn = Math.floor(address / PAGE); gfn <= last; gfn++) if (!this.populated.has(gfn)) wanted.add(gfn);
    }
    const gfns = [...wanted];
    for (let done = 0; done < gfns.length; done += PAGES_AT_ONCE) {
      const part = gfns.slice(done, done + PAGES_AT_ONCE);
      const count = this.reserve(M.XENMEM_populate_physmap, part);
      for (const gfn of part.slice(0, count)) this.populated.add(gfn);
      if (count < part.length) return false;
    }
    return true;
  }

  private reserve(op: number, gfns: readonly number[]): number {
    const { kernel } = this;
    const { size } = M.xen_memory_reservation;
    return kernel.withMemory(size + gfns.length * 8, (gpa) => {
      const bytes = new Uint8Array(size + gfns.length * 8);
      const view = new DataView(bytes.buffer);
      M.xen_memory_reservation.write(view, 0, { extent_start: gpa + size, nr_extents: gfns.length, domid: X.DOMID_SELF });
      for (const [i, gfn] of gfns.entries()) view.setBigUint64(size + i * 8, BigInt(gfn), true);
      kernel.copyIn(gpa, bytes);
      return kernel.door.hypercall(X.__HYPERVISOR_memory_op, op, gpa);
    });
  }

  // ---- other domains' pages -----------------------------------------------------------------------------------------

  /** Map pages of another domain by gfn. Throws HypercallError when nothing can be mapped at all. */
  mapForeign(domid: number, gfns: readonly number[]): ForeignPages {
    const { gfn, errors } = this.kernel.mapForeignEach(domid, gfns);
    return this.keep({ domid, gfn, gfns, errors });
  }

  /** What mapping each of these pages would say: 0, or an errno. Nothing stays mapped. Throws HypercallError. */
  look(domid: number, first: number, count: number): readonly number[] {
    const gfns = Array.from({ length: count }, (_, i) => first + i);
    const { gfn, errors } = this.kernel.mapForeignEach(domid, gfns);
    this.kernel.unmapAt(gfn, count);
    return errors;
  }

  /** Map frames of a domain's resource (XENMEM_acquire_resource). Throws HypercallError. */
  mapResource(domid: number, type: number, id: number, frame: number, count: number): ForeignPages {
    const gfn = this.kernel.mapResource(domid, type, id, frame, count);
    return this.keep({ domid, gfn, gfns: undefined, errors: new Array<number>(count).fill(0) });
  }

  private keep(mapped: Mapped): ForeignPages {
    const id = this.nextId++;
    this.mapped.set(id, mapped);
    return { id, errors: mapped.errors };
  }

  /** What stands in mapped pages; zeros for those that could not be mapped. */
  readPages(id: number): Uint8Array | undefined {
    const mapped = this.mapped.get(id);
    if (mapped === undefined) return undefined;
    const out = new Uint8Array(mapped.errors.length * PAGE);
    for (const [i, errno] of mapped.errors.entries()) if (errno === 0) out.set(this.kernel.copyOut((mapped.gfn + i) * PAGE, PAGE), i * PAGE);
    return out;
  }

  /** Write some of the mapped pages: their indices, and PAGE bytes for each. 0, or an errno. */
  writePages(id: number, indices: readonly number[], bytes: Uint8Array): number {
    const mapped = this.mapped.get(id);
    if (mapped === undefined || !indices.every((index) => mapped.errors[index] === 0)) return EINVAL;
    const { kernel } = this;
    for (const [i, index] of indices.entries()) {
      kernel.copyIn((mapped.gfn + index) * PAGE, bytes.subarray(i * PAGE, (i + 1) * PAGE));
      // (mapped anew, so that the engine forgets what it made of the code that stood there)
      if (mapped.gfns !== undefined) kernel.mapAgain(mapped.domid, mapped.gfns[index] as number, mapped.gfn + index);
    }
    return 0;
  }

  unmap(id: number): number {
    const mapped = this.mapped.get(id);
    if (mapped === undefined) return EINVAL;
    this.mapped.delete(id);
    this.kernel.unmapAt(mapped.gfn, mapped.errors.length);
    return 0;
  }

  /** The program is gone: all that it had goes back. */
  close(): void {
    for (const id of [...this.mapped.keys()]) this.unmap(id);
    const gfns = [...this.populated];
    this.populated.clear();
    for (let done = 0; done < gfns.length; done += PAGES_AT_ONCE) {
      const part = gfns.slice(done, done + PAGES_AT_ONCE);
      if (this.reserve(M.XENMEM_decrease_reservation, part) !== part.length) throw new HypercallError("giving back a program's pages", EINVAL);
    }
    this.release();
  }
}
