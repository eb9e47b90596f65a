import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../base/testing/temporary-folder.ts';
import { Assembler, at, CC, R } from './assembler.ts';

/** What objdump makes of the bytes: one instruction a line, spaces made one. Undefined without objdump. */
function disassemble(bytes: Uint8Array, bits: 32 | 64): string[] | undefined {
  const file = join(temporaryFolder('assembler'), 'code');
  writeFileSync(file, bytes);
  const machine = bits === 64 ? 'i386:x86-64' : 'i386';
  const run = spawnSync('objdump', ['-D', '-z', '-b', 'binary', '-m', machine, '-M', 'intel', '--adjust-vma=0x100000', file], { encoding: 'utf8' });
  if (run.error !== undefined) return undefined;
  const lines = run.stdout.split('\n').map((line) => line.split('\t')[2]);
  return lines.filter((text) => text !== undefined).map((text) => text.replace(/#.*/, '').trim().replace(/\s+/g, ' '));
}

type Case = readonly [(a: Assembler) => void, string];

const m = { base: R.bx, disp: 0x10 };
const cases64: readonly Case[] = [
  [(a) => a.movi(R.r8, 0x12345678), 'mov r8d,0x12345678'],
  [(a) => a.movq(R.cx, 0x1122334455667788n), 'movabs rcx,0x1122334455667788'],
  [(a) => a.lea(R.si, 'top'), 'mov esi,0x100000'],
  [(a) => a.mov(R.r9, R.si), 'mov r9,rsi'],
  [(a) => a.load(R.ax, { base: R.sp, disp: 8 }), 'mov rax,QWORD PTR [rsp+0x8]'],
  [(a) => a.load(R.r10, { base: R.r12 }), 'mov r10,QWORD PTR [r12+0x0]'],
  [(a) => a.load32(R.dx, at('top', 4)), 'mov edx,DWORD PTR ds:0x100004'],
  [(a) => a.load(R.r11, { base: R.cx, label: 'top' }), 'mov r11,QWORD PTR [rcx+0x100000]'],
  [(a) => a.load8(R.bx, m), 'movzx ebx,BYTE PTR [rbx+0x10]'],
  [(a) => a.load16(R.bx, m), 'movzx ebx,WORD PTR [rbx+0x10]'],
  [(a) => a.store(m, R.r15), 'mov QWORD PTR [rbx+0x10],r15'],
  [(a) => a.store32(m, R.bp), 'mov DWORD PTR [rbx+0x10],ebp'],
  [(a) => a.store8(m, R.cx), 'mov BYTE PTR [rbx+0x10],cl'],
  [(a) => a.storei(m, -2), 'mov QWORD PTR [rbx+0x10],0xfffffffffffffffe'],
  [(a) => a.storei32(m, 7), 'mov DWORD PTR [rbx+0x10],0x7'],
  [(a) => a.storei16(m, 0x1234), 'mov WORD PTR [rbx+0x10],0x1234'],
  [(a) => a.storei8(m, 9), 'mov BYTE PTR [rbx+0x10],0x9'],
  [(a) => a.add(R.ax, R.r8), 'add rax,r8'],
  [(a) => a.alu('or', m, R.dx), 'or QWORD PTR [rbx+0x10],rdx'],
  [(a) => a.alui('adc', R.cx, 5), 'adc rcx,0x5'],
  [(a) => a.alui('sbb', m, 6), 'sbb QWORD PTR [rbx+0x10],0x6'],
  [(a) => a.andi(R.r13, -4), 'and r13,0xfffffffffffffffc'],
  [(a) => a.sub(R.si, R.di), 'sub rsi,rdi'],
  [(a) => a.subi(R.sp, 32), 'sub rsp,0x20'],
  [(a) => a.xor(R.ax, R.ax), 'xor rax,rax'],
  [(a) => a.cmpi(m, 1), 'cmp QWORD PTR [rbx+0x10],0x1'],
  [(a) => a.cmp(R.ax, R.cx), 'cmp rax,rcx'],
  [(a) => a.test(R.ax, R.ax), 'test rax,rax'],
  [(a) => a.neg(R.ax), 'neg rax'],
  [(a) => a.mul(R.cx), 'mul rcx'],
  [(a) => a.div(R.cx), 'div rcx'],
  [(a) => a.inc32(at('top')), 'inc DWORD PTR ds:0x100000'],
  [(a) => a.setcc(CC.be, R.dx), 'setbe dl'],
  [(a) => a.btr(m, R.r13), 'btr QWORD PTR [rbx+0x10],r13'],
  [(a) => a.shl(R.ax, 12), 'shl rax,0xc'],
  [(a) => a.shr(R.r9, 3), 'shr r9,0x3'],
  [(a) => a.push(R.r12), 'push r12'],
  [(a) => a.pop(R.bp), 'pop rbp'],
  [(a) => a.pushi(-1), 'push 0xffffffffffffffff'],
  [(a) => a.pushLabel('top'), 'push 0x100000'],
  [(a) => a.jmp('top'), 'jmp 0x100000'],
  [(a) => a.jcc(CC.ge, 'top'), 'jge 0x100000'],
  [(a) => a.call('top'), 'call 0x100000'],
  [(a) => a.callTo(R.r9), 'call r9'],
  [(a) => a.jmpTo(at('top')), 'jmp QWORD PTR ds:0x100000'],
  [(a) => a.ret(), 'ret'],
  [(a) => a.iretq(), 'iretq'],
  [(a) => a.int(0x80), 'int 0x80'],
  [(a) => a.outb(0xe9), 'out 0xe9,al'],
  [(a) => a.vmmcall(), 'vmmcall'],
  [(a) => a.vmcall(), 'vmcall'],
  [(a) => a.cpuid(), 'cpuid'],
  [(a) => a.hlt(), 'hlt'],
  [(a) => a.cli(), 'cli'],
  [(a) => a.sti(), 'sti'],
  [(a) => a.ud2(), 'ud2'],
  [(a) => a.movToCr(3, R.ax), 'mov cr3,rax'],
  [(a) => a.movFromCr(R.cx, 4), 'mov rcx,cr4'],
  [(a) => a.wrmsr(), 'wrmsr'],
  [(a) => a.rdmsr(), 'rdmsr'],
  [(a) => a.invlpg(m), 'invlpg BYTE PTR [rbx+0x10]'],
  [(a) => a.lgdt('top'), 'lgdt ds:0x100000'],
  [(a) => a.lidt('top'), 'lidt ds:0x100000'],
];

const cases32: readonly Case[] = [
  [(a) => a.lea(R.sp, 'top'), 'mov esp,0x100000'],
  [(a) => a.load(R.ax, at('top', 8)), 'mov eax,ds:0x100008'],
  [(a) => a.alui('or', R.ax, 0x620), 'or eax,0x620'],
  [(a) => a.lgdt('top'), 'lgdtd ds:0x100000'],
  [(a) => a.lidt('top'), 'lidtd ds:0x100000'],
  [(a) => a.ljmp(8, 'top'), 'jmp 0x8:0x100000'],
  [(a) => a.movToCr(0, R.ax), 'mov cr0,eax'],
];

for (const [bits, cases] of [
  [64, cases64],
  [32, cases32],
] as const) {
  test(`${bits}-bit encodings are what objdump reads`, (t) => {
    const a = new Assembler(0x100000, bits);
    a.label('top');
    for (const [emit] of cases) emit(a);
    const got = disassemble(a.finish(), bits);
    if (got === undefined) {
      if (process.env['CI'] === 'true') assert.fail('objdump is needed');
      t.skip('objdump (binutils) is not installed');
      return;
    }
    // MOV of the accumulator from an absolute address has a form of its own, which the assembler does not use.
    assert.deepEqual(
      got.map((text) => text.replace('eax,DWORD PTR ds:', 'eax,ds:')),
      cases.map(([, text]) => text),
    );
  });
}

test('a name that is unknown, or defined twice, is an error', () => {
  assert.throws(() => new Assembler(0, 64).jmp('nowhere').finish(), /nowhere is not defined/);
  assert.throws(() => new Assembler(0, 64).label('a').label('a'), /a is defined twice/);
});

test('data: frame numbers and addresses of labels, alignment', () => {
  const a = new Assembler(0x1000, 64);
  a.db(1).align(8).ddShifted('end', 12).dqLabel('end', 3n).align(4096).label('end');
  const view = new DataView(a.finish().buffer);
  assert.equal(view.getUint32(8, true), 2);
  assert.equal(view.getBigUint64(12, true), 0x2003n);
});
