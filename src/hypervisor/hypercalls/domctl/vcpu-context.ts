import { xsaveSize } from '../../../spec/x86/cpu-models.ts';
import { vcpu_guest_context } from '../../../spec/xen/arch-x86/xen.ts';
import { xen_domctl_vcpucontext, xen_domctl_vcpuextstate } from '../../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, ENODATA, ENOSYS, ESRCH } from '../../../spec/xen/errno.ts';
import { packGuestContext, unpackGuestContext } from '../../arch/x86/guest-context.ts';
import { enabledComponents, packXsave, unpackXsave, xfeatureMask } from '../../arch/x86/xsave-area.ts';
import { VCPUF_initialised } from '../../domain.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/**
 * Registers of a vCPU, as dumps hold them.
 * @xen domctl 13 getvcpucontext #Y
 * Fails: EINVAL no such vCPU, or the caller's own; ENODATA it never had registers; EFAULT.
 */
export const getVcpuContext: Domctl<(typeof xen_domctl_vcpucontext)['fields']> = {
  argument: xen_domctl_vcpucontext,
  needsDomain: true,
  run({ hv, memory, vcpu }, of, arg) {
    const v = hv.vcpu(of as Domain, arg.vcpu);
    if (v === undefined || v === vcpu) return fail(EINVAL);
    if ((v.s.flags & VCPUF_initialised) === 0) return fail(ENODATA);
    return memory.write(arg.ctxt, packGuestContext(hv, v)) ? ok() : fail(EFAULT);
  },
};

/**
 * Set registers of a vCPU.
 * @xen domctl 12 setvcpucontext #P[no null context, which resets a vCPU]
 * Fails: EINVAL the caller's own domain, or no such vCPU; ENOSYS null; EFAULT; ENODATA it never had registers.
 */
export const setVcpuContext: Domctl<(typeof xen_domctl_vcpucontext)['fields']> = {
  argument: xen_domctl_vcpucontext,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    const v = d === caller ? undefined : hv.vcpu(d, arg.vcpu);
    if (v === undefined) return fail(EINVAL);
    if (arg.ctxt === 0n) return fail(ENOSYS);
    const bytes = memory.read(arg.ctxt, vcpu_guest_context.size);
    if (bytes === undefined) return fail(EFAULT);
    if ((v.s.flags & VCPUF_initialised) === 0) return fail(ENODATA);
    unpackGuestContext(hv, v, bytes);
    return ok();
  },
};

/** XCR0, and all that it ever was, before the XSAVE area. */
const HEAD = 16;
const total = (components: number): number => HEAD + xsaveSize(components);

/**
 * x87, SSE and AVX registers of a vCPU in the format of XSAVE. A null buffer asks how long they may get.
 * @xen domctl 63 getvcpuextstate #Y
 * Fails: ESRCH no such vCPU; EINVAL the caller's own; EINVAL too little room, or another set of components; EFAULT.
 */
export const getVcpuExtState: Domctl<(typeof xen_domctl_vcpuextstate)['fields']> = {
  argument: xen_domctl_vcpuextstate,
  needsDomain: true,
  run({ hv, memory, vcpu }, of, arg) {
    const v = hv.vcpu(of as Domain, arg.vcpu);
    if (v === undefined) return fail(ESRCH);
    if (v === vcpu) return fail(EINVAL);
    const mask = xfeatureMask(hv);
    if ((arg.size === 0 && arg.xfeature_mask === 0n) || arg.buffer === 0n) return ok({ xfeature_mask: mask, size: total(mask) });
    const components = enabledComponents(v);
    const size = total(components);
    if (arg.size < size || arg.xfeature_mask !== BigInt(mask)) return fail(EINVAL);
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(components), true);
    view.setBigUint64(8, BigInt(components), true);
    bytes.set(packXsave(hv, v), HEAD);
    return memory.write(arg.buffer, bytes) ? ok({ size }) : fail(EFAULT);
  },
};

/**
 * @xen domctl 62 setvcpuextstate #Y
 * Fails: ESRCH no such vCPU; EINVAL the caller's own; EINVAL a length or components that no vCPU here can have; EFAULT.
 */
export const setVcpuExtState: Domctl<(typeof xen_domctl_vcpuextstate)['fields']> = {
  argument: xen_domctl_vcpuextstate,
  needsDomain: true,
  run({ hv, memory, vcpu }, of, arg) {
    const v = hv.vcpu(of as Domain, arg.vcpu);
    if (v === undefined) return fail(ESRCH);
    if (v === vcpu || arg.size < HEAD || arg.size > total(xfeatureMask(hv))) return fail(EINVAL);
    const bytes = memory.read(arg.buffer, arg.size);
    if (bytes === undefined) return fail(EFAULT);
    const xcr0 = new DataView(bytes.buffer).getBigUint64(0, true);
    if ((xcr0 & 1n) === 0n || (xcr0 & ~BigInt(xfeatureMask(hv))) !== 0n) return fail(EINVAL);
    if (bytes.length === HEAD) return ok();
    return unpackXsave(hv, v, bytes.subarray(HEAD)) ? ok() : fail(EINVAL);
  },
};
