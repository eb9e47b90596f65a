import { XC_CORE_INVALID_PFN } from '../../spec/xen/dump-core.ts';
import { XENMEM_maximum_gpfn, xen_memory_domain } from '../../spec/xen/memory.ts';
import { __HYPERVISOR_memory_op } from '../../spec/xen/xen.ts';
import { unknownDomain } from '../libxl/libxl-error.ts';
import { versionInfo } from '../xc/host-info.ts';
import { vcpuContext } from '../xc/vcpus.ts';
import type { Xc } from '../xc/xc.ts';
import { type CoreLayout, coreLayout } from './core-file.ts';

/** Frames looked at in one turn: the guests stand still meanwhile. */
const FRAMES_AT_ONCE = 1024;
const PAGE = 4096;

/** How a domain's memory is carried away. */
export interface CoreDumpHost {
  /** Do something in a turn of domain 0. */
  enter<T>(action: () => T): Promise<T>;
  /** Add to the end of the file. */
  write(bytes: Uint8Array): Promise<void>;
  /** So many bytes of so many are written. */
  progress?(done: number, total: number): void;
  readonly signal?: AbortSignal;
  /** Where the domain's pages were put when it was built, in ascending order: nothing is looked for elsewhere. Absent: they may be anywhere. */
  readonly ranges?: readonly FrameRange[];
}

/** Guest frames. */
export interface FrameRange {
  readonly gfn: number;
  readonly pages: number;
}

interface Beginning {
  readonly layout: CoreLayout;
  readonly pages: number;
  readonly ranges: readonly FrameRange[];
}

function begin(xc: Xc, domid: number, ranges: readonly FrameRange[] | undefined): Beginning {
  const info = xc.info(domid);
  if (info === undefined) throw unknownDomain(domid);
  const vcpus: Uint8Array[] = [];
  for (let vcpu = 0; vcpu <= info.max_vcpu_id; vcpu++) vcpus.push(vcpuContext(xc, domid, vcpu));
  const pages = info.tot_pages;
  const sharedInfo = info.shared_info_frame >= 0 ? pagesOf(xc, domid, info.shared_info_frame, 1)[0]?.bytes : undefined;
  const layout = coreLayout({ version: versionInfo(xc), vcpus, sharedInfo, pages });
  if (ranges !== undefined) return { layout, pages, ranges };
  const { returned } = xc.kernel.call('XENMEM_maximum_gpfn', __HYPERVISOR_memory_op, XENMEM_maximum_gpfn, xen_memory_domain, { domid });
  return { layout, pages, ranges: [{ gfn: 0, pages: returned + 1 }] };
}

/** The first frames of groups that are looked at together. */
function* groups(ranges: readonly FrameRange[]): Generator<number, void> {
  let next = 0;
  for (const { gfn, pages } of ranges) {
    for (next = Math.max(next, gfn); next < gfn + pages; next += FRAMES_AT_ONCE) yield next;
  }
}

/** Copies of those frames among `count` from `first` that the domain has. */
function pagesOf(xc: Xc, domid: number, first: number, count: number): { gfn: number; bytes: Uint8Array }[] {
  const { kernel } = xc;
  const wanted = Array.from({ length: count }, (_, i) => first + i);
  const { gfn: window, errors } = kernel.mapForeignEach(domid, wanted);
  try {
    return wanted.flatMap((gfn, i) => (errors[i] === 0 ? [{ gfn, bytes: kernel.copyOut((window + i) * PAGE, PAGE) }] : []));
  } finally {
    kernel.unmapAt(window, count);
  }
}

/**
 * Write a domain as a Xen core file. The domain runs on meanwhile: pause it first for a picture of one instant. Pages that it gains are left out;
 * for those that it loses there are zeros. Throws LibxlError, HypercallError, and what `write` throws.
 * @see docs/misc/dump-core-format.txt
 */
export async function dumpCore(xc: Xc, domid: number, host: CoreDumpHost): Promise<void> {
  const { layout, pages, ranges } = await host.enter(() => begin(xc, domid, host.ranges));
  await host.write(layout.head);
  const pfns = new BigUint64Array(pages).fill(XC_CORE_INVALID_PFN);
  let done = 0;
  for (const gfn of groups(ranges)) {
    if (done === pages) break;
    host.signal?.throwIfAborted();
    const found = await host.enter(() => {
      if (xc.info(domid) === undefined) throw unknownDomain(domid);
      return pagesOf(xc, domid, gfn, FRAMES_AT_ONCE);
    });
    const taken = found.slice(0, pages - done);
    const bytes = new Uint8Array(taken.length * PAGE);
    for (const [i, page] of taken.entries()) {
      bytes.set(page.bytes, i * PAGE);
      pfns[done++] = BigInt(page.gfn);
    }
    await host.write(bytes);
    host.progress?.(layout.head.length + done * PAGE, layout.size);
  }
  const zeros = new Uint8Array(FRAMES_AT_ONCE * PAGE);
  for (let left = pages - done; left > 0; left -= FRAMES_AT_ONCE) await host.write(zeros.subarray(0, Math.min(left, FRAMES_AT_ONCE) * PAGE));
  await host.write(new Uint8Array(pfns.buffer));
  await host.write(layout.tail);
  host.progress?.(layout.size, layout.size);
}
