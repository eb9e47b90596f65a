import { vcpu_guest_context } from '../../spec/xen/arch-x86/xen.ts';
import * as D from '../../spec/xen/domctl.ts';
import type { Xc } from './xc.ts';

/** Bits of the maps exchanged: more than there are pCPUs. */
const MAP_BITS = 64;

/** pCPUs as a mask, one bit each: those a vCPU may run on, and those it would rather run on. */
export interface Affinity {
  readonly hard: bigint;
  readonly soft: bigint;
}

function affinity(xc: Xc, what: string, cmd: number, domid: number, vcpu: number, flags: number, given: Affinity): Affinity {
  return xc.kernel.withMemory(MAP_BITS / 4, (gpa) => {
    xc.kernel.copyIn(gpa, new Uint8Array(new BigUint64Array([given.hard, given.soft]).buffer));
    xc.domctl(what, cmd, domid, D.xen_domctl_vcpuaffinity, {
      vcpu,
      flags,
      cpumap_hard: { bitmap: gpa, nr_bits: MAP_BITS },
      cpumap_soft: { bitmap: gpa + MAP_BITS / 8, nr_bits: MAP_BITS },
    });
    const [hard, soft] = new BigUint64Array(xc.kernel.copyOut(gpa, MAP_BITS / 4).buffer);
    return { hard: hard ?? 0n, soft: soft ?? 0n };
  });
}

/** Where a vCPU may and would rather run. */
export function vcpuAffinity(xc: Xc, domid: number, vcpu: number): Affinity {
  const both = D.XEN_VCPUAFFINITY_HARD | D.XEN_VCPUAFFINITY_SOFT;
  return affinity(xc, 'XEN_DOMCTL_getvcpuaffinity', D.XEN_DOMCTL_getvcpuaffinity, domid, vcpu, both, { hard: 0n, soft: 0n });
}

/** Change where a vCPU may or would rather run; what is not given stays. What will be in force comes back (0 for what was not given). */
export function setVcpuAffinity(
  xc: Xc,
  domid: number,
  vcpu: number,
  { hard, soft, force = false }: Partial<Affinity> & { readonly force?: boolean },
): Affinity {
  const flags =
    (hard === undefined ? 0 : D.XEN_VCPUAFFINITY_HARD) | (soft === undefined ? 0 : D.XEN_VCPUAFFINITY_SOFT) | (force ? D.XEN_VCPUAFFINITY_FORCE : 0);
  return affinity(xc, 'XEN_DOMCTL_setvcpuaffinity', D.XEN_DOMCTL_setvcpuaffinity, domid, vcpu, flags, { hard: hard ?? 0n, soft: soft ?? 0n });
}

/** Press a button of a domain's: XEN_DOMCTL_SENDTRIGGER_*. */
export function sendTrigger(xc: Xc, domid: number, trigger: number, vcpu: number): void {
  xc.domctl('XEN_DOMCTL_sendtrigger', D.XEN_DOMCTL_sendtrigger, domid, D.xen_domctl_sendtrigger, { trigger, vcpu });
}

/** Registers of a vCPU in the form that dumps hold: a vcpu_guest_context. */
export function vcpuContext(xc: Xc, domid: number, vcpu: number): Uint8Array {
  return xc.kernel.withMemory(vcpu_guest_context.size, (ctxt) => {
    xc.domctl('XEN_DOMCTL_getvcpucontext', D.XEN_DOMCTL_getvcpucontext, domid, D.xen_domctl_vcpucontext, { vcpu, ctxt });
    return xc.kernel.copyOut(ctxt, vcpu_guest_context.size);
  });
}

/** x87, SSE and AVX registers of a vCPU: XCR0, all that it ever was, and an XSAVE area of the standard format. */
export function vcpuExtState(xc: Xc, domid: number, vcpu: number): Uint8Array {
  const ask = (fields: { size: number; xfeature_mask: bigint; buffer: number }) =>
    xc.domctl('XEN_DOMCTL_getvcpuextstate', D.XEN_DOMCTL_getvcpuextstate, domid, D.xen_domctl_vcpuextstate, { vcpu, ...fields }).out;
  const most = ask({ size: 0, xfeature_mask: 0n, buffer: 0 });
  return xc.kernel.withMemory(most.size, (buffer) => {
    const { size } = ask({ size: most.size, xfeature_mask: most.xfeature_mask, buffer });
    return xc.kernel.copyOut(buffer, size);
  });
}

/** One record of the HVM save format, HVM_SAVE_CODE, without its descriptor. */
export function hvmRecord(xc: Xc, domid: number, type: number, instance: number): Uint8Array {
  const ask = (fields: { bufsz: number; buffer: number }) =>
    xc.domctl('XEN_DOMCTL_gethvmcontext_partial', D.XEN_DOMCTL_gethvmcontext_partial, domid, D.xen_domctl_hvmcontext_partial, { type, instance, ...fields }).out
      .bufsz;
  const bufsz = ask({ bufsz: 0, buffer: 0 });
  return xc.kernel.withMemory(bufsz, (buffer) => xc.kernel.copyOut(buffer, ask({ bufsz, buffer })));
}
