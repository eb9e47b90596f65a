/**
 * Golden IR: what each instruction family becomes, as text beside this file, so that a change of lifters or passes is a readable
 * diff. UPDATE_GOLDEN=1 writes the files anew.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MODE_AVX, MODE_CODE16, MODE_CODE32, MODE_CODE64, MODE_FLAT, MODE_PROTECTED, MODE_SSE, MODE_STACK32 } from '../../machine/layout.ts';
import { allPasses, noPasses } from '../ir/passes/pipeline.ts';
import { printBlock } from '../ir/printer.ts';
import { fromHex } from '../testing/hex.ts';
import { BlockTranslator } from '../translate-block.ts';

const modes = {
  16: MODE_CODE16,
  32: MODE_CODE32 | MODE_PROTECTED | MODE_STACK32 | MODE_FLAT | MODE_SSE,
  64: MODE_CODE64 | MODE_PROTECTED | MODE_FLAT | MODE_SSE | MODE_AVX,
} as const;

type Example = readonly [code: 16 | 32 | 64, hex: string, text: string];

/** Examples of each family. The text is for the reader; the bytes count. */
const families: Readonly<Record<string, readonly Example[]>> = {
  alu: [
    [64, '4801d8', 'add rax, rbx'],
    [64, '0503000000', 'add eax, 3'],
    [64, '66 2d 0100', 'sub ax, 1'],
    [64, '00e0', 'add al, ah'],
    [64, 'f0 48 83 44 8b 10 05', 'lock add qword [rbx+rcx*4+16], 5'],
    [64, '31c0', 'xor eax, eax'],
    [64, '21d8', 'and eax, ebx'],
    [64, '11d8', 'adc eax, ebx'],
    [64, '19c0', 'sbb eax, eax'],
    [64, 'ffc8', 'dec eax'],
    [64, '48f75d08', 'neg qword [rbp+8]'],
    [64, '84c0', 'test al, al'],
    [64, '3b05 00010000', 'cmp eax, [rip+0x100]'],
    [64, 'f0 0fb10b', 'lock cmpxchg [rbx], ecx'],
    [64, 'f0 0fc10b', 'lock xadd [rbx], ecx'],
    [64, 'f0 480fc70f', 'lock cmpxchg16b [rdi]'],
  ],
  move: [
    [64, '8b4304', 'mov eax, [rbx+4]'],
    [64, '6689d8', 'mov ax, bx'],
    [64, '88e3', 'mov bl, ah'],
    [64, '48c7042400000000', 'mov qword [rsp], 0'],
    [64, '65488b042528000000', 'mov rax, gs:[0x28]'],
    [64, '67 8b44c3f0', 'mov eax, [ebx+eax*8-16]'],
    [64, '0fb603', 'movzx eax, byte [rbx]'],
    [64, '480fbe03', 'movsx rax, byte [rbx]'],
    [64, '488d4cc808', 'lea rcx, [rax+rcx*8+8]'],
    [64, '8703', 'xchg [rbx], eax'],
    [64, '0f4403', 'cmove eax, [rbx]'],
    [32, '8b4304', 'mov eax, [ebx+4]'],
    [32, '64 a118000000', 'mov eax, fs:[0x18]'],
    [16, '8b4104', 'mov ax, [bx+di+4]'],
    [16, '66 67 8b0488', 'mov eax, [eax+ecx*4]'],
  ],
  stack: [
    [64, '50', 'push rax'],
    [64, '5b', 'pop rbx'],
    [64, '5c', 'pop rsp'],
    [64, '8f4424 08', 'pop qword [rsp+8]'],
    [64, 'c9', 'leave'],
    [64, 'c8100000', 'enter 16, 0'],
    [32, '60', 'pusha'],
    [32, '6a01', 'push 1'],
    [16, '50', 'push ax'],
  ],
  shift: [
    [64, 'c1e004', 'shl eax, 4'],
    [64, 'd3e8', 'shr eax, cl'],
    [64, '66 c1f803', 'sar ax, 3'],
    [64, 'c1c007', 'rol eax, 7'],
    [64, 'd0d0', 'rcl al, 1'],
    [64, '480fa4d805', 'shld rax, rbx, 5'],
  ],
  muldiv: [
    [64, 'f7e3', 'mul ebx'],
    [64, '480fafc3', 'imul rax, rbx'],
    [64, '6bc30a', 'imul eax, ebx, 10'],
    [64, '48f7f3', 'div rbx'],
  ],
  bits: [
    [64, '0fa3d8', 'bt eax, ebx'],
    [64, 'f0 480fab03', 'lock bts [rbx], rax'],
    [64, '0fbcc3', 'bsf eax, ebx'],
    [64, 'f30fb8c3', 'popcnt eax, ebx'],
    [64, '480fc8', 'bswap rax'],
  ],
  branch: [
    [64, 'eb10', 'jmp +16'],
    [64, '39d8 7410', 'cmp eax, ebx; je +16'],
    [64, '85c0 7810', 'test eax, eax; js +16'],
    [64, 'ffc9 75fc', 'dec ecx; jnz -4'],
    [64, 'e800010000', 'call +256'],
    [64, 'ff10', 'call [rax]'],
    [64, 'c20800', 'ret 8'],
    [64, 'e2fe', 'loop -2'],
    [32, 'e3fe', 'jecxz -2'],
    [16, 'e80001', 'call +256'],
    [32, '66 7410', 'je +16 (16-bit target)'],
  ],
  bmi: [
    [64, 'f30fbcc3', 'tzcnt eax, ebx'],
    [64, 'c4e260f2c1', 'andn eax, ebx, ecx'],
    [64, 'c4e278f3cb', 'blsr eax, ebx'],
    [64, 'c4e270f5c3', 'bzhi eax, ebx, ecx'],
    [64, 'c4e270f7c3', 'bextr eax, ebx, ecx'],
    [64, 'c4e2e3f6c1', 'mulx rax, rbx, rcx'],
    [64, 'c4e271f7c3', 'shlx eax, ebx, ecx'],
    [64, 'c4e3fbf0c305', 'rorx rax, rbx, 5'],
    [64, 'c4e2e3f5c1', 'pdep rax, rbx, rcx'],
    [64, '66480f38f6c3', 'adcx rax, rbx'],
  ],
  avx: [
    [64, 'c5f8100b', 'vmovups xmm1, [rbx]'],
    [64, 'c5fd7f0b', 'vmovdqa [rbx], ymm1'],
    [64, 'c5f1fec2', 'vpaddd xmm0, xmm1, xmm2'],
    [64, 'c5f5fe03', 'vpaddd ymm0, ymm1, [rbx]'],
    [64, 'c5f358c2', 'vaddsd xmm0, xmm1, xmm2'],
    [64, 'c4e27d18c2', 'vbroadcastss ymm0, xmm2'],
    [64, 'c4e2f5b8c2', 'vfmadd231pd ymm0, ymm1, ymm2'],
    [64, 'c4e2ed9104cb', 'vpgatherqq ymm0, [rbx+ymm1*8], ymm2'],
    [64, 'c5fdd7c1', 'vpmovmskb eax, ymm1'],
    [64, 'c5f877', 'vzeroupper'],
  ],
  flag: [
    [64, '9f', 'lahf'],
    [64, '9e', 'sahf'],
    [64, 'f5', 'cmc'],
    [64, '9d', 'popf'],
    [64, '0f94c0', 'sete al'],
    [64, '4829d8 0f92c1 4801d8', 'sub rax, rbx; setb cl; add rax, rbx'],
  ],
};

const render = (examples: readonly Example[]): string => {
  const translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
  translator.fuse = false;
  const memory = new Uint8Array(4096);
  const parts: string[] = [];
  for (const [code, hex, text] of examples) {
    const bytes = fromHex(hex);
    memory.fill(0xf4);
    memory.set(bytes, 0x100);
    let count = 1;
    const lift = (passes: typeof allPasses): string => {
      translator.passes = passes;
      translator.translate(memory, 0x100, -1, modes[code], count);
      return printBlock(translator.builder);
    };
    lift(noPasses);
    while (translator.bytes < bytes.length) {
      count++;
      lift(noPasses);
    }
    const plain = lift(noPasses);
    const optimised = lift(allPasses);
    parts.push(`# ${code}-bit: ${text}\n${plain}${optimised === plain ? '' : `after the passes\n${optimised}`}`);
  }
  return parts.join('\n');
};

for (const [family, examples] of Object.entries(families)) {
  test(`golden IR of family ${family}`, () => {
    const file = join(import.meta.dirname, 'golden', `${family}.ir.txt`);
    const text = render(examples);
    if (process.env.UPDATE_GOLDEN === '1' || !existsSync(file)) {
      assert.notEqual(process.env.CI, 'true', `${file} is missing`);
      writeFileSync(file, text);
    }
    assert.equal(text, readFileSync(file, 'utf8'));
  });
}
