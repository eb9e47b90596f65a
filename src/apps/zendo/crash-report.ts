import { backtrace } from '../../toolstack/guest-view/backtrace.ts';
import type { GuestView } from '../../toolstack/guest-view/guest-view.ts';
import type { SymbolTable } from '../../toolstack/loader/elf/symbol-table.ts';
import { type CpuRecord, is64bit, pagingOf, readCpuRecords } from '../../toolstack/xc/cpu-records.ts';

const hex = (value: bigint, digits = 16): string => value.toString(16).padStart(digits, '0');

/** Registers as lines of text, in the order Xen prints them. */
export function formatRegisters({ vcpu, values: r }: CpuRecord, describe: (address: bigint) => string | undefined): string[] {
  const symbol = describe(r.rip);
  return [
    `vcpu ${vcpu}`,
    `rip: ${r.cs_sel.toString(16).padStart(4, '0')}:${hex(r.rip)}${symbol === undefined ? '' : ` (${symbol})`}   rflags: ${hex(r.rflags, 8)}`,
    `rax: ${hex(r.rax)}  rbx: ${hex(r.rbx)}  rcx: ${hex(r.rcx)}`,
    `rdx: ${hex(r.rdx)}  rsi: ${hex(r.rsi)}  rdi: ${hex(r.rdi)}`,
    `rbp: ${hex(r.rbp)}  rsp: ${hex(r.rsp)}  r8:  ${hex(r.r8)}`,
    `r9:  ${hex(r.r9)}  r10: ${hex(r.r10)}  r11: ${hex(r.r11)}`,
    `r12: ${hex(r.r12)}  r13: ${hex(r.r13)}  r14: ${hex(r.r14)}`,
    `r15: ${hex(r.r15)}  cr0: ${hex(r.cr0)}  cr2: ${hex(r.cr2)}`,
    `cr3: ${hex(r.cr3)}  cr4: ${hex(r.cr4)}  efer: ${hex(r.msr_efer)}`,
    `fsb: ${hex(r.fs_base)}  gsb: ${hex(r.gs_base)}  gss: ${hex(r.shadow_gs)}`,
  ];
}

/** Registers and backtraces of a crashed guest's vCPUs, as lines. Reads the guest's memory: inside a turn. */
export function describeCrash(records: Uint8Array, memory: GuestView, symbols: SymbolTable | undefined): string[] {
  const describe = (address: bigint): string | undefined => (symbols?.lookup(address) === undefined ? undefined : symbols.describe(address));
  return readCpuRecords(records).flatMap((cpu) => {
    const { values } = cpu;
    const paging = pagingOf(values);
    const word = is64bit(values) ? 8 : 4;
    const trace = backtrace({ rip: values.rip, rsp: values.rsp, rbp: values.rbp, word }, (va, length) => memory.read(paging, va, length), symbols);
    return [...formatRegisters(cpu, describe), 'backtrace:', ...trace.map((line) => `  ${line}`)];
  });
}
