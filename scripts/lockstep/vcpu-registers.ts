import { readFlags } from '../../src/hypervisor/arch/x86/flags.ts';
import * as L from '../../src/machine/layout.ts';
import type { Memories } from '../../src/machine/memories.ts';
import { contextAddress, VcpuContext } from '../../src/machine/vcpu-context.ts';

/** Domain 0's vCPU has context 0, the guest's the next one. */
export const GUEST_CONTEXT = contextAddress(1);

const GENERAL = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'];
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];
const numbered = (names: readonly string[], first: number): [string, number][] => names.map((name, i) => [name, first + i]);

/** Registers that are slots of a context, by name. Flags are lazy and come from `readFlags`. */
const SLOTS: readonly (readonly [string, number])[] = [
  ...numbered(GENERAL, 0),
  ['rip', L.RIP],
  ...numbered(
    SEGMENTS.map((name) => `${name} base`),
    L.SEG_BASE,
  ),
  ...numbered(SEGMENTS, L.SEG_SEL),
  ...numbered(
    SEGMENTS.map((name) => `${name} limit`),
    L.SEG_LIMIT,
  ),
  ...numbered(
    SEGMENTS.map((name) => `${name} attributes`),
    L.SEG_ATTR,
  ),
  ...numbered(['ldtr', 'ldtr base', 'ldtr limit', 'ldtr attributes', 'tr', 'tr base', 'tr limit', 'tr attributes'], L.LDTR_SEL),
  ...numbered(['gdtr base', 'gdtr limit', 'idtr base', 'idtr limit', 'cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer', 'xcr0'], L.GDTR_BASE),
  ...numbered(['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7', 'star', 'lstar', 'cstar', 'sfmask', 'kernel gs base', 'sysenter cs', 'sysenter esp'], L.DR0),
  ...numbered(['sysenter eip', 'tsc aux', 'cpl'], L.SYSENTER_EIP),
  ...numbered(['fcw', 'fsw', 'ftw', 'fop', 'fip', 'fdp', 'mxcsr'], L.FCW),
];

/** Every register of the guest's vCPU as hexadecimal text, by name. */
export function vcpuRegisters(memories: Memories): ReadonlyMap<string, string> {
  const context = new VcpuContext(memories, GUEST_CONTEXT);
  const registers = new Map(SLOTS.map(([name, slot]) => [name, context.get(slot).toString(16)]));
  registers.set('rflags', readFlags(context).toString(16));
  // most significant byte first, as the others are written
  const bytes = (at: number, size: number): string =>
    memories.stateBytes
      .slice(GUEST_CONTEXT + at, GUEST_CONTEXT + at + size)
      .toReversed()
      .toHex();
  for (let n = 0; n < 8; n++) registers.set(`x87 r${n}`, bytes(L.X87 + n * L.X87_STRIDE, 10));
  for (let n = 0; n < 16; n++) registers.set(`ymm${n}`, bytes(L.VEC + n * L.VEC_STRIDE, 32));
  return registers;
}
