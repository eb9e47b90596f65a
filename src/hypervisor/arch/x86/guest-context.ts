import { CPL, CR0, CR2, CR3, CR4, DR0, DR6, DR7, KERNEL_GS_BASE, RIP, SEG_BASE, SEG_SEL } from '../../../machine/layout.ts';
import { VGCF_I387_VALID, VGCF_online, vcpu_guest_context } from '../../../spec/xen/arch-x86/xen.ts';
import { VCPUF_down } from '../../domain.ts';
import type { Hypervisor, Vcpu } from '../../hypervisor.ts';
import { readFlags } from './flags.ts';
import { packFxsave, unpackFxsave } from './fxsave.ts';

/** Register field for each general register's slot. */
const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const FS = 4;
const GS = 5;

/** Registers of a stopped vCPU in the form of dumps and of PV guests; what only a PV guest has is 0. */
export function packGuestContext(hv: Hypervisor, v: Vcpu): Uint8Array {
  const c = v.context;
  const user_regs: Record<string, bigint | number> = { rip: c.get(RIP), rflags: BigInt(readFlags(c)) };
  for (const [slot, name] of GENERAL.entries()) user_regs[name] = c.get(slot);
  for (const [seg, name] of SEGMENTS.entries()) user_regs[name] = c.low(SEG_SEL + seg) & 0xffff;
  const bases = [c.get(SEG_BASE + GS), c.get(KERNEL_GS_BASE)] as const;
  const kernel = c.low(CPL) === 0;
  const out = new Uint8Array(vcpu_guest_context.size);
  vcpu_guest_context.write(new DataView(out.buffer), 0, {
    fpu_ctxt: packFxsave(hv.memories, c),
    flags: VGCF_I387_VALID | ((v.s.flags & VCPUF_down) === 0 ? VGCF_online : 0),
    user_regs,
    ctrlreg: [c.get(CR0), 0n, c.get(CR2), c.get(CR3), c.get(CR4)],
    debugreg: [c.get(DR0), c.get(DR0 + 1), c.get(DR0 + 2), c.get(DR0 + 3), 0n, 0n, c.get(DR6), c.get(DR7)],
    fs_base: c.get(SEG_BASE + FS),
    gs_base_kernel: bases[kernel ? 0 : 1],
    gs_base_user: bases[kernel ? 1 : 0],
  });
  return out;
}

/**
 * Give a stopped vCPU of an HVM or PVH domain the registers that Xen takes from this form: general and debug registers,
 * FPU, and whether it is up. Segments and control registers are the HVM context's.
 */
export function unpackGuestContext(hv: Hypervisor, v: Vcpu, bytes: Uint8Array): void {
  const arg = vcpu_guest_context.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0);
  const c = v.context;
  const flags = Number(BigInt.asUintN(32, arg.flags));
  for (const [slot, name] of GENERAL.entries()) c.set(slot, arg.user_regs[name]);
  c.set(RIP, arg.user_regs.rip);
  c.setFlags(Number(BigInt.asUintN(32, arg.user_regs.rflags)));
  for (let i = 0; i < 4; i++) c.set(DR0 + i, arg.debugreg[i] as bigint);
  c.set(DR6, arg.debugreg[6] as bigint);
  c.set(DR7, arg.debugreg[7] as bigint);
  if ((flags & VGCF_I387_VALID) !== 0) unpackFxsave(hv.memories, c, arg.fpu_ctxt);
  v.s.flags = (flags & VGCF_online) !== 0 ? v.s.flags & ~VCPUF_down : v.s.flags | VCPUF_down;
  hv.cpu.stateChanged(c.address);
}
