/** How a region calls a helper of the core: its arguments, and the calls that may be refused. */
import type { Emit } from './emit-alu.ts';
import { F_TRY_VECTOR } from './imports.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { vectorSlots } from './vector-slots.ts';

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

/** Floating point: only an unmasked exception could make these throw, and then the interpreter does the instruction. */
export const floating: Emit = (e, k) => {
  const slots = vectorSlots((e.block.immLo[k] as number) & 0xffff);
  const { b, d } = e.block;
  const source = b[k] as number;
  if (slots === 'reads' && (e.isTemp(source) || e.changed.includes(source))) e.spill(source);
  pushArguments(e, k);
  e.code.call(F_TRY_VECTOR);
  e.bailIfRefused(k);
  const target = d[k] as number;
  if (slots === 'writes' && (e.isTemp(target) || e.used.includes(target))) e.reload(target);
};
