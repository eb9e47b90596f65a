import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ROWS } from '../../spec/x86/opcodes.ts';
import type { Row } from '../../spec/x86/row.ts';
import { decode } from './decode.ts';
import { disassemble } from './disassemble.ts';
import { type CodeSize, Dice, encode, existsIn } from './encodings.ts';
import {
  BASE_NONE,
  BASE_RIP,
  DECODE_BMI1,
  DECODE_INTEL,
  DECODE_INVALID,
  DECODE_LZCNT,
  DECODE_MORE,
  DECODE_OK,
  DECODE_TOO_LONG,
  Insn,
  OPK_CR,
  OPK_FAR,
  OPK_GPR,
  OPK_HIGH,
  OPK_IMM,
  OPK_MEM,
} from './insn.ts';

const first = ROWS[0] as Row;
const insn = new Insn(first);

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function status(hex: string, mode = 2): number {
  const bytes = bytesOf(hex);
  return decode(bytes, 0, bytes.length, mode, insn);
}

/** Decode and give the text; the whole of `hex` must be the instruction. */
function text(hex: string, mode = 2): string {
  assert.equal(status(hex, mode), DECODE_OK, hex);
  assert.equal(insn.len, bytesOf(hex).length, hex);
  return disassemble(insn);
}

describe('every row', () => {
  for (const code of [2, 1, 0] as const satisfies readonly CodeSize[]) {
    test(`is found again by its encodings in ${16 << code}-bit code`, () => {
      ROWS.forEach((row, index) => {
        if (!existsIn(row, code)) return;
        const dice = new Dice(index + 1);
        for (let k = 0; k < 8; k++) {
          const bytes = encode(row, code, dice, k === 0);
          const found = decode(bytes, 0, bytes.length, code | DECODE_BMI1 | DECODE_LZCNT, insn);
          const where = `${row.map} ${row.opcode.toString(16)} ${row.mnemonic} ${Buffer.from(bytes).toString('hex')}`;
          if (row.undefinedOpcode !== undefined) assert.equal(found, DECODE_INVALID, where);
          else if (found === DECODE_INVALID) assert.ok(row.operands.some((operand) => /^[SCD][wn]$/.test(operand)) || insn.row.undefinedOpcode, where);
          else {
            assert.equal(found, DECODE_OK, where);
            assert.ok(insn.row === row || mayBecome(row, insn.row), `${where}: became ${insn.row.mnemonic}`);
          }
        }
      });
    });
  }
});

/** The encodings of these rows include those of more exact rows, or fall back to less exact ones. */
function mayBecome(row: Row, other: Row): boolean {
  return (
    row.map === other.map &&
    row.opcode <= other.opcode + other.span - 1 &&
    other.opcode <= row.opcode + row.span - 1 &&
    (row.ext === -1 || other.ext === -1 || row.prefix !== other.prefix)
  );
}

describe('operands', () => {
  test('REX, AH..BH and SPL..DIL', () => {
    assert.equal(text('48 89 e5'), 'mov rbp,rsp');
    assert.equal(text('88 e5'), 'mov ch,ah');
    assert.equal(insn.o0.kind, OPK_HIGH);
    assert.equal(text('40 88 e5'), 'mov bpl,spl');
    assert.equal(insn.o0.kind, OPK_GPR);
    assert.equal(text('66 48 89 e5'), 'mov rbp,rsp');
    assert.equal(text('48 66 89 e5'), 'mov bp,sp');
    assert.equal(insn.rex, 0);
  });
  test('addresses and their segments', () => {
    assert.equal(text('8b 05 78 56 34 12'), 'mov eax,DWORD PTR [rip+0x12345678]');
    assert.equal(insn.memBase, BASE_RIP);
    assert.equal(text('8b 05 78 56 34 12', 1), 'mov eax,DWORD PTR ds:0x12345678');
    assert.equal(insn.memBase, BASE_NONE);
    assert.equal(text('42 8b 44 a5 f0'), 'mov eax,DWORD PTR [rbp+r12*4-0x10]');
    assert.equal(insn.memSeg, 2);
    assert.equal(text('41 8b 45 00'), 'mov eax,DWORD PTR [r13+0x0]');
    assert.equal(insn.memSeg, 3);
    assert.equal(text('64 8b 04 25 28 00 00 00'), 'mov eax,DWORD PTR fs:0x28');
    assert.equal(text('8b 42 10', 0), 'mov ax,WORD PTR [bp+si+0x10]');
    assert.equal(insn.memSeg, 2);
    assert.equal(text('2e 8b 42 10', 0), 'mov ax,WORD PTR cs:[bp+si+0x10]');
    assert.equal(text('2e 8b 02'), 'mov eax,DWORD PTR [rdx]', 'CS is ignored in 64-bit code');
    assert.equal(insn.memSeg, 3);
    assert.equal(text('a1 11 22 33 44 55 66 77 88'), 'mov eax,ds:0x8877665544332211');
    assert.equal(insn.o1.kind, OPK_MEM);
    assert.equal(insn.dispHi, 0x88776655 | 0);
  });
  test('immediates are extended as their notation says', () => {
    status('83 c0 ff');
    assert.deepEqual([insn.o1.kind, insn.immLo, insn.immHi], [OPK_IMM, -1, -1]);
    status('b0 ff');
    assert.deepEqual([insn.immLo, insn.immHi], [255, 0]);
    status('48 c7 c0 00 00 00 80');
    assert.deepEqual([insn.immLo, insn.immHi], [-0x80000000, -1]);
    assert.equal(text('48 b8 88 77 66 55 44 33 22 11'), 'mov rax,0x1122334455667788');
    assert.equal(text('c8 34 12 05'), 'enter 0x1234,0x5');
    assert.deepEqual([insn.immLo, insn.imm2], [0x1234, 5]);
    assert.equal(text('9a 11 22 33 44 55 66', 1), 'call 0x6655:0x44332211');
    assert.deepEqual([insn.o0.kind, insn.imm2], [OPK_FAR, 0x6655]);
  });
});

describe('sizes', () => {
  test('stack operations and near branches are 64 bits wide in 64-bit code', () => {
    assert.equal(text('50'), 'push rax');
    assert.equal(text('66 50'), 'push ax');
    assert.equal(text('ff d0'), 'call rax');
    assert.equal(text('e8 fb ff ff ff'), 'call .+0x0');
  });
  test('66 on a near branch: AMD truncates, Intel ignores it', () => {
    assert.equal(status('66 e8 11 22 33 44', 2), DECODE_OK);
    assert.deepEqual([insn.len, insn.opsize], [4, 2]);
    assert.equal(status('66 e8 11 22 33 44', 2 | DECODE_INTEL), DECODE_OK);
    assert.deepEqual([insn.len, insn.opsize], [6, 8]);
  });
  test('REX.W on a far pointer in memory counts on Intel only', () => {
    status('48 ff 28', 2);
    assert.deepEqual([insn.opsize, insn.o0.size], [4, 6]);
    status('48 ff 28', 2 | DECODE_INTEL);
    assert.deepEqual([insn.opsize, insn.o0.size], [8, 10]);
  });
  test('a mandatory 66 is no operand size, except where the operand has one', () => {
    status('66 0f 6e c0');
    assert.equal(insn.opsize, 4);
    assert.equal(text('66 0f 38 f0 00'), 'movbe ax,WORD PTR [rax]');
    assert.equal(text('66 f2 0f 38 f1 c1'), 'crc32 eax,cx');
  });
});

describe('prefixes choose the row', () => {
  test('the last of F2 and F3, before 66', () => {
    assert.equal(text('66 f2 0f 10 c1'), 'movsd xmm0,xmm1');
    assert.equal(text('f2 f3 0f 10 c1'), 'movss xmm0,xmm1');
    assert.equal(status('f3 0f fc c1'), DECODE_INVALID);
  });
  test('TZCNT and LZCNT are BSF and BSR where the model lacks them', () => {
    assert.equal(text('f3 0f bc c1'), 'bsf eax,ecx');
    assert.equal(text('f3 0f bc c1', 2 | DECODE_BMI1), 'tzcnt eax,ecx');
    assert.equal(text('f3 0f bd c1'), 'bsr eax,ecx');
    assert.equal(text('f3 0f bd c1', 2 | DECODE_LZCNT), 'lzcnt eax,ecx');
  });
  test('90 is NOP, PAUSE or XCHG', () => {
    assert.equal(text('90'), 'nop');
    assert.equal(text('f3 90'), 'pause');
    assert.equal(text('41 90'), 'xchg eax,r8d');
    assert.equal(text('f3 41 90'), 'xchg eax,r8d');
  });
});

describe('invalid', () => {
  test('LOCK only before listed instructions with a memory destination', () => {
    assert.equal(status('f0 01 00'), DECODE_OK);
    assert.equal(status('f0 01 c0'), DECODE_INVALID);
    assert.equal(status('f0 03 00'), DECODE_INVALID);
    assert.equal(status('f0 3b 00'), DECODE_INVALID);
  });
  test('LOCK MOV CR0 is CR8 on AMD', () => {
    assert.equal(status('f0 0f 20 c0', 1), DECODE_OK);
    assert.deepEqual([insn.o1.kind, insn.o1.reg], [OPK_CR, 8]);
    assert.equal(status('f0 0f 20 c0', 1 | DECODE_INTEL), DECODE_INVALID);
  });
  test('registers that do not exist', () => {
    for (const hex of ['0f 20 c8', '0f 22 e8', '44 0f 21 c0', '8e c8', '8e f0', '8c f8']) assert.equal(status(hex), DECODE_INVALID, hex);
  });
  test('64-bit code has no BCD, PUSHA, BOUND, far pointers in the instruction', () => {
    for (const hex of ['27', '60', '61', '82 c0 01', '9a 0000000000000000', 'd4 0a', 'ce', '06', 'd6', 'ea 000000000000'])
      assert.equal(status(hex), DECODE_INVALID, hex);
  });
  test('undefined opcodes name their row', () => {
    assert.equal(status('0f 0b'), DECODE_INVALID);
    assert.equal(insn.row.mnemonic, 'UD2');
  });
  test('longer than 15 bytes, and bytes missing at the end of a page', () => {
    assert.equal(status('66'.repeat(14) + '90'), DECODE_OK);
    assert.equal(status('66'.repeat(15) + '90'), DECODE_TOO_LONG);
    assert.equal(status('66'.repeat(15)), DECODE_TOO_LONG);
    assert.equal(status('66'.repeat(14)), DECODE_MORE);
    assert.equal(status('66'.repeat(10) + 'b8 00'), DECODE_MORE);
    assert.equal(status('66'.repeat(10) + '81 84 24 00 00 00 00 00 00'), DECODE_TOO_LONG);
  });
});

test('any bytes decode to a status, and a shorter limit to MORE', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 18 }), fc.constantFrom(0, 1, 2), fc.nat(3), (bytes, mode, at) => {
      const found = decode(bytes, at, bytes.length, mode, insn);
      assert.ok(found >= DECODE_OK && found <= DECODE_TOO_LONG);
      if (found !== DECODE_OK) return;
      const length = insn.len;
      assert.ok(length >= 1 && length <= 15 && at + length <= bytes.length);
      assert.ok(disassemble(insn).length > 0);
      assert.ok(!disassemble(insn).includes('?'));
      assert.equal(decode(bytes, at, at + length - 1, mode, insn), DECODE_MORE);
      assert.equal(decode(bytes, at, at + length, mode, insn), DECODE_OK);
      assert.equal(insn.len, length);
    }),
    { numRuns: 5000 },
  );
});

test('no two rows claim one encoding, in any opcode of any map', () => {
  const maps = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a], [0xc4, 0xe1, 0x78], [0xc4, 0xe2, 0x78], [0xc4, 0xe3, 0x78]];
  const bytes = new Uint8Array(16);
  for (const map of maps) {
    for (let opcode = 0; opcode < 256; opcode++) {
      bytes.set([...map, opcode]);
      // the opcode's cells are filled here, where a row that is ambiguous throws
      decode(bytes, 0, bytes.length, 2, insn);
    }
  }
});
