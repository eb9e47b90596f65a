/** System instructions in 32-bit protected mode, as small programs; expectations from Intel SDM 2 and 3A. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXIT_HLT } from '../../machine/layout.ts';
import { nasmIsThere } from '../testing/nasm.ts';
import { brief, runProtected } from '../testing/protected-program.ts';
import { coreIsBuilt } from '../testing/test-machine.ts';

const skip = coreIsBuilt && nasmIsThere ? false : 'needs build/core.wasm and NASM';

const expectLog = (code: string, expected: string, gates = ''): void => {
  const { log, reason } = runProtected(code, undefined, gates);
  assert.equal(brief(log).join(' '), expected.trim().split(/\s+/).join(' '));
  assert.equal(reason, EXIT_HLT);
};

describe('protected mode', { skip }, () => {
  test('MOV Sreg: presence, table limit, type, privilege, null', () => {
    expectLog(
      `
      mov ax, NPDATA
      faults mov ds, ax
      mov ax, 0xfff0
      faults mov ds, ax
      mov ax, XOCODE
      faults mov ds, ax
      mov ax, RODATA
      faults mov ss, ax
      mov ax, DATA3
      faults mov ss, ax
      xor ax, ax
      faults mov ss, ax
      faults mov gs, ax
      faults mov [gs:0], eax
      mov ax, 0x0c
      faults mov fs, ax          ; no LDT yet
      mov ax, LDTS
      lldt ax
      mov ax, 0x0c
      faults mov fs, ax
      mov ax, 0x24
      faults mov fs, ax          ; beyond the LDT
      mov ax, DATA0
      faults3 mov fs, ax
      mov ax, CODE0
      faults3 mov fs, ax
      mov ax, CONF0
      faults3 mov fs, ax
      `,
      '11:48 13:fff0 13:58 13:50 13:20 13:0 none 13:0 13:c none 13:24 13:10 13:8 none',
    );
  });

  test('segment limits, expand-up and expand-down', () => {
    expectLog(
      `
      mov ax, DOWN
      mov fs, ax
      faults mov eax, [fs:0x1000]
      faults mov eax, [fs:0xfff]
      faults mov eax, [fs:0xfffffffd]
      mov ax, SMALL
      mov fs, ax
      faults mov eax, [fs:0xfc]
      faults mov eax, [fs:0xfd]
      faults mov al, [fs:0x100]
      mov ax, RODATA
      mov fs, ax
      faults mov al, [fs:0]
      faults mov [fs:0], al
      `,
      'none 13:0 13:0 none 13:0 13:0 none 13:0',
    );
  });

  test('LAR, LSL, VERR, VERW, ARPL, STR, SLDT', () => {
    expectLog(
      `
      %macro zero 0
      setz al
      movzx eax, al
      note eax
      %endmacro
      mov cx, DATA0
      lar eax, cx
      zero
      lar eax, cx
      note eax
      mov cx, BIGLIMIT
      lsl eax, ecx
      note eax
      lar eax, ecx
      note eax                   ; with the limit's upper bits, as processors do
      mov eax, 0x12345678
      mov cx, 0x300
      lsl eax, ecx
      note eax
      mov cx, GATE0
      lsl eax, ecx
      zero
      lar eax, ecx
      note eax
      mov cx, RODATA
      verw cx
      zero
      verr cx
      zero
      mov cx, XOCODE
      verr cx
      zero
      mov ax, LDTS
      lldt ax
      sldt eax
      note eax
      str eax
      note eax
      faults lldt [ss0]
      faults ltr [ss0]
      mov bx, 0x10
      mov cx, 0x3
      arpl bx, cx
      zero
      note ebx
      arpl bx, cx
      zero
      `,
      '=1 =cf9300 =54321fff =c59300 =12345678 =0 =ec00 =0 =1 =0 =38 =28 13:10 13:10 =1 =13 =0',
    );
  });

  test('privileged instructions at level 3', () => {
    expectLog(
      `
      faults3 hlt
      faults3 cli
      faults3 sti
      faults3 nop
      faults3 mov eax, cr0
      faults3 mov cr3, eax
      faults3 mov dr0, eax
      faults3 clts
      faults3 lgdt [gdtr]
      faults3 lldt ax
      faults3 invlpg [eax]
      faults3 wbinvd
      faults3 rdmsr
      faults3 lmsw ax
      faults3 smsw ax
      mov eax, 0x800
      mov cr4, eax
      faults3 smsw ax
      faults3 sgdt [0x30000]
      faults3 str ax
      `,
      '13:0 13:0 13:0 none 13:0 13:0 13:0 13:0 13:0 13:0 13:0 13:0 13:0 13:0 none 13:0 13:0 13:0',
    );
  });

  test('INT n: privilege of the gate, INT3, INTO, BOUND, UD2', () => {
    expectLog(
      `
      faults3 int 0x20
      faults3 int 3
      faults3 int3
      faults int 0x90            ; empty gate
      mov al, 0x7f
      add al, 1
      faults3 into
      xor al, al
      faults3 into
      mov dword [0x30000], -5
      mov dword [0x30004], 5
      mov ecx, 5
      faults bound ecx, [0x30000]
      mov ecx, -6
      faults bound ecx, [0x30000]
      faults ud2
      faults int1
      `,
      '13:102 3:0 3:0 13:482 4:0 none none 5:0 6:0 1:0',
    );
  });

  test('I/O permission bitmap: port, size, end of the bitmap', () => {
    expectLog(
      `
      faults3 in al, 0x44
      faults3 in ax, 0x43
      faults3 in al, 0x3f
      mov dx, 0xff00
      faults3 out dx, al
      `,
      '13:0 13:0 13:0 13:0',
    );
  });

  test('CALL gates: parameters, stack switch, 16 and 32 bits, and what refuses them', () => {
    expectLog(
      `
      to_ring3
      push dword 0x11223344
      push dword 0x55667788
      call GATE0:0
      note esp
      to_ring0
      to_ring3
      push word 0x7788
      call GATE16:0
      note esp
      to_ring0
      faults3 jmp CODE0:0x1234
      faults3 call NPDATA:0
      faults3 call GATENP:0
      faults3 call 0:0
      faults3 call DATA3:0
      faults3 jmp GATE0:0
      `,
      '=1b =55667788 =11223344 =17ff8 =187e4 =17ffc =7788 =187f2 =7ffc 13:8 13:48 11:a8 13:0 13:20 13:8',
      `
      gate_target:
      note [esp + 8]
      note [esp + 12]
      note [esp + 16]
      note [esp + 20]
      note esp
      retf 8
      gate16_target:
      movzx eax, word [esp + 4]
      note eax
      note esp
      o16 retf 2
      `,
    );
  });

  test('far CALL and RET of one level, to conforming code, to 16-bit code', () => {
    expectLog(
      `
      call CODE0:near_here
      to_ring3
      call CONF0:conforming
      note cs
      to_ring0
      call word CODE16:sixteen
      note esp
      jmp finish
      near_here:
      note [esp + 8]             ; note has pushed four bytes
      retf
      conforming:
      note cs
      retf
      bits 16
      sixteen:
      mov eax, 0x1616
      o32 retf
      bits 32
      `.replace('o32 retf', 'retf'),
      '=8 =43 =1b =187fc',
    );
  });

  test('RETF and IRET refuse inner levels, wrong stacks, addresses beyond the limit', () => {
    expectLog(
      `
      %macro far_to 2
      push dword %1
      push dword %2
      retf
      %endmacro
      %macro outer_to 3
      push dword %3
      push dword 0x18000
      push dword %1
      push dword %2
      retf
      %endmacro
      faults call to_null
      faults call to_data
      faults call to_bad_stack
      faults call to_absent
      faults3 call to_inner
      jmp finish
      to_null: far_to 0, finish
      to_data: far_to DATA0, finish
      to_bad_stack: outer_to CODE3, finish, DATA0
      to_absent: far_to NPDATA, finish
      to_inner: far_to CODE0, finish
      `,
      '13:0 13:10 13:10 13:48 13:8',
    );
  });

  test('level 3 to 0 and back leaves no data segments of level 0 behind', () => {
    expectLog(
      `
      mov ax, DATA0
      mov fs, ax
      mov ax, CONF0
      mov gs, ax
      to_ring3
      note fs
      note gs
      to_ring0
      note cs
      `,
      '=0 =40 =8',
    );
  });

  test('POPF and IRET write IOPL and IF by privilege only', () => {
    expectLog(
      `
      push dword 0x3202
      popfd
      pushfd
      pop eax
      note eax
      cli
      push dword 0x247fd7
      popfd
      pushfd
      pop eax
      push dword 2
      popfd
      note eax
      to_ring3
      push dword 0x3202
      popfd
      pushfd
      pop eax
      note eax
      to_ring0
      `.replaceAll('0x247fd7', '0x247ed7'),
      '=3202 =247ed7 =2',
    );
  });

  test('task switches by CALL, IRET, JMP, task gate and interrupt', () => {
    expectLog(
      `
      mov dword [0x1b020], task_b
      mov dword [0x1b024], 2
      mov dword [0x1b038], 0x18400
      mov dword [0x1b048], DATA0
      mov dword [0x1b04c], CODE0
      mov dword [0x1b050], DATA0
      mov dword [0x1b054], DATA0
      mov dword [0x1b058], DATA3
      mov dword [0x1b060], LDTS
      mov ebx, 0xb0b0b0b0
      stc
      call TSSB:0
      setc al
      movzx eax, al
      note eax
      note ebx
      str eax
      note eax
      mov eax, cr0
      note eax
      clts
      faults jmp TSSA:0          ; busy
      jmp TSSB:0
      note 0xbb
      call TASKG:0
      note 0xbc
      int 0x81
      note 0xbd
      mov word [0x1c00e], task_c
      mov word [0x1c010], 2
      mov word [0x1c01a], 0x8300
      mov word [0x1c022], DATA0
      mov word [0x1c024], CODE0
      mov word [0x1c026], DATA16
      mov word [0x1c028], DATA0
      call TSSC:0
      note 0xbe
      mov dword [0x1b020], finish
      mov dword [0x1b054], 0x300
      faults call TSSB:0         ; raised in the new task
      str eax
      note eax
      jmp finish
      task_c:
      str eax
      mov [0x30000], eax
      mov [0x30004], esp
      iretd
      task_b:
      pushfd
      note [esp + 4]
      str eax
      note eax
      note ebx
      sldt eax
      note eax
      popfd
      iretd
      note 0x1b                  ; comes back here by JMP
      jmp TSSA:0
      note 0x2b                  ; by CALL through the gate
      iretd
      note 0x3b                  ; by INT
      iretd
      `,
      '=4002 =30 =0 =38 =1 =b0b0b0b0 =28 =19 13:28 =1b =bb =2b =bc =3b =bd =be 10:300 =30',
    );
  });

  test('virtual-8086 mode: entry by IRET, IOPL, exit by an exception', () => {
    const { log } = runProtected(`
      %macro enter_vm 2
      push dword 0x1234
      push dword 0x2345
      push dword 0x3456
      push dword 0x4567
      push dword 0x1000
      push dword 0x7ff0
      push dword %1
      push dword 0x800
      push dword vm_code - 0x8000
      mov dword [resume], %2
      iretd
      %endmacro
      enter_vm 0x20002, out1
      out1:
      enter_vm 0x23002, out2
      out2:
      note [vm_data]
      note [vm_data + 4]
      jmp finish
      bits 16
      vm_code:
      mov ax, cs
      mov ds, ax
      mov [vm_data - 0x8000], ss
      mov [vm_data - 0x8000 + 2], es
      pushf
      pop word [vm_data - 0x8000 + 4]
      ud2
      vm_data: dd 0, 0
      bits 32
    `);
    assert.equal(brief(log).join(' '), '13:0 6:0 =45671000 =3002');
    assert.deepEqual([log[0]?.cs, log[0]?.eflags, log[1]?.eflags], [0x800, 0x30002, 0x33002]);
  });

  test('virtual-8086 mode: INT n by the IDT with IOPL 3, ports by the bitmap only, CLI and POPF', () => {
    const { log } = runProtected(`
      %macro vm 2
      push dword 0
      push dword 0
      push dword 0
      push dword 0
      push dword 0x1000
      push dword 0x7ff0
      push dword %1
      push dword 0x800
      push dword %2 - 0x8000
      mov dword [resume], %%out
      mov dword [back], %%out
      iretd
      %%out:
      %endmacro
      vm 0x23002, with_int
      mov esp, 0x18000
      note [0x187fc]             ; GS, SS and ESP of the frame that INT left on the stack of level 0
      note [0x187ec]
      note [0x187e8]
      note [0x187e4]
      vm 0x20002, with_int
      vm 0x23002, with_port
      vm 0x20002, with_cli
      vm 0x23002, with_popf
      vm 0x20002, with_popf
      jmp finish
      bits 16
      with_int:
      mov ax, 0x7777
      mov gs, ax
      int 0x80
      with_port:
      in al, 0x44
      with_cli:
      cli
      ud2
      with_popf:
      push word 0x7202           ; IOPL stays, IF and NT change
      popf
      pushf
      pop ax
      ud2
      bits 32
    `);
    assert.equal(brief(log).join(' '), '=7777 =1000 =7ff0 =23002 13:0 13:0 13:0 6:0 13:0');
    assert.equal((log[7]?.eflags ?? 0) & 0xffff, 0x7202);
  });

  test('SYSCALL and SYSRET outside long mode', () => {
    expectLog(
      `
      faults syscall
      mov ecx, 0xc0000080
      mov eax, 1
      xor edx, edx
      wrmsr
      mov ecx, 0xc0000081
      mov eax, entered
      mov edx, 0x00180008
      wrmsr
      to_ring3
      mov edx, esp
      syscall
      returned:
      note cs
      note ss
      pushfd
      pop eax
      and eax, 0x200
      note eax
      faults sysret
      jmp finish
      entered:
      note cs
      note ss
      lea eax, [ecx - returned]
      note eax
      pushfd
      pop eax
      and eax, 0x200
      note eax
      sysret
      `,
      '6:0 =8 =10 =0 =0 =1b =20 =200 13:0',
    );
  });

  test('page faults of level 3 reach level 0 with their error codes and CR2', () => {
    const { log } = runProtected(`
      mov dword [0x40000], 0x41007
      mov edi, 0x41000
      mov eax, 7
      .fill:
      mov [edi], eax
      add edi, 4
      add eax, 0x1000
      cmp edi, 0x42000
      jne .fill
      mov dword [0x41000 + 0x30 * 4], 0x30003
      mov dword [0x41000 + 0x31 * 4], 0x31005
      mov dword [0x41000 + 0x32 * 4], 0
      mov eax, 0x40000
      mov cr3, eax
      mov eax, cr0
      or eax, 0x80000000
      mov cr0, eax
      faults3 mov eax, [0x30123]
      faults3 mov [0x30123], eax
      faults3 mov eax, [0x31123]
      faults3 mov [0x31123], eax
      faults3 mov eax, [0x32123]
      faults3 mov [0x31ffe], eax
      faults mov [0x31ffe], eax
      faults mov [0x30ffe], eax
      mov eax, cr0
      or eax, 0x10000
      mov cr0, eax
      faults mov [0x31ffe], eax
      faults3 call 0x32456
      mov dword [0x41000 + 0x32 * 4], 0x32007
      faults3 mov eax, [0x32123]
      mov dword [0x41000 + 0x32 * 4], 0x32003
      faults3 mov eax, [0x32123]  ; the old translation may still serve
      invlpg [0x32000]
      faults3 mov eax, [0x32123]
    `);
    assert.equal(brief(log).join(' '), '14:5 14:7 none 14:7 14:4 14:7 14:2 none 14:3 14:4 none none 14:5');
    assert.deepEqual(
      log.filter(({ vector }) => vector === 14).map(({ cr2 }) => cr2),
      [0x30123, 0x30123, 0x31123, 0x32123, 0x31ffe, 0x32000, 0x31ffe, 0x32456, 0x32123],
    );
  });

  test('SYSENTER and SYSEXIT', () => {
    expectLog(
      `
      mov ecx, 0x174
      xor edx, edx
      faults sysenter
      mov eax, 8
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
      note esp
      mov edx, left
      mov ecx, 0x17000
      sysexit
      left:
      note cs
      note ss
      note esp
      to_ring0
      `,
      '13:0 =8 =10 =185fc =1b =23 =16ffc',
    );
  });

  test('MOV CRn refuses impossible values', () => {
    expectLog(
      `
      mov eax, 0x80000010
      faults mov cr0, eax        ; PG without PE
      mov eax, 0x20000011
      faults mov cr0, eax        ; NW without CD
      mov eax, 0x80000000
      faults mov cr4, eax
      mov eax, 0x11
      faults mov cr0, eax
      mov eax, 8
      mov cr4, eax
      faults mov eax, dr4        ; DE
      xor eax, eax
      mov cr4, eax
      faults mov eax, dr4
      mov eax, 0x2400
      mov dr7, eax
      faults mov eax, dr0        ; GD
      mov eax, dr7
      note eax
      mov eax, dr6
      note eax
      `,
      '13:0 13:0 13:0 none 6:0 none 1:0 =400 =ffff2ff0',
    );
  });
});
