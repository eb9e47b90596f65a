import { type Dom0Kernel, HypercallError, type Mapping } from '../../hypervisor/dom0/kernel.ts';
import { type PagingState, walkPages } from '../../machine/page-walk.ts';

const PAGE = 4096;

/**
 * A guest's memory seen from domain 0, by guest-physical and by virtual address, through foreign mappings that last as
 * long as the view. Inside one turn, or while the guest is paused: else what was walked may change. Call `close`.
 */
export class GuestView {
  private readonly kernel: Dom0Kernel;
  private readonly domid: number;
  private readonly mappings = new Map<number, Mapping | undefined>();
  private readonly translated = new Map<bigint, bigint | undefined>();

  constructor(kernel: Dom0Kernel, domid: number) {
    this.kernel = kernel;
    this.domid = domid;
  }

  /** Offset into `frames` of the guest's page, undefined where it has none. */
  private page(gfn: number): number | undefined {
    if (!this.mappings.has(gfn)) this.mappings.set(gfn, this.map(gfn));
    return this.mappings.get(gfn)?.pages[0];
  }

  private map(gfn: number): Mapping | undefined {
    try {
      return this.kernel.mapForeign(this.domid, [gfn]);
    } catch (error) {
      if (error instanceof HypercallError) return undefined;
      throw error;
    }
  }

  private offset(gpa: bigint): number | undefined {
    if (gpa >= 1n << 52n) return undefined;
    const page = this.page(Number(gpa >> 12n));
    return page === undefined ? undefined : page + Number(gpa & 0xfffn);
  }

  /** A word of guest-physical memory (it lies in one page). */
  readonly physical = (gpa: bigint, bytes: 4 | 8): bigint | undefined => {
    const at = this.offset(gpa);
    if (at === undefined) return undefined;
    const view = new DataView(this.kernel.memories.frames.buffer, at, bytes);
    return bytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
  };

  /** The bytes at virtual address `va`, as far as they are mapped: fewer than `length` where they end. */
  read(paging: PagingState, va: bigint, length: number): Uint8Array {
    return this.readBy((at) => this.virtual(paging, at), va, length);
  }

  /** As `read`, by guest-physical address. */
  readPhysical(gpa: bigint, length: number): Uint8Array {
    return this.readBy((at) => this.offset(at), gpa, length);
  }

  /** Write at virtual address `va`, whatever the rights of the pages; how many bytes before the first page that is not there. */
  write(paging: PagingState, va: bigint, bytes: Uint8Array): number {
    return this.writeBy((at) => this.virtual(paging, at), va, bytes);
  }

  /** As `write`, by guest-physical address. */
  writePhysical(gpa: bigint, bytes: Uint8Array): number {
    return this.writeBy((at) => this.offset(at), gpa, bytes);
  }

  private readBy(locate: (at: bigint) => number | undefined, address: bigint, length: number): Uint8Array {
    const out = new Uint8Array(length);
    const done = pieces(locate, address, length, (from, done, size) => out.set(this.kernel.memories.frameBytes.subarray(from, from + size), done));
    return out.subarray(0, done);
  }

  private writeBy(locate: (at: bigint) => number | undefined, address: bigint, bytes: Uint8Array): number {
    return pieces(locate, address, bytes.length, (to, done, size) => this.kernel.memories.frameBytes.set(bytes.subarray(done, done + size), to));
  }

  private virtual(paging: PagingState, va: bigint): number | undefined {
    const page = va & ~0xfffn;
    const key = (paging.cr3 << 64n) | page;
    if (!this.translated.has(key)) this.translated.set(key, walkPages(paging, page, this.physical));
    const gpa = this.translated.get(key);
    return gpa === undefined ? undefined : this.offset(gpa | (va & 0xfffn));
  }

  close(): void {
    for (const mapping of this.mappings.values()) if (mapping !== undefined) this.kernel.unmap(mapping);
    this.mappings.clear();
    this.translated.clear();
  }
}

/** Go through memory page by page until one is not there; the bytes before it. */
function pieces(
  locate: (at: bigint) => number | undefined,
  address: bigint,
  length: number,
  each: (frameOffset: number, done: number, size: number) => void,
): number {
  let done = 0;
  while (done < length) {
    const at = BigInt.asUintN(64, address + BigInt(done));
    const size = Math.min(length - done, PAGE - Number(at & 0xfffn));
    const offset = locate(at);
    if (offset === undefined) break;
    each(offset, done, size);
    done += size;
  }
  return done;
}
