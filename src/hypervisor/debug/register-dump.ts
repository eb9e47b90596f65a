import { CR0, CR2, CR3, CR4, EFER, RAX, RBP, RBX, RCX, RDI, RDX, RIP, RSI, RSP, SEG_BASE, SEG_SEL } from '../../machine/layout.ts';
import type { VcpuContext } from '../../machine/vcpu-context.ts';
import { readFlags } from '../arch/x86/flags.ts';
import { VCPUF_initialised } from '../domain.ts';
import type { Hypervisor } from '../hypervisor.ts';

const hex16 = (value: bigint): string => value.toString(16).padStart(16, '0');
const hex4 = (value: number): string => value.toString(16).padStart(4, '0');

/** Segment registers in the order of the context. */
const [ES, CS, SS, DS, FS, GS] = [0, 1, 2, 3, 4, 5] as const;
/** The context's slot of R8. */
const R8 = 8;

function contextLines(c: VcpuContext): string[] {
  const r = (slot: number): string => hex16(c.get(slot));
  const segment = (number: number): string => hex4(c.low(SEG_SEL + number));
  return [
    `RIP:    ${segment(CS)}:[<${r(RIP)}>]`,
    `RFLAGS: ${hex16(BigInt(readFlags(c)))}   CONTEXT: hvm guest`,
    `rax: ${r(RAX)}   rbx: ${r(RBX)}   rcx: ${r(RCX)}`,
    `rdx: ${r(RDX)}   rsi: ${r(RSI)}   rdi: ${r(RDI)}`,
    `rbp: ${r(RBP)}   rsp: ${r(RSP)}   r8:  ${r(R8)}`,
    `r9:  ${r(R8 + 1)}   r10: ${r(R8 + 2)}   r11: ${r(R8 + 3)}`,
    `r12: ${r(R8 + 4)}   r13: ${r(R8 + 5)}   r14: ${r(R8 + 6)}`,
    `r15: ${r(R8 + 7)}   cr0: ${r(CR0)}   cr4: ${r(CR4)}`,
    `cr3: ${r(CR3)}   cr2: ${r(CR2)}`,
    `fsb: ${r(SEG_BASE + FS)}   gsb: ${r(SEG_BASE + GS)}   efer: ${r(EFER)}`,
    `ds: ${segment(DS)}   es: ${segment(ES)}   fs: ${segment(FS)}   gs: ${segment(GS)}   ss: ${segment(SS)}   cs: ${segment(CS)}`,
  ];
}

/** Registers of the vCPUs of those domains, as they were when they last stopped. */
export function registerLines(hv: Hypervisor, which: (domid: number) => boolean): string[] {
  const lines: string[] = [];
  for (const d of hv.domains()) {
    if (!which(d.id)) continue;
    for (const v of hv.vcpus(d)) {
      lines.push(`*** Dumping d${d.id}v${v.id} state: ***`);
      // domain 0's vCPU is its programs
      lines.push(...((v.s.flags & VCPUF_initialised) === 0 ? ['    no registers'] : contextLines(v.context)));
    }
  }
  return lines;
}
