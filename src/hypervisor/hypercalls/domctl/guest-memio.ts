import type { Mfn } from '../../../base/brand.ts';
import { CR0, CR3, CR4, EFER } from '../../../machine/layout.ts';
import { walkPages } from '../../../machine/page-walk.ts';
import { xen_domctl_gdbsx_memio } from '../../../spec/xen/domctl.ts';
import { EFAULT, EINVAL } from '../../../spec/xen/errno.ts';
import type { Domain, Hypervisor } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

const PAGE = 4096;
/** Bytes moved in one call. */
const MOST = 1 << 20;

/** Offset into `frames` of a domain's virtual address, by the page tables of its vCPU 0; undefined where nothing is. */
function locate(hv: Hypervisor, d: Domain, va: bigint): number | undefined {
  const c = hv.vcpu(d, 0)?.context;
  if (c === undefined) return undefined;
  const offset = (gpa: bigint): number | undefined => {
    const at = gpa >= 1n << 48n ? -1 : d.p2m.maddr(Number(gpa));
    return at < 0 ? undefined : at;
  };
  const state = { cr0: c.get(CR0), cr3: c.get(CR3), cr4: c.get(CR4), efer: c.get(EFER) };
  const gpa = walkPages(state, va, (at, bytes) => {
    const from = offset(at);
    if (from === undefined) return undefined;
    const view = hv.memories.frameView;
    return bytes === 8 ? view.getBigUint64(from, true) : BigInt(view.getUint32(from, true));
  });
  return gpa === undefined ? undefined : offset(gpa);
}

/**
 * A debugger reads or writes guest memory by virtual address, whatever the rights of the pages are. `remain` tells how
 * much could not be moved; `pgd3val` is for PV guests of long ago and is not looked at.
 * @xen domctl 1000 gdbsx_guestmemio #Y
 */
export const gdbsxGuestMemio: Domctl<(typeof xen_domctl_gdbsx_memio)['fields']> = {
  argument: xen_domctl_gdbsx_memio,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    if (d === caller || arg.len > MOST) return fail(EINVAL);
    const bytes = memory.read(arg.uva, arg.len);
    if (bytes === undefined || (arg.gwr === 0 && !memory.writable(arg.uva, arg.len))) return fail(EFAULT);
    let done = 0;
    while (done < arg.len) {
      const va = BigInt.asUintN(64, arg.gva + BigInt(done));
      const at = locate(hv, d, va);
      if (at === undefined) break;
      const piece = Math.min(arg.len - done, PAGE - (at % PAGE));
      if (arg.gwr === 0) bytes.set(hv.memories.frameBytes.subarray(at, at + piece), done);
      else {
        const mfn = Math.floor(at / PAGE) as Mfn;
        hv.memories.frameBytes.set(bytes.subarray(done, done + piece), at);
        if (hv.frames.hasCode(mfn)) hv.cpu.frameWritten(mfn);
      }
      done += piece;
    }
    if (arg.gwr === 0 && !memory.write(arg.uva, bytes.subarray(0, done))) return fail(EFAULT);
    return ok({ remain: arg.len - done });
  },
};
