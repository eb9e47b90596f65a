/**
 * The LZMA decoder core, shared by .lzma files and LZMA2 chunks.
 *
 * The loop keeps the range coder in local variables and spells every bit decode out in place: a function per bit would
 * have to return both the bit and three changed variables, and kernels are tens of megabytes of bits.
 * @see LZMA specification by Igor Pavlov (lzma-specification.txt, public domain) for the model
 */

/** Longest match a symbol can produce; the output needs this much slack behind the target. */
export const LONGEST_MATCH = 273;

/** Why decoding stopped. */
export type LzmaStop = 'target' | 'end-marker' | 'corrupt';

// Layout of the probability array. Each is a binary context; trees have as many slots as leaves.
const IS_MATCH = 0; // [12 states][16 positions]
const IS_REP = 192;
const IS_REP_G0 = 204;
const IS_REP_G1 = 216;
const IS_REP_G2 = 228;
const IS_REP0_LONG = 240; // [12][16]
const DIST_SLOT = 432; // [4 lengths][64]
const DIST_SPECIAL = 688; // [115]
const DIST_ALIGN = 803; // [16]
const MATCH_LEN = 819; // choice, choice2, low[16][8], mid[16][8], high[256]
const REP_LEN = 1333;
const LITERAL = 1847; // [1 << (lc + lp)][0x300]
const LEN_LOW = 2;
const LEN_MID = 130;
const LEN_HIGH = 258;

/** What an LZMA stream carries from symbol to symbol and from chunk to chunk. */
export class LzmaDecoder {
  private probs = new Uint16Array(LITERAL + 0x300);
  private lc = 0;
  private literalMask = 0;
  private posMask = 0;
  private state = 0;
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  private range = 0;
  private code = 0;
  /** Next input byte to read; may run past the end of the input when it was cut short (the caller looks). */
  position = 0;

  /** Set lc, lp and pb from their packed byte; false if it is not a valid one. */
  setProperties(byte: number): boolean {
    if (byte >= 225) return false;
    this.lc = byte % 9;
    const rest = (byte - this.lc) / 9;
    const lp = rest % 5;
    this.literalMask = (1 << lp) - 1;
    this.posMask = (1 << ((rest - lp) / 5)) - 1;
    const size = LITERAL + (0x300 << (this.lc + lp));
    if (this.probs.length !== size) this.probs = new Uint16Array(size);
    return true;
  }

  /** Forget everything learned: all probabilities one half, no repeated distances. */
  resetState(): void {
    this.probs.fill(1024);
    this.state = 0;
    this.rep0 = 0;
    this.rep1 = 0;
    this.rep2 = 0;
    this.rep3 = 0;
  }

  /** Start the range coder on the five bytes at `from`; false if they cannot start one. */
  startRange(input: Uint8Array, from: number): boolean {
    if (from + 5 > input.length || input[from] !== 0) return false;
    this.range = -1;
    this.code = (input[from + 1]! << 24) | (input[from + 2]! << 16) | (input[from + 3]! << 8) | input[from + 4]!;
    this.position = from + 5;
    return true;
  }

  /** True when the range coder has ended as a finished stream does. */
  atCleanEnd(input: Uint8Array): boolean {
    if (this.range >>> 24 === 0) {
      this.range <<= 8;
      this.code = (this.code << 8) | (input[this.position++] ?? 0);
    }
    return this.code === 0;
  }

  /**
   * Decode symbols into `out` from `start` until at least `target` bytes are there (a match may pass it by up to
   * `LONGEST_MATCH` - 1). `dictionaryStart` is where distances end. Returns why it stopped and the new length.
   */
  run(input: Uint8Array, out: Uint8Array, start: number, target: number, dictionaryStart: number): { stop: LzmaStop; length: number } {
    const probs = this.probs;
    const lc = this.lc;
    const literalMask = this.literalMask;
    const posMask = this.posMask;
    let state = this.state;
    let rep0 = this.rep0;
    let rep1 = this.rep1;
    let rep2 = this.rep2;
    let rep3 = this.rep3;
    let range = this.range;
    let code = this.code;
    let at = this.position;
    let pos = start;
    let stop: LzmaStop = 'target';
    let p = 0;
    let bound = 0;
    let slot = 0;

    while (pos < target) {
      const posState = (pos - dictionaryStart) & posMask;
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      slot = IS_MATCH + (state << 4) + posState;
      p = probs[slot]!;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[slot] = p + ((2048 - p) >> 5);
        // A literal, in the context of its place and of the byte before it.
        const before = pos > dictionaryStart ? out[pos - 1]! : 0;
        const base = LITERAL + 0x300 * ((((pos - dictionaryStart) & literalMask) << lc) + (before >> (8 - lc)));
        let symbol = 1;
        if (state >= 7) {
          // Behind a match, the byte at the match distance is context too, until the first difference.
          let matched = out[pos - rep0 - 1]! << 1;
          let offset = 0x100;
          do {
            const bit = matched & offset;
            matched <<= 1;
            slot = base + offset + bit + symbol;
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[at++]!;
            }
            p = probs[slot]!;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[slot] = p + ((2048 - p) >> 5);
              symbol <<= 1;
              offset &= ~bit;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[slot] = p - (p >> 5);
              symbol = (symbol << 1) | 1;
              offset &= bit;
            }
          } while (symbol < 0x100);
        } else {
          do {
            slot = base + symbol;
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[at++]!;
            }
            p = probs[slot]!;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[slot] = p + ((2048 - p) >> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[slot] = p - (p >> 5);
              symbol = (symbol << 1) | 1;
            }
          } while (symbol < 0x100);
        }
        out[pos++] = symbol;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      range = (range - bound) | 0;
      code = (code - bound) | 0;
      probs[slot] = p - (p >> 5);

      let lenBase = MATCH_LEN;
      let isRep = true;
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      slot = IS_REP + state;
      p = probs[slot]!;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[slot] = p + ((2048 - p) >> 5);
        isRep = false;
        rep3 = rep2;
        rep2 = rep1;
        rep1 = rep0;
        state = state < 7 ? 7 : 10;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[slot] = p - (p >> 5);
        lenBase = REP_LEN;
        if (pos === dictionaryStart) {
          stop = 'corrupt';
          break;
        }
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[at++]!;
        }
        slot = IS_REP_G0 + state;
        p = probs[slot]!;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[slot] = p + ((2048 - p) >> 5);
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[at++]!;
          }
          slot = IS_REP0_LONG + (state << 4) + posState;
          p = probs[slot]!;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[slot] = p + ((2048 - p) >> 5);
            // One byte at the latest distance.
            if (rep0 >= pos - dictionaryStart) {
              stop = 'corrupt';
              break;
            }
            out[pos] = out[pos - rep0 - 1]!;
            pos++;
            state = state < 7 ? 9 : 11;
            continue;
          }
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[slot] = p - (p >> 5);
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[slot] = p - (p >> 5);
          let distance = rep1;
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[at++]!;
          }
          slot = IS_REP_G1 + state;
          p = probs[slot]!;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[slot] = p + ((2048 - p) >> 5);
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[slot] = p - (p >> 5);
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[at++]!;
            }
            slot = IS_REP_G2 + state;
            p = probs[slot]!;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[slot] = p + ((2048 - p) >> 5);
              distance = rep2;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[slot] = p - (p >> 5);
              distance = rep3;
              rep3 = rep2;
            }
            rep2 = rep1;
          }
          rep1 = rep0;
          rep0 = distance;
        }
        state = state < 7 ? 8 : 11;
      }

      // The length: 2..9, 10..17 or 18..273, each from a tree of its own.
      let tree = 0;
      let leaves = 8;
      let length = 2;
      if (range >>> 24 === 0) {
        range <<= 8;
        code = (code << 8) | input[at++]!;
      }
      p = probs[lenBase]!;
      bound = Math.imul(range >>> 11, p);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probs[lenBase] = p + ((2048 - p) >> 5);
        tree = lenBase + LEN_LOW + (posState << 3);
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probs[lenBase] = p - (p >> 5);
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[at++]!;
        }
        slot = lenBase + 1;
        p = probs[slot]!;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[slot] = p + ((2048 - p) >> 5);
          tree = lenBase + LEN_MID + (posState << 3);
          length = 10;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[slot] = p - (p >> 5);
          tree = lenBase + LEN_HIGH;
          length = 18;
          leaves = 256;
        }
      }
      let symbol = 1;
      do {
        slot = tree + symbol;
        if (range >>> 24 === 0) {
          range <<= 8;
          code = (code << 8) | input[at++]!;
        }
        p = probs[slot]!;
        bound = Math.imul(range >>> 11, p);
        if (code >>> 0 < bound >>> 0) {
          range = bound;
          probs[slot] = p + ((2048 - p) >> 5);
          symbol <<= 1;
        } else {
          range = (range - bound) | 0;
          code = (code - bound) | 0;
          probs[slot] = p - (p >> 5);
          symbol = (symbol << 1) | 1;
        }
      } while (symbol < leaves);
      length += symbol - leaves;

      if (!isRep) {
        // A new distance: its size class (slot), then bits that are modelled (short ones), plain, and modelled again (the last four).
        tree = DIST_SLOT + ((length < 6 ? length - 2 : 3) << 6);
        symbol = 1;
        do {
          slot = tree + symbol;
          if (range >>> 24 === 0) {
            range <<= 8;
            code = (code << 8) | input[at++]!;
          }
          p = probs[slot]!;
          bound = Math.imul(range >>> 11, p);
          if (code >>> 0 < bound >>> 0) {
            range = bound;
            probs[slot] = p + ((2048 - p) >> 5);
            symbol <<= 1;
          } else {
            range = (range - bound) | 0;
            code = (code - bound) | 0;
            probs[slot] = p - (p >> 5);
            symbol = (symbol << 1) | 1;
          }
        } while (symbol < 64);
        const distSlot = symbol - 64;
        if (distSlot < 4) {
          rep0 = distSlot;
        } else {
          let bits = (distSlot >> 1) - 1;
          rep0 = 2 | (distSlot & 1);
          if (distSlot < 14) {
            rep0 <<= bits;
            tree = DIST_SPECIAL + rep0 - distSlot - 1;
          } else {
            for (bits -= 4; bits > 0; bits--) {
              if (range >>> 24 === 0) {
                range <<= 8;
                code = (code << 8) | input[at++]!;
              }
              range >>>= 1;
              if (code >>> 0 >= range >>> 0) {
                code = (code - range) | 0;
                rep0 = (rep0 << 1) | 1;
              } else rep0 <<= 1;
            }
            rep0 <<= 4;
            bits = 4;
            tree = DIST_ALIGN;
          }
          symbol = 1;
          let weight = 1;
          do {
            slot = tree + symbol;
            if (range >>> 24 === 0) {
              range <<= 8;
              code = (code << 8) | input[at++]!;
            }
            p = probs[slot]!;
            bound = Math.imul(range >>> 11, p);
            if (code >>> 0 < bound >>> 0) {
              range = bound;
              probs[slot] = p + ((2048 - p) >> 5);
              symbol <<= 1;
            } else {
              range = (range - bound) | 0;
              code = (code - bound) | 0;
              probs[slot] = p - (p >> 5);
              symbol = (symbol << 1) | 1;
              rep0 += weight;
            }
            weight <<= 1;
          } while (--bits > 0);
          if (rep0 === -1) {
            stop = 'end-marker';
            break;
          }
        }
      }

      if (rep0 >>> 0 >= pos - dictionaryStart) {
        stop = 'corrupt';
        break;
      }
      let from = pos - rep0 - 1;
      const end = pos + length;
      while (pos < end) out[pos++] = out[from++]!;
    }

    this.state = state;
    this.rep0 = rep0;
    this.rep1 = rep1;
    this.rep2 = rep2;
    this.rep3 = rep3;
    this.range = range;
    this.code = code;
    this.position = at;
    return { stop, length: pos };
  }
}
