/** Random numbers of one input: they follow from the run's seed and the input's number alone, so each input can be made again. */
export class Random {
  private a: number;
  private b: number;

  constructor(seed: number, input: number) {
    this.a = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
    this.b = Math.imul(input ^ 0x27d4eb2f, 0xc2b2ae35) >>> 0 || 2;
    for (let i = 0; i < 4; i++) this.word();
  }

  /** 32 bits. @see Marsaglia, "Xorshift RNGs", and xoroshiro64**, Blackman and Vigna */
  word(): number {
    const { a } = this;
    const b = this.b ^ a;
    const product = Math.imul(a, 0x9e3779bb);
    this.a = ((a << 26) | (a >>> 6)) ^ b ^ (b << 9);
    this.b = (b << 13) | (b >>> 19);
    return Math.imul((product << 5) | (product >>> 27), 5) >>> 0;
  }

  /** 0 .. n-1. */
  below(n: number): number {
    return n <= 1 ? 0 : this.word() % n;
  }

  /** One in n. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(all: readonly T[]): T {
    return all[this.below(all.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.word());
  }
}
