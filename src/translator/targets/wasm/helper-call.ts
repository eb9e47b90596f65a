/** How a region calls a helper of the core: its arguments, and the calls that may be refused. */
import { B_IN, D_OUT } from '../../ir/op-bits.ts';
import type { Emit } from './emit-alu.ts';
import { F_TRY_VECTOR } from './imports.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { vectorOperands } from './vector-operands.ts';

const CTX = 0;

/** The context, then the micro-op's fields as constants. */
export const pushArguments = (e: RegionEmitter, k: number): void => {
  const { code, block } = e;
  const lo = block.immLo[k] as number;
  const hi = block.immHi[k] as number;
  code.get(CTX);
  code.i32(lo & 0xffff);
  for (const field of [block.d, block.a, block.b, block.c]) code.i32(field[k] as number);
  code.i64((lo >>> 16) | (hi << 16), hi >> 16);
};

/** Floating point: only an unmasked exception could make these throw, and then the interpreter does the instruction. The result is in the context. */
export const callFloating: Emit = (e, k) => {
  const { block, vectors } = e;
  const { reads, writes } = vectorOperands(block, k);
  const is = block.bits[k] as number;
  const [b, d] = [block.b[k] as number, block.d[k] as number];
  vectors.toContext([...reads, ...writes]);
  if ((is & B_IN) !== 0 && (e.isTemp(b) || e.changed.includes(b))) e.spill(b);
  pushArguments(e, k);
  e.code.call(F_TRY_VECTOR);
  e.bailIfRefused(k);
  if ((is & D_OUT) !== 0 && (e.isTemp(d) || e.used.includes(d))) e.reload(d);
};

/** The same, and what it wrote is read again. Not in an arm of an IF. */
export const floating: Emit = (e, k) => {
  callFloating(e, k);
  e.vectors.fromContext(vectorOperands(e.block, k).writes);
};
