import {
  ASID_GENERATION,
  CPL,
  CR0,
  DR6,
  DR7,
  EFER,
  FCW,
  GDTR_BASE,
  IDTR_BASE,
  LDTR_ATTR,
  MXCSR,
  P2M_ROOT,
  PCPU,
  PCPU_BASE,
  RIP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  TR_ATTR,
  TR_BASE,
  TR_LIMIT,
  TR_SEL,
  TSC_MODE,
  TSC_MUL,
  VCPU_BASE,
  VCPU_INDEX,
  VCPU_STRIDE,
  XCR0,
} from '../../../machine/layout.ts';
import type { VcpuContext } from '../../../machine/vcpu-context.ts';
import { VCPUF_initialised } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';

/** x87 and SSE as after FNINIT and reset. */
export function initialiseFpu(c: VcpuContext): void {
  c.setLow(FCW, 0x37f);
  c.setLow(MXCSR, 0x1f80);
  c.setLow(XCR0, 1);
}

/** Bind a context to its vCPU: what the engine must know that is not architectural. Also after a snapshot was loaded. */
export function attachContext(hv: Hypervisor, v: Vcpu): void {
  const c = v.context;
  c.setLow(VCPU_INDEX, (c.address - VCPU_BASE) / VCPU_STRIDE);
  c.setLow(P2M_ROOT, v.domain.s.p2m_root);
  c.setLow(PCPU, PCPU_BASE);
  // in the soft TLB it has nothing yet
  c.set(ASID_GENERATION, 0n);
  c.setLow(TSC_MODE, hv.virtualTime ? 0 : 1);
  c.setLow(TSC_MUL, hv.header.ns_per_instruction);
  hv.cpu.stateChanged(c.address);
}

/** Hidden parts of a segment register. `attr` in Xen's format: type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11. */
export interface SegmentState {
  readonly sel: number;
  readonly base: bigint;
  readonly limit: number;
  readonly attr: number;
}

export function setSegment(c: VcpuContext, seg: number, s: SegmentState): void {
  c.setLow(SEG_SEL + seg, s.sel);
  c.set(SEG_BASE + seg, s.base);
  c.setLow(SEG_LIMIT + seg, s.limit);
  c.setLow(SEG_ATTR + seg, s.attr);
}

/**
 * The state in which Xen starts vCPU 0 of a PVH domain: 32-bit flat protected mode, paging off, ebx = start info.
 * @see docs/misc/pvh.pandoc of Xen; boot requirements E.1.2
 */
export function setPvhEntry(hv: Hypervisor, v: Vcpu, eip: number, ebx: number): void {
  const c = v.context;
  c.clear();
  initialiseFpu(c);
  c.setLow(CR0, 0x11);
  c.setLow(EFER, 0);
  c.setLow(CPL, 0);
  c.setLow(3, ebx);
  c.setLow(RIP, eip);
  for (let seg = 0; seg < 6; seg++) setSegment(c, seg, { sel: 0, base: 0n, limit: 0xffffffff, attr: seg === 1 ? 0xc9b : 0xc93 });
  c.setLow(TR_SEL, 0);
  c.setLow(TR_BASE, 0);
  c.setLow(TR_LIMIT, 0x67);
  c.setLow(TR_ATTR, 0x8b);
  c.setLow(LDTR_ATTR, 0x10000);
  c.setLow(GDTR_BASE, 0);
  c.setLow(IDTR_BASE, 0);
  c.setLow(DR6, 0xffff0ff0);
  c.setLow(DR7, 0x400);
  v.s.flags |= VCPUF_initialised;
  attachContext(hv, v);
}
