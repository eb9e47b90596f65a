/**
 * FMA3 inline, as the core's helper does it (machine/assembly/vec/fma.ts) but on all lanes at once: what rounding loses of sums and products is
 * kept, and the last sum but one rounded to odd, so that one rounding is left. In what range that is exact is checked; beyond it, the helper.
 * @see Boldo, Melquiond, "Emulation of a FMA and Correctly Rounded Sums", IEEE Transactions on Computers 57 (2008)
 */
import { V_FMA } from '../../../machine/helpers/vec.ts';
import * as W from './code.ts';
import { attempt, type EmitInline, mergeLow, pushAllOf, resultLocals, sourcesOf } from './emit-float.ts';
import * as F from './float-format.ts';
import type { RegionEmitter } from './region-emitter.ts';
import { AND, ANDNOT, bytesOf, OR, pushZero, shuffle, simd, XOR } from './simd.ts';

type Push = () => void;

const PACKED = 2;
const F32X4_DEMOTE_ZERO = 94;
const F64X2_PROMOTE_LOW = 95;
const I64X2_SHR_S = 204;
const { add: F64X2_ADD, notEqual: F64X2_NE, integerAdd: I64X2_ADD } = F.DOUBLE;
const F64X2_SUB = F64X2_ADD + F.OP_SUB;
const F64X2_MUL = F64X2_ADD + F.OP_MUL;
const I64X2_SUB = 209;
/** 2^27 + 1, which splits a significand in two. */
const SPLITTER = 0x41a0000002000000n;
/** Just below 2^-300, just below 2^301: between them products, and what rounding loses of them, are normal numbers. */
const SMALL = (723n << 52n) - 1n;
const LARGE = (1324n << 52n) - 1n;

/** What is computed on one half, in locals by name. */
class Half {
  private readonly e: RegionEmitter;

  constructor(e: RegionEmitter) {
    this.e = e;
  }

  /** Computes now; what pushes the value again. */
  keep(name: string, push: Push): Push {
    const local = this.e.scratchLocal(`fma ${name}`, W.V128);
    push();
    this.e.code.set(local);
    return () => this.e.code.get(local);
  }

  of(op: number, x: Push, y: Push): Push {
    return () => {
      x();
      y();
      simd(this.e, op);
    };
  }

  /** What rounding lost of x + y = r. */
  lost(x: Push, y: Push, r: Push): Push {
    const part = this.keep('part', this.of(F64X2_SUB, r, x));
    return this.of(F64X2_ADD, this.of(F64X2_SUB, x, this.of(F64X2_SUB, r, part)), this.of(F64X2_SUB, y, part));
  }

  /** x + y; where rounding changed it, made odd towards what was lost. */
  odd(x: Push, y: Push): Push {
    const { e } = this;
    const r = this.keep('odd', this.of(F64X2_ADD, x, y));
    const lost = this.keep('lost', this.lost(x, y, r));
    const one = (): void => F.pushAll(e, F.DOUBLE, 1n);
    // one more where the lost part has the sum's sign, else one less
    const sign = (): void => {
      this.of(XOR, lost, r)();
      e.code.i32(63);
      simd(e, I64X2_SHR_S);
    };
    const isOdd = this.of(I64X2_SUB, () => pushZero(e), this.of(AND, r, one));
    const changed = this.of(F64X2_NE, lost, () => pushZero(e));
    return this.of(I64X2_ADD, r, this.of(ANDNOT, this.of(AND, this.of(OR, sign, one), changed), isOdd));
  }

  /** Upper half of a significand. */
  upper(name: string, x: Push): Push {
    const t = this.keep(
      't',
      this.of(F64X2_MUL, x, () => F.pushAll(this.e, F.DOUBLE, SPLITTER)),
    );
    return this.keep(name, this.of(F64X2_SUB, t, this.of(F64X2_SUB, t, x)));
  }

  doubles(x: Push, y: Push, z: Push): Push {
    const product = this.keep('product', this.of(F64X2_MUL, x, y));
    const x1 = this.upper('x1', x);
    const x0 = this.keep('x0', this.of(F64X2_SUB, x, x1));
    const y1 = this.upper('y1', y);
    const y0 = this.keep('y0', this.of(F64X2_SUB, y, y1));
    const crossed = [this.of(F64X2_MUL, x1, y1), this.of(F64X2_MUL, x0, y1), this.of(F64X2_MUL, x1, y0)];
    const without = crossed.reduce((left, part) => this.of(F64X2_SUB, left, part), product);
    const rest = this.keep('rest', this.of(F64X2_SUB, this.of(F64X2_MUL, x0, y0), without));
    const small = this.keep('small', this.of(F64X2_ADD, z, rest));
    const smallLost = this.keep('small lost', this.lost(z, rest, small));
    const large = this.keep('large', this.of(F64X2_ADD, product, small));
    const largeLost = this.keep('large lost', this.lost(product, small, large));
    return this.of(F64X2_ADD, large, this.odd(smallLost, largeLost));
  }

  /** The product of singles is exact in doubles. */
  singles(x: Push, y: Push, z: Push): Push {
    const { e } = this;
    const two = (name: string, from: number): Push => {
      const wide = (operand: Push, which: string): Push =>
        this.keep(which, () => {
          operand();
          if (from !== 0) {
            operand();
            shuffle(e, bytesOf(4, [2, 3, 2, 3]));
          }
          simd(e, F64X2_PROMOTE_LOW);
        });
      const product = this.keep('product', this.of(F64X2_MUL, wide(x, 'x1'), wide(y, 'y1')));
      const sum = this.odd(product, wide(z, 'z1'));
      return this.keep(name, () => {
        sum();
        simd(e, F32X4_DEMOTE_ZERO);
      });
    };
    const [low, high] = [two('low', 0), two('high', 2)];
    return () => {
      low();
      high();
      shuffle(e, bytesOf(4, [0, 1, 4, 5]));
    };
  }
}

/** Signs that are changed, by lane. */
const signs = (f: F.Format, negated: (lane: number) => boolean): readonly number[] | undefined => {
  const size = f.double ? 8 : 4;
  const bytes = Array.from({ length: 16 }, (_, at) => (at % size === size - 1 && negated(Math.floor(at / size)) ? 0x80 : 0));
  return bytes.some((byte) => byte !== 0) ? bytes : undefined;
};

/** Operations: + - negated+ negated- and alternating -+ +-. @see machine/helpers/vec.ts, V_FMA */
const fused =
  (operation: number, kind: number): EmitInline =>
  (e, k) => {
    const { block, code, vectors } = e;
    const f = F.formatOf(kind);
    const sources = sourcesOf(e, k);
    const results = resultLocals(e);
    const half = new Half(e);
    const isScalar = kind < PACKED;
    const old = isScalar ? vectors.get(block.d[k] as number) : -1;
    const product = operation < 4 ? signs(f, () => operation >= 2) : undefined;
    const addend = signs(f, (lane) => (operation < 4 ? (operation & 1) !== 0 : (lane & 1) === (operation === 4 ? 0 : 1)));
    const signed = (name: string, push: Push, bytes: readonly number[] | undefined): Push =>
      bytes === undefined
        ? push
        : half.keep(
            name,
            half.of(XOR, push, () => code.get(e.constantBytes(bytes))),
          );
    const operands = Array.from({ length: sources.halves }, (_, upper) => {
      const third = vectors.get(block.c[k] as number, upper);
      return { x: sources.x(upper), y: sources.y(upper), z: (): void => code.get(third) };
    });
    const made = operands.map(({ x, y, z }, upper) => {
      const [a, c] = [signed('x', x, product), signed('z', z, addend)];
      return half.keep(`result ${upper}`, f.double ? half.doubles(a, y, c) : half.singles(a, y, c));
    });
    for (const [upper, result] of made.entries()) {
      if (isScalar) code.get(old);
      result();
      if (isScalar) mergeLow(e, f);
      code.set(results[upper] as number);
    }
    attempt(e, k, (take, unless) => {
      const each = (check: (push: Push) => void) =>
        (['x', 'y', 'z'] as const).map(
          (which) =>
            (upper: number): void =>
              check((operands[upper] as Record<'x' | 'y' | 'z', Push>)[which]),
        );
      const ordinary = f.double
        ? [...each((push) => F.pushFinite(e, f, push, LARGE)), ...each((push) => F.pushNotTiny(e, f, push, SMALL))]
        : each((push) => F.pushNotDenormal(e, f, push));
      pushAllOf(
        e,
        f,
        isScalar ? 1 : f.lanes,
        sources.halves,
        ...ordinary,
        (upper) => F.pushFinite(e, f, made[upper] as Push),
        (upper) => F.pushNotTiny(e, f, made[upper] as Push),
      );
      unless();
      F.pushMode(e);
      take();
    });
  };

/** By helper number, without V_VEX128 and V_VEX256. */
export const emitFma: Readonly<Record<number, EmitInline>> = Object.fromEntries(
  [0, 1, 2, 3, 4, 5].flatMap((operation) => [0, 1, 2, 3].map((kind) => [V_FMA + 4 * operation + kind, fused(operation, kind)] as const)),
);
