import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MODE_CODE64, MODE_FLAT, MODE_PROTECTED, UOP_SIZE } from '../../../machine/layout.ts';
import * as ops from '../../../machine/ops.ts';
import { fromHex } from '../../testing/hex.ts';
import { BlockTranslator } from '../../translate-block.ts';
import { pack } from './pack.ts';

const names = new Map(Object.entries(ops).map(([name, number]) => [number, name.replace('OP_', '')]));

/** Names of the bytecode operations that `hex` becomes, without ENTER, and the packed words. */
const translate = (hex: string): { names: string[]; words: Int32Array } => {
  const translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
  const bytes = fromHex(hex);
  const memory = new Uint8Array(4096);
  memory.set(bytes);
  let limit = 0;
  do translator.translate(memory, 0, -1, MODE_CODE64 | MODE_FLAT | MODE_PROTECTED, ++limit);
  while (translator.bytes < bytes.length);
  const { builder } = translator;
  const kept = [...builder.op.subarray(0, builder.count)].filter((op) => op !== ops.OP_NOP);
  const words = new Int32Array(256);
  pack(builder, words, 0);
  return { names: kept.slice(1).map((op) => names.get(op) as string), words };
};

for (const [text, hex, expected] of [
  ['cmp rax, rbx; jb', '4839d8 7210', ['F_CMPBR']],
  ['cmp eax, 0x1234; jne', '3d34120000 7510', ['F_CMPIBR']],
  ['test eax, eax; js', '85c0 7810', ['F_TESTBR']],
  ['push rax; pop rbx', '50 5b', ['F_PUSH64', 'F_POP64', 'JMP']],
  ['call', 'e800010000', ['F_CALL64']],
  ['ret 8', 'c20800', ['F_RET64']],
  ['pop rsp takes the popped value last', '5c', ['F_POP64', 'MOV', 'JMP']],
  ['add rax, rbx', '4801d8', ['F_ADD', 'JMP']],
  ['sub eax, 5', '83e805', ['F_SUBI32', 'JMP']],
  ['and eax, ebx', '21d8', ['F_AND32', 'JMP']],
  ['inc rax', '48ffc0', ['F_STEP', 'JMP']],
  ['xor eax, eax', '31c0', ['F_ZERO', 'JMP']],
] as const) {
  test(`fused: ${text}`, () => {
    assert.deepEqual(translate(hex).names, expected);
  });
}

test('the constant of a compare and branch stands in the link word', () => {
  const { words } = translate('3d341200f0 7510');
  const link = (UOP_SIZE / 4) * 2;
  assert.equal((words[UOP_SIZE / 4] as number) & 0xffff, ops.OP_F_CMPIBR);
  assert.deepEqual([...words.subarray(link, link + 4)], [0, 0, 0xf0001234 | 0, -1]);
});
