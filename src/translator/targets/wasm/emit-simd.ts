/** Integer vector operations that are one Wasm SIMD instruction. @see WebAssembly SIMD proposal, BinarySIMD.md */
import * as V from '../../../machine/helpers/vec.ts';
import * as W from './code.ts';
import { vectorAt } from './emit-memory.ts';
import type { RegionEmitter } from './region-emitter.ts';

/** Emits helper call k inline; false: this form has to call. */
export type EmitInline = (e: RegionEmitter, k: number) => boolean;

const CTX = 0;

const load = (e: RegionEmitter, vector: number): void => {
  e.code.get(CTX);
  e.code.accessV(W.V128_LOAD, W.STATE, vectorAt(vector));
};

const simd = (e: RegionEmitter, op: number): void => {
  e.code.byte(W.SIMD);
  e.code.u32(op);
};

/** d = op(a, b); `swap`: op(b, a). */
const binary =
  (op: number, swap = false): EmitInline =>
  (e, k) => {
    const { d, a, b } = e.block;
    e.code.get(CTX);
    load(e, (swap ? b : a)[k] as number);
    load(e, (swap ? a : b)[k] as number);
    simd(e, op);
    e.code.accessV(W.V128_STORE, W.STATE, vectorAt(d[k] as number));
    return true;
  };

/** Bytes of the result, 0-15 from a, 16-31 from b. */
const shuffle =
  (lanes: (extra: number) => readonly number[]): EmitInline =>
  (e, k) => {
    const { d, a, b, immLo } = e.block;
    e.code.get(CTX);
    load(e, a[k] as number);
    load(e, b[k] as number);
    simd(e, 13);
    for (const lane of lanes((immLo[k] as number) >>> 16)) e.code.byte(lane);
    e.code.accessV(W.V128_STORE, W.STATE, vectorAt(d[k] as number));
    return true;
  };

/** Interleaves elements of `size` bytes from `first`. */
const unpack = (size: number, first: number): EmitInline =>
  shuffle(() =>
    Array.from({ length: 16 }, (_, at) => {
      const element = Math.floor(at / size);
      return first + Math.floor(element / 2) * size + (at % size) + (element % 2 === 1 ? 16 : 0);
    }),
  );

const bytesOf = (size: number, elements: readonly number[]): number[] =>
  elements.flatMap((element) => Array.from({ length: size }, (_, byte) => element * size + byte));

export const emitSimd: Readonly<Record<number, EmitInline>> = {
  [V.V_PADDB]: binary(110),
  [V.V_PADDW]: binary(142),
  [V.V_PADDD]: binary(174),
  [V.V_PADDQ]: binary(206),
  [V.V_PSUBB]: binary(113),
  [V.V_PSUBW]: binary(145),
  [V.V_PSUBD]: binary(177),
  [V.V_PSUBQ]: binary(209),
  [V.V_PAND]: binary(78),
  // v128.andnot is a & ~b, PANDN is ~a & b
  [V.V_PANDN]: binary(79, true),
  [V.V_POR]: binary(80),
  [V.V_PXOR]: binary(81),
  [V.V_PCMPEQB]: binary(35),
  [V.V_PCMPEQW]: binary(45),
  [V.V_PCMPEQD]: binary(55),
  [V.V_PCMPGTB]: binary(39),
  [V.V_PCMPGTW]: binary(49),
  [V.V_PCMPGTD]: binary(59),
  [V.V_PMINUB]: binary(119),
  [V.V_PMAXUB]: binary(121),
  [V.V_PMULLW]: binary(149),
  [V.V_PMULLD]: binary(181),
  [V.V_PUNPCKLBW]: unpack(1, 0),
  [V.V_PUNPCKLWD]: unpack(2, 0),
  [V.V_PUNPCKLDQ]: unpack(4, 0),
  [V.V_PUNPCKLQDQ]: unpack(8, 0),
  [V.V_PUNPCKHBW]: unpack(1, 8),
  [V.V_PUNPCKHWD]: unpack(2, 8),
  [V.V_PUNPCKHDQ]: unpack(4, 8),
  [V.V_PUNPCKHQDQ]: unpack(8, 8),
  [V.V_PSHUFD]: shuffle((extra) => bytesOf(4, [extra & 3, (extra >> 2) & 3, (extra >> 4) & 3, (extra >> 6) & 3]).map((lane) => lane + 16)),
  [V.V_SHUFPS]: shuffle((extra) => bytesOf(4, [extra & 3, (extra >> 2) & 3, ((extra >> 4) & 3) + 4, ((extra >> 6) & 3) + 4])),
  [V.V_SHUFPD]: shuffle((extra) => bytesOf(8, [extra & 1, ((extra >> 1) & 1) + 2])),
  [V.V_MOVSS]: shuffle(() => bytesOf(4, [4, 1, 2, 3])),
  [V.V_PMOVMSKB]: (e, k) => {
    const { d, a } = e.block;
    e.begin(d[k] as number);
    load(e, a[k] as number);
    simd(e, 100);
    e.code.byte(W.I64_EXTEND_I32_U);
    e.finish(d[k] as number);
    return true;
  },
};
