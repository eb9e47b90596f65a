import { compat_vcpu_info } from '../../../spec/xen/compat.ts';
import { EINVAL, ENXIO } from '../../../spec/xen/errno.ts';
import { vcpu_register_vcpu_info } from '../../../spec/xen/vcpu.ts';
import { vcpu_info } from '../../../spec/xen/xen.ts';
import { VCPUF_down } from '../../domain.ts';
import { markEventsPending } from '../../events/deliver.ts';
import { selectAll } from '../../events/two-level.ts';
import { p2m_ram_rw } from '../../memory/p2m.ts';
import { updateTime } from '../../time/pvclock.ts';
import { fail, ok, subOperation } from '../call.ts';
import type { VcpuOperation } from './operation.ts';

/**
 * VCPUOP_register_vcpu_info: move a vCPU's vcpu_info into a page of the domain's own, for good.
 * @xen vcpu_op 10 register_vcpu_info #Y
 * Fails: EFAULT; ENXIO it would cross the page, or is not aligned to 8 bytes; EINVAL moved before, or another vCPU that
 * is up; EINVAL no writable RAM at the gfn.
 */
export const registerVcpuInfo: VcpuOperation = (target) =>
  subOperation(vcpu_register_vcpu_info, ({ hv, caller, vcpu }, arg) => {
    if (arg.offset > 4096 - vcpu_info.size || arg.offset % (caller.s.has_32bit_shinfo === 0 ? vcpu_info.align : compat_vcpu_info.align) !== 0)
      return fail(ENXIO);
    if (target.s.info !== 0 && Math.floor(target.s.info / 4096) !== caller.s.shared_info) return fail(EINVAL);
    if (target !== vcpu && (target.s.flags & VCPUF_down) === 0) return fail(EINVAL);
    const entry = caller.p2m.lookup(arg.mfn);
    if (entry === undefined || entry.type !== p2m_ram_rw || !entry.writable) return fail(EINVAL);
    hv.frames.get(entry.mfn);
    const at = entry.mfn * 4096 + arg.offset;
    const bytes = hv.memories.frameBytes;
    if (target.s.info !== 0) bytes.copyWithin(at, target.s.info, target.s.info + vcpu_info.size);
    else bytes.fill(0, at, at + vcpu_info.size);
    target.s.info = at;
    // Everything is marked pending: what came while the guest did not look must not be lost.
    vcpu_info.write(hv.memories.frameView, at, { evtchn_upcall_pending: 0 });
    selectAll(hv, caller, at);
    updateTime(hv, target);
    markEventsPending(hv, target);
    return ok();
  });
