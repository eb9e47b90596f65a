/** System instructions in long mode on an AMD model, as small programs; expectations from AMD APM 2 and 3, Intel SDM 2. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BUDGET,
  CPU_FLAGS,
  CPU_INTEL,
  CPU_OPEN_BUS,
  EXIT_A,
  EXIT_B,
  EXIT_BUDGET,
  EXIT_CR8,
  EXIT_HLT,
  EXIT_IO,
  EXIT_LEN,
  EXIT_MSR,
  PORT_READS,
  RETIRED_BASE,
  RIP,
  TSC_MUL,
} from '../../machine/layout.ts';
import { briefLong, runLong } from '../testing/long-program.ts';
import { nasmIsThere } from '../testing/nasm.ts';
import { coreIsBuilt } from '../testing/test-machine.ts';

const skip = coreIsBuilt && nasmIsThere ? false : 'needs build/core.wasm and NASM';

const expectLog = (code: string, expected: string, more = ''): ReturnType<typeof runLong> => {
  const result = runLong(code, more, (machine) => machine.setReg(TSC_MUL, 1n));
  assert.equal(briefLong(result.log), expected.trim().split(/\s+/).join(' '));
  assert.equal(result.reason, EXIT_HLT);
  return result;
};

const systemCalls = `
  mov ecx, 0xc0000081
  mov eax, 0
  mov edx, 0x00230008
  wrmsr
  mov ecx, 0xc0000082
  mov eax, entry64
  xor edx, edx
  wrmsr
  mov ecx, 0xc0000083
  mov eax, entry32
  wrmsr
  mov ecx, 0xc0000084
  mov eax, 0x47700
  wrmsr
`;

describe('long mode', { skip }, () => {
  test('the way from protected mode, IRETQ to level 3, INT back', () => {
    expectLog(
      `
      note cs
      note cr0
      to_ring3
      note cs
      note ss
      note rsp
      to_ring0
      note cs
      note ss
      `,
      '=8 =80000033 =33 =2b =17ff8 =8 =0',
    );
  });

  test('SYSCALL and SYSRET, 64-bit and compatibility mode', () => {
    const { machine } = expectLog(
      `
      ${systemCalls}
      to_ring3
      mov ax, DATA3
      mov ds, ax
      xor eax, eax
      stc
      syscall
      after_syscall:
      pushfq
      pop rax
      note rax
      mov rax, rcx
      sub rax, after_syscall
      note rax
      note cs
      note ss
      push qword CODE3_32
      push qword compat
      retfq
      back64:
      note cs
      to_ring0
      `,
      '=47 =8 =10 =46 =47 =0 =33 =2b =8 =2 =33',
      `
      entry64:
      pushfq
      note r11
      note cs
      note ss
      pop rax
      and eax, ~1
      or eax, 6
      note rax
      o64 sysret
      entry32:
      note cs
      mov rax, rcx
      sub rax, compat
      sub rax, 9
      note rax
      sysret
      bits 32
      compat:
      mov eax, cs
      mov [0x30100], eax
      nop
      nop
      syscall
      mov eax, cs
      mov [0x30108], eax
      push dword CODE3
      push dword back64
      retf
      bits 64
      `,
    );
    assert.deepEqual([machine.read32(0x30100), machine.read32(0x30108)], [0x23, 0x23]);
  });

  test('SYSRET to an address that is not canonical faults at level 3, as AMD does', () => {
    const { log } = runLong(`
      ${systemCalls}
      mov rcx, 0x800000000000
      mov r11d, 2
      faults o64 sysret
      entry64:
      entry32:
    `);
    assert.equal(briefLong(log), '13:0');
    assert.deepEqual([log[0]?.cs, log[0]?.rip, log[0]?.ss], [0x33n, 0x800000000000n, 0x2bn]);
  });

  test('addresses that are not canonical: #GP(0), #SS(0) for stack operands', () => {
    expectLog(
      `
      mov rax, 0x8000000000000000
      faults mov rbx, [rax]
      faults mov rbx, [rax + rbp]
      faults push qword [rax]
      mov rbp, rax
      faults mov rbx, [rbp + 8]
      faults jmp rax
      mov rsp, rax
      faults push rbx             ; #SS, and again on its delivery
      faults lgdt [rax]
      `,
      '13:0 13:0 13:0 12:0 13:0 8:0 13:0',
    );
  });

  test('page faults: user, supervisor, execute disable, reserved bits', () => {
    expectLog(
      `
      mov rbx, 0x7fffffff0000
      faults mov rax, [rbx]
      mov qword [page_entry(0x30000)], 0x30003
      invlpg [0x30000]
      faults3 mov rax, [0x30000]
      faults mov rax, [0x30000]
      mov rax, 0x8000000000031007
      mov qword [page_entry(0x31000)], rax
      invlpg [0x31000]
      mov byte [0x31010], 0xc3
      faults call 0x31010
      faults3 call 0x31010
      mov rax, 0x0010000000032007
      mov qword [page_entry(0x32000)], rax
      invlpg [0x32000]
      faults mov rax, [0x32000]
      mov rax, 0x0000010000032007
      mov qword [page_entry(0x32000)], rax
      invlpg [0x32000]
      faults mov rax, [0x32000]
      faults3 mov rax, [0x32000]
      `,
      '14:0 14:5 none 14:11 14:15 none 14:9 14:d',
    );
  });

  test('CALL through a 64-bit gate; far pointers that are refused', () => {
    expectLog(
      `
      to_ring3
      call far [gate_pointer]
      note cs
      note rsp
      to_ring0
      faults3 call far [null_pointer]
      faults call far [bad_pointer]
      faults3 call far [inner_pointer]
      faults3 jmp far [inner_pointer]
      faults jmp far [task_pointer]
      jmp finish
      align 8
      gate_pointer: dd 0
        dw GATE
      null_pointer: dd 0
        dw 0
      bad_pointer: dd 0
        dw BADCODE
      inner_pointer: dd 0
        dw CODE0
      task_pointer: dd 0
        dw TSS
      `,
      '=8 =0 =33 =18000 =2b =187d8 =33 =17ff8 13:0 13:58 13:8 13:8 13:38',
      `
      gate_target:
      note cs
      note ss
      note [rsp + 16]
      note [rsp + 24]
      note [rsp + 32]
      note rsp
      retfq
      `,
    );
  });

  test('IRETQ refuses bad selectors and addresses; null SS at level 0', () => {
    expectLog(
      `
      %macro iret_to 3
      push qword %2
      push qword 0x18000
      push qword 2
      push qword %1
      mov rax, %3
      push rax
      iretq
      %endmacro
      faults call to_null
      faults call to_data
      faults call to_wrong_stack
      faults call to_null_stack
      faults call to_nowhere
      faults call to_bad_code
      mov rsp, 0x18700
      push qword 0
      push qword 0x18600
      push qword 2
      push qword CODE0
      push qword null_stack
      iretq
      null_stack:
      note ss
      note rsp
      xor eax, eax
      faults mov ss, ax
      mov eax, 3
      faults mov ss, ax
      mov eax, DATA0
      mov ss, ax
      xor eax, eax
      faults3 mov ss, ax
      pushfq
      or qword [rsp], 0x4000
      popfq
      faults iretq                ; NT
      jmp finish
      to_null: iret_to 0, DATA3, finish
      to_data: iret_to NPDATA, DATA3, finish
      to_wrong_stack: iret_to CODE3, DATA0, finish
      to_null_stack: iret_to CODE3, 0, finish
      to_nowhere: iret_to CODE3, DATA3, 0x800000000000
      to_bad_code: iret_to BADCODE, DATA0, finish
      `,
      '13:0 13:60 13:10 13:0 13:0 13:58 =0 =185f8 none 13:0 13:0 13:0',
    );
  });

  test('control, debug and model-specific registers refuse impossible values', () => {
    expectLog(
      `
      mov rax, cr4
      and eax, ~0x20
      faults mov cr4, rax         ; PAE in long mode
      mov rax, cr0
      btr eax, 31
      faults mov cr0, rax         ; PG in 64-bit code
      bts rax, 40
      faults mov cr0, rax
      mov rax, 0x10000000000
      faults mov cr3, rax
      mov rax, 0x100000000
      faults mov dr7, rax
      faults mov dr6, rax
      mov dr0, rax
      mov rax, dr0
      note rax
      mov ecx, 0xc0000080
      mov eax, 0x801
      xor edx, edx
      faults wrmsr                ; LME under paging
      mov eax, 0x100d01
      faults wrmsr
      mov ecx, 0xc0000102
      mov edx, 0x8000
      faults wrmsr
      mov ecx, 0xc0000103
      faults wrmsr
      mov rax, 16
      faults mov cr8, rax
      faults sysenter             ; AMD
      `,
      '13:0 13:0 13:0 13:0 13:0 13:0 =100000000 13:0 13:0 13:0 13:0 13:0 6:0',
    );
  });

  test('SWAPGS, segment bases through MSRs, RDTSC exact to the instruction', () => {
    expectLog(
      `
      mov ecx, 0xc0000102
      mov eax, 0x12340000
      mov edx, 0xffff8000
      wrmsr
      swapgs
      mov ecx, 0xc0000101
      rdmsr
      note rax
      note rdx
      swapgs
      rdmsr
      note rax
      rdtsc
      mov ebx, eax
      nop
      nop
      rdtsc
      sub eax, ebx
      note rax
      mov ecx, 0xc0000103
      mov eax, 77
      xor edx, edx
      wrmsr
      rdtscp
      note rcx
      mov rax, cr4
      or eax, 4
      mov cr4, rax
      faults3 rdtsc
      faults rdtsc
      faults3 swapgs
      `,
      '=12340000 =ffff8000 =0 =4 =4d 13:0 none 13:0',
    );
  });

  test('SYSCALL that masks TF raises no trap; SYSRET brings TF back for the instruction after it', () => {
    const { log, machine } = runLong(`
      ${systemCalls}
      mov qword [resume], finish
      to_ring3
      push qword 0x102
      popfq
      syscall
      after:
      nop
      nop
      jmp finish
      entry64:
      note 1
      mov [0x30000], rcx
      o64 sysret
      entry32:
    `);
    assert.equal(briefLong(log), '=1 1:0');
    assert.deepEqual([(log[1]?.rflags ?? 0n) & 0x100n, log[1]?.rip], [0x100n, machine.read64(0x30000) + 1n]);
  });

  test("Intel's ways: SYSRET checks RCX first, SYSENTER and SYSEXIT work, far pointers may be 64 bits wide", () => {
    const { log } = runLong(
      `
      ${systemCalls}
      mov rcx, 0x800000000000
      mov r11d, 2
      faults o64 sysret
      mov ecx, 0x174
      mov eax, 8
      xor edx, edx
      wrmsr
      mov ecx, 0x175
      mov eax, 0x18600
      wrmsr
      mov ecx, 0x176
      mov eax, entered
      wrmsr
      to_ring3
      sysenter
      entered:
      note cs
      note ss
      note rsp
      mov rdx, left
      mov rcx, 0x17000
      o64 sysexit
      left:
      note cs
      note ss
      to_ring0
      push CODE0
      mov rax, wide_pointer
      mov qword [0x30000], there
      mov word [0x30008], CODE0
      jmp far qword [0x30000]
      there:
      note cs
      entry64:
      entry32:
      wide_pointer:
      `,
      '',
      (machine) => machine.setReg(CPU_FLAGS, BigInt(CPU_INTEL)),
      { vendor: 'intel' },
    );
    assert.equal(briefLong(log), '13:0 =8 =10 =185f8 =2b =33 =8');
    assert.deepEqual([log[0]?.cs, log[0]?.ss], [8n, 0x10n]);
  });

  test('RDRAND gives the same numbers in every run', () => {
    const code = 'rdrand rax\nnote rax\nrdseed eax\nnote rax\nrdrand ax\nsetc bl\nmovzx eax, bl\nnote rax\n';
    const first = briefLong(runLong(code).log);
    assert.equal(first, briefLong(runLong(code).log));
    assert.match(first, /^=e220a8397b1dcdaf .*=1$/);
  });

  test('#DF on its own stack; the frame is aligned to 16 bytes', () => {
    const { log } = runLong(`
      mov rsp, 0x3000000
      faults push rax
      mov rsp, 0x18703
      faults ud2
    `);
    assert.equal(briefLong(log), '8:0 6:0');
    assert.deepEqual([log[0]?.rsp, log[1]?.rsp], [0x3000000n, 0x18703n]);
  });

  test('CR8, ports and MSRs leave run() with RIP at the instruction', () => {
    const { machine, reason } = runLong(
      `
      mov eax, 5
      mov cr8, rax
      mov dx, 0x3f8
      out dx, al
      in eax, 0x70
      mov ecx, 0x1b
      rdmsr
      wrmsr
      `,
    );
    const advance = (): number => {
      const from = machine.reg(RIP);
      machine.setReg(RIP, from + machine.reg(EXIT_LEN));
      return machine.run();
    };
    assert.deepEqual([reason, machine.reg(EXIT_A), machine.reg(EXIT_LEN)], [EXIT_CR8, 5n, 4n]);
    assert.deepEqual([advance(), machine.reg(EXIT_A), machine.reg(EXIT_B)], [EXIT_IO, 0x3f8n, 0x101n]);
    assert.deepEqual([advance(), machine.reg(EXIT_A), machine.reg(EXIT_B)], [EXIT_IO, 0x70n, 4n]);
    assert.deepEqual([advance(), machine.reg(EXIT_A)], [EXIT_MSR, 0n]);
    assert.deepEqual([advance(), machine.reg(EXIT_A)], [EXIT_MSR, 1n]);
    assert.equal(advance(), EXIT_HLT);
  });

  test('IN where no device answers: all ones of its size, counted, one instruction each', () => {
    const { machine, log, reason } = runLong(
      `
      mov rax, 0x1122334455667788
      in al, 0x42
      note rax
      in ax, 0x42
      note rax
      mov dx, 0x3f8
      in eax, dx
      note rax
      `,
      '',
      (fresh) => fresh.setReg(CPU_FLAGS, BigInt(CPU_OPEN_BUS)),
    );
    assert.equal(briefLong(log), '=11223344556677ff =112233445566ffff =ffffffff');
    assert.equal(reason, EXIT_HLT);
    const reads = (port: number): number => machine.memories.stateView.getUint32(PORT_READS + port * 4, true);
    assert.deepEqual([reads(0x42), reads(0x3f8), reads(0x43)], [2, 1, 0]);
  });

  test('any budgets and block sizes give the same run', () => {
    const code = `
      ${systemCalls}
      mov ecx, 20
      again:
      mov [0x30000], rcx
      to_ring3
      syscall
      rdtsc
      note rax
      to_ring0
      mov rsi, 0x8000
      mov rdi, 0x31000
      mov ecx, 300
      rep movsb
      mov rdi, 0x32ff8
      mov ecx, 40
      rep stosq
      mov rsi, 0x8000
      mov rdi, 0x31000
      mov ecx, 300
      repe cmpsb
      note rcx
      faults3 hlt
      mov rcx, [0x30000]
      dec ecx
      jnz again
    `;
    const more = `
      entry64:
      entry32:
      o64 sysret
    `;
    const start = (blockLimit: number): ReturnType<typeof runLong> =>
      runLong(
        code,
        more,
        (machine) => {
          machine.setReg(TSC_MUL, 1n);
          machine.setReg(RETIRED_BASE, 1_000_000n);
        },
        { blockLimit },
      );
    const reference = start(64);
    assert.equal(reference.log.length, 60);
    assert.equal(briefLong(start(1).log), briefLong(reference.log));
    let seed = 12345;
    const budgets = runLong(code, more, (machine) => {
      machine.setReg(TSC_MUL, 1n);
      for (;;) {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        const retired = machine.reg(RETIRED_BASE) - machine.reg(BUDGET);
        machine.setReg(RETIRED_BASE, retired + BigInt(1 + ((seed >>> 16) % 17)));
        if (machine.run(1 + ((seed >>> 16) % 17)) !== EXIT_BUDGET) break;
      }
    });
    assert.equal(briefLong(budgets.log), briefLong(reference.log));
  });
});
