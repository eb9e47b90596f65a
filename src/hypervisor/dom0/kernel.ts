import type { Fields, Snapshot, Struct, Update } from '../../base/struct.ts';
import type { Memories } from '../../machine/memories.ts';
import { errnoName } from '../../spec/xen/errno.ts';
import {
  EVTCHNOP_alloc_unbound,
  EVTCHNOP_bind_interdomain,
  EVTCHNOP_bind_virq,
  EVTCHNOP_close,
  EVTCHNOP_send,
  evtchn_alloc_unbound,
  evtchn_bind_interdomain,
  evtchn_bind_virq,
  evtchn_close,
  evtchn_send,
} from '../../spec/xen/event-channel.ts';
import {
  GNTMAP_host_map,
  GNTST_okay,
  GNTTABOP_map_grant_ref,
  GNTTABOP_unmap_grant_ref,
  gnttab_map_grant_ref,
  gnttab_unmap_grant_ref,
} from '../../spec/xen/grant-table.ts';
import {
  XENMAPSPACE_gmfn_foreign,
  XENMEM_acquire_resource,
  XENMEM_add_to_physmap_batch,
  XENMEM_remove_from_physmap,
  xen_add_to_physmap_batch,
  xen_mem_acquire_resource,
  xen_remove_from_physmap,
} from '../../spec/xen/memory.ts';
import {
  __HYPERVISOR_event_channel_op,
  __HYPERVISOR_grant_table_op,
  __HYPERVISOR_memory_op,
  __HYPERVISOR_multicall,
  DOMID_SELF,
  multicall_entry,
  shared_info,
  vcpu_info,
} from '../../spec/xen/xen.ts';
import { DOM0_ARENA_GFN, DOM0_MAP_GFN, DOM0_MAP_PAGES, DOM0_RAM_PAGES, DOM0_SHARED_INFO_GFN } from '../dom0-layout.ts';
import { domain as domainStruct } from '../domain.ts';
import type { Door } from '../door.ts';
import { HEADER, machine_header } from '../header.ts';
import { Heap } from '../heap.ts';
import { P2m } from '../memory/p2m.ts';

/** Entries of one multicall. */
const CALLS_AT_ONCE = 512;
/** Pages shown at a time while all of many are looked at: few, as each that is shown at the end is taken back by a call of its own. */
const PAGES_SHOWN = 256;

/** Bytes of the arguments with which `n` pages are mapped: the struct, gfns there and here, errors. */
const mapArgument = (n: number): number => Math.ceil((xen_add_to_physmap_batch.size + n * 20) / 8) * 8;

/** Place of the first number that is not 0, -1 if there is none. */
function firstSet(numbers: Int32Array): number {
  for (let k = 0; k < numbers.length; k++) if (numbers[k] !== 0) return k;
  return -1;
}

/** A hypercall of domain 0 failed; `errno` is positive. */
export class HypercallError extends Error {
  override readonly name = 'HypercallError';
  readonly errno: number;
  constructor(what: string, errno: number) {
    super(`${what} failed: ${errnoName(errno)}`);
    this.errno = errno;
  }
}

/** A grant operation failed; `status` is a GNTST_*. */
export class GrantError extends Error {
  override readonly name = 'GrantError';
  readonly status: number;
  constructor(what: string, status: number) {
    super(`${what} failed: status ${status}`);
    this.status = status;
  }
}

/** A granted page in domain 0's window. */
export interface GrantMapping {
  readonly gfn: number;
  readonly handle: number;
}

/** Pages of another domain seen through domain 0's p2m. */
export interface Mapping {
  /** Offset into `frames` of each page, in order. */
  readonly pages: readonly number[];
  /** First gfn in domain 0's window. */
  readonly gfn: number;
}

/**
 * What a kernel is to domain 0's programs: memory for hypercall arguments, mappings of other domains' pages, event
 * channels with handlers. All of it goes through the front door, by domain 0's own hypercalls and p2m.
 */
export class Dom0Kernel {
  readonly door: Door;
  readonly memories: Memories;
  private arena = DOM0_ARENA_GFN * 4096;
  private readonly handlers = new Map<number, () => void>();
  /** Ports whose handlers may run beside the guests. */
  private readonly beside = new Set<number>();
  private nextMapGfn = DOM0_MAP_GFN;
  private readonly freeMaps = new Map<number, number[]>();
  private p2mView: P2m | undefined;

  constructor(memories: Memories, door: Door) {
    this.memories = memories;
    this.door = door;
  }

  private get p2m(): P2m {
    if (this.p2mView === undefined) {
      const dom0 = this.memories.stateView.getUint32(HEADER + machine_header.offsets.domains, true);
      const root = this.memories.stateView.getUint32(dom0 + domainStruct.offsets.p2m_root, true);
      this.p2mView = new P2m(this.memories, new Heap(this.memories), root);
    }
    return this.p2mView;
  }

  /** Offset into `frames` of one of domain 0's guest-physical addresses. */
  maddr(gpa: number): number {
    const at = this.p2m.maddr(gpa);
    if (at < 0) throw new Error(`domain 0 has nothing at guest-physical address 0x${gpa.toString(16)}`);
    return at;
  }

  /** Borrow `size` bytes of argument memory for the time of `use`; contents are zeroed. */
  withMemory<T>(size: number, use: (gpa: number) => T): T {
    const at = Math.ceil(this.arena / 8) * 8;
    if (at + size > DOM0_RAM_PAGES * 4096) throw new Error(`hypercall arguments of ${size} bytes do not fit into domain 0's memory`);
    const before = this.arena;
    this.arena = at + size;
    try {
      this.copyIn(at, new Uint8Array(size));
      return use(at);
    } finally {
      this.arena = before;
    }
  }

  /** Most bytes that `withMemory` can lend now. */
  get room(): number {
    return DOM0_RAM_PAGES * 4096 - this.arena - 8;
  }

  /** Write bytes at a guest-physical address of domain 0. */
  copyIn(gpa: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const piece = Math.min(bytes.length - done, 4096 - ((gpa + done) % 4096));
      this.memories.frameBytes.set(bytes.subarray(done, done + piece), this.maddr(gpa + done));
      done += piece;
    }
  }

  /** Read bytes at a guest-physical address of domain 0. */
  copyOut(gpa: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const piece = Math.min(length - done, 4096 - ((gpa + done) % 4096));
      const at = this.maddr(gpa + done);
      out.set(this.memories.frameBytes.subarray(at, at + piece), done);
      done += piece;
    }
    return out;
  }

  /** A hypercall with one argument struct; the answer's value and the struct as it came back. Throws HypercallError. */
  call<F extends Fields>(what: string, nr: number, cmd: number, argument: Struct<F>, fields: Update<F>): Snapshot<F> & { readonly returned: number } {
    return this.withMemory(argument.size, (gpa) => {
      const bytes = new Uint8Array(argument.size);
      argument.write(new DataView(bytes.buffer), 0, fields);
      this.copyIn(gpa, bytes);
      const returned = this.door.hypercall(nr, cmd, gpa);
      if (returned < 0) throw new HypercallError(what, -returned);
      return { ...argument.read(new DataView(this.copyOut(gpa, argument.size).buffer), 0), returned };
    });
  }

  // ---- event channels -------------------------------------------------------------------------------------------

  /** A port of `dom` that `remote` may bind. */
  allocUnbound(dom: number, remote: number): number {
    return this.call('EVTCHNOP_alloc_unbound', __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, evtchn_alloc_unbound, { dom, remote_dom: remote }).port;
  }

  /** Connect to a remote domain's unbound port; `handler` runs when an event comes, `beside` the guests if need be. */
  bindInterdomain(remote_dom: number, remote_port: number, handler: () => void, beside = false): number {
    const { local_port } = this.call('EVTCHNOP_bind_interdomain', __HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, evtchn_bind_interdomain, {
      remote_dom,
      remote_port,
    });
    this.attachHandler(local_port, handler, beside);
    return local_port;
  }

  bindVirq(virq: number, handler: () => void): number {
    const { port } = this.call('EVTCHNOP_bind_virq', __HYPERVISOR_event_channel_op, EVTCHNOP_bind_virq, evtchn_bind_virq, { virq, vcpu: 0 });
    this.handlers.set(port, handler);
    return port;
  }

  /** Handle events of a port that exists already (after a snapshot was loaded). */
  attachHandler(port: number, handler: () => void, beside = false): void {
    this.handlers.set(port, handler);
    if (beside) this.beside.add(port);
    else this.beside.delete(port);
  }

  send(port: number): void {
    this.call('EVTCHNOP_send', __HYPERVISOR_event_channel_op, EVTCHNOP_send, evtchn_send, { port });
  }

  close(port: number): void {
    this.handlers.delete(port);
    this.beside.delete(port);
    this.call('EVTCHNOP_close', __HYPERVISOR_event_channel_op, EVTCHNOP_close, evtchn_close, { port });
  }

  /** Run the handlers of all pending ports, in order of ports, until nothing is pending (2-level ABI). `before`: what is older than the events found each time. */
  handleEvents(before: () => void = () => {}): void {
    for (;;) {
      before();
      const { ready } = this.takeEvents(() => true);
      if (ready.length === 0) return;
      for (const port of ready) this.handlers.get(port)?.();
    }
  }

  /** Run the handlers of pending ports that may run beside the guests, once. True when other ports are pending, which stay so. */
  handleEventsBeside(): boolean {
    const { ready, left } = this.takeEvents((port) => this.beside.has(port));
    for (const port of ready) this.handlers.get(port)?.();
    return left;
  }

  /** Take the pending events of ports that are `wanted`, in order of ports; others may be `left`. */
  private takeEvents(wanted: (port: number) => boolean): { readonly ready: readonly number[]; readonly left: boolean } {
    const base = this.maddr(DOM0_SHARED_INFO_GFN * 4096);
    const words = this.memories.frameWords;
    // the flag first, then the selector, then the events: what is raised meanwhile is seen here or raises the flag again
    Atomics.and(words, (base + vcpu_info.offsets.evtchn_upcall_pending) / 4, ~0xff);
    Atomics.store(words, (base + vcpu_info.offsets.evtchn_pending_sel) / 4, 0);
    Atomics.store(words, (base + vcpu_info.offsets.evtchn_pending_sel) / 4 + 1, 0);
    const ready: number[] = [];
    let left = false;
    const first = (base + shared_info.offsets.evtchn_pending) / 4;
    for (let word = 0; word < 128; word++) {
      let taken = 0;
      for (let pending = Atomics.load(words, first + word); pending !== 0; pending &= pending - 1) {
        const bit = 31 - Math.clz32(pending & -pending);
        if (wanted(word * 32 + bit)) {
          ready.push(word * 32 + bit);
          taken |= 1 << bit;
        } else left = true;
      }
      if (taken !== 0) Atomics.and(words, first + word, ~taken);
    }
    return { ready, left };
  }

  // ---- other domains' memory ---------------------------------------------------------------------------------------

  private claimWindow(count: number): number {
    const reused = this.freeMaps.get(count)?.pop();
    if (reused !== undefined) return reused;
    const gfn = this.nextMapGfn;
    if (gfn + count > DOM0_MAP_GFN + DOM0_MAP_PAGES) throw new Error("domain 0's mapping window is full");
    this.nextMapGfn = gfn + count;
    return gfn;
  }

  /** Map pages of another domain by gfn (privileged). Throws HypercallError when one does not exist. */
  mapForeign(domid: number, gfns: readonly number[]): Mapping {
    const { gfn, errors } = this.mapForeignEach(domid, gfns);
    const bad = errors.findIndex((errno) => errno !== 0);
    if (bad < 0) return this.mappingAt(gfn, gfns.length);
    this.unmapAt(gfn, gfns.length);
    throw new HypercallError(`mapping gfn 0x${(gfns[bad] as number).toString(16)} of domain ${domid}`, errors[bad] as number);
  }

  /** Map those pages of another domain that there are: the first gfn in the window, and an errno (0: mapped) for each page. */
  mapForeignEach(domid: number, gfns: readonly number[]): { readonly gfn: number; readonly errors: readonly number[] } {
    const first = this.claimWindow(gfns.length);
    const errors: number[] = [];
    try {
      while (errors.length < gfns.length)
        errors.push(...this.mapBatch(domid, gfns.slice(errors.length, errors.length + CALLS_AT_ONCE), first + errors.length).map(Math.abs));
    } catch (error) {
      this.unmapAt(first, gfns.length);
      throw error;
    }
    return { gfn: first, errors };
  }

  /**
   * Show pages of another domain by gfn, part after part in two pieces of the window: `use` gets, in order, each run of pages that follow one
   * another in `frames` as well, as its first page's offset there, that page's place among the gfns, and the number of pages. While it looks at one part the
   * next is mapped, so it makes no hypercalls. Throws HypercallError when a page does not exist.
   */
  withForeign(domid: number, gfns: Uint32Array, use: (at: number, place: number, pages: number) => void): void {
    const size = Math.min(gfns.length, PAGES_SHOWN);
    const windows = [this.claimWindow(size), this.claimWindow(size)] as const;
    const argument = mapArgument(size);
    try {
      this.withMemory(2 * argument, (memory) => {
        const part = (at: number): Uint32Array => gfns.subarray(at, at + size);
        const begin = (at: number, turn: 0 | 1): void => this.postMap(domid, part(at), windows[turn], memory + turn * argument);
        let turn: 0 | 1 = 0;
        begin(0, turn);
        for (let done = 0; done < gfns.length; done += size) {
          const mapped = part(done);
          const errors = this.mapped(mapped.length, memory + turn * argument);
          const window = windows[turn];
          const bad = firstSet(errors);
          if (bad >= 0) throw new HypercallError(`mapping gfn 0x${(mapped[bad] as number).toString(16)} of domain ${domid}`, -(errors[bad] as number));
          turn = turn === 0 ? 1 : 0;
          const more = done + size < gfns.length;
          if (more) begin(done + size, turn);
          try {
            this.eachRun(mapped, window, (at, place, pages) => use(at, done + place, pages));
          } catch (error) {
            if (more) this.door.answer();
            throw error;
          }
        }
      });
    } finally {
      for (const window of windows) this.unmapAt(window, size);
    }
  }

  /** The runs of pages among gfns shown at `window`. */
  private eachRun(gfns: Uint32Array, window: number, use: (at: number, place: number, pages: number) => void): void {
    for (let i = 0; i < gfns.length; ) {
      const first = i;
      const at = this.maddr((window + first) * 4096);
      do i++;
      while (i < gfns.length && gfns[i] === (gfns[first] as number) + i - first && this.maddr((window + i) * 4096) === at + (i - first) * 4096);
      use(at, first, i - first);
    }
  }

  private mapBatch(domid: number, gfns: ArrayLike<number>, first: number): Int32Array {
    return this.withMemory(mapArgument(gfns.length), (gpa) => {
      this.postMap(domid, gfns, first, gpa);
      return this.mapped(gfns.length, gpa);
    });
  }

  /** Begin to map pages of another domain by gfn, from `first` on; `gpa`: memory for the arguments. */
  private postMap(domid: number, gfns: ArrayLike<number>, first: number, gpa: number): void {
    const n = gfns.length;
    const words = new Uint32Array(n * 4);
    for (let i = 0; i < n; i++) {
      const gfn = gfns[i] as number;
      words[i * 2] = gfn;
      words[i * 2 + 1] = Math.floor(gfn / 2 ** 32);
      words[(n + i) * 2] = first + i;
    }
    const lists = gpa + xen_add_to_physmap_batch.size;
    const argument = new Uint8Array(xen_add_to_physmap_batch.size);
    xen_add_to_physmap_batch.write(new DataView(argument.buffer), 0, {
      domid: DOMID_SELF,
      space: XENMAPSPACE_gmfn_foreign,
      size: n,
      u: { foreign_domid: domid },
      idxs: lists,
      gpfns: lists + n * 8,
      errs: lists + n * 16,
    });
    this.copyIn(gpa, argument);
    this.copyIn(lists, new Uint8Array(words.buffer));
    this.door.post(__HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, gpa);
  }

  /** Why each of the `n` pages could not be mapped that `postMap` began with: 0, or a negative errno. Throws HypercallError. */
  private mapped(n: number, gpa: number): Int32Array {
    const returned = this.door.answer();
    if (returned < 0) throw new HypercallError('mapping foreign pages', -returned);
    return new Int32Array(this.copyOut(gpa + xen_add_to_physmap_batch.size + n * 16, n * 4).buffer);
  }

  /** Put a page of another domain at a gfn of the window where it is mapped already: what was written through the mapping is told to the engine. */
  mapAgain(domid: number, gfn: number, at: number): void {
    this.mapBatch(domid, [gfn], at);
  }

  /** Frames that a resource of a domain has. Throws HypercallError. */
  resourceSize(domid: number, type: number, id: number): number {
    return this.call('XENMEM_acquire_resource', __HYPERVISOR_memory_op, XENMEM_acquire_resource, xen_mem_acquire_resource, { domid, type, id }).nr_frames;
  }

  /** Map frames of a domain's resource; the first gfn in the window. Throws HypercallError. */
  mapResource(domid: number, type: number, id: number, frame: number, count: number): number {
    const first = this.claimWindow(count);
    try {
      this.withMemory(count * 8, (gpa) => {
        this.copyIn(gpa, new Uint8Array(BigUint64Array.from({ length: count }, (_, i) => BigInt(first + i)).buffer));
        this.call('XENMEM_acquire_resource', __HYPERVISOR_memory_op, XENMEM_acquire_resource, xen_mem_acquire_resource, {
          domid,
          type,
          id,
          nr_frames: count,
          frame,
          frame_list: gpa,
        });
      });
    } catch (error) {
      this.unmapAt(first, count);
      throw error;
    }
    return first;
  }

  /** Map a page that another domain granted to us; where it stands. Throws GrantError. */
  mapGrant(dom: number, ref: number): GrantMapping {
    const gfn = this.claimWindow(1);
    const { status, handle } = this.grantOp(GNTTABOP_map_grant_ref, gnttab_map_grant_ref, { host_addr: BigInt(gfn) << 12n, flags: GNTMAP_host_map, ref, dom });
    if (status === GNTST_okay) return { gfn, handle };
    this.releaseWindow(gfn, 1);
    throw new GrantError(`mapping grant ${ref} of domain ${dom}`, status);
  }

  unmapGrant({ gfn, handle }: GrantMapping): void {
    const { status } = this.grantOp(GNTTABOP_unmap_grant_ref, gnttab_unmap_grant_ref, { host_addr: BigInt(gfn) << 12n, handle });
    if (status !== GNTST_okay) throw new GrantError('unmapping a grant', status);
    this.releaseWindow(gfn, 1);
  }

  /** One grant operation; its argument as it came back. */
  private grantOp<F extends Fields>(cmd: number, argument: Struct<F>, fields: Update<F>): Snapshot<F> {
    return this.withMemory(argument.size, (gpa) => {
      const bytes = new Uint8Array(argument.size);
      argument.write(new DataView(bytes.buffer), 0, fields);
      this.copyIn(gpa, bytes);
      const result = this.door.hypercall(__HYPERVISOR_grant_table_op, cmd, gpa, 1);
      if (result < 0) throw new HypercallError('grant_table_op', -result);
      return argument.read(new DataView(this.copyOut(gpa, argument.size).buffer), 0);
    });
  }

  /** A mapping that exists already at `gfn` of the window (after a snapshot was loaded). */
  mappingAt(gfn: number, count: number): Mapping {
    return { gfn, pages: Array.from({ length: count }, (_, i) => this.maddr((gfn + i) * 4096)) };
  }

  unmap(mapping: Mapping): void {
    this.unmapAt(mapping.gfn, mapping.pages.length);
  }

  /** Give back `count` gfns of the window, whether all of them show something or not. */
  unmapAt(gfn: number, count: number): void {
    this.removePages(gfn, count);
    this.releaseWindow(gfn, count);
  }

  private removePages(first: number, count: number): void {
    const gfns = Array.from({ length: count }, (_, i) => first + i).filter((gfn) => this.p2m.entry(gfn) !== 0);
    const stride = multicall_entry.size + xen_remove_from_physmap.size;
    for (let done = 0; done < gfns.length; done += CALLS_AT_ONCE) {
      const part = gfns.slice(done, done + CALLS_AT_ONCE);
      this.withMemory(part.length * stride, (gpa) => {
        const bytes = new Uint8Array(part.length * stride);
        const view = new DataView(bytes.buffer);
        for (const [i, gpfn] of part.entries()) {
          const argument = part.length * multicall_entry.size + i * xen_remove_from_physmap.size;
          xen_remove_from_physmap.write(view, argument, { domid: DOMID_SELF, gpfn });
          multicall_entry.write(view, i * multicall_entry.size, {
            op: __HYPERVISOR_memory_op,
            args: [BigInt(XENMEM_remove_from_physmap), BigInt(gpa + argument)],
          });
        }
        this.copyIn(gpa, bytes);
        const result = this.door.hypercall(__HYPERVISOR_multicall, gpa, part.length);
        if (result < 0) throw new HypercallError('unmapping pages', -result);
      });
    }
  }

  private releaseWindow(gfn: number, count: number): void {
    const free = this.freeMaps.get(count);
    if (free === undefined) this.freeMaps.set(count, [gfn]);
    else free.push(gfn);
  }

  /** State for a snapshot: what cannot be found again in the machine. */
  freeze(): { nextMapGfn: number; freeMaps: [number, number[]][] } {
    return { nextMapGfn: this.nextMapGfn, freeMaps: [...this.freeMaps] };
  }

  thaw(frozen: { nextMapGfn: number; freeMaps: [number, number[]][] }): void {
    this.nextMapGfn = frozen.nextMapGfn;
    this.freeMaps.clear();
    for (const [count, gfns] of frozen.freeMaps) this.freeMaps.set(count, gfns);
  }
}
