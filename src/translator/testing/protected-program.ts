/**
 * For tests of system instructions in 32-bit protected mode: a program with descriptor tables and a task, entered from real
 * mode. Every exception appends a record to a log and execution goes on at the label last named by `resume`.
 *
 * Macros for the test's code: `faults INSTRUCTION` (logs what it raises, or vector 255 if it raises nothing; execution goes on
 * at CPL 0 when it did), `faults3 INSTRUCTION` (the same, tried at CPL 3),
 * `note VALUE` (logs a 32-bit value as vector 256), `to_ring3` (goes on at CPL 3), `to_ring0` (by interrupt 0x80).
 * Code runs at linear = offset; the log lies at 0x20000.
 */
import { nasm } from './nasm.ts';
import { TestMachine } from './test-machine.ts';

/** What an exception or a note left behind. */
export interface Logged {
  readonly vector: number;
  readonly error: number;
  readonly eip: number;
  readonly cs: number;
  readonly eflags: number;
  readonly cr2: number;
}

const LOG = 0x20000;
const RECORD = 24;
const ORIGIN = 0x8000;

const vectors = Array.from({ length: 32 }, (_, k) => k);
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

const prelude = `
org ${ORIGIN}
bits 16
%define CODE0 0x08
%define DATA0 0x10
%define CODE3 0x1b
%define DATA3 0x23
%define TSSA 0x28
%define TSSB 0x30
%define LDTS 0x38
%define CONF0 0x40
%define NPDATA 0x48
%define RODATA 0x50
%define XOCODE 0x58
%define GATE0 0x63
%define CODE16 0x68
%define DOWN 0x70
%define TASKG 0x7b
%define SMALL 0x80
%define TSSC 0x88
%define CODE1 0x91
%define DATA1 0x99
%define GATE16 0xa3
%define GATENP 0xab
%define BIGLIMIT 0xb0
%define DATA16 0xb8
%macro faults 1+
  mov dword [resume], %%after
  %1
  jmp log_here
%%after:
%endmacro
; at CPL 3; execution goes on at CPL 0 if it faults
%macro faults3 1+
  to_ring3
  faults %1
  to_ring0
%endmacro
%macro note 1
  push eax
  mov eax, %1
  call log_value
  pop eax
%endmacro
%macro to_ring3 0
  push dword DATA3
  push dword 0x18000
  pushfd
  push dword CODE3
  push dword %%there
  iretd
%%there:
  push dword DATA3
  pop ds
  push dword DATA3
  pop es
%endmacro
%macro to_ring0 0
  mov dword [back], %%there
  int 0x80
%%there:
%endmacro
start:
  cli
  lgdt [gdtr]
  lidt [idtr]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword CODE0:protected
bits 32
protected:
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, 0x18800
  mov ax, TSSA
  ltr ax
  jmp test_code
log_value:
  push ds
  push dword DATA3
  pop ds
  push edi
  mov edi, [log_at]
  mov dword [edi], 256
  mov [edi + 4], eax
  add dword [log_at], ${RECORD}
  pop edi
  pop ds
  ret
; a record for an instruction that raised nothing, at whatever level this is
log_here:
  push ds
  push dword DATA3
  pop ds
  push edi
  mov edi, [log_at]
  mov dword [edi], 255
  add dword [log_at], ${RECORD}
  mov edi, [resume]
  mov [resume_now], edi
  mov dword [resume], finish
  pop edi
  pop ds
  jmp [ss:resume_now]
exception:
  mov [ss:saved_eax], eax
  mov [ss:saved_edi], edi
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov edi, [log_at]
  pop eax
  mov [edi], eax
  pop eax
  mov [edi + 4], eax
  pop eax
  mov [edi + 8], eax
  pop eax
  mov [edi + 12], eax
  pop eax
  mov [edi + 16], eax
  mov eax, cr2
  mov [edi + 20], eax
  add dword [log_at], ${RECORD}
  mov ss, [ss0]
  mov esp, 0x18800
  mov eax, [resume]
  mov [resume_now], eax
  mov dword [resume], finish
  mov eax, [saved_eax]
  mov edi, [saved_edi]
  jmp [resume_now]
finish:
  hlt
  jmp finish
go_back:
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov esp, 0x18800
  jmp [back]
${vectors.map((k) => `stub${k}:${WITH_ERROR.has(k) ? '' : '\n  push dword 0'}\n  push dword ${k}\n  jmp CODE0:exception`).join('\n')}
align 16
gdtr: dw gdt_end - gdt - 1
  dd gdt
idtr: dw 256 * 8 - 1
  dd 0x1e000
resume: dd finish
resume_now: dd 0
saved_eax: dd 0
saved_edi: dd 0
back: dd finish
log_at: dd ${LOG}
ss0: dw DATA0
align 8
gdt: dq 0
  dq 0x00cf9b000000ffff
  dq 0x00cf93000000ffff
  dq 0x00cffb000000ffff
  dq 0x00cff3000000ffff
  dw 0xfff, 0xa000, 0x8901, 0        ; TSSA at 0x1a000
  dw 0x67, 0xb000, 0x8901, 0         ; TSSB at 0x1b000
  dw 0x1f, ldt, 0x8200, 0
  dq 0x00cf9f000000ffff              ; conforming, DPL 0
  dq 0x00cf13000000ffff              ; data, not present
  dq 0x00cf91000000ffff              ; data, read only
  dq 0x00cf99000000ffff              ; code, execute only
  dw gate_target, CODE0, 0xec02, 0   ; call gate, DPL 3, two parameters
  dq 0x008f9b000000ffff              ; 16-bit code, 4 GiB
  dw 0x0fff, 0, 0x9700, 0x0040       ; expand-down data above 0xfff, 32 bit
  dw 0, TSSB, 0xe500, 0              ; task gate, DPL 3
  dw 0x00ff, 0, 0x9300, 0x0040       ; data, limit 0xff
  dw 0x2b, 0xc000, 0x8101, 0         ; TSSC, 16 bit, at 0x1c000
  dq 0x00cfbb000000ffff              ; code, DPL 1
  dq 0x00cfb3000000ffff              ; data, DPL 1
  dw gate16_target, CODE0, 0xe401, 0 ; 16-bit call gate, one parameter
  dw gate_target, CODE0, 0x6c00, 0   ; call gate, not present
  dw 0x4321, 0, 0x9300, 0x00c5
  dw 0xffff, 0, 0x9300, 0            ; 16-bit data
gdt_end:
ldt: dq 0
  dq 0x00cf93000000ffff
  dq 0x00cff3000000ffff
  dq 0
%ifndef GATES
gate_target:
gate16_target:
%endif
test_code:
`;

/** IDT at 0x1e000: interrupt gates of level 0; BP and OF and 0x80 may be called from level 3. Vector 0x81: task gate to TSSB. */
const fillTables = (machine: TestMachine, code: Uint8Array, stubs: readonly number[], goBack: number): void => {
  const gate = (vector: number, offset: number, dpl: number, type = 0xe): void => {
    const high = (BigInt(offset >>> 16) << 48n) | (BigInt(0x80 | (dpl << 5) | type) << 40n);
    machine.write64(0x1e000 + vector * 8, high | (8n << 16n) | BigInt(offset & 0xffff));
  };
  for (const [k, offset] of stubs.entries()) gate(k, offset, k === 3 || k === 4 ? 3 : 0);
  gate(0x80, goBack, 3);
  machine.write64(0x1e000 + 0x81 * 8, (0xe5n << 40n) | (0x30n << 16n));
  machine.write(ORIGIN, code);
};

/** Assembles and runs a test's code (it ends with HLT); `data` is put behind it. */
export function runProtected(testCode: string, setUp?: (machine: TestMachine) => void, gates = ''): { machine: TestMachine; log: Logged[]; reason: number } {
  const tail = `\njmp finish\n${gates}\nalign 4\ntable: dd ${vectors.map((k) => `stub${k}`).join(', ')}, go_back\n`;
  const source = (gates === '' ? '' : '%define GATES\n') + prelude + testCode + tail;
  const code = nasm(source);
  const view = new DataView(code.buffer, code.byteOffset + code.length - 33 * 4);
  const stubs = vectors.map((k) => view.getUint32(k * 4, true));
  const machine = new TestMachine();
  machine.enter(16, ORIGIN, 0x7000);
  fillTables(machine, code, stubs, view.getUint32(32 * 4, true));
  // TSSA: stacks of levels 0 and 1, I/O bitmap at 0x68 that allows ports 0x40 to 0x43
  const word = (address: number, value: number): void => machine.write(address, [value & 255, (value >> 8) & 255]);
  word(0x1a004, 0x8800);
  word(0x1a006, 1);
  word(0x1a008, 0x10);
  word(0x1a00c, 0x8c00);
  word(0x1a00e, 1);
  word(0x1a010, 0x99);
  word(0x1a066, 0x68);
  for (let k = 0; k < 0x200; k++) machine.write(0x1a068 + k, [k === 8 ? 0xf0 : 0xff]);
  setUp?.(machine);
  const reason = machine.run();
  return { machine, log: readLog(machine), reason };
}

/** The records up to the first empty one. */
export function readLog(machine: TestMachine): Logged[] {
  const log: Logged[] = [];
  for (let at = LOG; ; at += RECORD) {
    const [vector, error, eip, cs, eflags, cr2] = Array.from({ length: 6 }, (_, k) => machine.read32(at + 4 * k)) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (vector === 0 && eip === 0) return log;
    log.push({ vector, error, eip, cs, eflags, cr2 });
  }
}

/** `vector:error` of each record, in short. */
export const brief = (log: readonly Logged[]): string[] =>
  log.map(({ vector, error }) => (vector === 255 ? 'none' : vector === 256 ? `=${error.toString(16)}` : `${vector}:${error.toString(16)}`));
