import { XEN_DOMCTL_PFINFO_XTAB } from '../../spec/xen/domctl.ts';
import { XC_CORE_INVALID_PFN } from '../../spec/xen/dump-core.ts';
import { XENMEM_maximum_gpfn, xen_memory_domain } from '../../spec/xen/memory.ts';
import { __HYPERVISOR_memory_op } from '../../spec/xen/xen.ts';
import { unknownDomain } from '../libxl/libxl-error.ts';
import { versionInfo } from '../xc/host-info.ts';
import { vcpuContext } from '../xc/vcpus.ts';
import type { Xc } from '../xc/xc.ts';
import { type CoreLayout, coreLayout } from './core-file.ts';

/** Frames copied in one turn, and frames asked about: the guests stand still meanwhile. */
const FRAMES_AT_ONCE = 1024;
const FRAMES_ASKED = 32 * FRAMES_AT_ONCE;
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
}

function begin(xc: Xc, domid: number, pages: number): CoreLayout {
  const info = xc.info(domid);
  if (info === undefined) throw unknownDomain(domid);
  const vcpus: Uint8Array[] = [];
  for (let vcpu = 0; vcpu <= info.max_vcpu_id; vcpu++) vcpus.push(vcpuContext(xc, domid, vcpu));
  const sharedInfo = info.shared_info_frame >= 0 ? pagesOf(xc, domid, [info.shared_info_frame], 1)[0]?.bytes : undefined;
  return coreLayout({ version: versionInfo(xc), vcpus, sharedInfo, pages });
}

/** Every gfn at which the domain has RAM of its own or its shared info now, in ascending order: found by asking, as guests move their pages. */
async function presentFrames(xc: Xc, domid: number, host: CoreDumpHost): Promise<number[]> {
  const found: number[] = [];
  const last = await host.enter(() => {
    if (xc.info(domid) === undefined) throw unknownDomain(domid);
    return xc.kernel.call('XENMEM_maximum_gpfn', __HYPERVISOR_memory_op, XENMEM_maximum_gpfn, xen_memory_domain, { domid }).returned;
  });
  for (let first = 0; first <= last; first += FRAMES_ASKED) {
    host.signal?.throwIfAborted();
    await host.enter(() => {
      const info = xc.info(domid);
      if (info === undefined) throw unknownDomain(domid);
      const end = Math.min(first + FRAMES_ASKED, last + 1);
      for (let gfn = first; gfn < end; gfn += FRAMES_AT_ONCE) {
        for (const [i, type] of xc.pageTypes(domid, gfn, Math.min(FRAMES_AT_ONCE, end - gfn)).entries()) {
          // (a page of Xen's has no type, but can be mapped as the others)
          if (type !== BigInt(XEN_DOMCTL_PFINFO_XTAB) || gfn + i === info.shared_info_frame) found.push(gfn + i);
        }
      }
    });
  }
  return found;
}

/** Copies of those of the frames that the domain has. `room`: pages of the window that is used for them, as always the same one. */
function pagesOf(xc: Xc, domid: number, wanted: readonly number[], room: number): { gfn: number; bytes: Uint8Array }[] {
  const { kernel } = xc;
  const filled = Array.from({ length: room }, (_, i) => wanted[i] ?? (wanted[0] as number));
  const { gfn: window, errors } = kernel.mapForeignEach(domid, filled);
  try {
    return wanted.flatMap((gfn, i) => (errors[i] === 0 ? [{ gfn, bytes: kernel.copyOut((window + i) * PAGE, PAGE) }] : []));
  } finally {
    kernel.unmapAt(window, room);
  }
}

/**
 * Write a domain as a Xen core file. The domain runs on meanwhile: pause it first for a picture of one instant. Pages that it gains are left out;
 * for those that it loses there are zeros. Throws LibxlError, HypercallError, and what `write` throws.
 * @see docs/misc/dump-core-format.txt
 */
export async function dumpCore(xc: Xc, domid: number, host: CoreDumpHost): Promise<void> {
  const present = await presentFrames(xc, domid, host);
  const pages = present.length;
  const layout = await host.enter(() => begin(xc, domid, pages));
  await host.write(layout.head);
  const pfns = new BigUint64Array(pages).fill(XC_CORE_INVALID_PFN);
  let done = 0;
  for (let first = 0; first < pages; first += FRAMES_AT_ONCE) {
    host.signal?.throwIfAborted();
    const found = await host.enter(() => {
      if (xc.info(domid) === undefined) throw unknownDomain(domid);
      return pagesOf(xc, domid, present.slice(first, first + FRAMES_AT_ONCE), FRAMES_AT_ONCE);
    });
    const bytes = new Uint8Array(found.length * PAGE);
    for (const [i, page] of found.entries()) {
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
