/**
 * Golden Wasm: the function that a few instructions of each family become, as text beside this file. UPDATE_GOLDEN=1 writes the files anew.
 * Each example stands before a jump out of its page's known blocks.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { CR4, RBX, RIP, RSI, XCR0 } from '../../../machine/layout.ts';
import { agreesWithGolden } from '../../testing/golden.ts';
import { FAMILIES, type GoldenExample } from '../../testing/golden-examples.ts';
import { fromHex } from '../../testing/hex.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';
import { functionText } from '../../testing/wasm-text.ts';
import { verifyModule } from './verify-module.ts';

/** Examples of a family at most, of 64-bit and of 32-bit code. */
const MOST = { 64: 2, 32: 1 };
const CODE = 0x8000;
const skip = coreIsBuilt ? false : 'needs build/core.wasm';

/** Text of the region that begins with the example, undefined if it gets none. */
async function region(bytes: Uint8Array, mode: 32 | 64): Promise<string | undefined> {
  const machine = new TestMachine({ promoteAfter: 1 });
  machine.enter(mode, CODE);
  machine.context.setLow(CR4, mode === 64 ? 0x40620 : 0x40600);
  machine.context.setLow(XCR0, 7);
  // a jump over what is not there, to a HLT
  machine.write(CODE, [...bytes, 0xeb, 0x20]);
  machine.write(CODE + bytes.length + 2, new Array<number>(0x40).fill(0xf4));
  let module: Uint8Array | undefined;
  assert.ok(machine.engine.regions !== undefined);
  // the example alone
  machine.engine.regions.ahead = undefined;
  machine.engine.regions.check = (made) => {
    verifyModule(made);
    module ??= made;
  };
  machine.setReg(RBX, 0x9000n);
  machine.setReg(RSI, 0x9800n);
  for (let run = 0; run < 3 && module === undefined; run++) {
    machine.setReg(RIP, BigInt(CODE));
    machine.run(100);
  }
  return module === undefined ? undefined : functionText(module);
}

async function render(examples: readonly GoldenExample[]): Promise<string> {
  const parts: string[] = [];
  const count = { 64: 0, 32: 0 };
  for (const [code, hex, text] of examples) {
    if (code === 16 || count[code]++ >= MOST[code]) continue;
    parts.push(`;; ${code === 32 ? '32-bit code: ' : ''}${text}\n${(await region(fromHex(hex), code)) ?? '  ;; stays with the interpreter'}\n`);
  }
  return parts.join('\n');
}

for (const [family, examples] of Object.entries(FAMILIES)) {
  if (examples.every(([code]) => code === 16)) continue;
  test(`golden Wasm of family ${family}`, { skip }, async () => {
    agreesWithGolden(join(import.meta.dirname, 'golden', `${family}.wat.txt`), await render(examples));
  });
}
