/** Sequences of instructions, laid out in the code area with places to land on around them. */
import type { CodeSize, Dice } from '../../src/translator/decode/encodings.ts';
import { type Content, type Instruction, makeInstruction, type Wish } from './instruction.ts';
import * as L from './layout.ts';
import { isAlone, isLast } from './rows.ts';

/** Segment registers that all states of a code share. */
export interface Segments {
  readonly ds: number;
  readonly es: number;
  readonly fs: number;
  readonly gs: number;
  readonly ss: number;
  readonly cs: number;
  /** 64-bit code only. */
  readonly fsBase: number;
  readonly gsBase: number;
}

export interface Code {
  readonly mode: CodeSize;
  /** The row this code is made for; counts go to it. */
  readonly row: number;
  readonly instructions: readonly Instruction[];
  /** Offset in the code area of each instruction, and of what follows the last. */
  readonly offsets: readonly number[];
  readonly segments: Segments;
  /** Offsets in the code area of places that leave by exit 1. */
  readonly landings: readonly number[];
  /** Memory that a fixed address points to, with what it shall hold. */
  readonly fixed: readonly { readonly target: number; readonly content: Content; readonly operandSize: number }[];
}

const pick = <T>(dice: Dice, from: readonly T[]): T => from[dice.next(from.length)] as T;

const DATA_SELECTORS = [
  L.DATA32_SELECTOR,
  L.DATA32_SELECTOR,
  L.DATA16_SELECTOR,
  L.DATA16_SELECTOR,
  L.LIMITED_SELECTOR,
  L.localSelector(4),
  L.localSelector(5),
  L.localSelector(10),
];

function chooseSegments(mode: CodeSize, dice: Dice): Segments {
  const extra = (): number => pick(dice, [L.LIMITED_SELECTOR, L.DATA16_SELECTOR, L.DATA32_SELECTOR, L.USER_DS, 0, L.localSelector(4)]);
  if (mode === 2) {
    const data = dice.next(2) === 0 ? 0 : L.USER_DS;
    const bases = [0, L.WINDOW + 0x4800, L.WINDOW + 0x5000, L.WINDOW + 0x6ff3];
    return { ds: data, es: data, fs: 0, gs: 0, ss: L.USER_DS, cs: L.USER_CS64, fsBase: pick(dice, bases), gsBase: pick(dice, bases) };
  }
  const rest = { fs: extra(), gs: extra(), fsBase: 0, gsBase: 0 };
  if (mode === 1) {
    if (dice.next(5) < 3) return { ds: L.USER_DS, es: L.USER_DS, ss: L.USER_DS, cs: L.USER_CS32, ...rest };
    const cs = dice.next(2) === 0 ? L.USER_CS32 : L.CODE32_SELECTOR;
    const ss = dice.next(4) === 0 ? L.DATA16_SELECTOR : dice.next(4) === 0 ? L.USER_DS : L.DATA32_SELECTOR;
    return { ds: pick(dice, DATA_SELECTORS), es: pick(dice, DATA_SELECTORS), ss, cs, ...rest };
  }
  const plain = dice.next(3) !== 0;
  const data = (): number => (plain ? L.DATA16_SELECTOR : pick(dice, DATA_SELECTORS));
  return { ds: data(), es: data(), ss: dice.next(5) === 0 ? L.DATA32_SELECTOR : L.DATA16_SELECTOR, cs: L.CODE16_SELECTOR, ...rest };
}

export interface GeneratorOptions {
  readonly mode: CodeSize;
  /** Rows that codes are made for, and rows that may stand beside them in sequences. */
  readonly rows: readonly number[];
  readonly companions: readonly number[];
  /** DECODE_* of this processor. */
  readonly decodeFlags: number;
  /** Base of a selector's segment. */
  readonly baseOf: (selector: number) => number;
}

export class Generator {
  /** The image of the code area up to the stubs. */
  readonly image: Uint8Array = new Uint8Array(L.STUBS);
  private readonly options: GeneratorOptions;
  private readonly dice: Dice;
  private position = 16;

  constructor(options: GeneratorOptions, dice: Dice) {
    this.options = options;
    this.dice = dice;
  }

  /** Another code, for row number `row`; undefined if the image is full or no attempt gave one. */
  next(row: number): Code | undefined {
    const { dice, options } = this;
    if (this.position > L.STUBS - 200) return undefined;
    const chosen = this.choose(row);
    if (chosen === undefined) return undefined;
    const segments = chooseSegments(options.mode, dice);
    return this.place(row, chosen, segments);
  }

  get full(): boolean {
    return this.position > L.STUBS - 200;
  }

  private choose(row: number): Instruction[] | undefined {
    const { dice, options } = this;
    const count = isAlone(row) || dice.next(5) < 3 || options.companions.length === 0 ? 1 : 2 + dice.next(7);
    const own = isLast(row) ? count - 1 : dice.next(count);
    const chosen: Instruction[] = [];
    let tainted = 0;
    let branched = false;
    let written = 0;
    for (let n = 0; n < count; n++) {
      let found: Instruction | undefined;
      for (let attempt = 0; attempt < 8 && found === undefined; attempt++) {
        const which = n === own ? row : pick(dice, options.companions);
        const made = makeInstruction(which, options.mode, dice, options.decodeFlags);
        if (made === undefined || (made.reads & tainted) !== 0) continue;
        if (attempt < 6 && made.wishes.some((wish) => wantsWritten(wish, written))) continue;
        found = made;
      }
      if (found === undefined) {
        if (n === own) return undefined;
        continue;
      }
      chosen.push(found);
      tainted = (tainted | found.undefines) & ~(branched ? 0 : found.defines & ~found.undefines);
      branched ||= found.branchAt > 0;
      written |= found.writes;
      if (found.ends) break;
    }
    return chosen;
  }

  private place(row: number, instructions: readonly Instruction[], segments: Segments): Code {
    const { dice, options } = this;
    const { mode } = options;
    const jump = mode === 0 ? 3 : 5;
    const back = this.position;
    const start = back + jump;
    const offsets: number[] = [start];
    for (const { bytes } of instructions) offsets.push((offsets.at(-1) as number) + bytes.length);
    const end = offsets.at(-1) as number;
    const forward = end + jump;
    this.jump(back, 1);
    this.jump(end, 0);
    this.jump(forward, 1);
    const landings = [back, forward];
    const fixed: { target: number; content: Content; operandSize: number }[] = [];
    instructions.forEach((one, n) => {
      const at = offsets[n] as number;
      const next = offsets[n + 1] as number;
      this.image.set(one.bytes, at);
      if (one.branchAt > 0) {
        // a landing place, or on to a later instruction
        const target = dice.next(4) === 0 ? (offsets[n + 1 + dice.next(instructions.length - n)] as number) : pick(dice, landings);
        this.put(at + one.branchAt, target - next, one.branchSize);
      }
      if (one.farAt > 0) this.farPointer(at + one.farAt, one.operandSize, segments, landings);
      if (one.absoluteAt > 0) {
        const base =
          mode === 2
            ? one.absoluteSegment === 4
              ? segments.fsBase
              : one.absoluteSegment === 5
                ? segments.gsBase
                : 0
            : this.baseFor(one.absoluteSegment, segments);
        const target = fixedTarget(dice);
        this.put(at + one.absoluteAt, target - base - (one.relative ? L.CODE + next : 0), one.absoluteSize);
        fixed.push({ target, content: one.absoluteContent, operandSize: one.operandSize });
      }
    });
    this.position = forward + jump + dice.next(4);
    return { mode, row, instructions, offsets, segments, landings, fixed };
  }

  private baseFor(segment: number, segments: Segments): number {
    const { es, cs, ss, ds, fs, gs } = segments;
    return this.options.baseOf([es, cs, ss, ds, fs, gs][segment] as number);
  }

  private farPointer(at: number, operandSize: number, segments: Segments, landings: readonly number[]): void {
    const { offset, selector } = farTarget(this.dice, this.options.mode, segments, landings);
    this.put(at, offset, operandSize);
    this.put(at + operandSize, selector, 2);
  }

  private put(at: number, value: number, size: number): void {
    let rest = value;
    for (let n = 0; n < size; n++) {
      this.image[at + n] = rest & 0xff;
      rest = n === 3 ? (value < 0 ? -1 : 0) : rest >> 8;
    }
  }

  /** A near jump to exit `exit`. */
  private jump(at: number, exit: number): void {
    const { mode } = this.options;
    const stub = L.STUBS + ([L.STUBS_16, L.STUBS_32, L.STUBS_64][mode] as number) + exit * 16;
    const length = mode === 0 ? 3 : 5;
    this.image[at] = 0xe9;
    this.put(at + 1, stub - (at + length), length - 1);
  }
}

/** The wish needs a register whose value is not known any more. */
function wantsWritten(wish: Wish, written: number): boolean {
  if (wish.kind === 'stack') return (written & 0x10) !== 0;
  if (wish.kind === 'register') return ((written >> wish.register) & 1) !== 0;
  if (wish.kind === 'indexes') return false;
  return (wish.base >= 0 && ((written >> wish.base) & 1) !== 0) || (wish.index >= 0 && ((written >> wish.index) & 1) !== 0);
}

function fixedTarget(dice: Dice): number {
  const kind = dice.next(8);
  if (kind === 0) return L.WINDOW + L.DATA_END - dice.next(17);
  if (kind === 1) return L.WINDOW + L.READ_ONLY + dice.next(0x1000);
  return L.WINDOW + L.DATA + dice.next((L.DATA_END - L.DATA) / 16 - 40) * 16 + (dice.next(2) === 0 ? 0 : dice.next(16));
}

/** Somewhere to go with another CS: mostly a landing place of this code, else a stub of another code size, else nonsense. */
export function farTarget(dice: Dice, mode: CodeSize, segments: Segments, landings: readonly number[]): { readonly offset: number; readonly selector: number } {
  const linear = segments.cs === L.USER_CS32 || segments.cs === L.USER_CS64;
  switch (dice.next(10)) {
    case 0:
      return { offset: L.CODE + L.STUBS + L.STUBS_64 + 32, selector: L.USER_CS64 };
    case 1:
      return { offset: L.CODE + L.STUBS + L.STUBS_32 + 32, selector: L.USER_CS32 };
    case 2:
      return { offset: L.STUBS + L.STUBS_16 + 32, selector: L.CODE16_SELECTOR };
    case 3:
      return { offset: L.STUBS + L.STUBS_32 + 32, selector: L.CODE32_SELECTOR };
    case 4:
      return { offset: L.CODE + (landings[0] as number), selector: anySelector(dice) };
    default: {
      const landing = pick(dice, landings);
      return { offset: mode === 2 || linear ? L.CODE + landing : landing, selector: segments.cs };
    }
  }
}

const SELECTORS = [0, 1, 3, 0x08, 0x10, 0x18, 0x20, 0x23, 0x28, 0x2a, 0x2b, 0x30, 0x33, 0x40, 0x43, 0x48, 0x50, 0x53, 0x63, 0x73, 0x83, 0xffff];

/** A selector of any kind; not the one that tells the processor's number. */
export function anySelector(dice: Dice): number {
  const kind = dice.next(8);
  if (kind < 4) return L.localSelector(dice.next(L.LOCAL.length + 1));
  if (kind === 4) return L.localSelector(dice.next(L.LOCAL.length)) & ~dice.next(4);
  if (kind < 7) return pick(dice, SELECTORS);
  const random = dice.next(0x10000);
  return random >> 2 === 0x1e ? 0 : random;
}
