import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE, GTF_permit_access, grant_entry_v1 } from '../../spec/xen/grant-table.ts';
import {
  HVM_PARAM_CONSOLE_EVTCHN,
  HVM_PARAM_CONSOLE_PFN,
  HVM_PARAM_IDENT_PT,
  HVM_PARAM_STORE_EVTCHN,
  HVM_PARAM_STORE_PFN,
  HVM_PARAM_TRIPLE_FAULT_REASON,
} from '../../spec/xen/hvm/params.ts';
import { HVM_FILE_MAGIC, HVM_FILE_VERSION, HVM_SAVE_CODE, hvm_hw_cpu, hvm_save_descriptor, hvm_save_header } from '../../spec/xen/hvm/save.ts';
import { XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared } from '../../spec/xen/memory.ts';
import { SHUTDOWN_crash } from '../../spec/xen/sched.ts';
import { buildPvhStart, type PvhRequest, type PvhStart } from '../loader/pvh.ts';
import type { Xc } from '../xc/xc.ts';

/** A built domain, still paused. */
export interface BuiltDomain {
  readonly domid: number;
  /** Frame numbers of the guest's store and console rings, and its ports for them. */
  readonly store: { readonly gfn: number; readonly port: number };
  readonly console: { readonly gfn: number; readonly port: number };
  readonly start: PvhStart;
}

/** What a domain is built of. */
export interface PvhBuildRequest extends PvhRequest {
  /** 16 bytes: the UUID. */
  readonly handle: Uint8Array;
  /** What `buildPvhStart` makes of all this, where it was worked out before. */
  readonly start?: PvhStart;
}

/** The CPU record of vCPU 0 at its start: 32-bit flat protected mode. @see docs/misc/pvh.pandoc of Xen */
function startRecords({ eip, ebx }: PvhStart['entry']): Uint8Array {
  const d = hvm_save_descriptor.size;
  const bytes = new Uint8Array(d + hvm_save_header.size + d + hvm_hw_cpu.size + d);
  const view = new DataView(bytes.buffer);
  hvm_save_descriptor.write(view, 0, { typecode: HVM_SAVE_CODE.HEADER, instance: 0, length: hvm_save_header.size });
  hvm_save_header.write(view, d, { magic: HVM_FILE_MAGIC, version: HVM_FILE_VERSION });
  const cpu = d + hvm_save_header.size;
  hvm_save_descriptor.write(view, cpu, { typecode: HVM_SAVE_CODE.CPU, instance: 0, length: hvm_hw_cpu.size });
  const data = { limit: 0xffffffff, ar: 0xc93 };
  hvm_hw_cpu.write(view, cpu + d, {
    rip: eip,
    rbx: ebx,
    rflags: 2,
    cr0: 0x11,
    cs_limit: 0xffffffff,
    cs_arbytes: 0xc9b,
    ds_limit: data.limit,
    ds_arbytes: data.ar,
    es_limit: data.limit,
    es_arbytes: data.ar,
    ss_limit: data.limit,
    ss_arbytes: data.ar,
    fs_limit: data.limit,
    fs_arbytes: data.ar,
    gs_limit: data.limit,
    gs_arbytes: data.ar,
    tr_limit: 0x67,
    tr_arbytes: 0x8b,
    ldtr_arbytes: 0x10000,
    dr6: 0xffff0ff0,
    dr7: 0x400,
  });
  hvm_save_descriptor.write(view, cpu + d + hvm_hw_cpu.size, { typecode: HVM_SAVE_CODE.END, instance: 0, length: 0 });
  return bytes;
}

/** The domain whose programs serve the rings. */
const BACKEND = 0;

/** Write the entries of the domain's grant table by which its backends may map the rings, as the guest itself would. */
function seedGrants({ kernel }: Xc, domid: number, entries: readonly { readonly ref: number; readonly gfn: number }[]): void {
  const at = kernel.mapResource(domid, XENMEM_resource_grant_table, XENMEM_resource_grant_table_id_shared, 0, 1);
  const page = kernel.mappingAt(at, 1).pages[0] as number;
  const view = new DataView(kernel.memories.frames.buffer);
  for (const { ref, gfn } of entries) grant_entry_v1.write(view, page + ref * grant_entry_v1.size, { flags: GTF_permit_access, domid: BACKEND, frame: gfn });
  kernel.unmapAt(at, 1);
}

/** Pages given to a domain in one step: 64 MiB. */
const PAGES_AT_ONCE = 16384;
const MIB_PAGES = 256;

/**
 * Build a PVH domain as libxl does: create, limits, memory, images, special pages, event channels, grants of the
 * rings, parameters, registers. The domain is left paused. Each step says what it did, in a sentence; between steps other things may happen. The domain
 * is destroyed again when a step fails, or when the caller wants no further step.
 */
export function* pvhBuildSteps(xc: Xc, request: PvhBuildRequest): Generator<string, BuiltDomain> {
  const { start = buildPvhStart(request) } = request;
  const domid = xc.createPvhDomain({ vcpus: request.vcpus, handle: request.handle });
  let complete = false;
  try {
    const extra = start.populate.reduce((pages, range) => pages + range.pages, 0);
    xc.maxMem(domid, extra * 4);
    xc.maxVcpus(domid, request.vcpus);
    yield `domain ${domid} created`;
    let given = 0;
    for (const { gfn, pages } of start.populate) {
      for (let done = 0; done < pages; done += PAGES_AT_ONCE) {
        const count = Math.min(PAGES_AT_ONCE, pages - done);
        xc.populate(domid, gfn + done, count);
        given += count;
        if (count === PAGES_AT_ONCE) yield `memory: ${Math.floor(given / MIB_PAGES)} of ${Math.floor(extra / MIB_PAGES)} MiB`;
      }
    }
    xc.setMemoryMap(domid, start.memmap);
    xc.fillMemory(domid, start.writes);
    yield `images: ${start.writes.reduce((sum, { bytes }) => sum + bytes.length, 0) >>> 10} KiB in place, entry at 0x${start.entry.eip.toString(16)}`;
    const store = { gfn: start.specialPages.xenstore, port: xc.kernel.allocUnbound(domid, 0) };
    const console = { gfn: start.specialPages.console, port: xc.kernel.allocUnbound(domid, 0) };
    xc.setHvmParam(domid, HVM_PARAM_STORE_PFN, store.gfn);
    xc.setHvmParam(domid, HVM_PARAM_STORE_EVTCHN, store.port);
    xc.setHvmParam(domid, HVM_PARAM_CONSOLE_PFN, console.gfn);
    xc.setHvmParam(domid, HVM_PARAM_CONSOLE_EVTCHN, console.port);
    seedGrants(xc, domid, [
      { ref: GNTTAB_RESERVED_CONSOLE, gfn: console.gfn },
      { ref: GNTTAB_RESERVED_XENSTORE, gfn: store.gfn },
    ]);
    xc.setHvmParam(domid, HVM_PARAM_IDENT_PT, start.specialPages.identityPageTable * 4096);
    xc.setHvmParam(domid, HVM_PARAM_TRIPLE_FAULT_REASON, SHUTDOWN_crash);
    xc.setHvmContext(domid, startRecords(start.entry));
    complete = true;
    return { domid, store, console, start };
  } finally {
    if (!complete) xc.destroyIfThere(domid);
  }
}
