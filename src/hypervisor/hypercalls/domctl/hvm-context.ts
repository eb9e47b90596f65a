import { xen_domctl_hvmcontext, xen_domctl_hvmcontext_partial } from '../../../spec/xen/domctl.ts';
import { EFAULT, EINVAL, ENOBUFS, ENODATA, ENOENT, ENOSPC } from '../../../spec/xen/errno.ts';
import { HVM_SAVE_CODE } from '../../../spec/xen/hvm/save.ts';
import { hvmRecords, loadHvmContext, saveHvmContext } from '../../arch/x86/hvm-context.ts';
import type { Domain } from '../../hypervisor.ts';
import { fail, ok } from '../call.ts';
import type { Domctl } from './operation.ts';

/** Most bytes of records taken in one call. */
const CONTEXT_MAX = 8 << 20;

/** @xen domctl 33 gethvmcontext #P[records HEADER, CPU, LAPIC, LAPIC_REGS, MTRR, CPU_XSAVE, TSC_ADJUST] */
export const getHvmContext: Domctl<(typeof xen_domctl_hvmcontext)['fields']> = {
  argument: xen_domctl_hvmcontext,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    const bytes = saveHvmContext(hv, of as Domain);
    if (arg.buffer === 0n) return ok({ size: bytes.length });
    if (arg.size < bytes.length) return fail(ENOSPC);
    return memory.write(arg.buffer, bytes) ? ok({ size: bytes.length }) : fail(EFAULT);
  },
};

/**
 * Load the registers of a domain's vCPUs (and more, record by record). The domain must be paused.
 * @xen domctl 34 sethvmcontext #P[records HEADER, CPU, MTRR and CPU_XSAVE; others are passed over]
 * Fails: EINVAL too long, or records that do not hold together; EFAULT.
 */
export const setHvmContext: Domctl<(typeof xen_domctl_hvmcontext)['fields']> = {
  argument: xen_domctl_hvmcontext,
  needsDomain: true,
  run({ hv, memory }, of, arg) {
    if (arg.size > CONTEXT_MAX) return fail(EINVAL);
    const bytes = memory.read(arg.buffer, arg.size);
    if (bytes === undefined) return fail(EFAULT);
    return loadHvmContext(hv, of as Domain, bytes) ? ok() : fail(EINVAL);
  },
};

/** Record types of a vCPU each; the instance is the vCPU's number. */
const OF_VCPU: ReadonlySet<number> = new Set([
  HVM_SAVE_CODE.CPU,
  HVM_SAVE_CODE.LAPIC,
  HVM_SAVE_CODE.LAPIC_REGS,
  HVM_SAVE_CODE.MTRR,
  HVM_SAVE_CODE.CPU_XSAVE,
  HVM_SAVE_CODE.TSC_ADJUST,
]);

/**
 * One record of a domain's, without its descriptor. A null buffer asks for its length.
 * @xen domctl 55 gethvmcontext_partial #P[records of vCPUs: CPU, LAPIC, LAPIC_REGS, MTRR, CPU_XSAVE, TSC_ADJUST]
 * Fails: EINVAL the caller's own domain, or a type that it does not have; ENOENT no such vCPU; ENODATA it never had
 * registers; ENOBUFS too little room; EFAULT.
 */
export const getHvmContextPartial: Domctl<(typeof xen_domctl_hvmcontext_partial)['fields']> = {
  argument: xen_domctl_hvmcontext_partial,
  needsDomain: true,
  run({ hv, caller, memory }, of, arg) {
    const d = of as Domain;
    if (d === caller || d.s.is_dying !== 0 || !OF_VCPU.has(arg.type)) return fail(EINVAL);
    if (hv.vcpu(d, arg.instance) === undefined) return fail(ENOENT);
    const found = hvmRecords(hv, d).find(({ typecode, instance }) => typecode === arg.type && instance === arg.instance);
    if (found === undefined) return fail(ENODATA);
    const bufsz = found.content.length;
    if (arg.buffer === 0n) return ok({ bufsz });
    if (arg.bufsz < bufsz) return fail(ENOBUFS);
    return memory.write(arg.buffer, found.content) ? ok({ bufsz }) : fail(EFAULT);
  },
};
