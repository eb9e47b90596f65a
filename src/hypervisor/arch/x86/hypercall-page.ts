import { MODE, MODE_CODE64, MODE_SIZE_MASK } from '../../../machine/layout.ts';
import { __HYPERVISOR_iret } from '../../../spec/xen/xen.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { p2m_ram_rw } from '../../memory/p2m.ts';
import { latchSharedInfoSize } from '../../time/pvclock.ts';

/** One stub is 32 bytes: slot n calls hypercall n. */
const STUB = 32;

/**
 * WRMSR of the hypercall page register: fill the guest page at the given gfn with stubs for the vendor's instruction
 * (`mov eax, n; vmcall|vmmcall; ret`; the iret slot is UD2). False is #GP: no writable RAM there, or a page index other than 0.
 * @see xen/include/public/arch-x86/cpuid.h, leaf 2
 */
export function writeHypercallPage(hv: Hypervisor, v: Vcpu, vendor: string, value: bigint): boolean {
  if ((value & 0xfffn) !== 0n || value >= 1n << 48n) return false;
  const entry = v.domain.p2m.lookup(Number(value >> 12n));
  if (entry === undefined || entry.type !== p2m_ram_rw || !entry.writable) return false;
  latchSharedInfoSize(hv, v.domain, (v.context.low(MODE) & MODE_SIZE_MASK) !== MODE_CODE64);
  const at = entry.mfn * 4096;
  const bytes = hv.memories.frameBytes;
  const view = hv.memories.frameView;
  hv.cpu.frameWritten(entry.mfn);
  for (let nr = 0; nr < 4096 / STUB; nr++) {
    const stub = at + nr * STUB;
    bytes.fill(0xcc, stub, stub + STUB);
    if (nr === __HYPERVISOR_iret) {
      view.setUint16(stub, 0x0b0f, true);
      continue;
    }
    bytes[stub] = 0xb8;
    view.setUint32(stub + 1, nr, true);
    bytes[stub + 5] = 0x0f;
    bytes[stub + 6] = 0x01;
    bytes[stub + 7] = vendor === 'GenuineIntel' ? 0xc1 : 0xd9;
    bytes[stub + 8] = 0xc3;
  }
  return true;
}
