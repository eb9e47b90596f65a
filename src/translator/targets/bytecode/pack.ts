/** IR to bytecode: 16 bytes per operation, and a 16-byte link word (zero) after branches that can be linked. @see machine/layout.ts, micro-op */
import { UOP_SIZE } from '../../../machine/layout.ts';
import { OP_F_CALL64, OP_F_CMPBR, OP_F_CMPIBR, OP_F_TESTBR, OP_NOP } from '../../../machine/ops.ts';
import type { Builder } from '../../ir/builder.ts';
import { irOps } from '../../ir/ops.table.ts';

/** By operation number: 1 if a link word follows. */
const linked = new Uint8Array(256);
for (const op of irOps) if (op.link) linked[op.number] = 1;
for (const number of [OP_F_CALL64, OP_F_CMPBR, OP_F_CMPIBR, OP_F_TESTBR]) linked[number] = 1;

/** Bytes the packed block will take at most. */
export const packedSize = (builder: Builder): number => (builder.count + 1) * UOP_SIZE;

/** Writes the block's operations at byte address `at` of the memory behind `words`; returns the address behind them. */
export function pack(builder: Builder, words: Int32Array, at: number): number {
  const { op, d, a, b, c, ipos, idx, immLo, immHi, count } = builder;
  let w = at >>> 2;
  for (let k = 0; k < count; k++) {
    const number = op[k] as number;
    if (number === OP_NOP) continue;
    words[w] = number | ((d[k] as number) << 16) | ((a[k] as number) << 24);
    words[w + 1] = (b[k] as number) | ((c[k] as number) << 8) | ((ipos[k] as number) << 16) | ((idx[k] as number) << 24);
    words[w + 2] = immLo[k] as number;
    words[w + 3] = immHi[k] as number;
    w += 4;
    if ((linked[number] as number) !== 0) {
      const constant = number === OP_F_CMPIBR;
      words[w] = 0;
      words[w + 1] = 0;
      words[w + 2] = constant ? (immLo[k - 1] as number) : 0;
      words[w + 3] = constant ? (immHi[k - 1] as number) : 0;
      w += 4;
    }
  }
  return w * 4;
}
