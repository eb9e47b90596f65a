/** RCPxx and RSQRTxx: within the documented relative error of 1.5 * 2^-12, special operands as the manual's tables say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreIsBuilt } from '../../src/translator/testing/test-machine.ts';
import { FpuMachine } from './engine.ts';
import { REC_CODE, REC_LENGTH, REC_MXCSR, REC_XMM, RECORD } from './native.ts';
import { Dice, float32 } from './operands.ts';

const LIMIT = 1.5 * 2 ** -12;
const bits = new DataView(new ArrayBuffer(4));

function fromBits(x: number): number {
  bits.setUint32(0, x);
  return bits.getFloat32(0);
}

/** What the manual demands of a special operand, by bits; undefined for an ordinary one. */
function special(x: number, root: boolean): number | undefined {
  const size = x & 0x7fffffff;
  const sign = x & 0x80000000;
  if (size > 0x7f800000) return (x | 0x400000) >>> 0;
  if (size < 0x800000) return (sign | 0x7f800000) >>> 0;
  if (root && sign !== 0) return 0xffc00000;
  if (size === 0x7f800000) return sign >>> 0;
  return undefined;
}

for (const [name, opcode, root] of [
  ['RCPPS', 0x53, false],
  ['RSQRTPS', 0x52, true],
] as const) {
  test(`${name} is within 1.5 * 2^-12`, { skip: !coreIsBuilt && 'the core has not been built' }, () => {
    const machine = new FpuMachine();
    const dice = new Dice(5);
    for (let k = 0; k < 5000; k++) {
      const record = Buffer.alloc(RECORD);
      record.set([0x0f, opcode, 0xc1], REC_CODE);
      record.writeUInt32LE(3, REC_LENGTH);
      record.writeUInt32LE(0x1f80, REC_MXCSR);
      const operands = [0, 4, 8, 12].map((at) => {
        const x = float32(dice);
        record.writeUInt32LE(x, REC_XMM + 16 + at);
        return x;
      });
      machine.run(record);
      operands.forEach((x, lane) => {
        const got = record.readUInt32LE(REC_XMM + 4 * lane);
        const must = special(x, root);
        if (must !== undefined) {
          assert.equal(got, must, `${name} of ${x.toString(16)}`);
          return;
        }
        const exact = root ? 1 / Math.sqrt(fromBits(x)) : 1 / fromBits(x);
        // tiny results become zeros
        if (Math.abs(exact) < 2 ** -126 && (got & 0x7fffffff) === 0) return;
        const error = Math.abs(fromBits(got) / exact - 1);
        assert.ok(error <= LIMIT, `${name} of ${x.toString(16)}: ${got.toString(16)}, error ${error}`);
      });
      assert.equal(record.readUInt32LE(REC_MXCSR), 0x1f80);
    }
  });
}
