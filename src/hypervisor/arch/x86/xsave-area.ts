import { VEC, VEC_STRIDE, XCR0 } from '../../../machine/layout.ts';
import { xcr0Mask, xsaveSize } from '../../../spec/x86/cpu-models.ts';
import { XSAVE_COMPONENTS, XSAVE_LEGACY_AND_HEADER } from '../../../spec/x86/cpuid.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { FXSAVE_SIZE, packFxsave, unpackFxsave } from './fxsave.ts';

/** Vector registers of the AVX component, and the bytes of each that it holds: the upper half of a YMM register. */
const YMM = 16;
const YMM_HIGH = 16;
const AVX = XSAVE_COMPONENTS.find(({ bit }) => bit === 2);
/** Bytes of the header in which XSTATE_BV is first. */
const XSTATE_BV = FXSAVE_SIZE;

/** Components that the processor has, as bits of XCR0. 0: it has no XSAVE. */
export const xfeatureMask = (hv: Hypervisor): number => xcr0Mask(hv.model);

/** Components that a stopped vCPU has switched on. */
export const enabledComponents = (v: Vcpu): number => v.context.low(XCR0) | 1;

/** What XSAVE of all enabled components would write for a stopped vCPU. */
export function packXsave(hv: Hypervisor, v: Vcpu): Uint8Array {
  const components = enabledComponents(v);
  const out = new Uint8Array(xsaveSize(components));
  out.set(packFxsave(hv.memories, v.context));
  new DataView(out.buffer).setBigUint64(XSTATE_BV, BigInt(components | 2), true);
  if (AVX !== undefined && (components & (1 << AVX.bit)) !== 0) {
    for (let i = 0; i < YMM; i++) {
      const from = v.context.address + VEC + i * VEC_STRIDE + YMM_HIGH;
      out.set(hv.memories.stateBytes.subarray(from, from + YMM_HIGH), AVX.offset + i * YMM_HIGH);
    }
  }
  return out;
}

/** Load an area of the standard format into a stopped vCPU; components that it does not hold become what XRSTOR makes them. False when it is not one. */
export function unpackXsave(hv: Hypervisor, v: Vcpu, area: Uint8Array): boolean {
  if (area.length < XSAVE_LEGACY_AND_HEADER) return false;
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  const held = view.getBigUint64(XSTATE_BV, true);
  const compacted = view.getBigUint64(XSTATE_BV + 8, true);
  if (compacted !== 0n || (held & ~BigInt(xfeatureMask(hv))) !== 0n || area.length < xsaveSize(Number(held))) return false;
  unpackFxsave(hv.memories, v.context, area.subarray(0, FXSAVE_SIZE));
  if (AVX === undefined) return true;
  for (let i = 0; i < YMM; i++) {
    const to = v.context.address + VEC + i * VEC_STRIDE + YMM_HIGH;
    if ((Number(held) & (1 << AVX.bit)) !== 0) hv.memories.stateBytes.set(area.subarray(AVX.offset + i * YMM_HIGH, AVX.offset + (i + 1) * YMM_HIGH), to);
    else hv.memories.stateBytes.fill(0, to, to + YMM_HIGH);
  }
  return true;
}
