import { CPL, CR0, EFLAGS_SYS, GDTR_LIMIT, IDTR_LIMIT, RIP, SEG_ATTR, SEG_BASE, SEG_LIMIT, SEG_SEL } from '../../../machine/layout.ts';
import { VCPUF_down, VCPUF_initialised, VCPUF_wait_sipi } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { initialiseFpu } from './vcpu-state.ts';

const CS = 1;

/** Start a vCPU that waits after INIT in real mode at vector * 4096. @see Intel SDM 3A 9.4.3 */
export function startAtSipi(hv: Hypervisor, v: Vcpu, vector: number): void {
  const c = v.context;
  const kept = c.get(120);
  c.clear();
  c.set(120, kept);
  c.setLow(CR0, 0x60000010);
  c.setLow(EFLAGS_SYS, 0);
  for (let seg = 0; seg < 6; seg++) {
    c.setLow(SEG_SEL + seg, seg === CS ? vector << 8 : 0);
    c.setLow(SEG_BASE + seg, seg === CS ? vector << 12 : 0);
    c.setLow(SEG_LIMIT + seg, 0xffff);
    c.setLow(SEG_ATTR + seg, seg === CS ? 0x9b : 0x93);
  }
  c.setLow(GDTR_LIMIT, 0xffff);
  c.setLow(IDTR_LIMIT, 0xffff);
  c.setLow(CPL, 0);
  c.setLow(RIP, 0);
  initialiseFpu(c);
  v.s.flags = (v.s.flags | VCPUF_initialised) & ~(VCPUF_down | VCPUF_wait_sipi);
  hv.cpu.stateChanged(c.address);
}
