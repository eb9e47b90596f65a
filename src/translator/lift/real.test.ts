/** Real-address mode, interrupt shadows, single-stepping and debug registers. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EFLAGS_SYS, EXIT_BUDGET, EXIT_HLT, EXIT_WINDOW, IDTR_LIMIT, RBX, RCX, RDX, RIP, RSP, SHADOW, WANT_WINDOW } from '../../machine/layout.ts';
import { nasm, nasmIsThere } from '../testing/nasm.ts';
import { coreIsBuilt, TestMachine } from '../testing/test-machine.ts';

const skip = coreIsBuilt && nasmIsThere ? false : 'needs build/core.wasm and NASM';

const ORIGIN = 0x8000;

const start = (code: string, mode: 16 | 32 | 64 = 16): TestMachine => {
  const machine = new TestMachine();
  machine.enter(mode, ORIGIN, 0x7000);
  machine.setReg(IDTR_LIMIT, 0x3ffn);
  machine.write(ORIGIN, nasm(`org ${ORIGIN}\nbits ${mode}\n${code}`));
  return machine;
};

const run = (code: string, mode: 16 | 32 | 64 = 16): TestMachine => {
  const machine = start(code, mode);
  assert.equal(machine.run(), EXIT_HLT);
  return machine;
};

describe('real-address mode', { skip }, () => {
  test('INT, INTO, IRET through the vector table; flags on the stack', () => {
    const machine = run(`
      mov word [0x80 * 4], handler
      mov word [0x80 * 4 + 2], 0
      mov word [4 * 4], overflow
      mov word [4 * 4 + 2], 0
      sti
      stc
      int 0x80
      setc dl
      pushf
      pop cx
      mov al, 0x7f
      inc al
      into
      hlt
      handler:
      pushf
      pop ax
      push bp
      mov bp, sp
      and byte [bp + 6], 0xfe
      pop bp
      iret
      overflow:
      mov bx, 0x4444
      iret
    `);
    assert.deepEqual([machine.reg(RDX), machine.reg(RBX)], [0n, 0x4444n]);
    assert.equal(machine.reg(RCX) & 0x200n, 0x200n);
    assert.equal(machine.reg(RSP), 0x7000n);
  });

  test('far CALL, JMP, RETF, LES, POP of segment registers: base is the selector times 16', () => {
    const machine = run(`
      call 0x800:far_routine - 0x8000
      mov bx, cs
      mov word [0x5000], 0x1234
      mov word [0x5002], 0x2000
      les si, [0x5000]
      mov byte [es:si], 0x77
      mov ax, 0x3000
      push ax
      pop ds
      mov byte [0x10], 0x66
      jmp 0x7ff:there - 0x7ff0
      there:
      mov dx, cs
      hlt
      far_routine:
      mov cx, cs
      retf
    `);
    assert.deepEqual([machine.reg(RCX), machine.reg(RBX), machine.reg(RDX)], [0x800n, 0n, 0x7ffn]);
    assert.deepEqual([...machine.read(0x21234, 1), ...machine.read(0x30010, 1)], [0x77, 0x66]);
  });

  test('limit of 64 KiB: #GP, and #SS for the stack', () => {
    const machine = run(`
      mov word [13 * 4], general
      mov word [13 * 4 + 2], 0
      mov word [12 * 4], stack
      mov word [12 * 4 + 2], 0
      xor cx, cx
      mov bx, 0xffff
      mov ax, [bx]
      here:
      mov bp, 0xffff
      mov ax, [bp]
      there:
      hlt
      general:
      inc cx
      add sp, 6
      jmp here
      stack:
      add cx, 0x100
      add sp, 6
      jmp there
    `);
    assert.equal(machine.reg(RCX), 0x101n);
  });

  test('to protected mode and back with a 4 GiB limit left behind', () => {
    const machine = run(`
      cli
      lgdt [gdtr]
      mov eax, cr0
      or al, 1
      mov cr0, eax
      mov bx, 8
      mov fs, bx
      and al, 0xfe
      mov cr0, eax
      xor ax, ax
      mov fs, ax
      mov edi, 0x123456
      mov byte [fs:edi], 0x5a
      smsw cx
      hlt
      align 8
      gdt: dq 0, 0x00cf93000000ffff
      gdtr: dw 15
        dd gdt
    `);
    assert.deepEqual([...machine.read(0x123456, 1)], [0x5a]);
    assert.equal(machine.reg(RCX), 0x10n);
  });

  test('instructions that only protected mode has are #UD', () => {
    const machine = run(`
      mov word [6 * 4], undefined
      mov word [6 * 4 + 2], 0
      xor cx, cx
      lldt ax
      sldt ax
      ltr ax
      lar ax, bx
      verr ax
      arpl ax, bx
      hlt
      undefined:
      inc cx
      push bp
      mov bp, sp
      mov bx, [bp + 2]
      cmp byte [bx], 0x63
      mov ax, 2
      je .short
      inc ax
      .short:
      add [bp + 2], ax
      pop bp
      iret
    `);
    assert.equal(machine.reg(RCX), 6n);
  });
});

describe('interrupt windows and debug traps', { skip }, () => {
  test('STI holds interrupts back for one instruction, MOV SS too; POPF does not', () => {
    const window = (code: string): number => {
      const machine = start(code);
      machine.setReg(WANT_WINDOW, 1n);
      assert.equal(machine.run(), EXIT_WINDOW);
      return Number(machine.reg(RIP)) - ORIGIN;
    };
    assert.equal(window('cli\nsti\nnop\nnop\nhlt'), 3);
    assert.equal(window('sti\nsti\nnop\nhlt'), 2);
    assert.equal(window('push word 0x202\npopf\nnop\nhlt'), 4);
    assert.equal(window('mov ax, ss\nsti\nmov ss, ax\nmov sp, 0x6000\nnop\nhlt'), 8);
    const machine = start('cli\nsti\nhlt\nnop');
    machine.setReg(WANT_WINDOW, 1n);
    assert.equal(machine.run(), EXIT_HLT);
    assert.deepEqual([machine.reg(RIP), machine.reg(SHADOW)], [BigInt(ORIGIN + 3), 0n]);
  });

  test('a budget that ends in the shadow shows it', () => {
    const machine = start('cli\nsti\nnop\nnop\nhlt');
    assert.equal(machine.run(2), EXIT_BUDGET);
    assert.deepEqual([machine.reg(SHADOW), machine.reg(EFLAGS_SYS) & 0x200n], [1n, 0x200n]);
    assert.equal(machine.run(1), EXIT_BUDGET);
    assert.equal(machine.reg(SHADOW), 0n);
  });

  test('TF traps after each instruction, each REP iteration, not behind MOV SS; not in the handler', () => {
    const machine = run(`
      mov word [4], trap
      mov word [6], 0
      xor cx, cx
      mov di, 0x5000
      push word 0x102
      popf
      nop
      mov ax, ss
      mov ss, ax
      nop
      mov cx, 3
      rep stosb
      push word 2
      popf
      hlt
      trap:
      push bp
      mov bp, sp
      push bx
      mov bx, [0x4000]
      mov ax, [bp + 2]
      mov [0x4002 + bx], ax
      add word [0x4000], 2
      pop bx
      pop bp
      xor ax, ax
      iret
    `);
    const traps = Number(machine.read32(0x4000) & 0xffff) / 2;
    const at = Array.from({ length: traps }, (_, k) => (machine.read32(0x4002 + 2 * k) & 0xffff) - ORIGIN);
    // NOP, MOV AX, (MOV SS and) NOP, MOV CX, three iterations, PUSH, POPF
    const base = 0x15;
    assert.deepEqual(at, [base + 1, base + 3, base + 6, base + 9, base + 9, base + 9, base + 11, base + 13, base + 14]);
  });

  test('DR0: execution and data breakpoints', () => {
    const machine = run(
      `
      mov word [4], trap
      mov word [6], 0
      mov eax, target
      mov dr0, eax
      mov eax, 0x5002
      mov dr1, eax
      mov eax, 0x00f00005
      mov dr7, eax
      nop
      target:
      nop
      mov ax, [0x5000]
      mov ax, [0x5002]
      mov byte [0x5003], 1
      xor eax, eax
      mov dr7, eax
      hlt
      trap:
      push bp
      mov bp, sp
      pushad
      mov bx, [0x4000]
      mov ax, [bp + 2]
      mov [0x4002 + bx], ax
      mov eax, dr6
      mov [0x4102 + bx], ax
      mov eax, 0xffff0ff0
      mov dr6, eax
      add word [0x4000], 2
      or word [bp + 6], 0
      popad
      pop bp
      push bp
      mov bp, sp
      cmp word [bp + 2], target
      jne .out
      add word [bp + 2], 1
      .out:
      pop bp
      iret
    `,
    );
    const count = Number(machine.read32(0x4000) & 0xffff) / 2;
    const dr6 = Array.from({ length: count }, (_, k) => machine.read32(0x4102 + 2 * k) & 0xf00f);
    assert.deepEqual(dr6, [1, 2, 2, 2]);
  });
});
