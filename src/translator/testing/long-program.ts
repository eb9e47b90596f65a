/**
 * For tests of system instructions in long mode: a program that starts in 32-bit protected mode without paging (as PVH
 * does), builds its page tables and enters 64-bit code. Exceptions and notes are logged as in protected-program.ts, with
 * 64-bit records.
 *
 * Macros: `faults INSTRUCTION`, `faults3 INSTRUCTION` (tried at CPL 3), `note VALUE`, `to_ring3`, `to_ring0`.
 * The first 4 MiB are mapped one to one by 4 KiB pages for everyone; `page_entry(address)` is the address of a page's entry.
 */

import type { EngineOptions } from '../engine.ts';
import { nasm } from './nasm.ts';
import { TestMachine } from './test-machine.ts';

export interface LongLogged {
  readonly vector: number;
  readonly error: bigint;
  readonly rip: bigint;
  readonly cs: bigint;
  readonly rflags: bigint;
  readonly rsp: bigint;
  readonly ss: bigint;
  readonly cr2: bigint;
}

const LOG = 0x20000;
const RECORD = 64;
const ORIGIN = 0x8000;
const IDT = 0x1e000;

const vectors = Array.from({ length: 32 }, (_, k) => k);
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

const prelude = `
org ${ORIGIN}
bits 32
%define CODE0 0x08
%define DATA0 0x10
%define CODE32 0x18
%define CODE3_32 0x23
%define DATA3 0x2b
%define CODE3 0x33
%define TSS 0x38
%define GATE 0x4b
%define BADCODE 0x58
%define NPDATA 0x60
%define CODE0_32 0x68
%define CONF 0x70
%define page_entry(address) (0x44000 + ((address) >> 12) * 8)
%macro faults 1+
  mov qword [abs resume], %%after
  %1
  jmp log_here
%%after:
%endmacro
%macro faults3 1+
  to_ring3
  faults %1
  to_ring0
%endmacro
%macro note 1
  push rax
  mov rax, %1
  call log_value
  pop rax
%endmacro
%macro to_ring3 0
  push qword DATA3
  push qword 0x18000
  pushfq
  push qword CODE3
  push qword %%there
  iretq
%%there:
%endmacro
%macro to_ring0 0
  mov qword [abs back], %%there
  int 0x80
%%there:
%endmacro
start:
  lgdt [gdtr]
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov edi, 0x41000
  mov ecx, 0x1000
  xor eax, eax
  cld
  rep stosd
  mov dword [0x41000], 0x42007
  mov dword [0x42000], 0x43007
  mov dword [0x43000], 0x44007
  mov dword [0x43008], 0x45007
  mov edi, 0x44000
  mov eax, 7
.fill:
  mov [edi], eax
  mov dword [edi + 4], 0
  add edi, 8
  add eax, 0x1000
  cmp edi, 0x46000
  jne .fill
  mov eax, cr4
  or eax, 0x20
  mov cr4, eax
  mov eax, 0x41000
  mov cr3, eax
  mov ecx, 0xc0000080
  rdmsr
  or eax, 0x901
  wrmsr
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  jmp CODE0:long_mode
bits 64
default abs
long_mode:
  lidt [idtr]
  mov ax, TSS
  ltr ax
  xor eax, eax
  mov ds, ax
  mov es, ax
  mov fs, ax
  mov gs, ax
  mov rsp, 0x18800
  jmp test_code
log_value:
  push rdi
  mov rdi, [log_at]
  mov qword [rdi], 256
  mov [rdi + 8], rax
  add qword [log_at], ${RECORD}
  pop rdi
  ret
log_here:
  push rdi
  mov rdi, [log_at]
  mov qword [rdi], 255
  add qword [log_at], ${RECORD}
  mov rdi, [resume]
  mov [resume_now], rdi
  mov qword [resume], finish
  pop rdi
  jmp [resume_now]
exception:
  mov [saved_rax], rax
  mov [saved_rdi], rdi
  mov rdi, [log_at]
  pop qword [rdi]
  pop qword [rdi + 8]
  pop qword [rdi + 16]
  pop qword [rdi + 24]
  pop qword [rdi + 32]
  pop qword [rdi + 40]
  pop qword [rdi + 48]
  mov rax, cr2
  mov [rdi + 56], rax
  add qword [log_at], ${RECORD}
  mov rsp, 0x18800
  mov rax, [resume]
  mov [resume_now], rax
  mov qword [resume], finish
  mov rax, [saved_rax]
  mov rdi, [saved_rdi]
  jmp [resume_now]
finish:
  hlt
  jmp finish
go_back:
  mov rsp, 0x18800
  jmp [back]
${vectors.map((k) => `stub${k}:${WITH_ERROR.has(k) ? '' : '\n  push qword 0'}\n  push qword ${k}\n  jmp exception`).join('\n')}
align 16
gdtr: dw gdt_end - gdt - 1
  dq gdt
idtr: dw 256 * 16 - 1
  dq ${IDT}
resume: dq finish
back: dq finish
resume_now: dq 0
saved_rax: dq 0
saved_rdi: dq 0
log_at: dq ${LOG}
align 8
gdt: dq 0
  dq 0x00af9b000000ffff
  dq 0x00cf93000000ffff
  dq 0x00cf9b000000ffff
  dq 0x00cffb000000ffff
  dq 0x00cff3000000ffff
  dq 0x00affb000000ffff
  dw 0xfff, 0xa000, 0x8901, 0, 0, 0, 0, 0
  dw gate_target, CODE0, 0xec00, 0, 0, 0, 0, 0
  dq 0x00ef9b000000ffff              ; code with L and D
  dq 0x00cf13000000ffff              ; data, not present
  dq 0x00cf9b000000ffff              ; compatibility code, level 0
  dq 0x00af9f000000ffff              ; conforming 64-bit code
gdt_end:
%ifndef GATES
gate_target:
%endif
test_code:
`;

/** Interrupt gates of level 0 with the given IST; BP, OF and 0x80 may be called from level 3. */
const gate = (machine: TestMachine, vector: number, offset: number, dpl: number, ist = 0): void => {
  const high = (BigInt(offset >>> 16) << 48n) | (BigInt(0x8e | (dpl << 5)) << 40n) | (BigInt(ist) << 32n);
  machine.write64(IDT + vector * 16, high | (8n << 16n) | BigInt(offset & 0xffff));
  machine.write64(IDT + vector * 16 + 8, 0n);
};

/** Assembles and runs a test's code (it ends with HLT); `more` is put behind it (with `gate_target` in it). */
export function runLong(
  testCode: string,
  more = '',
  setUp?: (machine: TestMachine) => void,
  options: EngineOptions = {},
): { machine: TestMachine; log: LongLogged[]; reason: number } {
  const tail = `\njmp finish\n${more}\nalign 4\ntable: dd ${vectors.map((k) => `stub${k}`).join(', ')}, go_back\n`;
  const code = nasm((more.includes('gate_target') ? '%define GATES\n' : '') + prelude + testCode + tail);
  const view = new DataView(code.buffer, code.byteOffset + code.length - 33 * 4);
  const machine = new TestMachine(options);
  machine.enter(32, ORIGIN, 0x7000);
  for (const k of vectors) gate(machine, k, view.getUint32(k * 4, true), k === 3 || k === 4 ? 3 : 0, k === 2 || k === 8 ? 1 : 0);
  gate(machine, 0x80, view.getUint32(32 * 4, true), 3);
  machine.write(ORIGIN, code);
  // TSS at 0x1a000: RSP0, IST1, I/O bitmap
  machine.write64(0x1a004, 0x18800n);
  machine.write64(0x1a024, 0x19800n);
  machine.write(0x1a066, [0x68, 0]);
  for (let k = 0; k < 0x200; k++) machine.write(0x1a068 + k, [k === 8 ? 0xf0 : 0xff]);
  setUp?.(machine);
  const reason = machine.run();
  return { machine, log: readLog(machine), reason };
}

function readLog(machine: TestMachine): LongLogged[] {
  const log: LongLogged[] = [];
  for (let at = LOG; ; at += RECORD) {
    const [vector, error, rip, cs, rflags, rsp, ss, cr2] = Array.from({ length: 8 }, (_, k) => machine.read64(at + 8 * k)) as [
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    if (vector === 0n && rip === 0n) return log;
    log.push({ vector: Number(vector), error, rip, cs, rflags, rsp, ss, cr2 });
  }
}

/** `vector:error` of each record, in short; `=value` for notes, `none` where nothing was raised. */
export const briefLong = (log: readonly LongLogged[]): string =>
  log.map(({ vector, error }) => (vector === 255 ? 'none' : vector === 256 ? `=${error.toString(16)}` : `${vector}:${error.toString(16)}`)).join(' ');
