/** Moves between vector registers, which stay in the context. IR to Wasm. */
import * as O from '../../../machine/ops.ts';
import * as W from './code.ts';
import type { Emit } from './emit-alu.ts';
import { vectorAt } from './emit-memory.ts';

const CTX = 0;

export const emitVector: Readonly<Record<number, Emit>> = {
  [O.OP_VMOV]: (e, k) => {
    const { code, block } = e;
    code.get(CTX);
    code.get(CTX);
    code.accessV(W.V128_LOAD, W.STATE, vectorAt(block.a[k] as number));
    code.accessV(W.V128_STORE, W.STATE, vectorAt(block.d[k] as number));
  },
  [O.OP_VGET]: (e, k) => {
    const { code, block } = e;
    e.begin(block.d[k] as number);
    code.get(CTX);
    code.access(W.I64_LOAD, W.STATE, vectorAt(block.a[k] as number) + (block.c[k] as number) * 8);
    e.finish(block.d[k] as number);
  },
  [O.OP_VPUT]: (e, k) => {
    const { code, block } = e;
    code.get(CTX);
    e.read(block.a[k] as number);
    code.access(W.I64_STORE, W.STATE, vectorAt(block.d[k] as number) + (block.c[k] as number) * 8);
  },
  [O.OP_VZERO]: (e, k) => {
    const { code, block } = e;
    for (const half of [0, 8]) {
      code.get(CTX);
      code.i64(0);
      code.access(W.I64_STORE, W.STATE, vectorAt(block.d[k] as number) + half);
    }
  },
};
