/** Process-context identifiers: what MOV to CR3 and INVPCID keep and forget. @see Intel SDM 3A 4.10.1, 4.10.4.1; 2A INVPCID */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXIT_HLT } from '../../machine/layout.ts';
import { briefLong, runLong } from '../testing/long-program.ts';
import { nasmIsThere } from '../testing/nasm.ts';
import { coreIsBuilt } from '../testing/test-machine.ts';

const skip = coreIsBuilt && nasmIsThere ? false : 'needs build/core.wasm and NASM';

/**
 * A second address space at 0x46000, like the first one but for page 0x100000. What lies there: 1 in the first space, 2 in the second; `shows PAGE`
 * changes what the first one has there, without telling the processor.
 */
const prelude = `
%define FIRST 0x41000
%define SECOND 0x46000
%define KEEP (1 << 63)
%macro space 1
  mov rax, %1
  mov cr3, rax
%endmacro
%macro shows 1
  mov qword [page_entry(0x100000)], %1 + 7
%endmacro
%macro user_note 0
  to_ring3
  note [abs 0x100000]
  to_ring0
%endmacro
%macro forget 3
  mov qword [0x30000], %2
  mov qword [0x30008], %3
  mov eax, %1
  invpcid rax, [0x30000]
%endmacro
  mov esi, 0x41000
  mov edi, 0x46000
  mov ecx, 0x5000 / 8
  rep movsq
  mov dword [0x46000], 0x47007
  mov dword [0x47000], 0x48007
  mov dword [0x48000], 0x49007
  mov dword [0x48008], 0x4a007
  mov qword [page_entry(0x100000) + 0x5000], 0x201007
  mov dword [0x100000], 1
  mov dword [0x201000], 2
  mov dword [0x202000], 3
  mov dword [0x203000], 4
`;
const on = `
  mov rax, cr4
  or eax, 0x20000
  mov cr4, rax
`;

describe('process-context identifiers', { skip }, () => {
  const expectLog = (code: string, expected: string): void => {
    for (const options of [{}, { promoteAfter: 1 }]) {
      const { log, reason } = runLong(`${prelude}${code}`, '', undefined, options);
      assert.equal(briefLong(log), expected.trim().split(/\s+/).join(' '));
      assert.equal(reason, EXIT_HLT);
    }
  };

  test('MOV to CR3 with bit 63 keeps what user code of that PCID had, without it forgets; others stay', () => {
    expectLog(
      `${on}
      space FIRST + 1
      user_note
      space SECOND + 2
      user_note
      shows 0x202000
      space FIRST + 1 + KEEP
      user_note
      space SECOND + 2 + KEEP
      user_note
      space FIRST + 1
      user_note
      mov rax, cr3
      note rax
      `,
      '=1 =2 =1 =2 =3 =41001',
    );
  });

  test('supervisor code never sees another PCID, kept or not', () => {
    expectLog(
      `${on}
      space FIRST + 1
      note [abs 0x100000]
      space SECOND + 2 + KEEP
      note [abs 0x100000]
      space FIRST + 1 + KEEP
      note [abs 0x100000]
      space SECOND + 3
      note [abs 0x100000]
      `,
      '=1 =2 =1 =2',
    );
  });

  test('INVPCID: one address, one context, all with global pages, all without', () => {
    const afterwards = (type: number, pcid: number): string => `
      space FIRST + 1
      user_note
      space SECOND + 2
      shows 0x202000
      forget ${type}, ${pcid}, 0x100000
      space FIRST + 1 + KEEP
      user_note
      shows 0x100000`;
    expectLog(
      `${on}${[afterwards(0, 1), afterwards(1, 1), afterwards(1, 5), afterwards(1, 2), afterwards(2, 0), afterwards(3, 0)].join('')}`,
      '=1 =3 =1 =3 =1 =1 =1 =1 =1 =3 =1 =3',
    );
  });

  test('INVPCID of the context that runs, INVLPG, a global page', () => {
    expectLog(
      `${on}
      space FIRST + 1
      user_note
      shows 0x202000
      user_note
      forget 1, 1, 0
      user_note
      shows 0x203000
      invlpg [0x100000]
      user_note
      mov rax, cr4
      or eax, 0x80
      mov cr4, rax
      shows 0x100100
      note [abs 0x100000]
      shows 0x202100
      space FIRST + 1
      note [abs 0x100000]
      forget 3, 0, 0
      note [abs 0x100000]
      forget 2, 0, 0
      note [abs 0x100000]
      `,
      '=1 =1 =3 =4 =1 =1 =1 =3',
    );
  });

  test('more PCIDs than are remembered, and more changes than there are numbers', () => {
    expectLog(
      `${on}
      xor ebx, ebx
      mov ebp, 600
    again:
      mov ecx, 12
    each:
      mov rax, FIRST + KEEP
      add rax, rcx
      mov cr3, rax
      to_ring3
      add ebx, [abs 0x100000]
      to_ring0
      mov eax, SECOND + 100
      add eax, ecx
      mov cr3, rax
      to_ring3
      add ebx, [abs 0x100000]
      to_ring0
      dec ecx
      jnz each
      dec ebp
      jnz again
      note rbx
      `,
      `=${(600 * 12 * 3).toString(16)}`,
    );
  });

  test('what is refused: bit 63 and PCIDs while they are off, switching them on with one in CR3, paging off, INVPCID of what does not exist', () => {
    expectLog(
      `
      mov rax, FIRST + KEEP
      faults mov cr3, rax
      mov qword [0x30000], 1
      mov qword [0x30008], 0
      mov eax, 1
      faults invpcid rax, [0x30000]
      mov eax, 3
      faults invpcid rax, [0x30000]
      mov eax, FIRST + 0x18
      mov cr3, rax
      mov rax, cr4
      or eax, 0x20000
      faults mov cr4, rax
      mov eax, FIRST
      mov cr3, rax
      ${on}
      mov rax, cr0
      btr rax, 31
      faults mov cr0, rax
      mov eax, 4
      faults invpcid rax, [0x30000]
      mov qword [0x30000], 0x1000
      mov eax, 3
      faults invpcid rax, [0x30000]
      mov qword [0x30000], 1
      mov rcx, 0x800000000000
      mov [0x30008], rcx
      xor eax, eax
      faults invpcid rax, [0x30000]
      faults3 invpcid rax, [0x30000]
      `,
      '13:0 13:0 none 13:0 13:0 13:0 13:0 13:0 13:0',
    );
  });
});
