/** Integer vector operations on each half alone, as Wasm's vector instructions. What they compute: machine/assembly/vec/integer.ts. */
import * as V from '../../../machine/helpers/vec.ts';
import * as W from './code.ts';
import type { RegionEmitter } from './region-emitter.ts';
import * as S from './simd.ts';
import { bytesOf, pushZero, shuffle, simd, simdLane, splat } from './simd.ts';

type Push = () => void;

const I32X4_SPLAT = 17;
const I64X2_SPLAT = 18;
const I32X4_EXTRACT = 27;
const I32X4_EQ = 55;
const I32X4_SHR_U = 173;
const I32X4_MIN_U = 183;
const I64X2_SHR_U = 205;
const I64X2_EQ = 214;

/** Operands of one half. */
export interface Lanes {
  readonly e: RegionEmitter;
  /** Push the half of the first, second and third source, and the second's lower half. */
  readonly x: Push;
  readonly y: Push;
  readonly z: Push;
  readonly low: Push;
  readonly immediate: number;
  /** 1: the upper half is made. */
  readonly upper: number;
}

/** Pushes the half of the result. */
export type EmitLanes = (of: Lanes) => void;

const binary =
  (op: number): EmitLanes =>
  ({ e, x, y }) => {
    x();
    y();
    simd(e, op);
  };

/** op(y, x). */
const swapped =
  (op: number): EmitLanes =>
  ({ e, x, y }) => {
    y();
    x();
    simd(e, op);
  };

const unary =
  (op: number): EmitLanes =>
  ({ e, y }) => {
    y();
    simd(e, op);
  };

/** Bytes of x (0-15) and y (16-31). */
const pick =
  (bytes: (immediate: number, upper: number) => readonly number[]): EmitLanes =>
  ({ e, x, y, immediate, upper }) => {
    x();
    y();
    shuffle(e, bytes(immediate, upper));
  };

/** Bytes of y. */
const pickOne =
  (bytes: (immediate: number) => readonly number[]): EmitLanes =>
  ({ e, y, immediate }) => {
    y();
    y();
    shuffle(e, bytes(immediate));
  };

/** Interleaves elements of `size` bytes from byte `first`. */
const unpack = (size: number, first: number): EmitLanes =>
  pick(() =>
    Array.from({ length: 16 }, (_, at) => {
      const element = Math.floor(at / size);
      return first + Math.floor(element / 2) * size + (at % size) + (element % 2 === 1 ? 16 : 0);
    }),
  );

/** Four elements by two bits of the immediate each. */
const four = (immediate: number): number[] => [0, 2, 4, 6].map((shift) => (immediate >> shift) & 3);

const evens = (size: number): number[] =>
  bytesOf(
    size,
    Array.from({ length: 16 / size }, (_, at) => 2 * at),
  );
const odds = (size: number): number[] => evens(size).map((byte) => byte + size);

/** Neighbours of x, then of y, joined by `op`. */
const horizontal =
  (size: number, op: number): EmitLanes =>
  ({ e, x, y }) => {
    for (const bytes of [evens(size), odds(size)]) {
      x();
      y();
      shuffle(e, bytes);
    }
    simd(e, op);
  };

/** Where bit i of the immediate is set, element i of y. */
const blend = (size: number): EmitLanes =>
  pick((immediate, upper) => {
    // the words' mask is the same in both halves
    const mask = size === 2 ? immediate : immediate >> ((upper * 16) / size);
    return Array.from({ length: 16 }, (_, at) => at + (((mask >> Math.floor(at / size)) & 1) !== 0 ? 16 : 0));
  });

/** By the sign of the elements of z. */
const blendBySign =
  (shift: number, count: number): EmitLanes =>
  ({ e, x, y, z }) => {
    y();
    x();
    z();
    e.code.i32(count);
    simd(e, shift);
    simd(e, S.BITSELECT);
  };

/** Elements of `size` bytes of x moved by the elements of y, by `op` of scalars; counts beyond the element leave zeros, or its sign. */
const shiftEach =
  (size: 4 | 8, op: number): EmitLanes =>
  ({ e, x, y }) => {
    const { code } = e;
    const counts = e.scratchLocal('counts', W.V128);
    const quadwords = size === 8;
    y();
    if (op === W.I32_SHR_S) {
      splat(e, 4, 31);
      simd(e, I32X4_MIN_U);
    }
    code.set(counts);
    for (let lane = 0; lane < 16 / size; lane++) {
      for (const push of [x, (): void => code.get(counts)]) {
        push();
        simdLane(e, quadwords ? S.I64X2_EXTRACT : I32X4_EXTRACT, lane);
      }
      code.byte(op);
      if (lane === 0) simd(e, quadwords ? I64X2_SPLAT : I32X4_SPLAT);
      else simdLane(e, quadwords ? S.I64X2_REPLACE : S.I32X4_REPLACE, lane);
    }
    if (op === W.I32_SHR_S) return;
    code.get(counts);
    code.i32(quadwords ? 6 : 5);
    simd(e, quadwords ? I64X2_SHR_U : I32X4_SHR_U);
    pushZero(e);
    simd(e, quadwords ? I64X2_EQ : I32X4_EQ);
    simd(e, S.AND);
  };

/** Sixteen bytes from byte `n` of y, then x, then zeros. */
const align: EmitLanes = ({ e, x, y, immediate: n }) => {
  if (n >= 32) return pushZero(e);
  if (n <= 16) {
    y();
    x();
  } else {
    x();
    pushZero(e);
  }
  shuffle(
    e,
    Array.from({ length: 16 }, (_, at) => at + (n <= 16 ? n : n - 16)),
  );
};

/** Bytes of y moved by the immediate, zeros behind them. */
const moveBytes =
  (left: boolean): EmitLanes =>
  ({ e, y, immediate: n }) => {
    if (n >= 16) return pushZero(e);
    if (left) pushZero(e);
    y();
    if (!left) pushZero(e);
    shuffle(
      e,
      Array.from({ length: 16 }, (_, at) => at + (left ? 16 - n : n)),
    );
  };

/** y shifted by a constant; `width` bits and more leave nothing. */
const shiftBy =
  (op: number, width: number): EmitLanes =>
  ({ e, y, immediate }) => {
    if (immediate >= width) return pushZero(e);
    y();
    e.code.i32(immediate);
    simd(e, op);
  };

const shiftArithmeticBy =
  (op: number, width: number): EmitLanes =>
  ({ e, y, immediate }) => {
    y();
    e.code.i32(Math.min(immediate, width - 1));
    simd(e, op);
  };

const pushCount = ({ e, low }: Lanes): void => {
  low();
  S.simdLane(e, S.I64X2_EXTRACT, 0);
};

/** x shifted by the low quadword of the second source. */
const shift =
  (op: number, width: number): EmitLanes =>
  (of) => {
    const { e, x } = of;
    x();
    pushCount(of);
    e.code.byte(W.I32_WRAP);
    simd(e, op);
    pushZero(e);
    pushCount(of);
    e.code.i64(width);
    e.code.byte(W.I64_LT_U);
    e.code.byte(W.SELECT);
  };

const shiftArithmetic =
  (op: number, width: number): EmitLanes =>
  (of) => {
    const { e, x } = of;
    x();
    pushCount(of);
    e.code.byte(W.I32_WRAP);
    e.code.i32(width - 1);
    pushCount(of);
    e.code.i64(width);
    e.code.byte(W.I64_LT_U);
    e.code.byte(W.SELECT);
    simd(e, op);
  };

/** The elements at the upper or lower end of the second source, made wider: instructions for the low and the high half of a vector, in turn. */
const extend =
  (...steps: readonly (readonly [low: number, high: number])[]): EmitLanes =>
  ({ e, low, upper }) => {
    low();
    for (const [at, step] of steps.entries()) simd(e, step[at === steps.length - 1 ? upper : 0] as number);
  };
const BYTES_SIGNED = [135, 136] as const;
const BYTES_UNSIGNED = [137, 138] as const;
const WORDS_SIGNED = [167, 168] as const;
const WORDS_UNSIGNED = [169, 170] as const;
const DOUBLEWORDS_SIGNED = [199, 200] as const;
const DOUBLEWORDS_UNSIGNED = [201, 202] as const;

/** High words of the products; instructions for the products of the low and the high words. */
const multiplyHigh =
  (lowProducts: number, highProducts: number): EmitLanes =>
  ({ e, x, y }) => {
    for (const op of [lowProducts, highProducts]) {
      x();
      y();
      simd(e, op);
    }
    shuffle(e, odds(2));
  };

/** Products of the even doublewords. */
const multiplyEven =
  (op: number): EmitLanes =>
  ({ e, x, y }) => {
    for (const push of [x, y]) {
      push();
      push();
      shuffle(e, evens(4));
    }
    simd(e, op);
  };

/** x negated, kept or cleared by the sign of y. */
const sign =
  (negate: number, less: number, equal: number): EmitLanes =>
  ({ e, x, y }) => {
    x();
    simd(e, negate);
    x();
    y();
    pushZero(e);
    simd(e, less);
    simd(e, S.BITSELECT);
    y();
    pushZero(e);
    simd(e, equal);
    simd(e, S.ANDNOT);
  };

const multiplyAddBytes: EmitLanes = ({ e, x, y }) => {
  // even bytes
  x();
  splat(e, 2, 0xff);
  simd(e, S.AND);
  y();
  e.code.i32(8);
  simd(e, 139);
  e.code.i32(8);
  simd(e, 140);
  simd(e, 149);
  // odd bytes
  x();
  e.code.i32(8);
  simd(e, 141);
  y();
  e.code.i32(8);
  simd(e, 140);
  simd(e, 149);
  simd(e, 143);
};

const multiplyRoundScale: EmitLanes = ({ e, x, y }) => {
  x();
  y();
  simd(e, 130);
  // -32768 * -32768 wraps on x86 instead of saturating
  for (const push of [x, y]) {
    push();
    splat(e, 2, -0x8000);
    simd(e, 45);
  }
  simd(e, S.AND);
  simd(e, S.XOR);
};

const sumOfDifferences: EmitLanes = ({ e, x, y }) => {
  const sums = e.scratchLocal('sums', W.V128);
  x();
  y();
  simd(e, 115);
  y();
  x();
  simd(e, 115);
  simd(e, S.OR);
  simd(e, 125);
  simd(e, 127);
  e.code.tee(sums);
  e.code.i32(32);
  simd(e, 205);
  e.code.get(sums);
  S.constant(
    e,
    Array.from({ length: 16 }, (_, at) => ((at & 4) === 0 ? 0xff : 0)),
  );
  simd(e, S.AND);
  simd(e, 206);
};

const insertSingle: EmitLanes = ({ e, x, y, immediate }) => {
  const lanes = [0, 1, 2, 3];
  lanes[(immediate >> 4) & 3] = 4 + ((immediate >> 6) & 3);
  x();
  y();
  shuffle(e, bytesOf(4, lanes));
  if ((immediate & 15) === 0) return;
  pushZero(e);
  shuffle(
    e,
    bytesOf(
      4,
      [0, 1, 2, 3].map((lane) => (((immediate >> lane) & 1) !== 0 ? 4 : lane)),
    ),
  );
};

/** Singles of x by the low bits of those of y. */
const pickSingles: EmitLanes = ({ e, x, y }) => {
  x();
  y();
  splat(e, 4, 3);
  simd(e, S.AND);
  splat(e, 4, 0x04040404);
  simd(e, 181);
  splat(e, 4, 0x03020100);
  simd(e, 174);
  simd(e, S.SWIZZLE);
};

const pickDoubles: EmitLanes = ({ e, x, y }) => {
  for (const double of [1, 0]) {
    x();
    x();
    shuffle(e, bytesOf(8, [double, double]));
  }
  y();
  e.code.i32(62);
  simd(e, 203);
  e.code.i32(63);
  simd(e, 204);
  simd(e, S.BITSELECT);
};

const shuffleBytes: EmitLanes = ({ e, x, y }) => {
  x();
  y();
  splat(e, 1, 0x8f);
  simd(e, S.AND);
  simd(e, S.SWIZZLE);
};

/** By helper number. */
export const emitLanes: Readonly<Record<number, EmitLanes>> = {
  [V.V_PADDB]: binary(110),
  [V.V_PADDW]: binary(142),
  [V.V_PADDD]: binary(174),
  [V.V_PADDQ]: binary(206),
  [V.V_PSUBB]: binary(113),
  [V.V_PSUBW]: binary(145),
  [V.V_PSUBD]: binary(177),
  [V.V_PSUBQ]: binary(209),
  [V.V_PADDSB]: binary(111),
  [V.V_PADDSW]: binary(143),
  [V.V_PADDUSB]: binary(112),
  [V.V_PADDUSW]: binary(144),
  [V.V_PSUBSB]: binary(114),
  [V.V_PSUBSW]: binary(146),
  [V.V_PSUBUSB]: binary(115),
  [V.V_PSUBUSW]: binary(147),
  [V.V_PAND]: binary(S.AND),
  [V.V_PANDN]: swapped(S.ANDNOT),
  [V.V_POR]: binary(S.OR),
  [V.V_PXOR]: binary(S.XOR),
  [V.V_PCMPEQB]: binary(35),
  [V.V_PCMPEQW]: binary(45),
  [V.V_PCMPEQD]: binary(55),
  [V.V_PCMPEQQ]: binary(214),
  [V.V_PCMPGTB]: binary(39),
  [V.V_PCMPGTW]: binary(49),
  [V.V_PCMPGTD]: binary(59),
  [V.V_PCMPGTQ]: binary(217),
  [V.V_PMINUB]: binary(119),
  [V.V_PMINUW]: binary(151),
  [V.V_PMINUD]: binary(183),
  [V.V_PMINSB]: binary(118),
  [V.V_PMINSW]: binary(150),
  [V.V_PMINSD]: binary(182),
  [V.V_PMAXUB]: binary(121),
  [V.V_PMAXUW]: binary(153),
  [V.V_PMAXUD]: binary(185),
  [V.V_PMAXSB]: binary(120),
  [V.V_PMAXSW]: binary(152),
  [V.V_PMAXSD]: binary(184),
  [V.V_PAVGB]: binary(123),
  [V.V_PAVGW]: binary(155),
  [V.V_PMULLW]: binary(149),
  [V.V_PMULHW]: multiplyHigh(188, 189),
  [V.V_PMULHUW]: multiplyHigh(190, 191),
  [V.V_PMULLD]: binary(181),
  [V.V_PMULUDQ]: multiplyEven(222),
  [V.V_PMULDQ]: multiplyEven(220),
  [V.V_PMULHRSW]: multiplyRoundScale,
  [V.V_PMADDWD]: binary(186),
  [V.V_PMADDUBSW]: multiplyAddBytes,
  [V.V_PSADBW]: sumOfDifferences,
  [V.V_PACKSSWB]: binary(101),
  [V.V_PACKSSDW]: binary(133),
  [V.V_PACKUSWB]: binary(102),
  [V.V_PACKUSDW]: binary(134),
  [V.V_PUNPCKLBW]: unpack(1, 0),
  [V.V_PUNPCKLWD]: unpack(2, 0),
  [V.V_PUNPCKLDQ]: unpack(4, 0),
  [V.V_PUNPCKLQDQ]: unpack(8, 0),
  [V.V_PUNPCKHBW]: unpack(1, 8),
  [V.V_PUNPCKHWD]: unpack(2, 8),
  [V.V_PUNPCKHDQ]: unpack(4, 8),
  [V.V_PUNPCKHQDQ]: unpack(8, 8),
  [V.V_PSHUFB]: shuffleBytes,
  [V.V_PHADDW]: horizontal(2, 142),
  [V.V_PHADDD]: horizontal(4, 174),
  [V.V_PHADDSW]: horizontal(2, 143),
  [V.V_PHSUBW]: horizontal(2, 145),
  [V.V_PHSUBD]: horizontal(4, 177),
  [V.V_PHSUBSW]: horizontal(2, 146),
  [V.V_PSIGNB]: sign(97, 37, 35),
  [V.V_PSIGNW]: sign(129, 47, 45),
  [V.V_PSIGND]: sign(161, 57, 55),
  [V.V_PABSB]: unary(96),
  [V.V_PABSW]: unary(128),
  [V.V_PABSD]: unary(160),
  [V.V_PSLLW]: shift(139, 16),
  [V.V_PSLLD]: shift(171, 32),
  [V.V_PSLLQ]: shift(203, 64),
  [V.V_PSRLW]: shift(141, 16),
  [V.V_PSRLD]: shift(173, 32),
  [V.V_PSRLQ]: shift(205, 64),
  [V.V_PSRAW]: shiftArithmetic(140, 16),
  [V.V_PSRAD]: shiftArithmetic(172, 32),
  [V.V_PSLLVD]: shiftEach(4, W.I32_SHL),
  [V.V_PSRLVD]: shiftEach(4, W.I32_SHR_U),
  [V.V_PSRAVD]: shiftEach(4, W.I32_SHR_S),
  [V.V_PSLLVQ]: shiftEach(8, W.I64_SHL),
  [V.V_PSRLVQ]: shiftEach(8, W.I64_SHR_U),
  [V.V_PMOVSXBW]: extend(BYTES_SIGNED),
  [V.V_PMOVSXBD]: extend(BYTES_SIGNED, WORDS_SIGNED),
  [V.V_PMOVSXBQ]: extend(BYTES_SIGNED, WORDS_SIGNED, DOUBLEWORDS_SIGNED),
  [V.V_PMOVSXWD]: extend(WORDS_SIGNED),
  [V.V_PMOVSXWQ]: extend(WORDS_SIGNED, DOUBLEWORDS_SIGNED),
  [V.V_PMOVSXDQ]: extend(DOUBLEWORDS_SIGNED),
  [V.V_PMOVZXBW]: extend(BYTES_UNSIGNED),
  [V.V_PMOVZXBD]: extend(BYTES_UNSIGNED, WORDS_UNSIGNED),
  [V.V_PMOVZXBQ]: extend(BYTES_UNSIGNED, WORDS_UNSIGNED, DOUBLEWORDS_UNSIGNED),
  [V.V_PMOVZXWD]: extend(WORDS_UNSIGNED),
  [V.V_PMOVZXWQ]: extend(WORDS_UNSIGNED, DOUBLEWORDS_UNSIGNED),
  [V.V_PMOVZXDQ]: extend(DOUBLEWORDS_UNSIGNED),
  [V.V_MOVSLDUP]: pickOne(() => bytesOf(4, [0, 0, 2, 2])),
  [V.V_MOVSHDUP]: pickOne(() => bytesOf(4, [1, 1, 3, 3])),
  [V.V_PERMILPS]: pickSingles,
  [V.V_PERMILPD]: pickDoubles,
  [V.V_PSHUFD]: pickOne((immediate) => bytesOf(4, four(immediate))),
  [V.V_PSHUFHW]: pickOne((immediate) => bytesOf(2, [0, 1, 2, 3, ...four(immediate).map((word) => word + 4)])),
  [V.V_PSHUFLW]: pickOne((immediate) => bytesOf(2, [...four(immediate), 4, 5, 6, 7])),
  [V.V_SHUFPS]: pick((immediate) =>
    bytesOf(
      4,
      four(immediate).map((single, at) => (at < 2 ? single : single + 4)),
    ),
  ),
  [V.V_SHUFPD]: pick((immediate, upper) => bytesOf(8, [(immediate >> (2 * upper)) & 1, ((immediate >> (2 * upper + 1)) & 1) + 2])),
  [V.V_PALIGNR]: align,
  [V.V_PSLLDQ]: moveBytes(true),
  [V.V_PSRLDQ]: moveBytes(false),
  [V.V_PSLLWI]: shiftBy(139, 16),
  [V.V_PSLLDI]: shiftBy(171, 32),
  [V.V_PSLLQI]: shiftBy(203, 64),
  [V.V_PSRLWI]: shiftBy(141, 16),
  [V.V_PSRLDI]: shiftBy(173, 32),
  [V.V_PSRLQI]: shiftBy(205, 64),
  [V.V_PSRAWI]: shiftArithmeticBy(140, 16),
  [V.V_PSRADI]: shiftArithmeticBy(172, 32),
  [V.V_BLENDPS]: blend(4),
  [V.V_BLENDPD]: blend(8),
  [V.V_PBLENDW]: blend(2),
  [V.V_INSERTPS]: insertSingle,
  [V.V_PBLENDVB]: blendBySign(108, 7),
  [V.V_BLENDVPS]: blendBySign(172, 31),
  [V.V_BLENDVPD]: blendBySign(204, 63),
  [V.V_MOVSS]: pick(() => bytesOf(4, [4, 1, 2, 3])),
};
