/** Random operands that are often special: zeros, denormals, infinities, NaNs with payloads, exponents at boundaries. */

/** xorshift128+ on four 32-bit words; deterministic from its seed. */
export class Dice {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    this.#a = seed | 1;
    this.#b = 0x9e3779b9;
    this.#c = seed ^ 0x243f6a88;
    this.#d = 0xb7e15162;
    for (let k = 0; k < 20; k++) this.word();
  }

  /** 32 random bits, unsigned. */
  word(): number {
    const t = this.#b << 9;
    let r = Math.imul(this.#a, 5);
    r = Math.imul((r << 7) | (r >>> 25), 9);
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return r >>> 0;
  }

  /** 0 .. n-1. */
  next(n: number): number {
    return this.word() % n;
  }

  quad(): bigint {
    return (BigInt(this.word()) << 32n) | BigInt(this.word());
  }

  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T;
  }
}

/** A fraction of `bits` bits: random, all zeros or ones, few bits. */
function fraction(dice: Dice, bits: number): bigint {
  const mask = (1n << BigInt(bits)) - 1n;
  switch (dice.next(8)) {
    case 0:
      return 0n;
    case 1:
      return mask;
    case 2:
      return 1n << BigInt(dice.next(bits));
    case 3:
      return mask ^ (1n << BigInt(dice.next(bits)));
    case 4:
      return (dice.quad() << BigInt(dice.next(bits))) & mask;
    default:
      return dice.quad() & mask;
  }
}

/** An exponent field with maximum `max` and bias `bias`. */
function exponent(dice: Dice, max: number, bias: number, digits: number): number {
  switch (dice.next(10)) {
    case 0:
      return 0;
    case 1:
      return max;
    case 2:
      return 1 + dice.next(3);
    case 3:
      return max - 1 - dice.next(3);
    case 4:
      return dice.next(max + 1);
    case 5:
      return bias + dice.next(2 * digits);
    default:
      return bias - 4 + dice.next(9);
  }
}

export function float32(dice: Dice): number {
  const sign = dice.next(2);
  return Number((BigInt(sign) << 31n) | (BigInt(exponent(dice, 255, 127, 24)) << 23n) | fraction(dice, 23));
}

export function float64(dice: Dice): bigint {
  return (BigInt(dice.next(2)) << 63n) | (BigInt(exponent(dice, 2047, 1023, 53)) << 52n) | fraction(dice, 52);
}

/** Sign and exponent, significand; sometimes an encoding that no operation makes. */
export function float80(dice: Dice): { se: number; sig: bigint } {
  const exp = exponent(dice, 32767, 16383, 64);
  const usual = exp !== 0;
  const integer = dice.next(24) === 0 ? !usual : usual;
  const sig = (integer ? 1n << 63n : 0n) | fraction(dice, 63);
  return { se: (dice.next(2) << 15) | exp, sig };
}

/** Sixteen bytes in one of several styles, the same for related operands. */
export function vector(dice: Dice, style: number, to: Buffer, at: number): void {
  switch (style) {
    case 0:
      for (let k = 0; k < 16; k += 4) to.writeUInt32LE(float32(dice), at + k);
      break;
    case 1:
      for (let k = 0; k < 16; k += 8) to.writeBigUInt64LE(float64(dice), at + k);
      break;
    case 2:
      // text with zeros: string compares
      for (let k = 0; k < 16; k++) to[at + k] = dice.next(12) === 0 ? 0 : dice.pick([0x61, 0x62, 0x63, 0x80, 0xff, dice.next(256)]);
      break;
    case 3: {
      // small numbers: shift counts, integers
      to.writeBigUInt64LE(BigInt(dice.next(80)), at);
      to.writeBigInt64LE(BigInt(dice.next(5) - 2), at + 8);
      break;
    }
    default:
      for (let k = 0; k < 16; k++) to[at + k] = dice.next(5) === 0 ? dice.pick([0, 0x7f, 0x80, 0xff]) : dice.next(256);
  }
}
