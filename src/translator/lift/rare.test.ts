/** Instructions that no processor at hand can be asked about: transactional memory that always aborts, MOVDIRI, MOVDIR64B, SERIALIZE, MONITORX, MWAITX. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RAX, RBX, RCX, RIP } from '../../machine/layout.ts';
import { briefLong, runLong } from '../testing/long-program.ts';
import { coreIsBuilt } from '../testing/test-machine.ts';

const skip = coreIsBuilt ? false : 'needs build/core.wasm';

describe('rare instructions', { skip }, () => {
  test('XBEGIN goes to its fallback with EAX 0; XTEST says no; XABORT does nothing; XEND is #GP', () => {
    const { machine, log } = runLong(`
      mov rax, -1
      ; XBEGIN to the next instruction but one
      db 0xc7, 0xf8
      dd 2
      hlt
      nop
      mov rbx, rax
      stc
      ; XTEST
      db 0x0f, 0x01, 0xd6
      pushfq
      pop rcx
      ; XABORT 7
      db 0xc6, 0xf8, 7
      note 1
      ; XEND
      faults db 0x0f, 0x01, 0xd5
      hlt`);
    assert.deepEqual([machine.reg(RBX), machine.reg(RCX) & 0x8d5n], [0n, 0x40n]);
    assert.equal(briefLong(log), '=1 13:0');
  });

  test('MOVDIRI stores; MOVDIR64B copies a line, and only to where one begins', () => {
    const { machine, log } = runLong(`
      mov rax, 0x1122334455667788
      mov rdi, 0x30008
      ; MOVDIRI [rdi], rax
      db 0x48, 0x0f, 0x38, 0xf9, 0x07
      mov rsi, 0x30003
      mov rbx, 0x31040
      ; MOVDIR64B rbx, [rsi]
      db 0x66, 0x0f, 0x38, 0xf8, 0x1e
      add rbx, 8
      faults db 0x66, 0x0f, 0x38, 0xf8, 0x1e
      hlt`);
    assert.equal(machine.read64(0x30008), 0x1122334455667788n);
    assert.deepEqual(machine.read(0x31040, 64), machine.read(0x30003, 64));
    assert.equal(briefLong(log), '13:0');
  });

  test('SERIALIZE, MONITORX and MWAITX go on; ECX that they do not know is #GP', () => {
    const { machine, log } = runLong(`
      ; SERIALIZE
      db 0x0f, 0x01, 0xe8
      mov rax, 0x30000
      xor ecx, ecx
      xor edx, edx
      ; MONITORX, MWAITX with its timer
      db 0x0f, 0x01, 0xfa
      mov ecx, 2
      db 0x0f, 0x01, 0xfb
      note 1
      faults db 0x0f, 0x01, 0xfa
      mov ecx, 4
      faults db 0x0f, 0x01, 0xfb
      xor ecx, ecx
      mov rax, 0x8000000000000000
      faults db 0x0f, 0x01, 0xfa
      hlt`);
    assert.equal(briefLong(log), '=1 13:0 13:0 13:0');
    assert.notEqual(machine.reg(RIP), 0n);
    assert.equal(machine.reg(RAX), 0x8000000000000000n);
  });
});
