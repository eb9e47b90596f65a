/** The decoder against this host's own processor (x86-64 Linux): every row and random bytes. All opcodes there are: tests/conformance/opcodes. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ROWS } from '../../spec/x86/opcodes.ts';
import { describeDisagreement, Silicon } from '../testing/silicon.ts';
import { type CodeSize, Dice, encode, existsIn } from './encodings.ts';

const PER_ROW = 3;
const RANDOM_CASES = 4000;

const silicon = new Silicon();
after(() => silicon.end());
const skip = silicon.reasonToSkip;
if (skip === 'needs gcc' && process.env['CI'] === 'true') throw new Error('gcc is needed to ask the processor');

/** Encodings this decoder has no rows for yet, or that newer processors fill: VEX, EVEX, XOP, and what F3 and the 0F38 and 0F3A maps may still become. */
function maybeElsewhere(bytes: Uint8Array): boolean {
  const rest = Buffer.from(bytes)
    .toString('hex')
    .replace(/^((66|67|f0|f2|f3|2e|36|26|3e|64|65|4.)*?)(?=c4|c5|62|8f|0f38|0f3a|0f01|0fc7|d5|0f24|0f26|0f3[6-9a-f]|0fa[67]|0f7[89])/, '');
  return rest.length < 30 || /^(c4|c5|62|8f|0f38|0f3a|0f01|0fc7|d5|0f24|0f26|0f3|0fa|0f7)/.test(rest);
}

function randomCase(dice: Dice, code: CodeSize): Uint8Array {
  const bytes = Uint8Array.from({ length: 15 }, () => dice.next(256));
  const prefixes = code === 2 ? [0x66, 0xf2, 0xf3, 0x67, 0x2e, 0x64, 0xf0, 0x48, 0x41, 0x4f] : [0x66, 0xf2, 0xf3, 0x67, 0x2e, 0x64, 0xf0];
  let at = 0;
  while (at < 4 && dice.next(3) === 0) bytes[at++] = prefixes[dice.next(prefixes.length)] as number;
  if (dice.next(2) === 0) bytes[at] = 0x0f;
  return bytes;
}

for (const code of [2, 1, 0] as const satisfies readonly CodeSize[]) {
  test(`agrees with this processor in ${16 << code}-bit code`, { skip }, () => {
    const dice = new Dice(7 + code);
    const cases: Uint8Array[] = [];
    for (const row of ROWS) {
      if (!existsIn(row, code)) continue;
      for (let k = 0; k < PER_ROW; k++) cases.push(encode(row, code, dice, k === 0));
    }
    for (let k = 0; k < RANDOM_CASES; k++) cases.push(randomCase(dice, code));
    const failures = silicon.disagreements(cases, code).filter(({ bytes, row }) => row !== undefined || !maybeElsewhere(bytes));
    assert.equal(failures.length, 0, `${failures.length} of ${cases.length}:\n${failures.slice(0, 40).map(describeDisagreement).join('\n')}`);
  });
}
