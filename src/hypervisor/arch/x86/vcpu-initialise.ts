import type { Snapshot } from '../../../base/struct.ts';
import { CPL, CR0, CR3, CR4, DR6, DR7, EFER, LDTR_ATTR, RAX, RIP, TR_ATTR, TR_BASE, TR_LIMIT } from '../../../machine/layout.ts';
import { EINVAL } from '../../../spec/xen/errno.ts';
import { VCPU_HVM_MODE_32B, VCPU_HVM_MODE_64B, type vcpu_hvm_context } from '../../../spec/xen/hvm/vcpu.ts';
import { VCPUF_initialised } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { attachContext, initialiseFpu, setSegment } from './vcpu-state.ts';

const ES = 0;
const CS = 1;
const SS = 2;
const DS = 3;
/** rax rcx rdx rbx rsp rbp rsi rdi in slot order. */
const REGS32 = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const REGS64 = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;

/** VCPUOP_initialise of a PVH vCPU: 0, or EINVAL for a state no processor has (checks as Xen's, segments first). */
export function setHvmContext(hv: Hypervisor, v: Vcpu, arg: Snapshot<(typeof vcpu_hvm_context)['fields']>): number {
  const c = v.context;
  if (arg.mode === VCPU_HVM_MODE_32B) {
    const r = arg.cpu_regs.x86_32;
    if ((r.cs_ar & 0x98) !== 0x98 || (r.ss_ar & 0x9a) !== 0x92 || (r.tr_ar & 0x9f) !== 0x8b) return EINVAL;
    if ((r.cr0 & 0x80000000) !== 0 && (r.cr0 & 1) === 0) return EINVAL;
    c.clear();
    initialiseFpu(c);
    for (const [i, name] of REGS32.entries()) c.setLow(RAX + i, r[name]);
    c.setLow(RIP, r.eip);
    c.setFlags(r.eflags);
    c.setLow(CR0, r.cr0 | 0x10);
    c.setLow(CR3, r.cr3);
    c.setLow(CR4, r.cr4);
    c.set(EFER, r.efer);
    setSegment(c, CS, { sel: 0, base: BigInt(r.cs_base), limit: r.cs_limit, attr: attributes(r.cs_ar) });
    setSegment(c, DS, { sel: 0, base: BigInt(r.ds_base), limit: r.ds_limit, attr: attributes(r.ds_ar) });
    setSegment(c, SS, { sel: 0, base: BigInt(r.ss_base), limit: r.ss_limit, attr: attributes(r.ss_ar) });
    setSegment(c, ES, { sel: 0, base: BigInt(r.es_base), limit: r.es_limit, attr: attributes(r.es_ar) });
    setSegment(c, 4, { sel: 0, base: 0n, limit: 0, attr: 0x10000 });
    setSegment(c, 5, { sel: 0, base: 0n, limit: 0, attr: 0x10000 });
    c.setLow(TR_BASE, r.tr_base);
    c.setLow(TR_LIMIT, r.tr_limit);
    c.setLow(TR_ATTR, attributes(r.tr_ar));
  } else if (arg.mode === VCPU_HVM_MODE_64B) {
    const r = arg.cpu_regs.x86_64;
    if ((r.cr0 & 0x80000001n) !== 0x80000001n || (r.cr4 & 0x20n) === 0n || (r.efer & 0x500n) === 0n) return EINVAL;
    c.clear();
    initialiseFpu(c);
    for (const [i, name] of REGS64.entries()) c.set(RAX + i, r[name]);
    c.set(RIP, r.rip);
    c.setFlags(Number(r.rflags & 0xffffffffn));
    c.set(CR0, r.cr0 | 0x10n);
    c.set(CR3, r.cr3);
    c.set(CR4, r.cr4);
    c.set(EFER, r.efer | 0x500n);
    setSegment(c, CS, { sel: 0, base: 0n, limit: 0xffffffff, attr: 0xa9b });
    for (const seg of [ES, SS, DS]) setSegment(c, seg, { sel: 0, base: 0n, limit: 0xffffffff, attr: 0xc93 });
    setSegment(c, 4, { sel: 0, base: 0n, limit: 0, attr: 0x10000 });
    setSegment(c, 5, { sel: 0, base: 0n, limit: 0, attr: 0x10000 });
    c.setLow(TR_LIMIT, 0x67);
    c.setLow(TR_ATTR, 0x8b);
  } else {
    return EINVAL;
  }
  c.setLow(LDTR_ATTR, 0x10000);
  c.setLow(CPL, 0);
  c.setLow(DR6, 0xffff0ff0);
  c.setLow(DR7, 0x400);
  v.s.flags |= VCPUF_initialised;
  attachContext(hv, v);
  return 0;
}

/** Access rights as the ABI packs them (bits 0..7, 8..11 = AVL L D/B G) are the context's format already. */
function attributes(ar: number): number {
  return (ar & 0x80) === 0 ? 0x10000 : ar & 0xfff;
}
