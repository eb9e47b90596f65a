import type { Fields, Snapshot, Struct, Update } from '../../base/struct.ts';
import { type Dom0Kernel, HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { XEN_X86_EMU_LAPIC } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import { ERESTART } from '../../spec/xen/errno.ts';
import { HVMOP_get_param, HVMOP_set_param, xen_hvm_param } from '../../spec/xen/hvm/hvm-op.ts';
import { XENMEM_claim_pages, XENMEM_populate_physmap, XENMEM_set_memory_map, xen_foreign_memory_map, xen_memory_reservation } from '../../spec/xen/memory.ts';
import { __HYPERVISOR_domctl, __HYPERVISOR_hvm_op, __HYPERVISOR_memory_op, DOMID_FIRST_RESERVED } from '../../spec/xen/xen.ts';
import { bytesFrom, type LateBytes } from '../loader/late-bytes.ts';
import { fill } from './fill.ts';

const HEAD = D.xen_domctl.offsets.u;
/** Frame numbers handed over in one hypercall. */
const EXTENTS_AT_ONCE = 16384;
/** Pages of a large extent: 2 MiB, the largest that populate_physmap takes. */
const BIG_EXTENT_ORDER = 9;
const BIG_EXTENT = 2 ** BIG_EXTENT_ORDER;
const E820_ENTRY = 20;

export type DomainInfo = Snapshot<(typeof D.xen_domctl_getdomaininfo)['fields']>;

/** The hypercalls a toolstack makes, with their structs marshalled in domain 0's memory. Throws HypercallError. */
export class Xc {
  readonly kernel: Dom0Kernel;

  constructor(kernel: Dom0Kernel) {
    this.kernel = kernel;
  }

  /** One domctl: the head, then the command's member of the union. The answer's domain id and member. */
  domctl<F extends Fields>(what: string, cmd: number, domain: number, argument?: Struct<F>, fields?: Update<F>): { domain: number; out: Snapshot<F> } {
    const size = HEAD + (argument?.size ?? 0);
    return this.kernel.withMemory(size, (gpa) => {
      const bytes = new Uint8Array(size);
      const view = new DataView(bytes.buffer);
      D.xen_domctl.write(view, 0, { cmd, interface_version: D.XEN_DOMCTL_INTERFACE_VERSION, domain });
      if (argument !== undefined && fields !== undefined) argument.write(view, HEAD, fields);
      this.kernel.copyIn(gpa, bytes);
      for (;;) {
        const result = this.kernel.door.hypercall(__HYPERVISOR_domctl, gpa);
        if (result === -ERESTART) continue;
        if (result < 0) throw new HypercallError(what, -result);
        break;
      }
      const answer = new DataView(this.kernel.copyOut(gpa, size).buffer);
      return { domain: answer.getUint16(8, true), out: (argument?.read(answer, HEAD) ?? {}) as Snapshot<F> };
    });
  }

  /** A new PVH domain; its id. */
  createPvhDomain(options: { vcpus: number; handle: Uint8Array }): number {
    return this.domctl('XEN_DOMCTL_createdomain', D.XEN_DOMCTL_createdomain, DOMID_FIRST_RESERVED, D.xen_domctl_createdomain, {
      handle: options.handle,
      flags: D.XEN_DOMCTL_CDF_hvm | D.XEN_DOMCTL_CDF_hap,
      max_vcpus: options.vcpus,
      max_evtchn_port: 1023,
      max_grant_frames: -1,
      max_maptrack_frames: -1,
      grant_opts: 2,
      arch: { emulation_flags: XEN_X86_EMU_LAPIC, misc_flags: 0 },
    }).domain;
  }

  maxVcpus(domid: number, max: number): void {
    this.domctl('XEN_DOMCTL_max_vcpus', D.XEN_DOMCTL_max_vcpus, domid, D.xen_domctl_max_vcpus, { max });
  }

  /** What stands at `count` (up to 1024) gfns from `first` on: XEN_DOMCTL_PFINFO_*. */
  pageTypes(domid: number, first: number, count: number): BigUint64Array {
    return this.kernel.withMemory(count * 8, (array) => {
      this.kernel.copyIn(array, new Uint8Array(BigUint64Array.from({ length: count }, (_, i) => BigInt(first + i)).buffer));
      this.domctl('XEN_DOMCTL_getpageframeinfo3', D.XEN_DOMCTL_getpageframeinfo3, domid, D.xen_domctl_getpageframeinfo3, { num: count, array });
      return new BigUint64Array(this.kernel.copyOut(array, count * 8).buffer);
    });
  }

  maxMem(domid: number, kib: number): void {
    this.domctl('XEN_DOMCTL_max_mem', D.XEN_DOMCTL_max_mem, domid, D.xen_domctl_max_mem, { max_memkb: kib });
  }

  pause(domid: number): void {
    this.domctl('XEN_DOMCTL_pausedomain', D.XEN_DOMCTL_pausedomain, domid);
  }

  unpause(domid: number): void {
    this.domctl('XEN_DOMCTL_unpausedomain', D.XEN_DOMCTL_unpausedomain, domid);
  }

  destroy(domid: number): void {
    this.domctl('XEN_DOMCTL_destroydomain', D.XEN_DOMCTL_destroydomain, domid);
  }

  /** As `destroy`; nothing happens when it is gone already. */
  destroyIfThere(domid: number): void {
    if (this.info(domid) !== undefined) this.destroy(domid);
  }

  /** The domain, or undefined when there is none with that id. */
  info(domid: number): DomainInfo | undefined {
    try {
      const { out } = this.domctl('XEN_DOMCTL_getdomaininfo', D.XEN_DOMCTL_getdomaininfo, domid, D.xen_domctl_getdomaininfo, {});
      return out.domain === domid ? out : undefined;
    } catch (error) {
      if (error instanceof HypercallError) return undefined;
      throw error;
    }
  }

  /** A vCPU's state and the time it ran. */
  vcpuInfo(domid: number, vcpu: number): Snapshot<(typeof D.xen_domctl_getvcpuinfo)['fields']> {
    return this.domctl('XEN_DOMCTL_getvcpuinfo', D.XEN_DOMCTL_getvcpuinfo, domid, D.xen_domctl_getvcpuinfo, { vcpu }).out;
  }

  /** Load HVM save records (registers of vCPUs). */
  setHvmContext(domid: number, records: Uint8Array): void {
    this.kernel.withMemory(records.length, (buffer) => {
      this.kernel.copyIn(buffer, records);
      this.domctl('XEN_DOMCTL_sethvmcontext', D.XEN_DOMCTL_sethvmcontext, domid, D.xen_domctl_hvmcontext, { size: records.length, buffer });
    });
  }

  /** HVM save records of the domain. */
  getHvmContext(domid: number): Uint8Array {
    const { out } = this.domctl('XEN_DOMCTL_gethvmcontext', D.XEN_DOMCTL_gethvmcontext, domid, D.xen_domctl_hvmcontext, { size: 0, buffer: 0 });
    return this.kernel.withMemory(out.size, (buffer) => {
      this.domctl('XEN_DOMCTL_gethvmcontext', D.XEN_DOMCTL_gethvmcontext, domid, D.xen_domctl_hvmcontext, { size: out.size, buffer });
      return this.kernel.copyOut(buffer, out.size);
    });
  }

  setHvmParam(domid: number, index: number, value: number | bigint): void {
    this.kernel.call('HVMOP_set_param', __HYPERVISOR_hvm_op, HVMOP_set_param, xen_hvm_param, { domid, index, value: BigInt(value) });
  }

  getHvmParam(domid: number, index: number): bigint {
    return this.kernel.call('HVMOP_get_param', __HYPERVISOR_hvm_op, HVMOP_get_param, xen_hvm_param, { domid, index }).value;
  }

  /** Give the domain pages at `gfn` .. `gfn + count - 1`, in extents of 2 MiB where they fit. */
  populate(domid: number, gfn: number, count: number): void {
    const end = gfn + count;
    const firstBig = Math.min(Math.ceil(gfn / BIG_EXTENT) * BIG_EXTENT, end);
    const lastBig = Math.max(firstBig, Math.floor(end / BIG_EXTENT) * BIG_EXTENT);
    this.populateExtents(domid, gfn, firstBig - gfn, 0);
    this.populateExtents(domid, firstBig, (lastBig - firstBig) / BIG_EXTENT, BIG_EXTENT_ORDER);
    this.populateExtents(domid, lastBig, end - lastBig, 0);
  }

  private populateExtents(domid: number, gfn: number, extents: number, extent_order: number): void {
    for (let done = 0; done < extents; ) {
      const n = Math.min(EXTENTS_AT_ONCE, extents - done);
      const at = (extent: number): number => gfn + (done + extent) * 2 ** extent_order;
      this.kernel.withMemory(n * 8, (extent_start) => {
        const list = BigUint64Array.from({ length: n }, (_, i) => BigInt(at(i)));
        this.kernel.copyIn(extent_start, new Uint8Array(list.buffer));
        const { returned } = this.kernel.call('XENMEM_populate_physmap', __HYPERVISOR_memory_op, XENMEM_populate_physmap, xen_memory_reservation, {
          extent_start,
          nr_extents: n,
          extent_order,
          mem_flags: 0,
          domid,
        });
        if (returned !== n) throw new HypercallError(`populating gfn 0x${at(returned).toString(16)} of domain ${domid}`, 12);
      });
      done += n;
    }
  }

  /** Promise the domain so many pages in all, what it has included; 0 takes the promise back. */
  claimPages(domid: number, pages: number): void {
    this.kernel.call('XENMEM_claim_pages', __HYPERVISOR_memory_op, XENMEM_claim_pages, xen_memory_reservation, { nr_extents: pages, domid });
  }

  /** Give the hypervisor the domain's E820 map. */
  setMemoryMap(domid: number, entries: readonly { readonly address: number; readonly size: number; readonly type: number }[]): void {
    this.kernel.withMemory(entries.length * E820_ENTRY, (buffer) => {
      const bytes = new Uint8Array(entries.length * E820_ENTRY);
      const view = new DataView(bytes.buffer);
      for (const [i, entry] of entries.entries()) {
        view.setBigUint64(i * E820_ENTRY, BigInt(entry.address), true);
        view.setBigUint64(i * E820_ENTRY + 8, BigInt(entry.size), true);
        view.setUint32(i * E820_ENTRY + 16, entry.type, true);
      }
      this.kernel.copyIn(buffer, bytes);
      this.kernel.call('XENMEM_set_memory_map', __HYPERVISOR_memory_op, XENMEM_set_memory_map, xen_foreign_memory_map, {
        domid,
        map: { nr_entries: entries.length, buffer },
      });
    });
  }

  /** Write pieces of bytes, none into another, into a new domain's memory at guest-physical addresses, in order, through foreign mappings. Pages of zeros are there already. */
  fillMemory(domid: number, pieces: readonly { readonly gpa: number; readonly bytes: Uint8Array | LateBytes }[]): void {
    const parts = pieces
      .filter(({ bytes }) => bytes.length > 0)
      .map(({ gpa, bytes }) => ({
        gpa,
        bytes,
        first: Math.floor(gpa / 4096),
        pages: Math.floor((gpa + bytes.length - 1) / 4096) - Math.floor(gpa / 4096) + 1,
      }));
    const gfns = new Uint32Array(parts.reduce((sum, { pages }) => sum + pages, 0));
    let place = 0;
    for (const { first, pages } of parts) for (let i = 0; i < pages; i++) gfns[place++] = first + i;
    const { frameBytes } = this.kernel.memories;
    let current = 0;
    /** Place of the current part's first page. */
    let start = 0;
    this.kernel.withForeign(domid, gfns, (at, from, count) => {
      for (let done = 0; done < count; ) {
        let part = parts[current] as (typeof parts)[number];
        while (from + done >= start + part.pages) {
          start += part.pages;
          part = parts[++current] as (typeof parts)[number];
        }
        const pages = Math.min(count - done, start + part.pages - from - done);
        // where the first page's first byte comes from: before the bytes' beginning, for a part's first
        const offset = (part.first + from + done - start) * 4096 - part.gpa;
        const to = at + done * 4096 - offset;
        const end = Math.min(offset + pages * 4096, part.bytes.length);
        for (let next = Math.max(offset, 0); next < end; ) {
          const bytes = bytesFrom(part.bytes, next).subarray(0, end - next);
          fill(frameBytes, to + next, bytes);
          next += bytes.length;
        }
        done += pages;
      }
    });
  }
}
